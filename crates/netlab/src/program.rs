//! A program at one end of a lab: started, waited for, ended, and what it used.

use std::future::pending;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process_group,
    set_parent_process_death_signal, waitid,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use wait4::Wait4;

use crate::end::End;
use crate::failure::{Failure, Why};
use crate::flags::ExecFlags;
use crate::lab::{LabName, exists, missing, namespace};

/// How long a program that was killed may take to go, and its memory with it.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// How a program ended and what it used, with all that it started and waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Its exit status, or 128 and the number of the signal that ended it.
    pub(crate) status: u8,
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    /// Most memory that one process had, in bytes.
    pub(crate) peak_rss: u64,
}

/// A program that runs, the leader of a process group.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// Tells that some child has ended.
    children: tokio::signal::unix::Signal,
    group: Pid,
    command: String,
}

impl Program {
    /// Starts a shell command. The server has no standard input: two readers would share it.
    pub(crate) fn start(name: &LabName, end: End, command: &str) -> Result<Self, Failure> {
        let what = || format!("cannot start {command:?}");
        // By way of `exec`, which ties the program to this one: it ends if this is killed.
        let mut starter = Command::new("/proc/self/exe");
        starter.arg0("netlab").process_group(0);
        starter.args(["exec", "--tied", "--name", &name.to_string(), end.name()]);
        starter.args(["--", "sh", "-c", command]);
        if end == End::Server {
            starter.stdin(Stdio::null());
        }
        let children = signal(SignalKind::child()).why(what(), "try again")?;
        let child = starter.spawn().why(what(), "see that /proc is mounted")?;
        Ok(Self {
            group: Pid::from_child(&child),
            child,
            children,
            command: command.to_owned(),
        })
    }

    /// Waits until it has ended.
    pub(crate) async fn over(&mut self) -> Result<(), Failure> {
        self.ended().await.map(|_| ())
    }

    /// Waits until it has ended with an error; for ever, if it ended well.
    pub(crate) async fn breaks(&mut self) -> Result<(), Failure> {
        match self.ended().await?.exit_status() {
            Some(0) => pending().await,
            _ => Ok(()),
        }
    }

    /// Waits until it has ended, and leaves it to be collected.
    async fn ended(&mut self) -> Result<WaitIdStatus, Failure> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        loop {
            let ended = waitid(WaitId::Pid(self.group), options);
            let ended = ended.why(self.waiting(), "leave its processes to netlab")?;
            if let Some(ended) = ended {
                return Ok(ended);
            }
            // A signal between the look and here is not missed: it was listened for all the time.
            self.children.recv().await;
        }
    }

    /// Collects it after [`Self::over`].
    pub(crate) fn collect(mut self) -> Result<Ended, Failure> {
        let used = self.child.wait4();
        let used = used.why(self.waiting(), "leave its processes to netlab")?;
        Ok(Ended {
            status: code(used.status),
            user: used.rusage.utime,
            system: used.rusage.stime,
            peak_rss: used.rusage.maxrss,
        })
    }

    /// Asks it to end, with all its group, kills it after `grace`, and collects it.
    pub(crate) async fn end(mut self, grace: Duration) -> Result<Ended, Failure> {
        // An error means that the group has ended, which is what is wanted.
        let _ = kill_process_group(self.group, Signal::TERM);
        let _ = timeout(grace, self.over()).await;
        let _ = kill_process_group(self.group, Signal::KILL);
        let gone = timeout(LAST_WAIT, self.over()).await;
        let what = format!("{:?} does not die", self.command);
        gone.why(what, "see what its processes wait for")??;
        self.collect()
    }

    fn waiting(&self) -> String {
        format!("cannot wait for {:?}", self.command)
    }
}

fn code(status: ExitStatus) -> u8 {
    let signal = status.signal().map(|signal| 128 + signal);
    let code = status.code().or(signal);
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(u8::MAX)
}

/// Becomes what is to be run at an end. It returns only if that fails.
pub(crate) fn become_one(flags: &ExecFlags) -> Failure {
    if flags.tied {
        let tied = set_parent_process_death_signal(Some(Signal::KILL));
        let tied = tied.why("cannot tie a program to netlab", "report it");
        if let Err(failure) = tied {
            return failure;
        }
    }
    let name = &flags.name.name;
    let space = namespace(name, flags.end);
    if !exists(&space) {
        return missing(name);
    }
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &space]).args(&flags.command);
    let failed: Result<(), _> = Err(command.exec());
    match failed.why("cannot run `ip netns exec`", "install iproute2") {
        Err(failure) => failure,
        Ok(()) => Failure::new("a program was run and is here again", "report it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_counts_from_128() {
        assert_eq!(code(ExitStatus::from_raw(7 << 8)), 7);
        assert_eq!(code(ExitStatus::from_raw(15)), 143);
    }
}
