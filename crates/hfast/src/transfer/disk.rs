//! Runs blocking work off the engine's threads, or in line when the clock is a test's.
//!
//! Under virtual time blocking threads would finish in an order that no seed decides.

use crate::error::{Error, ErrorKind};

/// Where blocking work runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// On the runtime's pool for blocking work.
    Pool,
    /// Here and now: the order of everything is decided by the seed.
    Inline,
}

impl Disk {
    /// Runs `work` to its end, also when the returned future is dropped.
    pub(crate) async fn run<T, F>(self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T, Error> + Send + 'static,
    {
        match self {
            Self::Inline => work(),
            Self::Pool => match tokio::task::spawn_blocking(work).await {
                Ok(result) => result,
                Err(e) => Err(
                    Error::new(ErrorKind::Cancelled, "the work on the disk was stopped")
                        .with_source(e),
                ),
            },
        }
    }
}
