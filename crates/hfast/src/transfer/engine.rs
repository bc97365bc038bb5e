//! The engine of one job: the open files, the workers' common state, and the way of one file.
//!
//! Workers are in `worker.rs`, one exchange in `exchange.rs`, the judge in `verify.rs`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::board::Board;
use super::disk::Disk;
use super::hope::Hope;
use super::job::Job;
use super::lanes::Lanes;
use super::progress::Progress;
use super::provider::Provider;
use super::throttle::Throttle;
use super::turns::{Turn, Turns};
use crate::client::memory::Known;
use crate::error::{Error, ErrorKind};
use crate::store::destination::{Destination, Wanted};
use crate::transport::Transport;
use crate::transport::follow::Network;
use crate::transport::gate::Gates;
use crate::transport::nearness::Nearness;

/// Files up to this size stay in memory until they are verified: a partial file and a journal for each would cost
/// more than to fetch it again.
pub(crate) const SMALL: u64 = 1 << 20;

/// Small files that are under way for each connection: while one comes, another is looked for on the
/// disk, and a third gets its name.
const SMALL_FILES: usize = 3;

/// How much is done at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at most, over all files and sources.
    pub(crate) connections: usize,
    /// That many from the start and always: somebody insists.
    pub(crate) insists: bool,
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
    /// How far the servers are, as far as that is known.
    pub(crate) nearness: Arc<Nearness>,
    /// What earlier jobs learnt of the ways.
    pub(crate) known: Known,
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
    pub(super) turns: Turns,
    /// And one more to see whether anything comes at all.
    pub(super) probe: Turns,
    pub(crate) lanes: Lanes,
    /// One for each small file that is under way.
    small: Turns,
    /// There are large files and small ones.
    pub(super) is_mixed: AtomicBool,
    /// Bytes of the files that are not open yet.
    pub(super) unopened: AtomicU64,
    started: Instant,
    chance: Mutex<fastrand::Rng>,
    open: Mutex<Vec<Arc<Job>>>,
    /// Why no further file is asked for: a refusal of the whole repository, or nothing that answers.
    over: OnceLock<(ErrorKind, String, Option<String>)>,
    hope: Mutex<Hope>,
    /// Folders and caches that do not answer.
    pub(super) silent: Mutex<Vec<Arc<Path>>>,
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
            probe: Turns::new(1),
            lanes: lanes(&setup),
            small: Turns::new(setup.limits.connections.max(1)),
            is_mixed: AtomicBool::new(false),
            unopened: AtomicU64::new(0),
            started: Instant::now(),
            chance: Mutex::new(fastrand::Rng::with_seed(setup.seed)),
            open: Mutex::default(),
            over: OnceLock::new(),
            hope: Mutex::default(),
            silent: Mutex::default(),
            leftovers: Mutex::new(leftovers),
            setup,
        })
    }

    /// Fetches everything. Files that fail do not stop the others.
    pub(crate) async fn run(self: &Arc<Self>, mut wanted: Vec<Wanted>) -> Outcome {
        let unopened = wanted.iter().filter_map(|wanted| wanted.size);
        let unopened = unopened.fold(0, u64::saturating_add);
        let is_large = |wanted: &mut Wanted| wanted.size.is_none_or(|size| size > SMALL);
        let large: Vec<_> = wanted.extract_if(.., is_large).collect();
        let small = wanted;
        let is_mixed = !large.is_empty() && !small.is_empty();
        self.is_mixed.store(is_mixed, Relaxed);
        self.unopened.store(unopened, Relaxed);
        let carry = |wanted| Arc::clone(self).carry(wanted);
        let small = futures_util::stream::iter(small)
            .map(carry)
            .buffer_unordered(self.setup.limits.connections.max(1));
        let large = futures_util::stream::iter(large)
            .map(carry)
            .buffer_unordered(self.setup.limits.files.max(1));
        let finished = futures_util::stream::select(small, large);
        let finished = finished.fold(Outcome::default(), async |sum, one| sum.add(one));
        let mut running = JoinSet::new();
        let outcome = tokio::select! {
            biased;
            outcome = finished => outcome,
            panic = self.dispatch(&mut running) => std::panic::resume_unwind(panic),
        };
        self.turns.close();
        running.shutdown().await;
        outcome
    }

    /// Takes one content all the way, and tells how it went.
    async fn carry(self: Arc<Self>, wanted: Wanted) -> (Wanted, Result<u64, Error>) {
        let mut wanted = wanted;
        let is_small = wanted.size.is_some_and(|size| size <= SMALL);
        // What was learnt by then from the others is of use to it.
        let soon = || self.lanes.connections() * SMALL_FILES;
        let _turn = if is_small {
            self.small.take(soon).await
        } else {
            None
        };
        if let Some(size) = wanted.size {
            self.unopened.fetch_sub(size, Relaxed);
        }
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
            nearness: self.setup.nearness.as_ref(),
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
        let open = self.open_jobs();
        for job in open.iter().filter(|job| job.name != name) {
            if let Some(error) = self.over() {
                job.forsake(error);
            }
        }
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

    /// Opens a job to the workers until the returned guard is dropped.
    pub(super) fn open(&self, job: &Arc<Job>) -> Open<'_> {
        let mut open = self.open_jobs();
        // The large ones come first, for there are few of them.
        let large = open.iter().take_while(|job| !job.is_small()).count();
        let place = if job.is_small() { open.len() } else { large };
        open.insert(place, Arc::clone(job));
        drop(open);
        self.wake.notify_one();
        Open {
            engine: self,
            job: Arc::clone(job),
        }
    }

    /// The jobs that connections can work on.
    pub(super) fn open_jobs(&self) -> MutexGuard<'_, Vec<Arc<Job>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the right to one connection. `None`: there will be none any more.
    pub(super) async fn turn(&self) -> Option<Turn> {
        self.turns.take(|| self.allowed()).await
    }

    /// How many connections there may be now.
    pub(super) fn allowed(&self) -> usize {
        let most = self.setup.limits.connections;
        let throttle = self.setup.throttle.as_ref();
        throttle.map_or(most, |throttle| throttle.connections(most))
    }
}

/// The ways to the sources. The one that would be asked first is taken to work: it has answered, or there
/// is nothing better.
fn lanes(setup: &Setup) -> Lanes {
    let Limits {
        connections,
        insists,
        ..
    } = setup.limits;
    let known = setup.known.clone();
    let lanes = Lanes::new(connections, insists, setup.nearness.shortest(), known);
    for (order, (lane, failed)) in setup.provider.lanes().into_iter().enumerate() {
        if order == 0 {
            lanes.works(lane);
        } else if failed {
            lanes.is_in_trouble(lane);
        }
    }
    lanes
}

/// A job that workers can see.
pub(super) struct Open<'a> {
    engine: &'a Engine,
    job: Arc<Job>,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.engine
            .open_jobs()
            .retain(|job| !Arc::ptr_eq(job, &self.job));
    }
}
