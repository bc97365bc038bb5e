//! The right to a connection: so many at once, and fewer while a rate limit feeds only some.
//!
//! How many are allowed at a rate is decided in `booking.rs`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// As many turns as there may be connections, of which some are withheld for a time.
pub(super) struct Turns {
    free: Arc<Semaphore>,
    most: usize,
    withheld: Mutex<usize>,
}

/// The right to one connection, until it is dropped.
pub(super) struct Turn(#[allow(dead_code, reason = "its drop gives it back")] OwnedSemaphorePermit);

impl Turns {
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(most)),
            most,
            withheld: Mutex::default(),
        }
    }

    /// A turn, if one of the `allowed` can be had now.
    pub(super) fn take_now(&self, allowed: usize) -> Option<Turn> {
        loop {
            self.give_back(self.surplus(allowed));
            let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
            if let Some(turn) = self.withhold(permit, self.surplus(allowed)) {
                return Some(turn);
            }
        }
    }

    /// Waits for a turn, while `allowed` of them may be had: it is asked before and after the wait.
    /// `None`: there will be none any more.
    pub(super) async fn take(&self, allowed: impl Fn() -> usize) -> Option<Turn> {
        loop {
            self.give_back(self.surplus(allowed()));
            let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
            if let Some(turn) = self.withhold(permit, self.surplus(allowed())) {
                return Some(turn);
            }
        }
    }

    /// Whether as many are in use as are allowed.
    pub(super) fn all_taken(&self, allowed: usize) -> bool {
        let withheld = *self.withheld();
        let taken = self.most
            - withheld
                .saturating_add(self.free.available_permits())
                .min(self.most);
        taken >= allowed.clamp(1, self.most)
    }

    /// At least one is in use or free, so there is always somebody who comes by here.
    fn surplus(&self, allowed: usize) -> usize {
        self.most - allowed.clamp(1, self.most)
    }

    /// Keeps the permit back if there are too many.
    fn withhold(&self, permit: OwnedSemaphorePermit, surplus: usize) -> Option<Turn> {
        let mut withheld = self.withheld();
        if *withheld >= surplus {
            return Some(Turn(permit));
        }
        *withheld += 1;
        permit.forget();
        None
    }

    /// From now on nobody gets one.
    pub(super) fn close(&self) {
        self.free.close();
    }

    fn give_back(&self, surplus: usize) {
        let mut withheld = self.withheld();
        let back = withheld.saturating_sub(surplus);
        *withheld -= back;
        self.free.add_permits(back);
    }

    fn withheld(&self) -> MutexGuard<'_, usize> {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn turns_are_withheld_and_given_back() {
        let turns = Turns::new(4);
        let allowed = Cell::new(4);
        let take = || turns.take(|| allowed.get()).now_or_never().flatten();
        let mut taken: Vec<_> = (0..4).filter_map(|_| take()).collect();
        assert_eq!(taken.len(), 4);
        assert!(turns.all_taken(4) && turns.all_taken(2));
        allowed.set(2);
        taken.truncate(2);
        assert!(take().is_none(), "two are in use");
        assert!(turns.all_taken(2) && !turns.all_taken(3));
        taken.pop();
        assert!(!turns.all_taken(2));
        let third = take();
        assert!(third.is_some() && take().is_none());
        allowed.set(0);
        drop((third, taken));
        let last = take();
        assert!(last.is_some() && take().is_none(), "one is always left");
        allowed.set(4);
        let rest: Vec<_> = (0..4).filter_map(|_| take()).collect();
        assert_eq!(rest.len(), 3);
        turns.close();
        drop(rest);
        assert!(take().is_none());
    }
}
