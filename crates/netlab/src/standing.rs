//! A lab that stays for work by hand: made by `up`, looked after by a process of its own, told of by
//! `stats`, ended by `down` or the time limit.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, setsid};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::failure::{Failure, Why};
use crate::flags::UpFlags;
use crate::lab::{LabName, missing, owner, state, sweep, taken};
use crate::report::Report;
use crate::running::Running;
use crate::stop::Stop;

/// How long a lab may take to come up, and to end.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often the counts are written down.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// Starts the process of a lab with the words of this one, and waits until the lab is up.
pub(crate) async fn up(flags: &UpFlags, words: &[OsString]) -> Result<u8, Failure> {
    let name = &flags.lab.name.name;
    if owner(name).is_some() {
        return Err(taken(name));
    }
    // What is left of an earlier one would be taken for the new one.
    sweep(name)?;
    let mut daemon = Command::new("/proc/self/exe");
    daemon
        .arg0("netlab")
        .arg("daemon")
        .args(words.iter().skip(2));
    daemon
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(state::log(name)?);
    let next = "see that /proc is mounted";
    let mut daemon = daemon
        .spawn()
        .why("cannot start the process of the lab", next)?;
    let is_up = async {
        let mut looks = interval(LOOK_EVERY);
        while state::counted(name).is_none() {
            looks.tick().await;
            let ended = daemon.try_wait().why("cannot wait for the lab", next)?;
            if ended.is_some() {
                let said = state::read_log(name);
                let next = "see what the cause says";
                return Err(Failure::new(
                    format!("the lab did not come up: {}", said.trim()),
                    next,
                ));
            }
        }
        Ok(0)
    };
    let late = || Failure::new(format!("the lab is not up after {PATIENCE:?}"), "try again");
    timeout(PATIENCE, is_up)
        .await
        .unwrap_or_else(|_| Err(late()))
}

/// The process of a lab that stays.
pub(crate) async fn keep(flags: &UpFlags) -> Result<u8, Failure> {
    let name = &flags.lab.name.name;
    // It fails only for who leads a session already, which is as good.
    let _ = setsid();
    // Else it would be listed as `exe`, for how it was started.
    let _ = rustix::thread::set_name(c"netlab");
    let mut stop = Stop::listen()?;
    let running = Running::start(flags.profile(), &flags.lab, false)?;
    let limit = sleep(Duration::from_secs(flags.lab.time_limit));
    let failed = tokio::select! {
        () = limit => Ok(()),
        _ = stop.came() => Ok(()),
        told = tell(name, &running) => told,
    };
    running.finish().await?;
    failed.map(|()| 0)
}

/// Writes the counts down, until that fails.
async fn tell(name: &LabName, running: &Running) -> Result<(), Failure> {
    let mut moments = interval(TELL_EVERY);
    moments.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        moments.tick().await;
        let report = Report {
            made: &running.made,
            snapshot: &running.snapshot(),
            overruns: running.overruns()?,
            outcome: None,
        };
        state::tell(name, &(report.text() + &report.json()?))?;
    }
}

/// What a lab has counted.
pub(crate) fn stats(name: &LabName) -> Result<String, Failure> {
    let counted = owner(name).and_then(|_| state::counted(name));
    counted.ok_or_else(|| missing(name))
}

/// Ends a lab of either kind, or removes what is left of one.
pub(crate) async fn down(name: &LabName) -> Result<u8, Failure> {
    let Some(owner) = owner(name) else {
        sweep(name)?;
        return Ok(0);
    };
    end(name, owner).await
}

async fn end(name: &LabName, process: Pid) -> Result<u8, Failure> {
    let what = format!("cannot end the process {process} of the lab {name}");
    let next = "run as the user that began it";
    kill_process(process, Signal::TERM).why(what.clone(), next)?;
    let gone = async {
        let mut looks = interval(LOOK_EVERY);
        while owner(name).is_some() {
            looks.tick().await;
        }
    };
    match timeout(PATIENCE, gone).await {
        Ok(()) => Ok(0),
        Err(_) => Err(Failure::new(
            what,
            "kill that process, then run `netlab down` again",
        )),
    }
}
