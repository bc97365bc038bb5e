//! A command line that `clap` refuses, told in the words and the length of every other error. Pure.

use std::ffi::OsString;

use hfast::{Error, ErrorKind};

use crate::flags::definition;

/// `text` without the tokens that stand in the command line, safe to print.
pub(crate) fn without_tokens(text: &str, words: &[OsString]) -> String {
    let words = words.iter().filter_map(|word| word.to_str());
    let parts = words.flat_map(|word| word.split('='));
    let secrets = parts.filter(|word| {
        ["hf_", "api_org_"]
            .iter()
            .any(|begin| word.starts_with(begin))
    });
    let masked = secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
    let lines = masked.lines().map(hfast::text::printable);
    lines.collect::<Vec<_>>().join("\n")
}

/// What `clap` says of `words`, without the usage that the help shows better.
pub(crate) fn error(refusal: &clap::Error, words: &[OsString]) -> Error {
    let text = without_tokens(&refusal.to_string(), words);
    let what = if refusal.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        // The text is the whole help.
        let (meant, commands) = meant(words);
        format!("`{meant}` needs one of its commands: {commands}")
    } else {
        let what = text.split("\n\n").next().unwrap_or_default();
        let what = what.strip_prefix("error: ").unwrap_or(what);
        what.lines().map(str::trim).collect::<Vec<_>>().join(" ")
    };
    let tips = text
        .lines()
        .filter_map(|line| line.strip_prefix("  tip: "))
        // A name that begins with a dash is rare; a flag that is mistyped is not.
        .filter(|tip| !tip.starts_with("to pass '"))
        .map(|tip| format!("{tip}; "));
    let hint = format!(
        "{}`{} --help` explains the command line",
        tips.collect::<String>(),
        meant(words).0
    );
    Error::new(ErrorKind::Usage, what).with_hint(hint)
}

/// The command that was meant, if it was one, and the commands below it.
fn meant(words: &[OsString]) -> (String, String) {
    let mut meant = "hfast".to_owned();
    let flags = definition();
    let mut command = &flags;
    for word in words.iter().skip(1) {
        let Some(below) = command.find_subcommand(word) else {
            break;
        };
        command = below;
        meant = format!("{meant} {}", command.get_name());
    }
    let below = command.get_subcommands().map(clap::Command::get_name);
    (meant, below.collect::<Vec<_>>().join(", "))
}
