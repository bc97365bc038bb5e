//! One exchange: a source is asked for a lease's range, and what arrives is written.
//!
//! It ends when the lease is done, when the connection fails or stalls, or when others finished the
//! rest. How the source is asked is told in `ask.rs`; what follows from a failure, in `worker.rs`.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use super::board::MeterHandle;
use super::check::Accepted;
use super::engine::Engine;
use super::gunzip::plain;
use super::job::Job;
use super::lanes::Seat;
use super::link::Asking;
use super::piece::{Pace, to_f64};
use super::segments::Lease;
use super::source::Source;
use super::stall::{Silence, Stall};
use super::throttle::{Hold, limited};
use super::trouble::Trouble;
use super::writer::{Landing, Writer};
use crate::hub::metadata::Validator;
use crate::transport::Body;

/// Written at a time: few enough system calls, and little memory for many connections (8 MiB for 32).
const BATCH: usize = 256 << 10;

/// Bytes of one connection that count as progress. A trickle of less does not renew the budget: it is a few
/// windows, more than a server sends before it resets whom it does not want.
pub(super) const PROGRESS: u64 = 64 << 10;

/// A connection is judged this often, and what it brought is written: a quarter of the shortest patience that a
/// judgement waits for.
const TICK: Duration = Duration::from_millis(500);

/// The first bytes come all at once, and are no measure of the pace before this part of a wait is over.
const BURST: u32 = 4;

/// An exchange under way.
pub(super) struct Exchange<'a> {
    pub(super) engine: &'a Engine,
    pub(super) job: &'a Arc<Job>,
    pub(super) lease: &'a Lease,
    /// Given up when it is nearly done, so that another one is asked before this one ends.
    pub(super) seat: &'a Seat,
    pub(super) source: &'a Source,
    pub(super) source_index: usize,
    /// It is the one that asks the source where the bytes are, until it knows.
    pub(super) asking: Option<Asking<'a>>,
    /// No pause of a host is sat out that takes longer.
    pub(super) longest_pause: Duration,
    /// How often in a row this source has failed.
    pub(super) failures: u32,
    /// It needs a connection that was not used before.
    pub(super) fresh: bool,
    /// It only looks whether anything comes at all, after so many others that did.
    pub(super) probe: Option<u32>,
    /// The host that was asked last, for messages.
    pub(super) host: String,
    /// When it was asked last.
    pub(super) asked: Duration,
    /// When the answer began.
    pub(super) answered: Option<Duration>,
    /// Bytes that were kept.
    pub(super) kept: u64,
    /// The validator that the link had when it was new.
    pub(super) validator: Option<Validator>,
    /// Whether the way to the address that is asked never left the token's origin.
    pub(super) trusted: bool,
    /// It brings the whole file where ranges were wanted.
    pub(super) streams: bool,
}

/// What the answer is measured by while it comes.
struct Gauge<'a> {
    meter: MeterHandle<'a>,
    /// All bytes of the lane.
    received: Arc<AtomicU64>,
    /// When its first byte came.
    begun: Option<Duration>,
    /// What decides how long it may be silent.
    lane: usize,
    failures: u32,
    is_probe: bool,
    /// How long an answer takes.
    wait: Duration,
}

impl Exchange<'_> {
    /// Carries it out. `Ok` means that the lease is done or no longer wanted.
    pub(super) async fn run(&mut self) -> Result<(), Trouble> {
        let (engine, lane) = (self.engine, self.source.lane);
        let mut gauge = Gauge {
            meter: engine.board.enter(lane, &self.host, engine.now()),
            received: engine.lanes.counter(lane),
            begun: None,
            lane,
            failures: self.failures,
            is_probe: self.probe.is_some(),
            wait: engine.lanes.room(lane, engine.now()).wait,
        };
        let stopped = stop(engine, self.job, &gauge);
        let answer = tokio::select! {
            biased;
            answer = self.ask(&gauge.meter) => answer.map(Some),
            stopped = stopped => stopped.map(|()| None),
        };
        // Neither the wait for others nor the redirects on the way say how fast it answers.
        let asked = gauge.meter.asked();
        self.asked = asked;
        let Some(answer) = answer? else {
            return Ok(());
        };
        let now = engine.now();
        self.answered = Some(now);
        gauge.meter.is_from(&self.host);
        let accepted = self.accept(&answer)?;
        if self.job.note_answer() {
            let text = "it comes in several answers, and nothing tells whether it changes on the server: give its --sha256 to be sure";
            let text = format!("{}: {text}", self.job.name);
            engine.setup.progress.notice_once(&text);
        }
        let kept = answer.response.kept;
        let times = (now, now.saturating_sub(asked));
        engine.lanes.answered(lane, (&self.host, kept), times);
        let peer = answer.response.peer;
        let outcome = self
            .receive(answer.response.body, &accepted, &mut gauge)
            .await;
        let end = (engine.now(), outcome.is_ok());
        engine.lanes.ended(lane, &self.host, end);
        if self.streams {
            let index = self.source_index;
            self.job.with_sources(|sources| sources.stream_ended(index));
        }
        // Of a small file most is the wait, which says little of what a long piece would bring.
        let is_measure = self.kept > 0 && !self.job.is_small();
        if let Some(begun) = gauge.begun.filter(|_| is_measure) {
            let wait = begun.saturating_sub(asked);
            let took = engine.now().saturating_sub(begun);
            let pace = Pace::of(wait, self.kept, took);
            engine.lanes.brings(lane, pace.rate);
        }
        let broke = matches!(outcome, Err(Trouble::Stalled(_) | Trouble::Failed(_)));
        // An outage of the link is no address's fault.
        if let Some(peer) = peer.filter(|_| broke && engine.board.link_works(engine.now())) {
            engine.setup.transport.avoid(peer);
        }
        outcome
    }

    async fn receive(
        &mut self,
        body: Box<dyn Body>,
        accepted: &Accepted,
        gauge: &mut Gauge<'_>,
    ) -> Result<(), Trouble> {
        let (body, hold) = limited(body, self.engine.setup.throttle.as_ref());
        let mut body = plain(body, accepted.gzip);
        let start = self.lease.range.start;
        let mut skip = start - accepted.range.start;
        let mut writer = Landing::new(
            (start, accepted.range.end),
            self.job,
            (self.source_index, self.lease.id),
            &self.engine.setup.disk,
        );
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let outcome = loop {
            let chunk = tokio::select! {
                biased;
                chunk = body.chunk() => chunk,
                _ = tick.tick() => match self.on_tick((gauge, &hold), &mut writer).await {
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
            let before = bytes.len() as u64;
            gauge.add(before, self.engine);
            let bytes = bytes.slice(usize::try_from(skip.min(before)).unwrap_or_default()..);
            skip -= skip.min(before);
            writer.push(bytes);
            let (id, now) = (self.lease.id, self.engine.now());
            self.job.segments().come(id, writer.end(), now);
            let lanes = &self.engine.lanes;
            if gauge.is_nearly_done(&writer, start, now) && lanes.leave_early(self.seat, &self.host)
            {
                self.engine.wake.notify_one();
            }
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

    /// From time to time: write what has come, judge the connection. False: stop, all is there.
    async fn on_tick(
        &mut self,
        (gauge, hold): (&Gauge<'_>, &Hold),
        writer: &mut Writer,
    ) -> Result<bool, Trouble> {
        if hold.is_on() {
            // What has come is held back by us.
            gauge.meter.add(0, self.engine.now());
        }
        // Judged before the disk is waited for: that is not the connection's silence.
        let stall = hold.judged(gauge.judge(self.engine));
        let wanted = self.flush(writer).await?;
        if writer.extents.is_worth_a_record() {
            self.close(writer).await?;
        }
        match stall {
            Some(stall) if wanted => Err(Trouble::Stalled(stall)),
            _ => Ok(wanted && !self.job.is_given_up()),
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
            let (job, of) = (
                Arc::clone(self.job),
                (Some(self.source_index), self.lease.id),
            );
            let written = self
                .engine
                .setup
                .disk
                .run_short(move || job.write(of, offset, &pieces, &extents))
                .await;
            written.map_err(Trouble::Disk)?;
            self.kept += len;
            if self.kept >= PROGRESS || self.kept == self.job.size {
                self.job.progressed(self.source_index, self.engine.now());
                self.engine.lanes.works(self.source.lane);
                self.engine.setup.gates.serves(&self.host);
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
        let (job, of) = (
            Arc::clone(self.job),
            (Some(self.source_index), self.lease.id),
        );
        let offset = writer.offset;
        self.engine
            .setup
            .disk
            .run_short(move || job.write(of, offset, &[], &[extent]))
            .await
            .map_err(Trouble::Disk)
    }
}

impl Gauge<'_> {
    /// Whether what is left, of what began at `start`, comes within the time that the next answer takes. A
    /// connection that waits for one leaves its share of the line to nobody: others are slow to take it up.
    fn is_nearly_done(&self, writer: &Writer, start: u64, now: Duration) -> bool {
        let age = now.saturating_sub(self.begun.unwrap_or(now)) + self.wait / BURST;
        let come = writer.end().saturating_sub(start);
        let left = writer.wanted.saturating_sub(writer.end());
        to_f64(left) * age.as_secs_f64() <= to_f64(come) * self.wait.as_secs_f64()
    }

    /// Judges the connection by what answers are like now: the queue may have become long since it began.
    fn judge(&self, engine: &Engine) -> Option<Stall> {
        let wait = engine.lanes.recent_wait(self.lane);
        let allowed = Silence::new(wait, self.failures, self.is_probe);
        self.meter.judge(engine.now(), &allowed)
    }

    fn add(&mut self, bytes: u64, engine: &Engine) {
        let now = engine.now();
        self.begun.get_or_insert(now);
        self.meter.add(bytes, now);
        self.received.fetch_add(bytes, Relaxed);
        engine.setup.progress.received(bytes);
    }
}

/// Waits until the file is given up, or a connection that was asked has been silent for too long. Whether
/// others have brought its lease meanwhile does not matter: one that lost by silence has failed.
async fn stop(engine: &Engine, job: &Job, gauge: &Gauge<'_>) -> Result<(), Trouble> {
    loop {
        tokio::time::sleep(TICK).await;
        if job.is_given_up() {
            return Ok(());
        }
        if let Some(stall) = gauge.judge(engine) {
            return Err(Trouble::Stalled(stall));
        }
    }
}
