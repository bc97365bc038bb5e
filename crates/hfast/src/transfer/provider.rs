//! What a job fetches from: a repository at its endpoints, or one plain URL.
//!
//! Answers the engine's three questions: which sources has this file, what is known of it beyond
//! the listing, and what does a refusal mean for people.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::link::unsigned;
use super::progress::Progress;
use super::source::Source;
use crate::error::{Error, ErrorKind};
use crate::hub::ask::Hub;
use crate::hub::endpoints::{Fault, again};
use crate::hub::extras::Extra;
use crate::hub::metadata::FileMeta;
use crate::hub::refusal::{Asked, refusal};
use crate::hub::urls::authority;
use crate::names::{Commit, Digest, Repo};
use crate::store::destination::Wanted;
use crate::transport::failure::without_endpoints;
use crate::transport::follow::Answer;
use crate::transport::retry::{Budget, FOR_QUESTIONS, LONG_PAUSE, Next};

/// Where the files of a job come from.
pub(crate) enum Provider {
    /// A repository, pinned to a commit.
    Repo(Repository),
    /// One address.
    Url { hub: Arc<Hub>, url: Url },
}

/// A repository at a commit.
pub(crate) struct Repository {
    pub(crate) hub: Arc<Hub>,
    pub(crate) repo: Repo,
    pub(crate) commit: Commit,
    /// Endpoints that redirect small files to their own `resolve-cache`, by their indices: once seen,
    /// that hop is saved for all the others.
    shortcuts: Mutex<HashSet<usize>>,
    /// Further sources, once they are known.
    extras: OnceLock<Vec<Extra>>,
}

impl Repository {
    pub(crate) fn new(hub: Arc<Hub>, repo: Repo, commit: Commit) -> Self {
        Self {
            hub,
            repo,
            commit,
            shortcuts: Mutex::default(),
            extras: OnceLock::new(),
        }
    }

    /// What the further sources have; only the first word counts.
    pub(crate) fn know_extras(&self, extras: Vec<Extra>) {
        self.extras.get_or_init(|| extras);
    }

    fn extras(&self) -> &[Extra] {
        self.extras.get().map_or(&[], Vec::as_slice)
    }

    fn further(&self, wanted: &Wanted) -> Option<Vec<Source>> {
        let (content, path) = (wanted.digest.zip(wanted.size)?, wanted.paths.first()?);
        let repository = (&self.repo, &self.commit);
        let sources = self.extras().iter().enumerate().filter_map(|(n, extra)| {
            Some(Source {
                name: extra.name().to_owned(),
                resolve: extra.address(repository, path, content)?,
                credentials: None,
                endpoint: None,
                lane: self.hub.count() + n,
            })
        });
        Some(sources.collect())
    }

    fn shortcuts(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.shortcuts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sources(&self, wanted: &Wanted) -> Vec<Source> {
        let Some(path) = wanted.paths.first() else {
            return Vec::new();
        };
        let is_plain = matches!(wanted.digest, Some(Digest::GitSha1(_)));
        let mut sources = Vec::new();
        for (index, endpoint) in self.hub.by_health() {
            let source = |resolve| Source {
                name: endpoint.authority().to_owned(),
                resolve,
                credentials: self.hub.credentials(endpoint),
                endpoint: Some(index),
                lane: index,
            };
            if is_plain && self.shortcuts().contains(&index) {
                sources.push(source(endpoint.resolve_cache(
                    &self.repo,
                    &self.commit,
                    path,
                )));
            }
            sources.push(source(endpoint.resolve(
                &self.repo,
                self.commit.as_str(),
                path,
            )));
        }
        sources.extend(self.further(wanted).into_iter().flatten());
        sources
    }
}

/// Whether an answer says what can be believed: of a repository, only what a Hub says.
fn is_told(source: &Source, meta: &FileMeta) -> bool {
    let from_hub = meta.commit.is_some() || source.endpoint.is_none();
    meta.digest.is_some() || (meta.size.is_some() && from_hub)
}

impl Provider {
    /// The sources of a file, most wanted first.
    pub(crate) fn sources(&self, wanted: &Wanted) -> Vec<Source> {
        match self {
            Self::Repo(repository) => repository.sources(wanted),
            Self::Url { url, .. } => vec![Source {
                name: authority(url).to_owned(),
                resolve: url.clone(),
                credentials: None,
                endpoint: None,
                lane: 0,
            }],
        }
    }

    /// The ways to the sources, most wanted first, and whether each failed a short while ago.
    pub(crate) fn lanes(&self) -> Vec<(usize, bool)> {
        match self {
            Self::Repo(Repository { hub, .. }) => hub
                .by_health()
                .into_iter()
                .map(|(index, _)| (index, hub.failed_lately(index)))
                .collect(),
            Self::Url { .. } => vec![(0, false)],
        }
    }

    /// The servers behind the ways, by the numbers of these.
    pub(crate) fn ways(&self) -> Vec<(usize, String)> {
        match self {
            Self::Repo(repository) => {
                let hub = &repository.hub;
                let endpoints = hub.by_health().into_iter();
                let endpoints = endpoints.map(|(lane, endpoint)| (lane, endpoint.to_string()));
                let extras = repository.extras().iter().enumerate();
                let extras = extras.map(|(n, extra)| (hub.count() + n, extra.name().to_owned()));
                endpoints.chain(extras).collect()
            }
            Self::Url { url, .. } => vec![(0, authority(url).to_owned())],
        }
    }

    /// What a file is called at its sources, however they are asked for it: without what is there only
    /// to prove a right, and differs from day to day.
    pub(crate) fn address(&self, wanted: &Wanted) -> String {
        match self {
            Self::Repo(Repository { repo, commit, .. }) => {
                format!("{repo}@{commit}/{}", wanted.name())
            }
            Self::Url { url, .. } => unsigned(url),
        }
    }

    fn hub(&self) -> &Hub {
        let (Self::Repo(Repository { hub, .. }) | Self::Url { hub, .. }) = self;
        hub
    }

    /// What the sources say of a file of which the listing does not say enough. One after another is
    /// asked until one says something; failures that may pass are met with patience.
    pub(crate) async fn describe(
        &self,
        wanted: &Wanted,
        progress: &Progress,
    ) -> Result<FileMeta, Error> {
        let (hub, start) = (self.hub(), Instant::now());
        let mut budget = Budget::new(FOR_QUESTIONS, start.elapsed());
        loop {
            let (mut failed, mut may_pass) = (None, false);
            let mut longest = Duration::ZERO;
            let mut sources = self.sources(wanted);
            sources.retain(|source| self.may_tell(source));
            sources.sort_by_key(|source| hub.gates.long_pause(&source.name));
            // The first is asked whatever it takes, for there may be no other that can be.
            let mut longest_pause = FOR_QUESTIONS.pause;
            for source in sources {
                let credentials = source.credentials.as_ref();
                let described = hub.describe(&source.resolve, credentials, longest_pause);
                longest_pause = LONG_PAUSE;
                match described.await {
                    Ok(meta) if is_told(&source, &meta) => return Ok(meta),
                    Ok(_) => {}
                    Err(fault) => {
                        if !matches!(fault, Fault::Elsewhere(_)) {
                            self.note(&source, false);
                        }
                        let (error, passes) = match fault {
                            Fault::Passing(error, pause) => {
                                longest = longest.max(pause);
                                (error, true)
                            }
                            Fault::Elsewhere(error) => (error, true),
                            Fault::Final(error) => (error, false),
                        };
                        may_pass |= passes;
                        failed.get_or_insert(error);
                    }
                }
            }
            let Some(error) = failed else {
                return Ok(FileMeta::default());
            };
            match budget.failed(start.elapsed(), hub.chance()) {
                Next::Wait(wait) if may_pass => again(&error, longest, wait, progress).await,
                Next::Wait(_) | Next::GiveUp => {
                    let hint = error
                        .hint()
                        .unwrap_or("run the same command again")
                        .to_owned();
                    let text = format!("{}: {error}", wanted.name());
                    let told = Error::new(error.kind(), text).with_hint(hint);
                    return Err(told.with_source(error));
                }
            }
        }
    }

    /// Advises whoever gave a plain address, of which no endpoint can be another.
    pub(crate) fn advised(&self, error: Error) -> Error {
        let hint = match self {
            Self::Repo(_) => None,
            Self::Url { .. } => error.hint().map(|hint| without_endpoints(hint).to_owned()),
        };
        hint.into_iter().fold(error, Error::with_hint)
    }

    /// Whether a source is believed what it says of a content: a further one of a repository is not.
    fn may_tell(&self, source: &Source) -> bool {
        matches!(self, Self::Url { .. }) || source.endpoint.is_some()
    }

    /// Tells the hub whether a source gave bytes or failed, so that the next file begins with one
    /// that works. A refusal is neither.
    pub(crate) fn note(&self, source: &Source, works: bool) {
        if let Some(index) = source.endpoint {
            self.hub().note(index, works);
        }
    }

    /// Learns from how a first answer of a source came about.
    pub(crate) fn learn(&self, source: &Source, answer: &Answer) {
        let own_cache = answer.redirects.len() == 1
            && answer.url.path().contains("/api/resolve-cache/")
            && answer.response.status.is_success();
        if let (Self::Repo(repository), Some(index), true) = (self, source.endpoint, own_cache) {
            repository.shortcuts().insert(index);
        }
    }

    /// A refusal, as an error for people.
    pub(crate) fn explain(
        &self,
        name: &str,
        source: &Source,
        (status, headers, body): (StatusCode, &HeaderMap, &[u8]),
    ) -> Error {
        if let Self::Repo(Repository {
            hub, repo, commit, ..
        }) = self
            && let Some(endpoint) = source.endpoint.and_then(|index| hub.endpoint(index))
        {
            let (revision, path) = (commit.as_str(), Some(name));
            let token = source
                .credentials
                .as_ref()
                .map(|credentials| &credentials.token);
            return refusal(
                status,
                headers,
                body,
                &Asked {
                    repo,
                    revision,
                    path,
                    endpoint,
                    token,
                },
            );
        }
        let kind = match status.as_u16() {
            401 | 403 | 451 => ErrorKind::AccessDenied,
            404 | 410 => ErrorKind::NotFound,
            408 | 500..=599 => ErrorKind::Unreachable,
            429 => ErrorKind::RateLimited,
            _ => ErrorKind::Protocol,
        };
        Error::new(
            kind,
            format!("{} answers {} for {name}", source.name, status.as_u16()),
        )
        .with_hint("check the address")
    }
}
