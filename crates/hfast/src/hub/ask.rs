//! Questions to the Hub: which commit is it, what is in it.
//!
//! Who is asked, and how patiently, is told in `endpoints.rs`. Answers are parsed by the pure files
//! beside this one; bytes of files are not asked for here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::http::HeaderMap;
use tokio::time::Instant;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::endpoints::{Asking, Fault, again};
use super::listing::{Listing, RefusedName, RemoteFile, RepoInfo, TreePage, next_page};
use super::refusal::{Asked, not_a_hub, refusal};
use super::token::Token;
use super::urls::{Blobs, Endpoint, authority};
use crate::error::{Error, ErrorKind};
use crate::names::{Commit, Repo, Revision};
use crate::transport::follow::{Answer, Credentials, follow};
use crate::transport::gate::Gates;
use crate::transport::headers::content_length;
use crate::transport::nearness::Nearness;
use crate::transport::retry::{BRIEFLY, Budget, LONG_PAUSE, Next};
use crate::transport::{Failure, MAX_ERROR_BODY, Request, Transport, insist, read_limited};

/// The longest answer that is read: a page of a listing, or the siblings of a very large repository.
const MAX_ANSWER: usize = 32 << 20;

/// More pages than any listing needs.
const MAX_PAGES: usize = 20_000;

/// More files than any repository may have: a listing that does not end is not followed for ever.
const MAX_FILES: usize = 2_000_000;

/// Pages in a row that bring nothing new: a page may hold nothing but folders.
const MAX_EMPTY_PAGES: usize = 20;

/// A listing with more unsafe names than this is an attack, and each of them is kept for the report.
const MAX_REFUSED: usize = 10_000;

/// A listing that takes longer says how far it is, once in each such time.
const WORD: Duration = Duration::from_secs(10);

/// The endpoints of a client, and when each failed last if it has not worked since.
pub(crate) struct Hub {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) nearness: Arc<Nearness>,
    pub(super) endpoints: Vec<(Endpoint, Mutex<Option<Instant>>)>,
    token: Option<Token>,
    chance: Mutex<fastrand::Rng>,
}

/// What an endpoint answered.
struct Page {
    url: Url,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Hub {
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        endpoints: Vec<Endpoint>,
        token: Option<Token>,
        seed: u64,
    ) -> Self {
        let endpoints = endpoints
            .into_iter()
            .map(|endpoint| (endpoint, Mutex::default()))
            .collect();
        let chance = Mutex::new(fastrand::Rng::with_seed(seed));
        Self {
            transport,
            gates: Arc::default(),
            nearness: Arc::default(),
            endpoints,
            token,
            chance,
        }
    }

    pub(crate) fn chance(&self) -> f64 {
        self.chance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .f64()
    }

    /// What the endpoint may see: every endpoint was named by the user.
    pub(crate) fn credentials(&self, endpoint: &Endpoint) -> Option<Credentials> {
        self.token.clone().map(|token| Credentials {
            token,
            origin: endpoint.origin(),
        })
    }

    /// The commit that `revision` stands for, and what else the repository's page says.
    pub(crate) async fn info(
        &self,
        repo: &Repo,
        revision: &Revision,
        blobs: Blobs,
        asking: Asking<'_>,
    ) -> Result<RepoInfo, Error> {
        let about = format!("{repo} at {revision}");
        self.each_endpoint(&about, asking, async |endpoint, asking| {
            let url = endpoint.repo_info(repo, revision, blobs);
            let page = self
                .ask(endpoint, url, (repo, revision.as_str()), asking)
                .await?;
            RepoInfo::parse(&page.body, blobs).map_err(|error| nonsense(&page, &error))
        })
        .await
    }

    /// All files of a commit.
    pub(crate) async fn list(
        &self,
        repo: &Repo,
        commit: &Commit,
        asking: Asking<'_>,
    ) -> Result<(Vec<RemoteFile>, Vec<RefusedName>), Error> {
        let about = format!("{repo} at {commit}");
        let listing = self.each_endpoint(&about, asking, async |endpoint, asking| {
            self.pages(endpoint, (repo, commit), asking).await
        });
        Ok(listing.await?.into_parts())
    }

    async fn pages(
        &self,
        endpoint: &Endpoint,
        (repo, commit): (&Repo, &Commit),
        asking: Asking<'_>,
    ) -> Result<Listing, Fault> {
        let mut told = Instant::now();
        let mut listing = Listing::default();
        let mut url = endpoint.tree(repo, commit);
        let mut seen = HashSet::new();
        let mut empty = 0;
        loop {
            let first = seen.is_empty();
            let before = listing.files().len() + listing.refused().len();
            let page = self
                .page(endpoint, &url, (repo, commit.as_str()), (asking, first))
                .await?;
            listing.push(TreePage::parse(&page.body).map_err(|error| nonsense(&page, &error))?);
            if listing.refused().len() > MAX_REFUSED {
                let text = format!("{} lists thousands of unsafe names", endpoint.authority());
                return Err(Fault::Final(Error::new(ErrorKind::Protocol, text)));
            }
            let Some(next) = next_page(&page.headers) else {
                return Ok(listing);
            };
            if told.elapsed() >= WORD {
                told = Instant::now();
                let count = listing.files().len();
                asking
                    .progress
                    .notice(format!("{repo}: {count} files are listed so far"));
            }
            if listing.files().len() + listing.refused().len() > before {
                empty = 0;
            } else {
                empty += 1;
            }
            // Hashes are enough: a page that is mistaken for a known one is one in 10^13.
            seen.insert(xxh3_64(url.as_str().as_bytes()));
            let next = following_page(&url, &next);
            let next = next.filter(|_| seen.len() <= MAX_PAGES);
            let next = next.filter(|next| !seen.contains(&xxh3_64(next.as_str().as_bytes())));
            url = next
                .filter(|_| listing.files().len() <= MAX_FILES && empty < MAX_EMPTY_PAGES)
                .ok_or_else(|| {
                    let text = format!("{} gives a listing without end", endpoint.authority());
                    Fault::Final(Error::new(ErrorKind::Protocol, text))
                })?;
        }
    }

    /// One page of a listing. Pages after the first have a budget of their own: what has been
    /// listed so far must not be lost to one bad answer. Where there are other endpoints it is small.
    async fn page(
        &self,
        endpoint: &Endpoint,
        url: &Url,
        asked: (&Repo, &str),
        (asking, first): (Asking<'_>, bool),
    ) -> Result<Page, Fault> {
        let start = Instant::now();
        let mut asking = asking;
        if !first && self.endpoints.len() > 1 {
            asking.patience = BRIEFLY;
        }
        let mut budget = Budget::new(asking.patience, start.elapsed());
        loop {
            let (error, pause) = match self.ask(endpoint, url.clone(), asked, asking).await {
                Err(Fault::Passing(error, pause)) if !first => (error, pause),
                other => return other,
            };
            match budget.failed(start.elapsed(), self.chance()) {
                Next::Wait(wait) => again(&error, pause, wait, asking.progress).await,
                // Patience has been shown: the whole listing is not asked for again here.
                Next::GiveUp => return Err(Fault::Final(error)),
            }
        }
    }

    /// What lies at an address that needs no token.
    pub(super) async fn page_of(&self, url: Url) -> Result<Vec<u8>, Error> {
        let host = authority(&url).to_owned();
        let mut answer = follow(&self.network(LONG_PAUSE), Request::get(url), None).await?;
        let status = answer.response.status;
        if status.is_success() {
            return Ok(read_body(&mut answer, MAX_ANSWER).await?);
        }
        let kind = match status.as_u16() {
            404 => ErrorKind::NotFound,
            401 | 403 => ErrorKind::AccessDenied,
            _ => ErrorKind::Unreachable,
        };
        Err(Error::new(
            kind,
            format!("{host} answers {}", status.as_u16()),
        ))
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        url: Url,
        (repo, revision): (&Repo, &str),
        asking: Asking<'_>,
    ) -> Result<Page, Fault> {
        let credentials = self.credentials(endpoint);
        let network = self.network(asking.patience.pause);
        let about = Asked {
            repo,
            revision,
            path: None,
            endpoint,
            token: credentials.as_ref().map(|credentials| &credentials.token),
        };
        let (request, read) = (Request::get(url), async |answer| page(answer, &about).await);
        insist::ask(
            &network,
            (&request, credentials.as_ref()),
            read,
            Fault::is_definite,
        )
        .await
    }
}

/// The page that an answer brings.
async fn page(mut answer: Answer, about: &Asked<'_>) -> Result<Page, Fault> {
    let status = answer.response.status;
    let limit = if status.is_success() {
        MAX_ANSWER
    } else {
        MAX_ERROR_BODY
    };
    let body = read_body(&mut answer, limit).await;
    if status.is_success() {
        let body = body?;
        return Ok(Page {
            url: answer.url,
            headers: answer.response.headers,
            body,
        });
    }
    let pause = answer.pause().map_err(Fault::Final)?;
    let headers = answer.response.headers;
    let error = refusal(status, &headers, &body.unwrap_or_default(), about);
    Err(match pause {
        None => Fault::Final(error),
        Some(pause) => Fault::Passing(error, pause),
    })
}

async fn read_body(answer: &mut Answer, limit: usize) -> Result<Vec<u8>, Failure> {
    let host = answer.host().to_owned();
    let length = content_length(&answer.response.headers);
    let length = length.map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    let read = read_limited(answer.response.body.as_mut(), length, limit);
    let silent = || {
        Failure::new(
            crate::transport::FailureKind::Silent,
            "the answer does not end",
        )
    };
    // Silence is noticed sooner; this bounds a trickle, and still lets a long listing through 100 kB/s.
    let time = Duration::from_secs(300);
    tokio::time::timeout(time, read)
        .await
        .unwrap_or_else(|_| Err(silent()))
        .map_err(|f| f.at(&host))
}

/// An answer that is not what was asked for: a web page, or JSON of another shape.
fn nonsense(page: &Page, error: &Error) -> Fault {
    let html = page.body.trim_ascii_start().first() == Some(&b'<');
    let host = authority(&page.url);
    let error = if html {
        not_a_hub(host, "a listing")
    } else {
        Error::new(error.kind(), format!("{host}: {error}"))
            .with_hint("run the command again; if it stays so, choose another endpoint")
    };
    Fault::Passing(error, Duration::ZERO)
}

/// The next page, asked where this page came from: a mirror that does not rewrite its links would
/// send the caller, and the token, elsewhere. Only the cursor is taken from the link.
fn following_page(current: &Url, link: &str) -> Option<Url> {
    let link = current.join(link).ok()?;
    let mut next = current.clone();
    next.set_query(Some(link.query()?));
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_where_the_last_one_came_from() {
        let current = Url::parse("https://mirror/hf/api/models/a/b/tree/c?recursive=true").unwrap();
        let next = following_page(
            &current,
            "https://hub/api/models/a/b/tree/c?recursive=true&cursor=x%3D",
        );
        assert_eq!(
            next.unwrap().as_str(),
            "https://mirror/hf/api/models/a/b/tree/c?recursive=true&cursor=x%3D"
        );
        assert_eq!(following_page(&current, "https://hub/elsewhere"), None);
    }
}
