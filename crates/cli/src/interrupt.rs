//! Ctrl-C and SIGTERM: the first asks the program to stop, the second ends it at once.
//!
//! They are waited for on a thread of their own: every other thread may hang in a system call, for a
//! disk that does not answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc;

use crate::{exit, output};
use hfast::ErrorKind;

/// How long stopping may take, with what it prints, before the program just ends.
const PATIENCE: Duration = Duration::from_millis(800);

/// And the last words of a program that hangs.
const LAST_WORDS: Duration = Duration::from_millis(100);

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

/// The signals that came. From the first call of [`Signals::listen`] on, they no longer end the
/// program by themselves.
#[derive(Debug)]
pub(crate) struct Signals {
    came: mpsc::Receiver<Signal>,
    answered: Arc<AtomicBool>,
}

impl Signals {
    /// Begins to listen. If stopping takes too long, or a second signal comes, the program just
    /// ends; its last words are then that of `resume`, unless it was said already.
    pub(crate) fn listen(resume: String) -> io::Result<Self> {
        let (tell, came) = mpsc::channel(1);
        let answered = Arc::new(AtomicBool::new(false));
        let is_answered = Arc::clone(&answered);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let mut wire = Wire::connect()?;
        drop(entered);
        let wait = async move {
            let first = wire.next().await;
            // Nobody listens any more when the program is ending already.
            let _ = tell.try_send(first);
            let again = tokio::time::timeout(PATIENCE, wire.next()).await;
            if !is_answered.load(Relaxed) {
                last_words(format!("{}: to go on: {resume}", first.word()));
            }
            end(again.unwrap_or(first));
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(wait))?;
        Ok(Self { came, answered })
    }

    /// Waits for the first signal.
    pub(crate) async fn next(&mut self) -> Signal {
        match self.came.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// The user was told how to go on.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Relaxed);
    }
}

/// Where signals come from.
struct Wire {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Wire {
    #[cfg(unix)]
    fn connect() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        // A file that became larger than `ulimit -f` allows would end the program; so the write fails.
        let too_large = rustix::process::Signal::XFSZ.as_raw();
        drop(signal(SignalKind::from_raw(too_large))?);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }

    #[cfg(windows)]
    fn connect() -> io::Result<Self> {
        let interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(Self { interrupt })
    }

    #[cfg(windows)]
    async fn next(&mut self) -> Signal {
        let _ = self.interrupt.recv().await;
        Signal::Interrupt
    }
}

/// Says it if somebody listens: a terminal may be stopped, and a pipe full.
fn last_words(text: String) {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    let speaking = std::thread::Builder::new().spawn(move || {
        output::print_line(&text);
        // Nobody waits any more when it took too long.
        let _ = tell.send(());
    });
    if speaking.is_ok() {
        let _ = told.recv_timeout(LAST_WORDS);
    }
}

#[allow(clippy::exit, reason = "the main thread may hang in a system call")]
fn end(signal: Signal) {
    std::process::exit(signal.exit_code().into());
}
