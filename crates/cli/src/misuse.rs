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
    let flags = Flags::command();
    let meant = words.get(1).and_then(|word| flags.find_subcommand(word));
    let meant = meant.map_or_else(String::new, |command| format!(" {}", command.get_name()));
    format!("hfast{meant} --help")
}
