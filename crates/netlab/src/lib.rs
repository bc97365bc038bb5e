//! A bad network on one Linux machine: two network namespaces, a TUN device in each, and one thread
//! between them that delays, drops, queues, resets and swallows packets as a profile says.
//!
//! This file is the list of parts and the way from words to an exit status. It is no library for
//! others: the command is the interface.
#![cfg(target_os = "linux")]

mod chance;
mod counts;
mod end;
mod failure;
mod flags;
mod flow;
mod lab;
mod link;
mod packet;
mod profile;
mod program;
mod pump;
mod report;
mod run;
mod running;
mod standing;
mod stop;
mod tun;
mod wire;

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

use failure::{Failure, Why};
use flags::{Command, Flags};

/// Exit status when netlab itself failed, as of `timeout` and `env`: none that a client would use.
const FAILED: u8 = 125;

/// Runs the command that `words` are and says how the program should exit: with the status of what
/// ran in the lab, with 124 after a time limit, with 125 if netlab itself failed.
#[allow(clippy::print_stderr, reason = "where a command says why it failed")]
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    let status = match Flags::try_parse_from(&words) {
        Ok(flags) => start(flags.command, &words).unwrap_or_else(|failure| {
            eprintln!("netlab: {failure}");
            FAILED
        }),
        Err(said) => {
            let written = said.print();
            if said.use_stderr() || written.is_err() {
                FAILED
            } else {
                0
            }
        }
    };
    ExitCode::from(status)
}

fn start(command: Command, words: &[OsString]) -> Result<u8, Failure> {
    // One thread: a program of the lab is tied to the life of the thread that started it.
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.why("cannot start the timers and signals", "try again")?;
    match command {
        Command::Run(flags) => runtime.block_on(run::run(&flags)),
        Command::Up(flags) => runtime.block_on(standing::up(&flags, words)),
        Command::Daemon(flags) => runtime.block_on(standing::keep(&flags)),
        Command::Exec(flags) => Err(program::become_one(&flags)),
        Command::Stats(flags) => print(&standing::stats(&flags.name)?),
        Command::Down(flags) => runtime.block_on(standing::down(&flags.name)),
        Command::Profiles => print(&profile::list()),
    }
}

fn print(text: &str) -> Result<u8, Failure> {
    let written = std::io::stdout().write_all(text.as_bytes());
    written.why("cannot write to the standard output", "see where it leads")?;
    Ok(0)
}
