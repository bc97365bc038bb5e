//! The right to a connection: so many at once, and fewer while a rate limit feeds only some.
//!
//! How many are allowed at a rate is decided in `booking.rs`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// As many turns as there may be connections, of which some are withheld for a time.
pub(super) struct Turns {
    free: Semaphore,
    most: usize,
    withheld: Mutex<usize>,
}

impl Turns {
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: Semaphore::new(most),
            most,
            withheld: Mutex::default(),
        }
    }

    /// Waits for a turn, while `allowed` of them may be had: it is asked before and after the wait.
    /// `None`: there will be none any more.
    pub(super) async fn take(
        &self,
        allowed: impl Fn(usize) -> usize,
    ) -> Option<SemaphorePermit<'_>> {
        // At least one is in use or free, so there is always somebody who comes by here.
        let surplus = || self.most - allowed(self.most).clamp(1, self.most);
        loop {
            self.give_back(surplus());
            let permit = self.free.acquire().await.ok()?;
            let mut withheld = self.withheld();
            if *withheld >= surplus() {
                return Some(permit);
            }
            *withheld += 1;
            permit.forget();
        }
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
        let take = || turns.take(|_| allowed.get()).now_or_never().flatten();
        let mut taken: Vec<_> = (0..4).filter_map(|_| take()).collect();
        assert_eq!(taken.len(), 4);
        allowed.set(2);
        taken.truncate(2);
        assert!(take().is_none(), "two are in use");
        taken.pop();
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
