//! The command line as it is typed: names, types and help texts, and no decisions.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};

use crate::end::End;
use crate::failure::{Failure, Why};
use crate::lab::{LabName, in_network};

const EXAMPLES: &str = "\
The client is 10.77.0.2; the server is 10.77.0.1, also called server, hub.lab and cdn.lab. Nothing in \
a lab reaches a real network.

Examples:
  netlab run --profile cn-mirror --wait-port 8000 \\
      --server-cmd 'python3 -m http.server 8000' \\
      --client-cmd 'curl -sSf -o /dev/null http://server:8000/'
  netlab up flaky
  netlab exec server -- sh -c 'python3 -m http.server 80 >/dev/null 2>&1 &'; sleep 1
  netlab exec client -- curl -sSf http://server/
  netlab down

Both ends run in the current folder and see the same disk: a client that writes a file under the name \
under which it is served writes over it.";

/// Run programs at the two ends of an emulated bad network
#[derive(Debug, Parser)]
#[command(name = "netlab", version, after_help = EXAMPLES)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One experiment: make a lab, run a server and a client, report, remove everything
    Run(Box<RunFlags>),
    /// Make a lab that stays, until `down` or the time limit
    Up(Box<UpFlags>),
    /// The process of a lab that stays
    #[command(hide = true)]
    Daemon(Box<UpFlags>),
    /// Run something at one end of a lab
    Exec(ExecFlags),
    /// What a lab that stays has counted, as text and as a line of JSON
    Stats(NameFlag),
    /// End a lab, or remove what is left of one
    Down(NameFlag),
    /// List the built-in profiles with their settings
    Profiles,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct NameFlag {
    /// Which lab; several can be up at once
    #[arg(long, default_value = "lab")]
    pub(crate) name: LabName,
}

/// An address of the server behind a link of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathFlag {
    pub(crate) address: Ipv4Addr,
    pub(crate) profile: String,
}

impl FromStr for PathFlag {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let next = "write 10.77.X.Y=PROFILE, with an address that the client has not";
        let what = || format!("{text:?} is no path");
        let (address, profile) = text
            .split_once('=')
            .ok_or_else(|| Failure::new(what(), next))?;
        let address = address.parse().why(what(), next)?;
        if !in_network(address) {
            return Err(Failure::new(what(), next));
        }
        let profile = profile.to_owned();
        Ok(Self { address, profile })
    }
}

/// How a lab is made.
#[derive(Args, Clone, Debug)]
pub(crate) struct LabFlags {
    #[command(flatten)]
    pub(crate) name: NameFlag,

    /// Of every random draw
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,

    /// Change settings of the profile; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// One more address of the server, in 10.77.0.0/16, behind a link of its own; repeatable
    #[arg(long, value_name = "ADDRESS=PROFILE")]
    pub(crate) path: Vec<PathFlag>,

    /// TCP congestion control of both ends
    #[arg(long, value_name = "NAME", default_value = "cubic")]
    pub(crate) cc: String,

    /// The client's `tcp_rmem`; the default is that of a stock Linux desktop
    #[arg(long, value_name = "TRIPLE", default_value = "4096 131072 6291456")]
    pub(crate) client_rmem: String,

    /// The server's `tcp_wmem`; the default can fill a long path
    #[arg(long, value_name = "TRIPLE", default_value = "4096 262144 33554432")]
    pub(crate) server_wmem: String,

    /// End everything after this many seconds: 60 or 60s
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = seconds)]
    pub(crate) time_limit: u64,
}

/// Seconds, with or without their unit.
fn seconds(text: &str) -> Result<u64, std::num::ParseIntError> {
    text.strip_suffix('s').unwrap_or(text).parse()
}

#[derive(Args, Debug)]
pub(crate) struct RunFlags {
    /// A built-in profile, or a file of key=value words
    #[arg(long)]
    pub(crate) profile: String,

    /// What to run at the client, for a shell; its exit status becomes that of netlab
    #[arg(long, value_name = "COMMAND")]
    pub(crate) client_cmd: String,

    /// What to run at the server, for a shell; ended when the client has ended
    #[arg(long, value_name = "COMMAND")]
    pub(crate) server_cmd: Option<String>,

    /// Start the client when the server listens on this TCP port
    #[arg(long, value_name = "PORT")]
    pub(crate) wait_port: Option<u16>,

    /// Write the report as JSON into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Write bytes, drops and open connections into this file, a line of CSV each 250 ms
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// No report on the standard error
    #[arg(long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) lab: LabFlags,
}

#[derive(Args, Debug)]
#[group(id = "which", required = true, multiple = false, args = ["profile", "positional"])]
pub(crate) struct UpFlags {
    /// The same as PROFILE
    #[arg(long = "profile", value_name = "PROFILE", hide = true)]
    profile: Option<String>,

    /// A built-in profile, or a file of key=value words
    #[arg(value_name = "PROFILE")]
    positional: Option<String>,

    #[command(flatten)]
    pub(crate) lab: LabFlags,
}

impl UpFlags {
    pub(crate) fn profile(&self) -> &str {
        let profile = self.positional.as_ref().or(self.profile.as_ref());
        profile.map_or("", String::as_str)
    }
}

#[derive(Args, Debug)]
pub(crate) struct ExecFlags {
    #[command(flatten)]
    pub(crate) name: NameFlag,

    /// Die with the process that starts this
    #[arg(long, hide = true)]
    pub(crate) tied: bool,

    /// At which end
    #[arg(value_enum)]
    pub(crate) end: End,

    /// The program and its words
    #[arg(trailing_var_arg = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(words: &str) -> Result<Command, clap::Error> {
        let words = ["netlab"].into_iter().chain(words.split(' '));
        Flags::try_parse_from(words).map(|flags| flags.command)
    }

    #[test]
    fn the_definition_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn options_of_exec_end_where_the_command_begins() {
        for words in [
            "exec --name x server -- nginx --name y -g z",
            "exec server --name x nginx --name y -g z",
            "exec server --name x -- nginx --name y -g z",
        ] {
            let Ok(Command::Exec(flags)) = parse(words) else {
                panic!("{words}")
            };
            assert_eq!(
                (flags.end, flags.name.name.to_string()),
                (End::Server, "x".into())
            );
            assert_eq!(
                flags.command,
                ["nginx", "--name", "y", "-g", "z"],
                "{words}"
            );
        }
        assert!(parse("exec server").is_err());
        assert!(parse("exec router -- ls").is_err());
    }

    #[test]
    fn a_time_limit_may_name_its_unit() {
        for (words, limit) in [
            ("up flaky", Some(600)),
            ("up flaky --time-limit 60", Some(60)),
            ("up flaky --time-limit 60s", Some(60)),
            ("up flaky --time-limit 1m", None),
            ("up flaky --time-limit s", None),
        ] {
            let limit_of = |command| match command {
                Command::Up(flags) => flags.lab.time_limit,
                _ => panic!("{words}"),
            };
            assert_eq!(parse(words).ok().map(limit_of), limit, "{words}");
        }
    }

    #[test]
    fn up_takes_its_profile_in_either_form() {
        for words in [
            "up flaky --seed 4",
            "up --profile flaky",
            "up --name x flaky",
        ] {
            let Ok(Command::Up(flags)) = parse(words) else {
                panic!("{words}")
            };
            assert_eq!(flags.profile(), "flaky");
        }
        assert!(parse("up").is_err());
        assert!(parse("up lan --profile good").is_err());
    }

    #[test]
    fn paths_lead_to_addresses_of_the_server() {
        let path: PathFlag = "10.77.0.9=good".parse().unwrap();
        assert_eq!(
            (path.address, path.profile.as_str()),
            (Ipv4Addr::new(10, 77, 0, 9), "good")
        );
        for bad in [
            "10.77.0.9",
            "10.78.0.9=good",
            "10.77.0.2=good",
            "server2=good",
        ] {
            let refused = bad.parse::<PathFlag>().unwrap_err().to_string();
            assert!(refused.contains("write 10.77.X.Y=PROFILE"), "{refused}");
        }
    }
}
