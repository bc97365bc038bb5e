//! Looks at one endpoint: the way to it, what it answers, and a piece of a file. What can be looked at
//! at once is. Nothing is judged here.

use std::time::Duration;

use ::http::header::{LINK, RANGE};
use tokio::time::Instant;
use url::Url;

use super::Examination;
use super::ask::{Limits, ask, until};
use super::choose::{chosen, xet_host};
use super::seen::{Answered, Answers, EndpointSeen, HostSeen, Piece};
use crate::hub::listing::{RepoInfo, TreePage};
use crate::hub::token::Origin;
use crate::hub::urls::{Blobs, Endpoint};
use crate::names::{Commit, Repo, Revision};
use crate::transfer::ask::range_header;
use crate::transfer::progress::Progress;
use crate::transport::connect::{self, reach};
use crate::transport::follow::Credentials;
use crate::transport::gate::Gates;
use crate::transport::http::{HttpTransport, proxy_for};
use crate::transport::witness::{Flaw, Witness};
use crate::transport::{Failure, FailureKind, Request};

/// The addresses of a host, and again the connections to them: three lost SYNs are 7 s, one is 1 s.
const REACH_TIME: Duration = Duration::from_secs(4);

/// The same for hosts behind the endpoint, which are met later.
const REACH_TIME_BEHIND: Duration = Duration::from_secs(2);

/// The first question opens the connection, too.
const FIRST: Limits = Limits {
    head: Duration::from_secs(6),
    body: Duration::from_secs(3),
    bytes: 32 << 20,
};

/// The port of SOCKS (RFC 1928); those of HTTP are known to the URL.
const SOCKS: u16 = 1080;

/// A failure that comes sooner leaves time for a second attempt.
const AT_ONCE: Duration = Duration::from_secs(3);

/// Questions after it.
const NEXT: Limits = Limits {
    head: Duration::from_secs(4),
    body: Duration::from_secs(3),
    bytes: 32 << 20,
};

/// A piece of a file: enough to see the speed of a fast line, and nothing to a slow one, which is not
/// waited for.
const PIECE: Limits = Limits {
    head: Duration::from_secs(5),
    body: Duration::from_secs(3),
    bytes: 1 << 20,
};

/// What all looks share.
pub(super) struct Examiner<'a> {
    pub(super) examination: &'a Examination,
    pub(super) transport: &'a HttpTransport,
    pub(super) witness: &'a Witness,
    pub(super) repo: &'a Repo,
    pub(super) revision: &'a Revision,
    pub(super) progress: &'a Progress,
    /// Nothing is waited for beyond it.
    pub(super) deadline: Instant,
}

impl Examiner<'_> {
    pub(super) async fn endpoint(&self, endpoint: &Endpoint) -> EndpointSeen {
        let url = endpoint.whoami();
        self.progress.notice(format!(
            "checking {endpoint}: name, connection, certificate, answers"
        ));
        let (mut host, answers) = tokio::join!(
            self.host(&url, REACH_TIME),
            Box::pin(self.answers(endpoint))
        );
        host.presented = self.witness.seen(&host.name);
        let flaw = host.presented.as_ref().and_then(|p| p.flaw.as_ref());
        let plain = match flaw {
            Some(Flaw::Expired | Flaw::NotYetValid) => self.without_tls(&url).await,
            _ => None,
        };
        EndpointSeen {
            endpoint: endpoint.clone(),
            host,
            answers,
            plain,
        }
    }

    /// How far one gets towards the host of `url`.
    async fn host(&self, url: &Url, patience: Duration) -> HostSeen {
        let patience = patience.min(self.left() / 2);
        let lookup = &self.examination.lookup;
        let name = url.host_str().unwrap_or_default().to_owned();
        let port = url.port_or_known_default().unwrap_or_default();
        let (mut proxy, mut direct) = (None, None);
        match proxy_for(&self.examination.http, url) {
            None => direct = Some(reach(lookup, &name, port, patience).await),
            Some(found) => {
                let host = found.host_str().unwrap_or_default();
                // Only these leave names to us.
                if matches!(found.scheme(), "socks4" | "socks5") {
                    direct = Some(connect::look_up(lookup, &name, patience).await);
                }
                let port = found.port_or_known_default().unwrap_or(SOCKS);
                let way = reach(lookup, host, port, patience).await;
                proxy = Some((found, way));
            }
        }
        HostSeen {
            secure: url.scheme() == "https",
            proxy,
            reach: direct,
            presented: self.witness.seen(&name),
            name,
        }
    }

    async fn answers(&self, endpoint: &Endpoint) -> Answers {
        let gates = Gates::default();
        let info = endpoint.repo_info(self.repo, self.revision, Blobs::Without);
        let info = self.ask_twice(endpoint, &gates, &info).await;
        let mut seen = Answers {
            info,
            whoami: None,
            listing: None,
            piece: None,
            storage: None,
            xet: None,
        };
        if seen.info.end.is_err() {
            return seen;
        }
        let whoami = async {
            self.examination.token.as_ref()?;
            let request = Request::get(endpoint.whoami());
            Some(self.ask(endpoint, &gates, request, NEXT).await)
        };
        let commit = seen.info.success().and_then(|page| {
            let info = RepoInfo::parse(&page.body, Blobs::Without).ok()?;
            Some(info.commit)
        });
        let files = async {
            match &commit {
                Some(commit) => self.files(endpoint, &gates, commit).await,
                None => (None, None),
            }
        };
        (seen.whoami, (seen.listing, seen.piece)) = tokio::join!(whoami, files);
        self.behind(endpoint, &mut seen).await;
        seen
    }

    /// The first question. An unsteady line, which a download gets along with, is told from a dead one
    /// by asking again.
    async fn ask_twice(&self, endpoint: &Endpoint, gates: &Gates, url: &Url) -> Answered {
        let begun = Instant::now();
        let first = self.ask(endpoint, gates, Request::get(url.clone()), FIRST);
        let first = first.await;
        let may_pass = match &first.end {
            Err(failure) => !failure.kind.is_final() && begun.elapsed() < AT_ONCE,
            Ok(_) => false,
        };
        if !may_pass {
            return first;
        }
        let again = self.ask(endpoint, gates, Request::get(url.clone()), FIRST);
        let again = again.await;
        Answered {
            hops: first.hops.into_iter().chain(again.hops).collect(),
            end: again.end,
        }
    }

    /// The list of files, and a piece of one of them.
    async fn files(
        &self,
        endpoint: &Endpoint,
        gates: &Gates,
        commit: &Commit,
    ) -> (Option<Answered>, Option<Piece>) {
        let request = Request::get(endpoint.tree(self.repo, commit));
        let mut listing = self.ask(endpoint, gates, request, NEXT).await;
        let mut files = listing.success().and_then(|page| {
            let page = TreePage::parse(&page.body).ok()?;
            Some(page.files)
        });
        if files.is_none() && listing.end.is_ok() {
            // A download asks so, too, where there are no lists.
            let url = endpoint.repo_info(self.repo, self.revision, Blobs::With);
            let second = self.ask(endpoint, gates, Request::get(url), NEXT).await;
            files = second.success().and_then(|page| {
                let info = RepoInfo::parse(&page.body, Blobs::With).ok()?;
                Some(info.siblings)
            });
            listing.hops.extend(second.hops);
        }
        let Some((file, size)) = files.and_then(|files| chosen(&files)) else {
            return (Some(listing), None);
        };
        let wanted = size.min(PIECE.bytes as u64);
        let url = endpoint.resolve(self.repo, commit.as_str(), &file.path);
        let mut request = Request::get(url);
        let range = range_header(&(0..wanted.max(1)));
        request.headers.extend(range.map(|value| (RANGE, value)));
        self.progress.notice(format!(
            "checking {endpoint}: {wanted} bytes of {}",
            file.path
        ));
        let piece = Piece {
            answered: self.ask(endpoint, gates, request, PIECE).await,
            path: file.path,
            size,
            wanted,
        };
        (Some(listing), Some(piece))
    }

    /// The hosts behind the endpoint that the piece of a file has shown.
    async fn behind(&self, endpoint: &Endpoint, seen: &mut Answers) {
        let Some(piece) = &seen.piece else { return };
        let hops = &piece.answered.hops;
        let is_elsewhere = |url: &Url| Origin::of(url) != endpoint.origin();
        let last = hops.last().map(|hop| &hop.url);
        let storage = last.filter(|url| is_elsewhere(url)).cloned();
        let heads = hops.iter().filter_map(|hop| hop.outcome.as_ref().ok());
        let mut xet = heads.filter_map(|(_, headers)| {
            let links = headers.get_all(LINK).iter();
            links
                .filter_map(|value| value.to_str().ok())
                .find_map(xet_host)
        });
        let xet = xet.next_back();
        let look = async |url: Option<Url>| match url {
            Some(url) => Some(self.host(&url, REACH_TIME_BEHIND).await),
            None => None,
        };
        (seen.storage, seen.xet) = tokio::join!(look(storage), look(xet));
    }

    /// The date of the host without TLS, which does not trust anybody with anything.
    async fn without_tls(&self, url: &Url) -> Option<Answered> {
        let host = url.host_str()?;
        let url = Url::parse(&format!("http://{host}/")).ok()?;
        let way = (self.transport as _, &Gates::default());
        let request = Request::head(url);
        Some(ask(way, request, None, (NEXT, self.deadline)).await)
    }

    async fn ask(
        &self,
        endpoint: &Endpoint,
        gates: &Gates,
        request: Request,
        limits: Limits,
    ) -> Answered {
        if self.left().is_zero() {
            let failure = Failure::new(FailureKind::Silent, "the time was up before");
            return Answered {
                hops: Vec::new(),
                end: Err(failure.at(endpoint.authority())),
            };
        }
        let credentials = self.examination.token.clone().map(|token| Credentials {
            token,
            origin: endpoint.origin(),
        });
        let way = (self.transport as _, gates);
        let limits = (limits, self.deadline);
        ask(way, request, credentials.as_ref(), limits).await
    }

    fn left(&self) -> Duration {
        until(self.deadline)
    }
}
