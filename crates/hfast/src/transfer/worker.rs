//! The loop of one connection: take work, carry out the exchange, judge its failure.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;

use super::engine::Engine;
use super::exchange::{Exchange, PROGRESS};
use super::job::Job;
use super::segments::Lease;
use super::source::{After, Source};
use super::trouble::Trouble;
use crate::error::{Error, ErrorKind};
use crate::hub::refusal::{self, not_a_hub};
use crate::transport::retry::LONG_PAUSE;
use crate::transport::{Failure, FailureKind};

/// Another source is asked after this time when it turns out on the way that a host is to be left
/// alone: should all lead there, they are not asked in a circle without rest.
pub(super) const AFTER_PAUSED: Duration = Duration::from_millis(200);

impl Engine {
    /// Works until the engine is closed.
    pub(super) async fn work(self: Arc<Self>) {
        while !self.is_closed() {
            let Some(turn) = self.turn().await else {
                return;
            };
            let Some((job, lease)) = self.next_work() else {
                drop(turn);
                self.wait_for_work().await;
                continue;
            };
            self.fetch(&job, &lease).await;
            job.segments().release(lease.id);
            job.leave();
            job.changed.notify_one();
            self.wake.notify_waiters();
        }
    }

    async fn fetch(&self, job: &Arc<Job>, lease: &Lease) {
        let gates = &self.setup.gates;
        let picked = job.with_sources(|sources| {
            sources.note_pauses(|host| gates.long_pause(host));
            let (index, source) = sources.pick()?;
            Some((index, source.clone(), sources.longest_pause()))
        });
        let Some((source_index, source, longest_pause)) = picked else {
            return out_of_sources(job);
        };
        let since = self.now();
        let connected = job.shown.connect();
        let mut exchange = Exchange {
            engine: self,
            job,
            lease,
            source: &source,
            source_index,
            longest_pause,
            host: source.name.clone(),
            kept: 0,
            validator: None,
            trusted: true,
        };
        let outcome = exchange.run().await;
        let (host, kept) = (exchange.host, exchange.kept);
        drop(connected);
        if outcome.is_ok() || kept >= PROGRESS {
            self.setup.provider.note(&source, true);
        }
        if let Err(trouble) = outcome {
            self.on_trouble(job, (source_index, &source), (&host, kept, since), trouble);
        }
    }

    fn on_trouble(
        &self,
        job: &Arc<Job>,
        (index, source): (usize, &Source),
        (host, kept, since): (&str, u64, Duration),
        trouble: Trouble,
    ) {
        let (kind, is_limit) = (trouble.kind(), trouble.may_be_limit());
        // A pause is for the host that asked for it, and says nothing against the link. A stale link
        // is gone already, and there may be a new one.
        let keeps_link = matches!(trouble, Trouble::Status(..) | Trouble::StaleLink(_));
        let is_elsewhere =
            matches!(trouble, Trouble::Failed(_)) && kept == 0 && host != source.name;
        let Some(reason) = self.meet(job, (index, source), (host, is_elsewhere), trouble) else {
            return;
        };
        self.setup.progress.retried();
        if is_elsewhere {
            // Every file would meet the same.
            self.setup.progress.notice_once(&reason);
        } else {
            self.setup
                .progress
                .notice(format!("{}: {reason}", job.name));
        }
        let now = self.now();
        let is_limit = kept == 0 && is_limit && self.board.is_receiving(&source.name, now);
        if is_limit && job.turned_away(now) {
            let text = format!("{host} lets no more connections in: going on with those there are");
            self.setup.progress.notice_once(&text);
        } else if kept < PROGRESS {
            self.count(job, (index, source), since, (kind, &reason));
        }
        // Whatever it was, the next attempt asks the source itself again if the last brought
        // nothing. Whoever holds the link is asking already.
        if kept == 0
            && !keeps_link
            && let Ok(mut link) = job.link.try_lock()
        {
            *link = None;
        }
    }

    /// What is to be said of trouble that may pass; other trouble is dealt with.
    fn meet(
        &self,
        job: &Arc<Job>,
        (index, source): (usize, &Source),
        (host, is_elsewhere): (&str, bool),
        trouble: Trouble,
    ) -> Option<String> {
        let refuse = |error| {
            refuse(job, (index, source), error);
            None
        };
        Some(match trouble {
            Trouble::Overtaken => return None,
            Trouble::Disk(error) => {
                job.fail(error);
                return None;
            }
            Trouble::Refused(status, headers, body) => {
                let error =
                    self.setup
                        .provider
                        .explain(&job.name, source, (status, &headers, &body));
                let is_gated = refusal::is_gated(&headers);
                // Another endpoint may know the user better.
                if is_gated && job.with_sources(|sources| sources.is_last(index)) {
                    self.end_early(&job.name, &error);
                }
                return refuse(error);
            }
            Trouble::TooLong(error) => {
                self.setup.provider.note(source, false);
                return refuse(error);
            }
            Trouble::Changed(validator) => {
                job.changed(validator);
                return None;
            }
            Trouble::NotAHub => return refuse(not_a_hub(host, &job.name)),
            Trouble::Other(fault) => {
                let text = format!("{}: {} {fault}", job.name, source.name);
                return refuse(Error::new(ErrorKind::Integrity, text));
            }
            Trouble::Status(status, pause) => {
                if pause >= LONG_PAUSE {
                    job.with_sources(|sources| sources.leave(index));
                }
                answers(host, status, pause)
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
            Trouble::Failed(failure) if failure.kind == FailureKind::Paused => {
                tracing::debug!("{}: {failure}; asking another source", job.name);
                let host = failure.host.as_deref().unwrap_or(host);
                job.with_sources(|sources| sources.leads_to(index, host));
                job.hold_off(self.now() + AFTER_PAUSED);
                return None;
            }
            Trouble::Failed(failure) if failure.kind.is_final() => {
                let text = describe(&failure, is_elsewhere, &source.name);
                let error = failure.told_as(format!("{}: {text}", job.name));
                return refuse(error);
            }
            Trouble::Failed(failure) => describe(&failure, is_elsewhere, &source.name),
        })
    }

    /// Counts a failure. A connection that brought something before it broke is not counted: it is
    /// simply replaced.
    fn count(
        &self,
        job: &Job,
        (index, source): (usize, &Source),
        since: Duration,
        (kind, reason): (ErrorKind, &str),
    ) {
        let Some(after) = job.failed(index, (since, self.now()), self.chance()) else {
            return;
        };
        match after {
            After::Wait(_) => return,
            After::Another => {
                let next = job.with_sources(|s| s.pick().map(|(_, source)| source.name.clone()));
                let next = next.unwrap_or_default();
                self.setup
                    .progress
                    .notice(format!("{}: trying {next} instead", job.name));
            }
            After::GiveUp => {
                let hint = if source.endpoint.is_some() {
                    "run the same command again: it goes on where it stopped; or name another source with --endpoint or --mirror"
                } else {
                    "run the same command again: it goes on where it stopped"
                };
                let text = format!("{}: {reason}", job.name);
                job.fail(Error::new(kind, text).with_hint(hint));
            }
        }
        self.setup.provider.note(source, false);
    }
}

fn answers(host: &str, status: StatusCode, pause: Duration) -> String {
    let wait = if pause.is_zero() {
        String::new()
    } else {
        format!(", waiting {} s", pause.as_secs())
    };
    format!("{host} answers {}{wait}", status.as_u16())
}

fn refuse(job: &Job, (index, source): (usize, &Source), error: Error) {
    tracing::info!("{}: {} is out: {error}", job.name, source.name);
    let last = job.with_sources(|sources| sources.refuse(index, error));
    if let Some(error) = last {
        job.fail(error);
    }
}

/// No source was picked: there is none, or the last one was refused just now.
fn out_of_sources(job: &Job) {
    if job.with_sources(|sources| sources.is_empty()) {
        let text = format!("{}: there is no source to ask", job.name);
        job.fail(Error::new(ErrorKind::Usage, text).with_hint("name an endpoint"));
    }
}

/// Says so when a mirror sends the bytes to another host, and that one does not answer.
fn describe(failure: &Failure, is_elsewhere: bool, source: &str) -> String {
    match failure.host.as_ref().filter(|_| is_elsewhere) {
        None => failure.to_string(),
        Some(host) => {
            let fault = failure.detail();
            format!("{source} sends the bytes to {host}, which fails: {fault}")
        }
    }
}
