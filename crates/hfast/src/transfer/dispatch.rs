//! Gives work to connections: as many as each source may have, each with a range of the file that
//! needs it most.
//!
//! What becomes of an exchange is told in `worker.rs`; how many there may be, in `controller.rs`.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::engine::Engine;
use super::job::Job;
use super::lanes::Seat;
use super::schedule::{Full, Load, Work, choose};
use super::segments::Lease;
use super::turns::Turn;

/// The rates are looked at this often, and so is the work: pauses end by themselves. It is about a round trip
/// to a far server, and nothing that is decided here follows from less.
const TICK: Duration = Duration::from_millis(200);

/// So long after the start small files wait for large ones, which are about to be opened and need more
/// round trips until they come at full pace. A part of the connections waits for the small ones.
const HEAD_START: Duration = Duration::from_millis(50);

/// What one exchange is to do.
pub(super) struct Errand {
    pub(super) job: Arc<Job>,
    pub(super) lease: Lease,
    /// The index of the source among those of the job.
    pub(super) source: usize,
    /// It only looks whether anything comes at all, after so many others that did.
    pub(super) probe: Option<u32>,
    /// It has to ask where the bytes are.
    pub(super) asks: bool,
    pub(super) seat: Seat,
    _turn: Turn,
}

impl Engine {
    /// Begins exchanges as long as there is work for them. Returns only the panic of one of them,
    /// which would leave its lease behind and the job waiting for it.
    pub(super) async fn dispatch(
        self: &Arc<Self>,
        running: &mut JoinSet<()>,
    ) -> Box<dyn Any + Send> {
        let head_start = tokio::time::Instant::now() + HEAD_START;
        let mut tick = tokio::time::interval_at(head_start, TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let woken = self.wake.notified();
            let errands = std::iter::from_fn(|| self.next_errand()).chain(self.next_probe());
            for errand in errands {
                running.spawn(Arc::clone(self).carry_out(errand));
            }
            tokio::select! {
                // In this order, for the same seed has to do the same.
                biased;
                Some(ended) = running.join_next() => {
                    if let Err(Ok(panic)) = ended.map_err(tokio::task::JoinError::try_into_panic) {
                        return panic;
                    }
                }
                () = woken => {}
                _ = tick.tick() => {
                    let all_in_use = self.turns.all_taken(self.allowed());
                    self.lanes.look(self.now(), self.missing(), all_in_use);
                }
            }
        }
    }

    async fn carry_out(self: Arc<Self>, errand: Errand) {
        self.fetch(&errand).await;
        let Errand { job, lease, .. } = &errand;
        job.release(lease.id);
        job.leave();
        self.lanes.leave(&errand.seat);
        job.changed.notify_one();
        drop(errand);
        self.wake.notify_one();
    }

    /// What the chooser needs to know of the open files, as far as it has to look.
    fn loads(&self, open: &[Arc<Job>], now: Duration, full: Full) -> Vec<Load> {
        let gates = &self.setup.gates;
        let may_race = self.may_race();
        let (mut loads, mut has_small) = (Vec::new(), false);
        // A single connection has to do with either first, and it is a small one.
        let is_begin = now < HEAD_START && self.is_mixed.load(Relaxed) && self.connections() > 1;
        for job in open {
            let waits = is_begin && (job.is_small() || full.large);
            if waits || job.is_small() && full.small && has_small {
                loads.push(Load::default());
                continue;
            }
            job.with_sources(|sources| sources.note_pauses(|host| gates.long_pause(host)));
            let load = job.load(now, may_race, |lane| self.lanes.room(lane, now));
            loads.push(load);
            if load.is_free() && load.workers == 0 {
                // There may be very many small ones, and nothing can be wanted more than this.
                if full.is_best(&load) {
                    break;
                }
                has_small |= load.small;
            }
        }
        loads
    }

    /// Which files have their share of the connections.
    fn full(&self) -> Full {
        Full::of(self.lanes.in_use(), self.connections())
    }

    /// How many connections there should be now.
    fn connections(&self) -> usize {
        self.lanes.connections().min(self.allowed())
    }

    /// The next thing to do for a further connection, which is counted in.
    fn next_errand(&self) -> Option<Errand> {
        let turn = self.turns.take_now(self.allowed())?;
        let now = self.now();
        let open = self.open_jobs();
        let full = self.full();
        let loads = self.loads(&open, now, full);
        let Some(work) = choose(&loads, full) else {
            self.lanes.idle();
            return None;
        };
        let (Work::Lease(index) | Work::Help(index)) = work;
        let (job, source) = (Arc::clone(&open[index]), loads[index].source?);
        let lane = job.with_sources(|sources| sources.get(source).lane);
        let rules = self.lanes.room(lane, now).rules(self.may_race());
        let lease = if let Work::Help(_) = work {
            job.segments().help(now, &rules)
        } else if job.is_one_stream() || job.is_small() {
            job.segments().lease(u64::MAX, now)
        } else {
            let piece = self.lanes.piece(lane, self.left(&open), self.connections());
            let mut segments = job.segments();
            let first = segments.help_first(now, &rules);
            first.or_else(|| segments.lease(piece, now))
        }?;
        Some(self.errand((job, lease), source, (None, turn)))
    }

    /// Bytes that are not there yet.
    fn missing(&self) -> u64 {
        let open = self.open_jobs();
        let missing = open
            .iter()
            .map(|job| job.size - job.segments().landed_bytes());
        missing.fold(self.unopened.load(Relaxed), u64::saturating_add)
    }

    /// Bytes that nobody brings yet.
    fn left(&self, open: &[Arc<Job>]) -> u64 {
        let free = open.iter().map(|job| job.segments().free_bytes());
        free.fold(self.unopened.load(Relaxed), u64::saturating_add)
    }

    /// Where a rate limit decides, bytes that come twice cost others their time.
    fn may_race(&self) -> bool {
        let throttle = self.setup.throttle.as_ref();
        !throttle.is_some_and(|throttle| throttle.binds())
    }

    /// Counts a connection in, until [`Self::carry_out`] ends.
    fn errand(
        &self,
        (job, lease): (Arc<Job>, Lease),
        source: usize,
        (probe, turn): (Option<u32>, Turn),
    ) -> Errand {
        let lane = job.with_sources(|sources| sources.get(source).lane);
        let asks = job.way(source).is_to_be_asked();
        job.enter();
        let seat = self.lanes.enter(lane, job.is_small());
        Errand {
            job,
            lease,
            source,
            probe,
            asks,
            seat,
            _turn: turn,
        }
    }

    /// When nothing has come over any connection for a while, one more is tried from time to time: the
    /// link may have come back, and the others may not notice for long.
    fn next_probe(&self) -> Option<Errand> {
        let now = self.now();
        let turn = self.probe.take_now(1)?;
        let before = self.board.is_time_to_probe(now)?;
        let open = self.open_jobs();
        let mut held = open.iter().filter_map(|job| {
            let source = job.with_sources(|sources| Some(sources.pick()?.0))?;
            Some((job, source, job.segments().probe(now)?))
        });
        let (job, source, lease) = held.next()?;
        Some(self.errand((Arc::clone(job), lease), source, (Some(before), turn)))
    }
}
