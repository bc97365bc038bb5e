//! The loop of one connection: take work, carry out the exchange, judge its failure.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::exchange::{Exchange, Trouble};
use super::job::Job;
use super::segments::Lease;
use super::source::Source;
use crate::error::{Error, ErrorKind};
use crate::transport::retry::LONGEST_RETRY_AFTER;

/// The pause after a 429 that does not say how long.
const UNSAID_PAUSE: Duration = Duration::from_secs(5);

impl Engine {
    /// Works until there is nothing left to do in the whole engine.
    pub(super) async fn work(self: Arc<Self>) {
        while !self.is_closed() {
            match self.next_work() {
                Some((job, lease)) => {
                    self.fetch(&job, &lease).await;
                    job.segments().release(lease.id);
                    job.leave();
                    job.changed.notify_one();
                    self.wake.notify_waiters();
                }
                None => self.wait_for_work().await,
            }
        }
    }

    async fn fetch(&self, job: &Arc<Job>, lease: &Lease) {
        let picked =
            job.with_sources(|sources| sources.pick().map(|(i, source)| (i, source.clone())));
        let Some((source_index, source)) = picked else {
            return out_of_sources(job);
        };
        let connected = job.shown.connect();
        let mut exchange = Exchange {
            engine: self,
            job,
            lease,
            source: &source,
            source_index,
            host: source.name.clone(),
            kept: 0,
            etag: None,
            trusted: true,
        };
        let outcome = exchange.run().await;
        let (host, kept) = (exchange.host, exchange.kept);
        drop(connected);
        if let Err(trouble) = outcome {
            self.on_trouble(job, (source_index, &source), &host, kept, trouble);
        }
    }

    fn on_trouble(
        &self,
        job: &Arc<Job>,
        (index, source): (usize, &Source),
        host: &str,
        kept: u64,
        trouble: Trouble,
    ) {
        // A pause is for the host that asked for it, and says nothing against the link.
        let keeps_link = matches!(trouble, Trouble::Status(..));
        let reason = match trouble {
            Trouble::Overtaken => return,
            Trouble::Disk(error) => return job.fail(with_missing(job, error)),
            Trouble::Refused(status, headers, body) => {
                let error = self
                    .provider
                    .explain(&job.name, source, (status, &headers, &body));
                let is_gated = headers
                    .get("x-error-code")
                    .is_some_and(|code| code == "GatedRepo");
                // Another endpoint may know the user better.
                if is_gated && job.with_sources(|sources| sources.is_last(index)) {
                    self.deny(&error);
                }
                return refuse(job, (index, source), error);
            }
            Trouble::Other(fault) => {
                let text = format!("{}: {} {fault}", job.name, source.name);
                return refuse(job, (index, source), Error::new(ErrorKind::Integrity, text));
            }
            Trouble::Status(status, pause) => {
                let asked = pause.unwrap_or_else(|| self.unsaid_pause(status));
                if asked > LONGEST_RETRY_AFTER {
                    return refuse(job, (index, source), too_long(host, asked));
                }
                let paused = job.paused(self.gates.pause(host, asked));
                if paused > LONGEST_RETRY_AFTER {
                    return refuse(job, (index, source), too_long(host, paused));
                }
                let wait = if asked.is_zero() {
                    String::new()
                } else {
                    format!(", waiting {} s", asked.as_secs())
                };
                format!("{host} answers {}{wait}", status.as_u16())
            }
            Trouble::StaleLink(status) => {
                format!(
                    "{host} answers {}: asking {} for a new link",
                    status.as_u16(),
                    source.name
                )
            }
            Trouble::Void(void) => format!("the answer of {host} is void: {void}"),
            Trouble::Stalled(stall) => format!("{host} is {stall}: replacing the connection"),
            Trouble::Short => format!("{host} ended the answer early"),
            Trouble::Failed(failure) => describe(&failure, host, &source.name),
        };
        self.count(job, index, kept, &reason);
        // Whatever it was, the next attempt asks the source itself again if the last brought
        // nothing. Whoever holds the link is asking already.
        if kept == 0
            && !keeps_link
            && let Ok(mut link) = job.link.try_lock()
        {
            *link = None;
        }
    }

    /// A connection that brought something before it broke is simply replaced; others are counted.
    fn count(&self, job: &Arc<Job>, index: usize, kept: u64, reason: &str) {
        self.progress.retried();
        self.progress.notice(format!("{}: {reason}", job.name));
        if kept >= super::exchange::PROGRESS {
            return;
        }
        match job.failed(index, self.now(), self.chance()) {
            Ok(false) => {}
            Ok(true) => {
                let next = job.with_sources(|s| s.pick().map(|(_, source)| source.name.clone()));
                let next = next.unwrap_or_default();
                self.progress.notice(format!("{}: trying {next} instead", job.name));
            }
            Err(()) => job.fail(
                Error::new(ErrorKind::Unreachable, format!("{}: {reason}", job.name)).with_hint(
                    "run the same command again: it goes on where it stopped; or name another source with --endpoint or --mirror",
                ),
            ),
        }
    }

    fn unsaid_pause(&self, status: ::http::StatusCode) -> Duration {
        let too_many = status == ::http::StatusCode::TOO_MANY_REQUESTS;
        if too_many {
            UNSAID_PAUSE.mul_f64(1.0 + self.chance())
        } else {
            Duration::ZERO
        }
    }
}

fn too_long(host: &str, asked: Duration) -> Error {
    let said = if asked == Duration::MAX {
        "for ever".to_owned()
    } else {
        format!("{} s", asked.as_secs())
    };
    Error::new(
        ErrorKind::RateLimited,
        format!("{host} asks to wait {said}"),
    )
    .with_hint(
        "log in or pass a token for a higher limit, try another --endpoint, or come back later",
    )
}

fn refuse(job: &Job, (index, source): (usize, &Source), error: Error) {
    tracing::info!("{}: {} is out: {error}", job.name, source.name);
    job.with_sources(|sources| sources.refuse(index, error));
    out_of_sources(job);
}

fn out_of_sources(job: &Job) {
    if let Some(error) = job.with_sources(super::source::Sources::refusal) {
        job.fail(error);
    }
}

/// Says so when a mirror sends the bytes to a host that does not answer.
fn describe(failure: &crate::transport::Failure, host: &str, source: &str) -> String {
    if host == source {
        failure.to_string()
    } else {
        format!("{source} sends the bytes to {host}, which fails: {failure}")
    }
}

/// A full disk is told together with how much the file still lacks.
fn with_missing(job: &Job, error: Error) -> Error {
    let segments = job.segments();
    let missing = segments.size() - segments.landed_bytes();
    drop(segments);
    let text = format!("{error}; {missing} bytes of {} are still missing", job.name);
    let hint = error.hint().map(str::to_owned);
    let told = Error::new(error.kind(), text).with_source(error);
    hint.into_iter().fold(told, Error::with_hint)
}
