//! The signals that end a lab: they are waited for, so that the lab is removed after each.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, Why};

/// Ctrl-C, SIGTERM and SIGHUP. From [`Stop::listen`] on they end nothing by themselves.
#[derive(Debug)]
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let hear = |kind| signal(kind).why("cannot listen to signals", "try again");
        Ok(Self {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
            hang_up: hear(SignalKind::hangup())?,
        })
    }

    /// Waits for one; says the exit status that tells of it, 128 and its number as in a shell.
    pub(crate) async fn came(&mut self) -> u8 {
        let kind = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
            _ = self.hang_up.recv() => SignalKind::hangup(),
        };
        u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX)
    }
}
