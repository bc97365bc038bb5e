//! One exchange: ask a source for a lease's range, check the answer, write what arrives.
//!
//! It ends when the lease is done, when the connection fails or stalls, or when others finished the
//! rest. What follows from a failure is decided in `worker.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use ::http::header::{IF_RANGE, RANGE};
use ::http::{HeaderValue, StatusCode};
use tokio::time::{Instant, MissedTickBehavior};

use super::board::MeterHandle;
use super::check::{Accepted, Asked, check};
use super::engine::Engine;
use super::gunzip::plain;
use super::job::Job;
use super::link::{Link, renew_after};
use super::piece::Pace;
use super::segments::Lease;
use super::source::{Source, contradiction, means_stale_link};
use super::stall::judge;
use super::throttle::{Hold, limited};
use super::trouble::Trouble;
use super::writer::{Landing, Writer};
use crate::hub::metadata::Validator;
use crate::hub::token::Origin;
use crate::names::Digest;
use crate::transport::follow::{Answer, follow};
use crate::transport::{Body, MAX_ERROR_BODY, Request, read_limited};

/// Written at a time: few enough system calls, and little memory for many connections.
const BATCH: usize = 256 << 10;

/// Bytes of one connection that count as progress. A trickle of less does not renew the budget.
pub(super) const PROGRESS: u64 = 64 << 10;

/// An exchange under way.
pub(super) struct Exchange<'a> {
    pub(super) engine: &'a Engine,
    pub(super) job: &'a Arc<Job>,
    pub(super) lease: &'a Lease,
    pub(super) source: &'a Source,
    pub(super) source_index: usize,
    /// No pause of a host is sat out that takes longer.
    pub(super) longest_pause: Duration,
    /// The host that was asked last, for messages.
    pub(super) host: String,
    /// Bytes that were kept.
    pub(super) kept: u64,
    /// The validator that the link had when it was new.
    pub(super) validator: Option<Validator>,
    /// Whether the way to the address that is asked never left the token's origin.
    pub(super) trusted: bool,
}

impl Exchange<'_> {
    /// Carries it out. `Ok` means that the lease is done or no longer wanted.
    pub(super) async fn run(&mut self) -> Result<(), Trouble> {
        let asked = self.engine.now();
        let answer = self.ask().await?;
        let answered = self.engine.now();
        let accepted = self.accept(&answer)?;
        let peer = answer.response.peer;
        let outcome = self.receive(answer.response.body, &accepted).await;
        if self.kept > 0 {
            self.job.paced(Pace {
                wait: answered.saturating_sub(asked),
                bytes: self.kept,
                took: self.engine.now().saturating_sub(answered),
            });
        }
        if let (Err(Trouble::Stalled(_) | Trouble::Failed(_)), Some(peer)) = (&outcome, peer) {
            self.engine.setup.transport.avoid(peer);
        }
        outcome
    }

    /// Sends the request: to the link if there is a fresh one, else to the source, which gives one.
    async fn ask(&mut self) -> Result<Answer, Trouble> {
        let failures = self.job.link_failures.load(Relaxed);
        let mut slot = self.job.link.lock().await;
        let is_usable =
            |link: &Link| link.source == self.source_index && link.is_fresh(Instant::now());
        if let Some(link) = slot.clone().filter(is_usable) {
            // Others may ask at the same time: the link is known.
            drop(slot);
            self.validator = link.validator;
            self.trusted = link.trusted;
            return match self.send(link.url).await {
                Err(Trouble::Refused(status, ..) | Trouble::StaleLink(status))
                    if means_stale_link(status) =>
                {
                    Err(self.drop_link(link.given, status))
                }
                other => other,
            };
        }
        if self.job.link_failures.load(Relaxed) != failures {
            return Err(Trouble::Overtaken);
        }
        *slot = None;
        let answered = match self.send(self.source.resolve.clone()).await {
            Ok(answer) => self.take_link(&answer).map(|link| (answer, link)),
            Err(trouble) => Err(trouble),
        };
        match answered {
            Ok((answer, link)) => {
                *slot = link;
                Ok(answer)
            }
            Err(trouble) => {
                // Those who waited for this answer must not ask the same question one by one.
                self.job.link_failures.fetch_add(1, Relaxed);
                self.job
                    .hold_off(self.engine.now() + Duration::from_millis(200));
                Err(trouble)
            }
        }
    }

    /// Takes away a link that has served before and is refused now, wherever it leads. Only one of
    /// those who used it says so: the others find it gone, or asked for.
    fn drop_link(&self, given: Instant, status: StatusCode) -> Trouble {
        match self.job.link.try_lock() {
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
        Ok(Some(Link {
            source: self.source_index,
            given: Instant::now(),
            validator: meta.validator,
            renew_at: renew_after(&answer.url, SystemTime::now())
                .and_then(|after| Instant::now().checked_add(after)),
            trusted: answer.trusted,
            url: answer.url.clone(),
        }))
    }

    async fn send(&mut self, url: url::Url) -> Result<Answer, Trouble> {
        url.host_str()
            .unwrap_or_default()
            .clone_into(&mut self.host);
        let mut request = Request::get(url);
        // What failed may be the connection, which would be taken up again.
        request.fresh = self
            .job
            .with_sources(|sources| sources.wants_fresh(self.source_index));
        let range = &self.lease.range;
        // A file that fits into one request is asked for whole: some servers refuse the range 0-0
        // of an empty file, and small files then need no support for ranges at all.
        if *range != (0..self.job.size) {
            let value = format!("bytes={}-{}", range.start, range.end - 1);
            request.headers.extend(
                HeaderValue::try_from(value)
                    .ok()
                    .map(|value| (RANGE, value)),
            );
            let strong = self.validator.as_ref().and_then(Validator::strong);
            let value = strong.and_then(|strong| HeaderValue::from_str(strong).ok());
            request.headers.extend(value.map(|value| (IF_RANGE, value)));
        }
        let credentials = self.source.credentials.as_ref().filter(|_| self.trusted);
        let network = self.engine.network(self.longest_pause);
        let answer = match follow(&network, request, credentials).await {
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
        let body = tokio::time::timeout(Duration::from_secs(5), body).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        Err(Trouble::Refused(
            status,
            Box::new(answer.response.headers),
            body,
        ))
    }

    fn accept(&self, answer: &Answer) -> Result<Accepted, Trouble> {
        let asked = Asked {
            range: self.lease.range.clone(),
            size: self.job.size,
            validator: self.validator.as_ref(),
            has_digest: self.job.digest.is_some(),
        };
        let accepted = check(&asked, answer.response.status, &answer.response.headers)
            .map_err(Trouble::Void)?;
        if accepted.whole && self.lease.range != (0..self.job.size) {
            self.job
                .with_sources(|sources| sources.be_one_stream(self.source_index));
            let known = self.job.digest.is_some() || self.validator.is_some();
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

    async fn receive(&mut self, body: Box<dyn Body>, accepted: &Accepted) -> Result<(), Trouble> {
        let (body, hold) = limited(body, self.engine.setup.throttle.as_ref());
        let mut body = plain(body, accepted.gzip);
        let start = self.lease.range.start;
        let mut skip = start - accepted.range.start;
        let mut writer = Landing::new(
            (start, accepted.range.end),
            self.job,
            &self.engine.setup.disk,
        );
        let source = &self.source.name;
        let meter = self
            .engine
            .board
            .enter(source, &self.host, self.engine.now());
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let outcome = loop {
            let chunk = tokio::select! {
                biased;
                chunk = body.chunk() => chunk,
                _ = tick.tick() => match self.on_tick((&meter, &hold), &mut writer).await {
                    Ok(true) => continue,
                    Ok(false) => break Ok(()),
                    Err(trouble) => break Err(trouble),
                },
            };
            let bytes = match chunk {
                Ok(Some(bytes)) => bytes,
                Ok(None) => break self.at_end(&writer, accepted),
                Err(failure) => break Err(Trouble::Failed(failure)),
            };
            meter.add(bytes.len() as u64, self.engine.now());
            self.engine.setup.progress.received(bytes.len() as u64);
            let before = bytes.len() as u64;
            let bytes = bytes.slice(usize::try_from(skip.min(before)).unwrap_or_default()..);
            skip -= skip.min(before);
            writer.push(bytes);
            if writer.pending >= BATCH || writer.is_at_end() {
                match self.flush(&mut writer).await {
                    // What follows is more than the answer said it holds.
                    Ok(true) if writer.is_at_end() => break self.at_end(&writer, accepted),
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(trouble) => break Err(trouble),
                }
            }
        };
        let outcome = match outcome {
            Err(Trouble::Disk(error)) => Err(Trouble::Disk(error)),
            outcome => self.land(&mut writer).await.and(outcome),
        };
        if let Err(Trouble::Disk(_)) = outcome {
            writer.forget();
        }
        outcome
    }

    /// Writes and claims all that has come.
    async fn land(&mut self, writer: &mut Writer) -> Result<bool, Trouble> {
        let wanted = self.flush(writer).await?;
        self.close(writer).await?;
        Ok(wanted)
    }

    /// Once a second: write what has come, judge the connection. False: stop, all is there.
    async fn on_tick(
        &mut self,
        (meter, hold): (&MeterHandle<'_>, &Hold),
        writer: &mut Writer,
    ) -> Result<bool, Trouble> {
        if hold.is_on() {
            // What has come is held back by us.
            meter.add(0, self.engine.now());
        }
        // Judged before the disk is waited for: that is not the connection's silence.
        let (own, siblings) = meter.tick(self.engine.now());
        let stall = hold.judged(judge(&own, &siblings));
        // A kill costs a second of a slow connection, and an extent of a fast one.
        let wanted = self.land(writer).await?;
        match stall {
            Some(stall) if wanted => Err(Trouble::Stalled(stall)),
            _ => Ok(wanted && !self.job.has_failed()),
        }
    }

    fn at_end(&self, writer: &Writer, accepted: &Accepted) -> Result<(), Trouble> {
        let has_all_of = |end: u64| writer.end() >= end;
        // A server may send less than was asked for, if it said so: the rest is asked for again. One
        // that does so by crumbs would cost a request for each.
        let is_crumb = accepted.range.end - accepted.range.start < PROGRESS;
        if has_all_of(self.lease.range.end) || has_all_of(accepted.range.end) && !is_crumb {
            Ok(())
        } else {
            Err(Trouble::Short)
        }
    }

    /// Writes what is pending. False: what follows is not wanted any more.
    async fn flush(&mut self, writer: &mut Writer) -> Result<bool, Trouble> {
        if writer.pending > 0 {
            let (offset, pieces) = writer.take();
            let len = pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
            let extents = writer.extents.add(&pieces);
            let job = Arc::clone(self.job);
            let written = self
                .engine
                .setup
                .disk
                .run_short(move || job.write(offset, &pieces, &extents))
                .await;
            written.map_err(Trouble::Disk)?;
            self.kept += len;
            if self.kept >= PROGRESS || self.kept == self.job.size {
                self.job.progressed(self.source_index, self.engine.now());
                self.engine.hope().content_came(self.engine.now());
            }
        }
        let wanted = self.job.segments().advance(self.lease.id, writer.offset);
        self.job.changed.notify_one();
        writer.wanted = writer.wanted.min(wanted);
        Ok(writer.offset < wanted)
    }

    async fn close(&self, writer: &mut Writer) -> Result<(), Trouble> {
        let Some(extent) = writer.extents.close() else {
            return Ok(());
        };
        let job = Arc::clone(self.job);
        let offset = writer.offset;
        self.engine
            .setup
            .disk
            .run_short(move || job.write(offset, &[], &[extent]))
            .await
            .map_err(Trouble::Disk)
    }
}
