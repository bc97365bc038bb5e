//! The engine of one job: the open files, the workers' common state, and the way of one file.
//!
//! Workers are in `worker.rs`, one exchange in `exchange.rs`, the judge in `verify.rs`.

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::{Notify, SemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::board::Board;
use super::disk::Disk;
use super::hope::Hope;
use super::job::Job;
use super::progress::Progress;
use super::provider::Provider;
use super::schedule::{Load, Work, choose};
use super::segments::Lease;
use super::throttle::Throttle;
use super::turns::Turns;
use crate::error::{Error, ErrorKind};
use crate::store::destination::{Destination, Wanted};
use crate::transport::Transport;
use crate::transport::follow::Network;
use crate::transport::gate::Gates;

/// Connections on large files from the start, and those added with each second.
const FIRST_CONNECTIONS: usize = 4;
const CONNECTIONS_PER_SECOND: usize = 4;

/// An idle worker looks around this often even if nobody wakes it: pauses end by themselves.
const IDLE: Duration = Duration::from_millis(200);

/// Files up to this size stay in memory until they are verified.
pub(crate) const SMALL: u64 = 1 << 20;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections over all files.
    pub(crate) connections: usize,
    /// Large files at once.
    pub(crate) files: usize,
}

/// What a job is carried out with: all of it is decided before the first worker starts.
pub(crate) struct Setup {
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) gates: Arc<Gates>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) disk: Disk,
    pub(crate) throttle: Option<Arc<Throttle>>,
    pub(crate) destination: Arc<Destination>,
    pub(crate) provider: Arc<Provider>,
    pub(crate) limits: Limits,
    /// Fetch also what is already there.
    pub(crate) force: bool,
    /// Ask no source: only what is on the disk counts.
    pub(crate) offline: bool,
    pub(crate) seed: u64,
    /// Files under other names, by their size.
    pub(crate) others: HashMap<u64, Vec<PathBuf>>,
}

/// The state that all workers of one job share.
pub(crate) struct Engine {
    pub(crate) setup: Setup,
    pub(super) board: Board,
    pub(super) wake: Notify,
    /// One for each connection that there may be, over files of known and unknown size.
    turns: Turns,
    started: Instant,
    chance: Mutex<fastrand::Rng>,
    open: Mutex<Vec<Arc<Job>>>,
    closed: AtomicBool,
    /// Why no further file is asked for: a refusal of the whole repository, or nothing that answers.
    over: OnceLock<(ErrorKind, String, Option<String>)>,
    hope: Mutex<Hope>,
    /// Unfinished files of earlier runs, by their stem.
    pub(super) leftovers: Mutex<HashMap<String, Vec<PathBuf>>>,
}

/// What became of a job.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Names that files got.
    pub(crate) files: usize,
    /// Their bytes.
    pub(crate) bytes: u64,
    /// Files that could not be had, and why.
    pub(crate) failed: Vec<(String, Error)>,
}

impl Outcome {
    fn add(mut self, (wanted, result): (Wanted, Result<u64, Error>)) -> Self {
        match result {
            Ok(size) => {
                self.files += wanted.paths.len();
                self.bytes += size * wanted.paths.len() as u64;
            }
            Err(error) => self.failed.push((wanted.name().to_owned(), error)),
        }
        self
    }
}

impl Engine {
    /// Looks for what earlier runs left, and so blocks.
    pub(crate) fn new(setup: Setup) -> Arc<Self> {
        let mut leftovers: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for (stem, path) in crate::store::resume::leftovers(&setup.destination.partials()) {
            leftovers.entry(stem).or_default().push(path);
        }
        Arc::new(Self {
            board: Board::default(),
            wake: Notify::new(),
            turns: Turns::new(setup.limits.connections.max(1)),
            started: Instant::now(),
            chance: Mutex::new(fastrand::Rng::with_seed(setup.seed)),
            open: Mutex::default(),
            closed: AtomicBool::new(false),
            over: OnceLock::new(),
            hope: Mutex::default(),
            leftovers: Mutex::new(leftovers),
            setup,
        })
    }

    /// Fetches everything. Files that fail do not stop the others.
    pub(crate) async fn run(self: &Arc<Self>, mut wanted: Vec<Wanted>) -> Outcome {
        let mut workers = JoinSet::new();
        for _ in 0..self.setup.limits.connections.max(1) {
            workers.spawn(Arc::clone(self).work());
        }
        let is_large = |wanted: &mut Wanted| wanted.size.is_none_or(|size| size > SMALL);
        let large: Vec<_> = wanted.extract_if(.., is_large).collect();
        let small = wanted;
        // Half of the connections for small files while there are large ones: neither kind waits
        // for the other.
        let half = (self.setup.limits.connections / 2).max(1);
        let at_once = if large.is_empty() {
            self.setup.limits.connections
        } else {
            half
        };
        let carry = |wanted| Arc::clone(self).carry(wanted);
        let small = futures_util::stream::iter(small)
            .map(carry)
            .buffer_unordered(at_once.max(1));
        let large = futures_util::stream::iter(large)
            .map(carry)
            .buffer_unordered(self.setup.limits.files.max(1));
        let finished = futures_util::stream::select(small, large);
        let finished = finished.fold(Outcome::default(), async |sum, one| sum.add(one));
        let outcome = tokio::select! {
            outcome = finished => outcome,
            // A worker that panics would leave its lease behind, and the job waiting for it.
            panic = first_panic(&mut workers) => std::panic::resume_unwind(panic),
        };
        self.closed.store(true, Relaxed);
        self.turns.close();
        self.wake.notify_waiters();
        workers.shutdown().await;
        outcome
    }

    /// Takes one content all the way, and tells how it went.
    async fn carry(self: Arc<Self>, wanted: Wanted) -> (Wanted, Result<u64, Error>) {
        let mut wanted = wanted;
        let result = self.deliver(&mut wanted).await;
        match &result {
            Ok(bytes) => wanted
                .paths
                .iter()
                .for_each(|path| self.setup.progress.file_done(path.as_str(), *bytes)),
            Err(error) => self
                .setup
                .progress
                .event(super::progress::Event::FileFailed {
                    name: wanted.name().to_owned(),
                    reason: error.to_string(),
                }),
        }
        (wanted, result)
    }

    /// The way out for a request that sits out no pause longer than this.
    pub(super) fn network(&self, longest_pause: Duration) -> Network<'_> {
        Network {
            transport: self.setup.transport.as_ref(),
            gates: self.setup.gates.as_ref(),
            longest_pause,
            spread: self.chance(),
        }
    }

    /// Asks for no further file: this error of the file `name` would be that of all of them.
    pub(super) fn end_early(&self, name: &str, error: &Error) {
        let hint = error.hint().map(str::to_owned);
        let text = error.to_string();
        let reason = text.strip_prefix(name).and_then(|t| t.strip_prefix(": "));
        let reason = reason.unwrap_or(&text).to_owned();
        self.over.get_or_init(|| (error.kind(), reason, hint));
    }

    /// Why no further file is asked for, if that is so.
    pub(super) fn over(&self) -> Option<Error> {
        let (kind, reason, hint) = self.over.get()?;
        let error = Error::new(*kind, format!("not tried any more: {reason}"));
        Some(
            hint.iter()
                .fold(error, |error, hint| error.with_hint(hint.clone())),
        )
    }

    /// Whether files can still be hoped for.
    pub(super) fn hope(&self) -> MutexGuard<'_, Hope> {
        self.hope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Time since the engine began.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// A number in `0.0..1.0` from the engine's seed.
    pub(crate) fn chance(&self) -> f64 {
        self.chance
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .f64()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// Opens a job to the workers until the returned guard is dropped.
    pub(super) fn open(&self, job: &Arc<Job>) -> Open<'_> {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(job));
        self.wake.notify_waiters();
        Open {
            engine: self,
            job: Arc::clone(job),
        }
    }

    /// The next lease for an idle worker, which is counted in.
    pub(super) fn next_work(&self) -> Option<(Arc<Job>, Lease)> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        let mut loads: Vec<_> = open.iter().map(|job| job.load(now)).collect();
        let is_large = |index: usize| open[index].size > SMALL;
        let on_large = (0..open.len()).filter(|index| is_large(*index));
        let working: usize = on_large.map(|index| loads[index].workers).sum();
        if working >= connections_at(now) {
            let large = loads
                .iter_mut()
                .enumerate()
                .filter(|(index, _)| is_large(*index));
            large.for_each(|(_, load)| {
                *load = Load {
                    workers: load.workers,
                    ..Load::default()
                }
            });
        }
        let (index, helps) = match choose(&loads)? {
            Work::Lease(index) => (index, false),
            Work::Help(index) => (index, true),
        };
        let job = Arc::clone(&open[index]);
        let piece = job.piece();
        let mut segments = job.segments();
        let lease = if helps {
            // Where a limit decides, bytes that come twice cost others their time.
            let may_race = !self.setup.throttle.as_ref().is_some_and(|t| t.binds());
            let stolen = segments.steal(now);
            stolen.or_else(|| may_race.then(|| segments.race(now)).flatten())
        } else {
            segments.lease(piece, now)
        };
        drop(segments);
        job.enter();
        if lease.is_none() {
            job.leave();
        }
        lease.map(|lease| (job, lease))
    }

    /// Waits for the right to one connection. `None`: there will be none any more.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let throttle = self.setup.throttle.as_ref();
        let allowed = |most| throttle.map_or(most, |throttle| throttle.connections(most));
        self.turns.take(allowed).await
    }

    pub(super) async fn wait_for_work(&self) {
        let idle = tokio::time::timeout(IDLE, self.wake.notified()).await;
        drop(idle);
    }
}

/// Waits for a worker to panic; workers that end otherwise are of no interest.
async fn first_panic(workers: &mut JoinSet<()>) -> Box<dyn Any + Send> {
    while let Some(ended) = workers.join_next().await {
        if let Err(Ok(panic)) = ended.map_err(tokio::task::JoinError::try_into_panic) {
            return panic;
        }
    }
    std::future::pending().await
}

/// How many connections may work on large files at a time since the start. They are added over the
/// first seconds: a network that has delivered everything by then is hurt by more of them, and on any
/// other network the delay does not matter.
fn connections_at(now: Duration) -> usize {
    let seconds = usize::try_from(now.as_secs()).unwrap_or(usize::MAX);
    FIRST_CONNECTIONS.saturating_add(seconds.saturating_mul(CONNECTIONS_PER_SECOND))
}

/// A job that workers can see.
pub(super) struct Open<'a> {
    engine: &'a Engine,
    job: Arc<Job>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let mut open = self
            .engine
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.retain(|job| !Arc::ptr_eq(job, &self.job));
    }
}
