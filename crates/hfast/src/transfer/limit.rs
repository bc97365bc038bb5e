//! The rate limit of a client, as its caller states it: how much, by whose clock, and shared by whom.
//!
//! It is kept by `throttle.rs`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::rate_limit::{RateLimit, TimeOfDay};
use crate::store::shared_rate;

/// Tells the time of day. The library reads no time zone, as it reads no environment.
pub type Clock = Arc<dyn Fn() -> TimeOfDay + Send + Sync>;

/// How fast a client may receive files, over all its connections.
#[derive(Clone)]
pub struct Limit {
    /// How much, at which time of day.
    pub rate: RateLimit,
    /// Which time of day it is; read some times a second where the rate depends on it.
    pub clock: Clock,
    /// Whoever has the same folder shares the limit: two processes that name it have it together,
    /// and not each. It is made if need be, and must be this user's alone; its parent must be there.
    /// `None`: the limit is this client's. Where the folder cannot be used, that is logged, and the
    /// limit is this client's, too.
    pub folder: Option<PathBuf>,
}

impl Limit {
    /// The folder that all processes of this user on this machine find: in the `runtime` folder of
    /// the user if it is there (`XDG_RUNTIME_DIR`), else in that of the system, else in `temporary`.
    /// Looks at the disk.
    pub fn usual_folder(runtime: Option<&Path>, temporary: &Path) -> PathBuf {
        shared_rate::usual_folder(runtime, temporary)
    }

    /// Bytes per second that may come now; `None`: as many as there are.
    pub fn rate_now(&self) -> Option<u64> {
        let by_the_clock = || self.rate.rate_at((self.clock)());
        self.rate.constant().or_else(by_the_clock)
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("rate", &self.rate)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
