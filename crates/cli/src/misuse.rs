//! A command line that `clap` refuses, told in the words and the length of every other error. Pure.

use std::ffi::OsString;

use clap::CommandFactory;
use hfast::{Error, ErrorKind};

use crate::flags::Flags;

/// What `clap` says of `words`, without the usage that the help shows better.
pub(crate) fn error(refusal: &clap::Error, words: &[OsString]) -> Error {
    let text = refusal.to_string();
    let what = text.split("\n\n").next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(what);
    let what: Vec<_> = what.lines().map(str::trim).collect();
    let tips = text
        .lines()
        .filter_map(|line| line.strip_prefix("  tip: "))
        .map(|tip| format!("{tip}; "));
    let hint = format!(
        "{}`{}` explains the command line",
        tips.collect::<String>(),
        help_command(words)
    );
    Error::new(ErrorKind::Usage, what.join(" ")).with_hint(hint)
}

/// The help of the command that was meant, if it was one.
fn help_command(words: &[OsString]) -> String {
    let mut meant = "hfast".to_owned();
    let flags = Flags::command();
    let mut command = &flags;
    for word in words.iter().skip(1) {
        let Some(below) = command.find_subcommand(word) else {
            break;
        };
        command = below;
        meant = format!("{meant} {}", command.get_name());
    }
    format!("{meant} --help")
}
