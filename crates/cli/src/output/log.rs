//! The log: from `tracing` to stderr, above the progress display where there is one.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging for the rest of the program.
pub(crate) fn start(level: LevelFilter, colour: bool, screen: Option<MultiProgress>) {
    // Below `trace`, what the libraries underneath say is about themselves.
    let filter = match level {
        LevelFilter::TRACE => EnvFilter::new("trace"),
        level => EnvFilter::new(format!("warn,hfast={level},hfast_cli={level}")),
    };
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour && io::stderr().is_terminal())
        .with_writer(LogWriter { screen })
        // Without this it tells on stderr that it cannot write to stderr, and panics.
        .log_internal_errors(false)
        .try_init();
    // Only a second call in one process could fail.
    drop(started);
}

#[derive(Clone)]
struct LogWriter {
    screen: Option<MultiProgress>,
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(line);
        match &self.screen {
            Some(screen) => screen.suspend(write)?,
            None => write()?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
