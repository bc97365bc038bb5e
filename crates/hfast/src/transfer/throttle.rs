//! Keeps a rate limit: hands the bytes of bodies on when they are due, over all connections of a
//! client and, by way of a file, over all processes that share it.
//!
//! Bytes that are not due stay where they are, in the hands of one connection and in the buffers of
//! the system, and so the sender slows down. The arithmetic is in `booking.rs`.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::booking::{Booked, connections, cost, grant};
use super::disk::Disk;
use super::limit::Limit;
use super::stall::{Stall, WINDOW};
use crate::error::Error;
use crate::store::shared_rate::SharedRate;
use crate::transport::{Body, Boxed, Failure};

/// Another process books within microseconds. One that was stopped while it did so is not waited
/// for: after so many attempts, a millisecond apart, this process goes by its own bookings.
const ATTEMPTS: usize = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(1);

/// Where the limit decides, somebody waits for it many times a second.
const JUST_NOW: Duration = Duration::from_secs(1);

/// What keeps the limit of one client.
pub(crate) struct Throttle {
    limit: Limit,
    disk: Disk,
    shared: Option<Arc<SharedRate>>,
    /// The file turned out to be of no use.
    is_alone: AtomicBool,
    /// One at a time, in the order in which they came: each connection gets its share, and the
    /// process has one booking, however many connections it has.
    turn: Semaphore,
    started: Instant,
    state: Mutex<State>,
}

/// Moments are those of this process.
#[derive(Default)]
struct State {
    /// Bytes that were granted and not handed on yet; they are due at `due`.
    purse: u64,
    due: Duration,
    own: Booked,
    /// When somebody last had to wait.
    waited: Option<Duration>,
}

impl Throttle {
    /// `None` where there is nothing to keep.
    pub(crate) fn new(limit: Limit, disk: Disk) -> Option<Arc<Self>> {
        if limit.rate.is_full() {
            return None;
        }
        let shared = limit.folder.clone().map(SharedRate::new).map(Arc::new);
        Some(Arc::new(Self {
            limit,
            disk,
            shared,
            is_alone: AtomicBool::new(false),
            turn: Semaphore::new(1),
            started: Instant::now(),
            state: Mutex::default(),
        }))
    }

    /// How many of `most` connections make sense now.
    pub(super) fn connections(&self, most: usize) -> usize {
        connections(self.limit.rate_now(), most)
    }

    /// Whether more would come now without the limit.
    pub(super) fn binds(&self) -> bool {
        self.has_bound(JUST_NOW)
    }

    /// Whether a connection had to wait for the limit within the last `time`.
    fn has_bound(&self, time: Duration) -> bool {
        let waited = self.state().waited;
        waited.is_some_and(|at| self.started.elapsed().saturating_sub(at) < time)
    }

    /// Waits until some of `wanted` bytes are due, and says how many.
    async fn grant(self: Arc<Self>, wanted: u64) -> u64 {
        // It is never closed.
        let Ok(_turn) = self.turn.acquire().await else {
            return wanted;
        };
        if self.state().purse == 0 {
            let Some(rate) = self.limit.rate_now() else {
                return wanted;
            };
            self.book(rate).await;
        }
        let due = self.state().due;
        let wait = due.saturating_sub(self.started.elapsed());
        if !wait.is_zero() {
            self.state().waited = Some(due);
            tokio::time::sleep(wait).await;
        }
        let mut state = self.state();
        let granted = state.purse.min(wanted);
        state.purse -= granted;
        granted
    }

    /// Fills the purse. What the dropped future of another connection has booked stays in it.
    async fn book(&self, rate: u64) {
        let bytes = grant(rate);
        let cost = cost(bytes, rate);
        let shared = self.book_shared(cost).await;
        let now = self.started.elapsed();
        let mut state = self.state();
        let wait = match shared {
            Some(wait) => {
                state.own = Booked(now + wait + cost);
                wait
            }
            None => state.own.book(now, cost),
        };
        (state.purse, state.due) = (bytes, now + wait);
    }

    async fn book_shared(&self, cost: Duration) -> Option<Duration> {
        let shared = self
            .shared
            .as_ref()
            .filter(|_| !self.is_alone.load(Relaxed));
        let shared = shared?;
        for _ in 0..ATTEMPTS {
            let file = Arc::clone(shared);
            let booked = self.disk.run_short(move || {
                // All processes read the same clock. Where it jumps, the booking is off by less than
                // what is believed of it.
                let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
                let failed = |e| Error::disk("share the rate limit in", file.folder(), e);
                file.book(now, cost).map_err(failed)
            });
            match booked.await {
                Ok(Some(wait)) => return Some(wait),
                Ok(None) => tokio::time::sleep(BETWEEN_ATTEMPTS).await,
                Err(error) => {
                    if !self.is_alone.swap(true, Relaxed) {
                        tracing::warn!("the rate limit holds for this process alone: {error}");
                    }
                    return None;
                }
            }
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads `body` under the limit, if there is one.
pub(super) fn limited(
    body: Box<dyn Body>,
    throttle: Option<&Arc<Throttle>>,
) -> (Box<dyn Body>, Hold) {
    let Some(throttle) = throttle else {
        return (body, Hold(None));
    };
    let is_on = Arc::new(AtomicBool::new(false));
    let hold = Hold(Some((Arc::clone(throttle), Arc::clone(&is_on))));
    let body = Limited {
        body,
        throttle: Arc::clone(throttle),
        in_hand: Bytes::new(),
        asked: None,
        is_on,
    };
    (Box::new(body), hold)
}

/// A body whose bytes are handed on when they are due.
struct Limited {
    body: Box<dyn Body>,
    throttle: Arc<Throttle>,
    /// Bytes that have come and are not due yet.
    in_hand: Bytes,
    /// The wait for them. It outlives the future that waits for it, so that a connection that looks
    /// at something else in between keeps its place.
    asked: Option<Boxed<'static, u64>>,
    is_on: Arc<AtomicBool>,
}

impl Body for Limited {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
        Box::pin(async {
            if self.in_hand.is_empty() {
                match self.body.chunk().await? {
                    Some(bytes) if !bytes.is_empty() => self.in_hand = bytes,
                    other => return Ok(other),
                }
                self.is_on.store(true, Relaxed);
            }
            let wanted = self.in_hand.len() as u64;
            let ask =
                || -> Boxed<'static, u64> { Box::pin(Arc::clone(&self.throttle).grant(wanted)) };
            let granted = self.asked.get_or_insert_with(ask).await;
            self.asked = None;
            let granted = usize::try_from(granted).unwrap_or(usize::MAX);
            let due = self.in_hand.split_to(granted.min(self.in_hand.len()));
            self.is_on.store(!self.in_hand.is_empty(), Relaxed);
            Ok(Some(due))
        })
    }
}

/// What the judge of a connection has to know of its limit.
pub(super) struct Hold(Option<(Arc<Throttle>, Arc<AtomicBool>)>);

impl Hold {
    /// Whether bytes have come and are held back: the connection is not silent.
    pub(super) fn is_on(&self) -> bool {
        let on = self.0.as_ref().map(|(_, is_on)| is_on.load(Relaxed));
        on.unwrap_or(false)
    }

    /// What remains of a judgement. While the limit decides how fast bytes come, rates say nothing of
    /// the network; a connection that is silent is silent.
    pub(super) fn judged(&self, stall: Option<Stall>) -> Option<Stall> {
        let binds = || {
            self.0
                .as_ref()
                .is_some_and(|(limit, _)| limit.has_bound(WINDOW))
        };
        stall.filter(|stall| matches!(stall, Stall::Silent(_)) || !binds())
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::Power;
    use super::*;
    use crate::rate_limit::TimeOfDay;

    /// It always has more.
    struct Endless;

    impl Body for Endless {
        fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
            Box::pin(async { Ok(Some(Bytes::from_static(&[0; 16 << 10]))) })
        }
    }

    fn throttle(text: &str, folder: Option<std::path::PathBuf>) -> Arc<Throttle> {
        let limit = Limit {
            rate: text.parse().unwrap(),
            clock: Arc::new(TimeOfDay::default),
            folder,
        };
        Throttle::new(limit, Disk::Inline(Power::default())).unwrap()
    }

    /// Reads for ten seconds, looking up every `patience`.
    async fn read(throttle: &Arc<Throttle>, patience: Duration) -> usize {
        let (mut body, hold) = limited(Box::new(Endless), Some(throttle));
        let began = Instant::now();
        let mut received = 0;
        while began.elapsed() < Duration::from_secs(10) {
            match tokio::time::timeout(patience, body.chunk()).await {
                Ok(chunk) => received += chunk.unwrap().unwrap().len(),
                Err(_) => assert!(hold.is_on()),
            }
        }
        received
    }

    #[tokio::test(start_paused = true)]
    async fn who_looks_up_keeps_its_place() {
        let throttle = throttle("100K", None);
        let (calm, nervous) = (Duration::from_secs(60), Duration::from_millis(7));
        let (calm, nervous) = tokio::join!(read(&throttle, calm), read(&throttle, nervous));
        assert!(calm.abs_diff(nervous) < 30_000, "{calm} and {nervous}");
        assert!((950_000..1_050_000).contains(&(calm + nervous)));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_file_the_limit_holds_alone() {
        let throttle = throttle("100K", Some("/nowhere/hfast".into()));
        let received = read(&throttle, Duration::from_secs(60)).await;
        assert!((950_000..1_050_000).contains(&received), "{received}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_stopped_with_the_lock_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("hfast");
        let shared = SharedRate::new(place.clone());
        shared.book(Duration::ZERO, Duration::ZERO).unwrap();
        let stopped = std::fs::File::open(place.join("rate-limit")).unwrap();
        stopped.lock().unwrap();
        let received = read(&throttle("100K", Some(place)), Duration::from_secs(60)).await;
        assert!((950_000..1_050_000).contains(&received), "{received}");
    }
}
