//! Asks a source for a lease's range, and judges the head of the answer before a byte of it is kept.
//!
//! What the body brings is told in `exchange.rs`.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use ::http::header::{IF_RANGE, RANGE};
use ::http::{HeaderValue, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::board::MeterHandle;
use super::check::{Accepted, Asked, Void, check};
use super::exchange::Exchange;
use super::link::{Link, renew_after};
use super::trouble::Trouble;
use crate::hub::metadata::{FileMeta, Validator};
use crate::hub::token::Origin;
use crate::hub::urls::authority;
use crate::names::Digest;
use crate::transport::follow::{Answer, Step, follow_with};
use crate::transport::{MAX_ERROR_BODY, Request, read_limited};

/// What is read of an answer that refuses must have come by then: it only explains, in some lines that come
/// with the head, and the next attempt waits for it.
const EXPLANATION: Duration = Duration::from_secs(5);

/// A question that was not answered, also because whoever asked was stopped: those who waited for it must
/// not ask the same one by one.
struct Unanswered<'a>(Option<&'a AtomicU64>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        self.0.map(|failures| failures.fetch_add(1, Relaxed));
    }
}

/// A link that leads to `url` since now.
fn link(url: &Url, validator: Option<Validator>, trusted: bool) -> Link {
    Link {
        given: Instant::now(),
        validator,
        renew_at: renew_after(url, SystemTime::now())
            .and_then(|after| Instant::now().checked_add(after)),
        trusted,
        url: url.clone(),
    }
}

impl Exchange<'_> {
    /// Sends the request: to the link if there is a fresh one, else to the source, which gives one.
    pub(super) async fn ask(&mut self, meter: &MeterHandle<'_>) -> Result<Answer, Trouble> {
        let (job, way) = (self.job, self.job.way(self.source_index));
        let failures = way.failures.load(Relaxed);
        let mut slot = match way.link.try_lock() {
            Ok(slot) => slot,
            // Whoever asks may wait for an answer that never comes, and a probe is there to see.
            Err(_) if self.probe.is_some() => {
                let url = self.source.resolve.clone();
                let answer = self.send(url, meter, &mut |_| {}).await?;
                return self.take_link(&answer).map(|_| answer);
            }
            Err(_) => way.link.lock().await,
        };
        let is_usable = |link: &Link| link.is_fresh(Instant::now());
        if let Some(link) = slot.clone().filter(is_usable) {
            // Others may ask at the same time: the link is known.
            drop((slot, self.asking.take()));
            self.validator = link.validator;
            self.trusted = link.trusted;
            return match self.send(link.url, meter, &mut |_| {}).await {
                Err(Trouble::Refused(status, ..) | Trouble::StaleLink(status))
                    if means_stale_link(status) =>
                {
                    Err(self.drop_link(link.given, status))
                }
                other => other,
            };
        }
        if way.failures.load(Relaxed) != failures {
            return Err(Trouble::Overtaken);
        }
        *slot = None;
        let mut waiting = Some((slot, self.asking.take()));
        // Dropped before the lock is.
        let mut unanswered = Unanswered(Some(&way.failures));
        let wake = &self.engine.wake;
        // Those who wait for the link need not wait for what it leads to.
        let mut on_step = |step: &Step<'_>| {
            let Step::Redirected(hop) = step else { return };
            let meta = FileMeta::from_chain(&hop.chain());
            let is_ours =
                meta.commit.is_some() && job.digest.is_some() && meta.digest == job.digest;
            if is_ours && let Some((mut slot, _)) = waiting.take() {
                *slot = Some(link(hop.target, None, hop.trusted));
                wake.notify_one();
            }
        };
        let answered = self
            .send(self.source.resolve.clone(), meter, &mut on_step)
            .await;
        let answered = answered.and_then(|answer| Ok((self.take_link(&answer)?, answer)));
        if answered.is_ok() {
            unanswered.0 = None;
        }
        drop(unanswered);
        match (answered, waiting) {
            (Ok((link, answer)), Some((mut slot, _))) => {
                *slot = link;
                wake.notify_one();
                Ok(answer)
            }
            (Ok((_, answer)), None) => Ok(answer),
            (Err(trouble), _) => {
                // Those who waited for the answer would ask without rest.
                let now = self.engine.now();
                job.with_sources(|sources| sources.rest(self.source_index, now));
                Err(trouble)
            }
        }
    }

    /// Takes away a link that has served before and is refused now, wherever it leads. Only one of
    /// those who used it says so: the others find it gone, or asked for.
    fn drop_link(&self, given: Instant, status: StatusCode) -> Trouble {
        match self.job.way(self.source_index).link.try_lock() {
            Ok(mut slot) if slot.as_ref().is_some_and(|link| link.given == given) => {
                *slot = None;
                Trouble::StaleLink(status)
            }
            _ => Trouble::Overtaken,
        }
    }

    /// The link that an answer of the source stands for, if it is of the file that is wanted.
    fn take_link(&self, answer: &Answer) -> Result<Option<Link>, Trouble> {
        if !answer.response.status.is_success() {
            return Ok(None);
        }
        let meta = answer.meta();
        // Without a commit it may be no Hub that answers; the check of the head will tell.
        let fault = contradiction(&meta, self.job.size, self.job.digest.as_ref());
        if let Some(fault) = fault.filter(|_| meta.commit.is_some()) {
            return Err(Trouble::Other(fault));
        }
        if self.job.digest.is_none() {
            if meta.commit.is_none() && self.source.endpoint.is_some() {
                return Err(Trouble::NotAHub);
            }
            if self.job.is_of_other(meta.validator.as_ref()) {
                return Err(Trouble::Changed(meta.validator));
            }
        }
        if let (Some(Digest::GitSha1(_)), Some(Digest::Sha256(_))) = (self.job.digest, meta.digest)
        {
            self.job.pointer_listed.store(true, Relaxed);
        }
        self.engine.setup.provider.learn(self.source, answer);
        // Servers behind one name may have the same bytes under other tags, and the digest judges.
        let validator = meta.validator.filter(|_| self.job.digest.is_none());
        Ok(Some(link(&answer.url, validator, answer.trusted)))
    }

    async fn send(
        &mut self,
        url: Url,
        meter: &MeterHandle<'_>,
        on_step: &mut (dyn FnMut(&Step<'_>) + Send),
    ) -> Result<Answer, Trouble> {
        authority(&url).clone_into(&mut self.host);
        let mut request = Request::get(url);
        request.fresh = self.fresh;
        let range = &self.lease.range;
        // A file that fits into one request is asked for whole: some servers refuse the range 0-0
        // of an empty file, and small files then need no support for ranges at all.
        if *range != (0..self.job.size) {
            let value = range_header(range);
            request.headers.extend(value.map(|value| (RANGE, value)));
            let strong = self.validator.as_ref().and_then(Validator::strong);
            let value = strong.and_then(|strong| HeaderValue::from_str(strong).ok());
            request.headers.extend(value.map(|value| (IF_RANGE, value)));
        }
        let credentials = self.source.credentials.as_ref().filter(|_| self.trusted);
        let (engine, host) = (self.engine, &mut self.host);
        let (job, lease) = (self.job, self.lease.id);
        let network = engine.network(self.longest_pause);
        let answer = match follow_with(&network, request, credentials, &mut |step| {
            match step {
                // Nobody can be silent who was not asked.
                Step::Waiting => {
                    meter.wait();
                    job.segments().waits(lease);
                }
                Step::Sending => {
                    meter.restart(engine.now());
                    job.segments().asked(lease, engine.now());
                }
                Step::Redirected(hop) => authority(hop.target).clone_into(host),
            }
            on_step(step);
        })
        .await
        {
            Ok(answer) => answer,
            Err(failure) => {
                self.host = failure.host.clone().unwrap_or_else(|| self.host.clone());
                return Err(Trouble::Failed(failure));
            }
        };
        answer.host().clone_into(&mut self.host);
        self.check_status(answer).await
    }

    async fn check_status(&mut self, mut answer: Answer) -> Result<Answer, Trouble> {
        let status = answer.response.status;
        if status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(answer);
        }
        if let Some(pause) = answer.pause().map_err(Trouble::TooLong)? {
            return Err(Trouble::Status(status, pause));
        }
        let from_storage = Origin::of(&answer.url) != Origin::of(&self.source.resolve);
        if from_storage && means_stale_link(status) {
            return Err(Trouble::StaleLink(status));
        }
        let body = read_limited(answer.response.body.as_mut(), None, MAX_ERROR_BODY);
        let body = tokio::time::timeout(EXPLANATION, body).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        Err(Trouble::Refused(
            status,
            Box::new(answer.response.headers),
            body,
        ))
    }

    pub(super) fn accept(&mut self, answer: &Answer) -> Result<Accepted, Trouble> {
        let asked = Asked {
            range: self.lease.range.clone(),
            size: self.job.size,
            validator: self.validator.as_ref(),
        };
        let checked = check(&asked, answer.response.status, &answer.response.headers);
        if let Err(Void::CompressedPart) = checked {
            // It may be undone from the beginning.
            self.job
                .with_sources(|sources| sources.be_one_stream(self.source_index));
        }
        let accepted = checked.map_err(Trouble::Void)?;
        if !accepted.whole {
            self.job
                .with_sources(|sources| sources.gave_part(self.source_index));
        } else if self.lease.range != (0..self.job.size) {
            if self.job.digest.is_none() {
                self.job
                    .with_sources(|sources| sources.be_one_stream(self.source_index));
            } else if !self.wants_whole() {
                return Err(Trouble::Unwanted);
            }
            let known = self.job.digest.is_some() || self.job.validator.is_some();
            if !known && self.lease.range.start > 0 {
                let wanted = self.job.segments().wanted(self.lease.id);
                let is_wanted = wanted > self.lease.range.start && !self.job.has_other_workers();
                // All of it comes anyway, and nothing tells that what is there is a part of it.
                return Err(if is_wanted {
                    Trouble::Changed(None)
                } else {
                    Trouble::Overtaken
                });
            }
            self.job.segments().take_all(self.lease.id);
        }
        Ok(accepted)
    }

    /// Whether to take the whole file where a range was asked for.
    fn wants_whole(&mut self) -> bool {
        let (engine, index) = (self.engine, self.source_index);
        let now = engine.now();
        self.streams = self.job.with_sources(|sources| {
            let wants = sources.wants_whole(index, |lane| engine.lanes.room(lane, now).trouble);
            if !wants {
                sources.rest(index, now);
            }
            wants
        });
        self.streams
    }
}

/// The value of the `Range` header for these bytes, which are at least one.
pub(crate) fn range_header(range: &Range<u64>) -> Option<HeaderValue> {
    let last = range.end.checked_sub(1)?;
    HeaderValue::try_from(format!("bytes={}-{last}", range.start)).ok()
}

/// Why what a source offers is not the file we want, by what its headers say.
pub(crate) fn contradiction(meta: &FileMeta, size: u64, digest: Option<&Digest>) -> Option<String> {
    if let Some(there) = meta.size.filter(|there| *there != size) {
        return Some(format!("has {there} bytes instead of {size}"));
    }
    let other = match (meta.digest, digest) {
        (Some(Digest::Sha256(there)), Some(Digest::Sha256(here))) => there != *here,
        (Some(Digest::GitSha1(there)), Some(Digest::GitSha1(here))) => there != *here,
        // A mirror that gives another kind of digest does not contradict.
        _ => false,
    };
    other.then(|| "has other content under this name".to_owned())
}

/// Whether a status from storage means that the link, not the file, is gone.
fn means_stale_link(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404 | 410)
}
