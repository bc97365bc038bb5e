//! Carries out one exchange and judges its failure: whom it speaks against, and what is done about it.

use std::sync::Arc;
use std::time::Duration;

use ::http::StatusCode;

use super::dispatch::Errand;
use super::door::Refusal;
use super::engine::Engine;
use super::exchange::{Exchange, PROGRESS};
use super::job::Job;
use super::link::Asking;
use super::source::{After, Source};
use super::stall::Stall;
use super::trouble::Trouble;
use crate::error::{Error, ErrorKind};
use crate::hub::refusal::{self, not_a_hub};
use crate::transport::failure::NO_WAY;
use crate::transport::retry::{LONG_PAUSE, Patience};
use crate::transport::{Failure, FailureKind};

/// A connection that breaks after so many bytes is replaced without a pause while others receive: it
/// cost less than it brought. One that brings less could be asked without rest. One that was silent cost
/// seconds, which another source need not.
const CRUMB: u64 = 4 << 10;

/// How an exchange went.
struct Course {
    since: Duration,
    kept: u64,
    asked: Duration,
    answered: bool,
}

impl Engine {
    /// Carries out one exchange, and draws the conclusions.
    pub(super) async fn fetch(&self, errand: &Errand) {
        let Errand { job, lease, .. } = errand;
        let index = errand.source;
        let (source, longest_pause, tries) = job.with_sources(|sources| {
            let (source, pause) = (sources.get(index).clone(), sources.longest_pause());
            let tries = (sources.failures(index), sources.needs_fresh(index));
            (source, pause, tries)
        });
        let since = self.now();
        let connected = job.shown.connect();
        let mut exchange = Exchange {
            engine: self,
            job,
            lease,
            seat: &errand.seat,
            source: &source,
            source_index: index,
            asking: errand.asks.then(|| Asking(&job.way(index).is_asked)),
            // A pause that one probe sits out would be one of all.
            longest_pause: errand.probe.map_or(longest_pause, |_| Duration::ZERO),
            failures: tries.0,
            fresh: errand.probe.map_or(tries.1, |before| before % 2 == 1),
            probe: errand.probe,
            host: source.name.clone(),
            asked: since,
            answered: None,
            kept: 0,
            validator: None,
            trusted: true,
            streams: false,
        };
        let outcome = exchange.run().await;
        let course = Course {
            since,
            kept: exchange.kept,
            asked: exchange.asked,
            answered: exchange.answered.is_some(),
        };
        let host = exchange.host;
        drop(connected);
        if outcome.is_ok() && course.answered || course.kept >= PROGRESS {
            self.setup.provider.note(&source, true);
            self.lanes.works(source.lane);
        }
        match outcome {
            Err(trouble) if errand.probe.is_some() && trouble.may_pass() => {
                tracing::debug!("{host} is tried again: still nothing");
            }
            Err(trouble) => self.on_trouble(job, (index, &source), (&host, &course), trouble),
            Ok(()) => {}
        }
    }

    fn on_trouble(
        &self,
        job: &Arc<Job>,
        (index, source): (usize, &Source),
        (host, course): (&str, &Course),
        trouble: Trouble,
    ) {
        let kept = course.kept;
        let is_limit = !course.answered && trouble.may_be_limit();
        let (kind, on_the_way) = (trouble.kind(), trouble.is_on_the_way());
        let stalled = matches!(trouble, Trouble::Stalled(_));
        let has_choice = job.with_sources(|sources| sources.count()) > 1;
        let was_cheap = kept >= CRUMB && !(stalled && has_choice);
        // A pause is for the host that asked for it, and says nothing against the link. A stale link
        // is gone already, and there may be a new one.
        let keeps_link = matches!(trouble, Trouble::Status(..) | Trouble::StaleLink(_));
        let is_elsewhere = on_the_way && kept == 0 && host != source.name;
        let Some(Said { reason, next }) =
            self.meet(job, (index, source), (host, is_elsewhere), trouble)
        else {
            return;
        };
        self.setup.progress.retried();
        let now = self.now();
        let times = (course.asked, now);
        if is_limit && self.is_turned_away(job, (index, source), host, times) {
            tracing::debug!("{}: {reason}, while others are served", job.name);
            return;
        }
        if is_elsewhere {
            // Every file would meet the same.
            self.setup.progress.notice_once(&format!("{reason}{next}"));
        } else {
            self.setup
                .progress
                .notice(format!("{}: {reason}{next}", job.name));
        }
        let others_receive = self.board.is_receiving(source.lane, now);
        if !(kept >= PROGRESS || others_receive && was_cheap) {
            let times = (course.since, now);
            let patience = self.hope().exchange_failed(times, on_the_way);
            self.count(job, (index, source), (times, patience), (kind, &reason));
            if others_receive && kept < CRUMB && !stalled {
                // Bytes of the others forgive each failure.
                job.with_sources(|sources| sources.rest(index, now));
            }
        }
        // Whatever it was, the next attempt asks the source itself again if the last brought
        // nothing. Whoever holds the link is asking already.
        if kept == 0
            && !keeps_link
            && !others_receive
            && let Ok(mut link) = job.way(index).link.try_lock()
        {
            *link = None;
        }
    }

    /// Whether a server that serves others did not want this one: that is no failure of the file.
    fn is_turned_away(
        &self,
        job: &Job,
        (index, source): (usize, &Source),
        host: &str,
        times: (Duration, Duration),
    ) -> bool {
        let (may_be, was_served) = job.with_sources(|sources| {
            let may_be = sources.may_be_turned_away(index);
            (may_be, sources.has_brought(index))
        });
        if !may_be {
            return false;
        }
        let served = (self.board.is_receiving(source.lane, times.1), was_served);
        match self.lanes.turned_away(source.lane, host, times, served) {
            Refusal::Accident => return false,
            Refusal::TurnedAway => {}
            Refusal::Limit(_) => {
                let text =
                    format!("{host} lets no more connections in: going on with those there are");
                self.setup.progress.notice_once(&text);
            }
        }
        job.with_sources(|sources| sources.turned_away(index, times));
        true
    }

    /// What is to be said of trouble that may pass; other trouble is dealt with.
    fn meet(
        &self,
        job: &Arc<Job>,
        (index, source): (usize, &Source),
        (host, is_elsewhere): (&str, bool),
        trouble: Trouble,
    ) -> Option<Said> {
        let refuse = |error| {
            refuse(job, (index, source), error);
            None
        };
        let mut next = String::new();
        let reason = match trouble {
            Trouble::Overtaken | Trouble::Unwanted => return None,
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
                if status == StatusCode::TOO_MANY_REQUESTS {
                    self.lanes.asked_to_pause(source.lane, pause, self.now());
                }
                if pause >= LONG_PAUSE {
                    job.with_sources(|sources| sources.leave(index));
                }
                answers(host, status, pause)
            }
            Trouble::StaleLink(status) => {
                next = format!(": asking {} for a new link", source.name);
                format!("{host} answers {}", status.as_u16())
            }
            Trouble::Void(void) => format!("the answer of {host} is void: {void}"),
            Trouble::Stalled(Stall::Silent(_)) if is_elsewhere => {
                elsewhere(host, &source.name, "no answer in time")
            }
            Trouble::Stalled(stall) => {
                ": replacing the connection".clone_into(&mut next);
                format!("{host} is {stall}")
            }
            Trouble::Short => format!("{host} ended the answer early"),
            Trouble::Failed(failure) if failure.kind == FailureKind::Paused => {
                self.ask_another(job, index, (host, &failure));
                return None;
            }
            Trouble::Failed(failure) if failure.kind.is_final() => {
                let text = describe(&failure, is_elsewhere, &source.name);
                let error = failure.told_as(format!("{}: {text}", job.name));
                return refuse(error);
            }
            Trouble::Failed(failure) => describe(&failure, is_elsewhere, &source.name),
        };
        Some(Said { reason, next })
    }

    /// A host on the way wants to be left alone for longer than it is worth while there are others.
    fn ask_another(&self, job: &Job, index: usize, (host, failure): (&str, &Failure)) {
        tracing::debug!("{}: {failure}; asking another source", job.name);
        let host = failure.host.as_deref().unwrap_or(host);
        job.with_sources(|sources| {
            sources.leads_to(index, host);
            // Should all sources lead there, they are not asked in a circle without rest.
            sources.rest(index, self.now());
        });
    }

    /// Counts a failure. A connection that brought something before it broke is not counted: it is
    /// simply replaced.
    fn count(
        &self,
        job: &Job,
        (index, source): (usize, &Source),
        (times, patience): ((Duration, Duration), Patience),
        (kind, reason): (ErrorKind, &str),
    ) {
        let chance = (self.chance(), patience);
        let Some(after) = job.failed(index, times, chance) else {
            return;
        };
        self.lanes.failed(source.lane, times);
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
                let text = format!("{}: {reason}", job.name);
                job.forsake(Error::new(kind, text).with_hint(NO_WAY));
            }
        }
        self.setup.provider.note(source, false);
    }
}

/// What is said of trouble: what failed, which an error may repeat at the end, and what is done about it.
struct Said {
    reason: String,
    next: String,
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
        job.forsake(error);
    }
}

fn describe(failure: &Failure, is_elsewhere: bool, source: &str) -> String {
    match failure.host.as_ref().filter(|_| is_elsewhere) {
        None => failure.to_string(),
        Some(host) => elsewhere(host, source, failure.detail()),
    }
}

/// A mirror sends the bytes to another host, and that one does not answer.
fn elsewhere(host: &str, source: &str, fault: &str) -> String {
    format!("{source} sends the bytes to {host}, which fails: {fault}")
}
