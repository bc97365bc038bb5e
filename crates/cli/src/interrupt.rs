//! Ctrl-C and SIGTERM: the first asks the program to stop, the second ends it at once.

use std::io;
use std::time::Duration;

use crate::exit;
use hfast::ErrorKind;

/// How long stopping may take, with what it prints, before the program just ends.
const PATIENCE: Duration = Duration::from_millis(800);

/// A wish of the user or the system that the program end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Interrupt,
    #[cfg_attr(not(unix), allow(dead_code, reason = "only Unix has this signal"))]
    Terminate,
}

impl Signal {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => exit::code(ErrorKind::Cancelled),
            Self::Terminate => exit::TERMINATED,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Interrupt => "interrupted",
            Self::Terminate => "terminated",
        }
    }
}

/// Waits for signals. From the first call on, they no longer end the program by themselves.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> Signal {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Signal::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Ends the program at the next signal, or when stopping takes too long, whatever it hangs in.
pub(crate) fn insist(first: Signal) {
    tokio::spawn(async move {
        let again = async {
            match Signals::listen() {
                Ok(mut signals) => signals.next().await,
                Err(_) => std::future::pending().await,
            }
        };
        let signal = tokio::time::timeout(PATIENCE, again).await.unwrap_or(first);
        end(signal);
    });
}

#[allow(clippy::exit, reason = "the main thread may hang in a system call")]
fn end(signal: Signal) {
    std::process::exit(signal.exit_code().into());
}
