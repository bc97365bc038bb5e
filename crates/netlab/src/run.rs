//! One experiment: a lab is made, a server started, a client run and measured, everything removed.

use std::fs;
use std::future::pending;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::{interval, sleep, timeout};

use crate::end::End;
use crate::failure::{Failure, Why};
use crate::flags::RunFlags;
use crate::lab::{LabName, listening};
use crate::program::Program;
use crate::report::{Outcome, Reason, Report, trace};
use crate::running::Running;
use crate::stop::Stop;

/// Exit status after the time limit, as of `timeout`.
const TIMED_OUT: u8 = 124;
/// How long a server may take until it listens on the port that was named.
const SERVER_START: Duration = Duration::from_secs(15);
/// And how long a server of which no port was named is waited for: it may never listen on TCP.
const SERVER_START_UNNAMED: Duration = Duration::from_millis(300);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a client that is ended has to keep what it has, and a server to close its files.
const CLIENT_GRACE: Duration = Duration::from_secs(2);
const SERVER_GRACE: Duration = Duration::from_secs(1);

/// Runs an experiment; says the exit status that it has.
pub(crate) async fn run(flags: &RunFlags) -> Result<u8, Failure> {
    let mut stop = Stop::listen()?;
    let running = Running::start(&flags.profile, &flags.lab, flags.trace.is_some())?;
    // Whatever comes of it, the lab is taken down in order.
    let outcome = experiment(flags, &mut stop).await;
    let finished = running.finish().await;
    let outcome = match outcome? {
        Happened::ToTheClient(outcome) => outcome,
        Happened::Before(status) => return Ok(status),
    };
    let finished = finished?;
    let report = Report {
        made: &finished.made,
        snapshot: &finished.record.snapshot,
        overruns: finished.overruns,
        outcome: Some(outcome),
    };
    if let Some(path) = &flags.json {
        write(path, &report.json()?)?;
    }
    if let Some(path) = &flags.trace {
        write(path, &trace(&finished.record.trace))?;
    }
    if !flags.quiet {
        tell(&report.text());
    }
    Ok(outcome.status)
}

/// How an experiment came to its end.
enum Happened {
    /// A signal, before there was a client; the exit status that tells of it.
    Before(u8),
    ToTheClient(Outcome),
}

async fn experiment(flags: &RunFlags, stop: &mut Stop) -> Result<Happened, Failure> {
    let name = &flags.lab.name.name;
    let mut server = match &flags.server_cmd {
        Some(command) => Some(Program::start(name, End::Server, command)?),
        None => None,
    };
    let stopped = tokio::select! {
        ready = wait_for_server(flags, server.as_mut()) => ready.map(|()| None),
        status = stop.came() => Ok(Some(status)),
    };
    let happened = match stopped {
        Ok(None) => client(flags, stop).await.map(Happened::ToTheClient),
        Ok(Some(status)) => Ok(Happened::Before(status)),
        Err(failure) => Err(failure),
    };
    if let Some(server) = server {
        server.end(SERVER_GRACE).await?;
    }
    happened
}

/// Waits until the client may start.
async fn wait_for_server(flags: &RunFlags, server: Option<&mut Program>) -> Result<(), Failure> {
    let name = &flags.lab.name.name;
    match flags.wait_port {
        Some(port) => {
            let listens = timeout(SERVER_START, listens(name, Some(port)));
            let listening = tokio::select! {
                biased;
                listening = listens => listening,
                broken = breaks(server) => {
                    broken?;
                    let what = "the server ended before it listened";
                    return Err(Failure::new(what, "see what it said, or run it by hand"));
                }
            };
            let what = format!("nothing listens on port {port} after {SERVER_START:?}");
            listening.map_err(|_| Failure::new(what, "see --server-cmd and --wait-port"))?
        }
        None if server.is_some() => {
            // Elapsed or not, the client starts.
            let listening = timeout(SERVER_START_UNNAMED, listens(name, None)).await;
            listening.unwrap_or(Ok(()))
        }
        None => Ok(()),
    }
}

/// Waits until something listens at the server.
async fn listens(name: &LabName, port: Option<u16>) -> Result<(), Failure> {
    let mut looks = interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if listening(name, port)? {
            return Ok(());
        }
    }
}

/// Waits until the server has ended with an error. One that ended well went into the background.
async fn breaks(server: Option<&mut Program>) -> Result<(), Failure> {
    match server {
        Some(server) => server.breaks().await,
        None => pending().await,
    }
}

/// Runs the client to its end, the time limit or a signal.
async fn client(flags: &RunFlags, stop: &mut Stop) -> Result<Outcome, Failure> {
    let limit = Duration::from_secs(flags.lab.time_limit);
    let begun = Instant::now();
    let mut client = Program::start(&flags.lab.name.name, End::Client, &flags.client_cmd)?;
    let cut_short = tokio::select! {
        biased;
        over = client.over() => over.map(|()| None)?,
        () = sleep(limit) => Some((Reason::TimeLimit, TIMED_OUT)),
        status = stop.came() => Some((Reason::Signal, status)),
    };
    let wall = begun.elapsed();
    let used = match cut_short {
        None => client.collect()?,
        Some(_) => client.end(CLIENT_GRACE).await?,
    };
    let (reason, status) = cut_short.unwrap_or((Reason::Ended, used.status));
    Ok(Outcome {
        reason,
        status,
        wall,
        used,
    })
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let what = format!("cannot write {}", path.display());
    fs::write(path, text).why(what, "see that its folder exists and has room")
}

#[allow(
    clippy::print_stderr,
    reason = "where a report goes, so that the client has the output"
)]
fn tell(text: &str) {
    eprint!("{text}");
}
