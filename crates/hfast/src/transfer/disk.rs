//! Runs blocking work off the engine's threads, short writes on them while the disk keeps up, and
//! all of it in line when the clock is a test's.
//!
//! Under virtual time blocking threads would finish in an order that no seed decides.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// A write that takes longer than this had to wait for the disk. One of 256 KiB to memory takes a
/// tenth of a millisecond; a busy processor can make that some tens.
const SLOW: Duration = Duration::from_millis(100);

/// Where blocking work runs.
#[derive(Clone, Debug)]
pub enum Disk {
    /// On the runtime's pool for blocking work; short writes in line while the disk keeps up.
    Pool(Pace),
    /// Here and now: the order of everything is decided by the seed.
    Inline(Power),
}

/// Whether the machine runs; switched off by tests, as a kill or a power failure does. And how many
/// milliseconds other disks than our own take.
#[derive(Clone, Debug, Default)]
pub struct Power(Arc<AtomicBool>, Arc<AtomicU64>);

impl Power {
    /// From now on nothing reaches the disk.
    pub fn fail(&self) {
        self.0.store(true, Relaxed);
    }

    /// From now on a look at another disk takes so many milliseconds.
    pub fn delay_others(&self, millis: u64) {
        self.1.store(millis, Relaxed);
    }

    fn check(&self) -> Result<(), Error> {
        if self.0.load(Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "the power has failed"));
        }
        Ok(())
    }
}

/// Whether the disk keeps up with what is written.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<AtomicBool>);

impl Default for Disk {
    fn default() -> Self {
        Self::Pool(Pace::default())
    }
}

impl Disk {
    /// Runs `work` to its end, also when the returned future is dropped.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        match self {
            Self::Inline(power) => power.check().and_then(|()| work()),
            Self::Pool(_) => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                // A defect of ours: it is not hidden behind an error.
                Err(e) if e.is_panic() => std::panic::resume_unwind(e.into_panic()),
                Err(e) => Err(
                    Error::new(ErrorKind::Cancelled, "the work on the disk was stopped")
                        .with_source(e),
                ),
            },
        }
    }

    /// As [`Self::run`], on another disk than our own.
    pub(crate) async fn run_elsewhere<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        if let Self::Inline(Power(_, millis)) = self
            && let millis @ 1.. = millis.load(Relaxed)
        {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
        self.run(work).await
    }

    /// Runs `work` on this thread, for those who cannot wait.
    pub(crate) fn run_now<T>(&self, work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        match self {
            Self::Pool(_) => work(),
            Self::Inline(power) => power.check().and_then(|()| work()),
        }
    }

    /// As [`Self::run`], for a write that usually ends in memory: the way to another thread and
    /// back costs several times as much as the write itself. Once a write had to wait for the
    /// disk, the next ones go to the pool until they are fast again.
    pub(crate) async fn run_short<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        let Self::Pool(Pace(slow)) = self else {
            return self.run_now(work);
        };
        let slow = Arc::clone(slow);
        let timed = move |work: F| {
            let start = Instant::now();
            let result = work();
            (result, start.elapsed() > SLOW)
        };
        if !slow.load(Relaxed) {
            let (result, was_slow) = timed(work);
            slow.store(was_slow, Relaxed);
            return result;
        }
        self.run(move || {
            let (result, was_slow) = timed(work);
            slow.store(was_slow, Relaxed);
            result
        })
        .await
    }
}
