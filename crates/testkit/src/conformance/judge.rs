//! Asking and comparing: what all checks share.

use crate::client::{Client, Reply};
use crate::corpus::{Repo, RepoFile};
use crate::hub::route::{encode, encode_path};
use std::io;

/// More redirects than any Hub needs.
const MOST_HOPS: usize = 5;

/// The outcome of a check.
pub(super) type Outcome = Result<(), String>;

/// Asks one endpoint about one repository.
pub(super) struct Judge<'a> {
    pub(super) client: Client,
    pub(super) repo: &'a Repo,
}

/// A reply and those that led to it.
pub(super) struct Chain {
    /// The reply to the request itself.
    pub(super) first: Option<Reply>,
    /// The reply at the end of all redirects.
    pub(super) last: Reply,
}

impl Chain {
    /// A header of the Hub's own reply: those of a storage behind it do not count.
    /// An error as the text of an outcome.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.first.as_ref().unwrap_or(&self.last).text(name)
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(endpoint: &str, repo: &'a Repo) -> io::Result<Self> {
        Ok(Self {
            client: Client::new(endpoint)?,
            repo,
        })
    }

    /// The path of a file at a revision.
    pub(super) fn resolve(&self, revision: &str, path: &str) -> String {
        let (prefix, id) = (self.repo.kind.prefix(), &self.repo.id);
        format!(
            "/{prefix}{id}/resolve/{}/{}",
            encode(revision),
            encode_path(path)
        )
    }

    /// A path of the repository's API.
    pub(super) fn api(&self, rest: &str) -> String {
        format!("/api/{}/{}{rest}", self.repo.kind.segment(), self.repo.id)
    }

    /// One request, redirects not followed.
    pub(super) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Reply, String> {
        let reply = self.client.send(method, path, headers, &[]).await;
        reply.map_err(|error| format!("{method} {path}: {error}"))
    }

    /// One request and its redirects.
    pub(super) async fn follow(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Chain, String> {
        let mut chain = Chain {
            first: None,
            last: self.ask(method, path, headers).await?,
        };
        let mut client = self.client.clone();
        for _ in 0..MOST_HOPS {
            if !matches!(chain.last.status, 301 | 302 | 303 | 307 | 308) {
                return Ok(chain);
            }
            let location = chain
                .last
                .text("location")
                .ok_or("a redirect without Location")?;
            let target = if let Some((scheme, rest)) = location.split_once("://") {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                client = Client::new(&format!("{scheme}://{authority}")).map_err(text)?;
                path.to_owned()
            } else {
                location.to_owned()
            };
            let next = client
                .send_raw(method, &target, headers, &[])
                .await
                .map_err(text)?;
            let previous = std::mem::replace(&mut chain.last, next);
            chain.first.get_or_insert(previous);
        }
        Err(format!("{path}: more than {MOST_HOPS} redirects"))
    }

    /// A file that is large enough to be cut into ranges.
    pub(super) fn largest(&self) -> Result<&RepoFile, String> {
        let largest = self.repo.files.iter().max_by_key(|file| file.size());
        largest
            .filter(|file| file.size() >= 100)
            .ok_or_else(|| "no file has 100 bytes".to_owned())
    }

    /// The files, which are asked for one after the other.
    pub(super) fn files(&self) -> impl Iterator<Item = &'a RepoFile> {
        self.repo.files.iter()
    }
}

/// An error as the text of an outcome.
#[expect(
    clippy::needless_pass_by_value,
    reason = "so that `map_err` takes it by name"
)]
pub(super) fn text(error: impl ToString) -> String {
    error.to_string()
}

/// Compares a value with what it must be.
#[expect(
    clippy::needless_pass_by_value,
    reason = "expected values are made on the spot"
)]
pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: T, must: T) -> Outcome {
    if is == must {
        Ok(())
    } else {
        Err(format!("{what} is {is:?}, must be {must:?}"))
    }
}

/// An etag as clients read it.
pub(super) fn bare(etag: Option<&str>) -> Option<&str> {
    etag.map(|etag| etag.trim_start_matches(['W', '/']).trim_matches('"'))
}
