//! Which endpoint is asked, in which order and how patiently, until one answers.
//!
//! What is asked is told in `ask.rs`.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::ask::Hub;
use super::urls::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::transfer::progress::Progress;
use crate::transport::follow::Network;
use crate::transport::retry::{Budget, LONG_PAUSE, Next, Patience};
use crate::transport::{Failure, FailureKind};

/// An endpoint that failed stays behind the others for this long, unless it works before: a dead one is
/// not met by file after file, and one that was down for a minute gets another chance in the same run.
const BEHIND: Duration = Duration::from_secs(300);

/// How a question is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// How long for, while it fails in ways that may pass.
    pub(crate) patience: Patience,
    /// Who is told why it takes so long.
    pub(crate) progress: &'a Progress,
}

/// Why one attempt brought nothing.
pub(crate) enum Fault {
    /// Another attempt, or another endpoint, may do better. The host makes a pause before it.
    Passing(Error, Duration),
    /// This endpoint wants to be left alone for now, and nothing was asked: another one may do better.
    Elsewhere(Error),
    /// This endpoint will not say anything else.
    Final(Error),
}

impl Fault {
    /// Whether another copy of the same question, which is under way, will bring nothing else. One that came earlier
    /// may be answered where this one is one too many.
    pub(super) fn is_definite(&self) -> bool {
        matches!(self, Self::Final(error) if error.kind() != ErrorKind::RateLimited)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        match failure.kind {
            FailureKind::Paused => Self::Elsewhere(failure.into()),
            kind if kind.is_final() => Self::Final(failure.into()),
            _ => Self::Passing(failure.into(), Duration::ZERO),
        }
    }
}

fn failed_lately(health: &Mutex<Option<Instant>>) -> Option<Instant> {
    let failed = *health.lock().unwrap_or_else(PoisonError::into_inner);
    failed.filter(|at| at.elapsed() < BEHIND)
}

impl Hub {
    /// The endpoints with their indices, as the user has them, but those that failed a short while
    /// ago last. Only the order is decided here: none is left out.
    pub(crate) fn by_health(&self) -> Vec<(usize, &Endpoint)> {
        let mut order: Vec<_> = self.endpoints.iter().enumerate().collect();
        order.sort_by_cached_key(|(_, (_, health))| failed_lately(health));
        order
            .into_iter()
            .map(|(index, (endpoint, _))| (index, endpoint))
            .collect()
    }

    /// How many endpoints there are.
    pub(crate) fn count(&self) -> usize {
        self.endpoints.len()
    }

    /// Whether an endpoint, or where it sends us for the bytes, failed a short while ago.
    pub(crate) fn failed_lately(&self, index: usize) -> bool {
        let health = self.endpoints.get(index).map(|(_, health)| health);
        health.and_then(failed_lately).is_some()
    }

    /// Notes whether an endpoint, or where it sent us for the bytes, did what it should.
    pub(crate) fn note(&self, index: usize, works: bool) {
        if let Some((_, health)) = self.endpoints.get(index) {
            let mut health = health.lock().unwrap_or_else(PoisonError::into_inner);
            *health = (!works).then(Instant::now);
        }
    }

    /// The way out for a question that sits out no pause longer than this.
    pub(super) fn network(&self, longest_pause: Duration) -> Network<'_> {
        Network {
            transport: self.transport.as_ref(),
            gates: self.gates.as_ref(),
            nearness: self.nearness.as_ref(),
            longest_pause,
            spread: 0.0,
        }
    }

    pub(crate) fn endpoint(&self, index: usize) -> Option<&Endpoint> {
        self.endpoints.get(index).map(|(endpoint, _)| endpoint)
    }

    /// Asks one endpoint after another until one answers; passing faults are met with patience. An
    /// endpoint that has refused is not asked again. The log says what it was `about`.
    pub(super) async fn each_endpoint<T>(
        &self,
        about: &str,
        asking: Asking<'_>,
        question: impl AsyncFn(&Endpoint, Asking<'_>) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let mut budget = Budget::new(asking.patience, start.elapsed());
        let (mut refused, mut out) = (None, HashSet::new());
        loop {
            let mut passing = None;
            let mut order = self.by_health();
            order.retain(|(index, _)| !out.contains(index));
            order.sort_by_key(|(_, endpoint)| self.gates.long_pause(endpoint.authority()));
            // The first is waited for, since the pause of no other is shorter.
            let mut asking = asking;
            for (index, endpoint) in order {
                let answer = question(endpoint, asking).await;
                asking.patience.pause = asking.patience.pause.min(LONG_PAUSE);
                match answer {
                    Ok(answer) => {
                        self.note(index, true);
                        return Ok(answer);
                    }
                    Err(Fault::Passing(error, pause)) => {
                        self.note(index, false);
                        tracing::info!("{about}: {error}");
                        passing.get_or_insert((error, pause));
                    }
                    Err(Fault::Elsewhere(error)) => {
                        tracing::info!("{about}: {error}");
                        passing.get_or_insert((error, Duration::ZERO));
                    }
                    Err(Fault::Final(error)) => {
                        tracing::info!("{about}: {} says: {error}", endpoint.authority());
                        out.insert(index);
                        refused.get_or_insert(error);
                    }
                }
            }
            // A mirror that does not have it says nothing of an endpoint that could not be asked.
            let Some((error, pause)) = passing else {
                let nobody = || Error::new(ErrorKind::Usage, "no endpoint to ask");
                return Err(refused.unwrap_or_else(nobody));
            };
            match budget.failed(start.elapsed(), self.chance()) {
                Next::Wait(wait) => again(&error, pause, wait, asking.progress).await,
                Next::GiveUp => return Err(refused.unwrap_or(error)),
            }
        }
    }
}

/// Waits for the next attempt, and says what for; a pause of the host is sat out with the request.
pub(crate) async fn again(error: &Error, pause: Duration, wait: Duration, progress: &Progress) {
    progress.notice_once(&if pause < LONG_PAUSE {
        format!("{error}; trying again")
    } else {
        format!("{error}; trying again in {} s", pause.as_secs())
    });
    tokio::time::sleep(wait).await;
}
