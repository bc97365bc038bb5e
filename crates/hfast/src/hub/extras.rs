//! Asks further sources what they have, and keeps what can be used of the answers.
//!
//! What people can name is told in `extra.rs`. A source that does not answer is left out: there are the
//! endpoints.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::future::join_all;
use url::Url;

use super::ask::Hub;
use super::extra::ExtraSource;
use super::modelscope::{self, Place};
use super::urls::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::names::{Commit, Digest, Repo};
use crate::repo_path::RepoPath;
use crate::transfer::progress::Progress;

/// A source that needs longer to say what it has is left out: the download waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages of a listing that are asked for; what lies behind them is not had from there.
const PAGES: usize = 50;

/// A further source of bytes, ready to be used.
#[derive(Clone, Debug)]
pub(crate) enum Extra {
    /// It has the addresses of the Hub.
    Server(Endpoint),
    /// It has these contents.
    Listed {
        name: String,
        contents: HashMap<(Digest, u64), Url>,
    },
}

impl Extra {
    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Server(endpoint) => endpoint.authority(),
            Self::Listed { name, .. } => name,
        }
    }

    /// The names of the files that it lists, whatever is in them.
    pub(crate) fn names(&self) -> HashSet<String> {
        match self {
            Self::Server(_) => HashSet::new(),
            Self::Listed { contents, .. } => contents.values().filter_map(Place::path_in).collect(),
        }
    }

    /// Where it has a content, if it may have it. Nobody would judge what has no digest.
    pub(crate) fn address(
        &self,
        (repo, commit): (&Repo, &Commit),
        path: &RepoPath,
        content: (Digest, u64),
    ) -> Option<Url> {
        match self {
            Self::Server(endpoint) => Some(endpoint.resolve(repo, commit.as_str(), path)),
            Self::Listed { contents, .. } => contents.get(&content).cloned(),
        }
    }
}

impl Hub {
    /// The sources that can be used for a repository; `progress` is told which cannot.
    pub(crate) async fn extras(
        &self,
        sources: &[ExtraSource],
        repo: &Repo,
        progress: &Progress,
    ) -> Vec<Extra> {
        let asked = sources.iter().map(async |source| {
            let asked = tokio::time::timeout(PATIENCE, self.extra(source, repo)).await;
            let error = match asked.unwrap_or_else(|_| Err(silent())) {
                Ok(extra) => return extra,
                Err(error) => error,
            };
            progress.leave_aside(format!("{source} is left out: {error}"));
            None
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// `None` for one that cannot have the repository, and for folders, which nobody has to ask.
    pub(crate) async fn extra(
        &self,
        source: &ExtraSource,
        repo: &Repo,
    ) -> Result<Option<Extra>, Error> {
        match source {
            ExtraSource::Server(endpoint) => Ok(Some(Extra::Server(endpoint.clone()))),
            ExtraSource::Folder(_) => Ok(None),
            ExtraSource::ModelScope { site, repo: named } => {
                let id = named.clone().unwrap_or_else(|| repo.id.clone());
                match Place::new(site.clone(), repo.kind, id) {
                    Some(place) => self.listed(&place).await.map(Some),
                    None => Ok(None),
                }
            }
        }
    }

    async fn listed(&self, place: &Place) -> Result<Extra, Error> {
        let mut contents = HashMap::new();
        for page in 1..=PAGES {
            let body = self.page_of(place.listing(page)).await?;
            let (entries, count) = modelscope::parse(&body)?;
            for entry in entries {
                let url = place.file(&entry.path);
                contents.insert((entry.digest, entry.size), url);
            }
            if !place.has_more(count) {
                break;
            }
        }
        Ok(Extra::Listed {
            name: place.site.authority().to_owned(),
            contents,
        })
    }
}

fn silent() -> Error {
    let text = format!("no answer within {} s", PATIENCE.as_secs());
    Error::new(ErrorKind::Unreachable, text)
}
