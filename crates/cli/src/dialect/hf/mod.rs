//! The command line of `hf` of `huggingface_hub` 2.4, as far as hfast has what it asks for.
//!
//! Flags that only 0.36 had are read as well, for scripts that were written for it: they did nothing then.

mod download;
mod flags;

use std::ffi::OsString;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use self::flags::{Auth, Cache, Command, Hf};
use super::words::Voice;
use super::{first, not_here, own, refused, said, speech};
use crate::commands::{auth, cache};
use crate::flags::cache::{CacheCommand, LsFlags, SortKey};
use crate::misuse::without_tokens;
use crate::output::text::printable;
use crate::output::{print_line, stdout};
use crate::start;

/// What the official tool has and hfast has not, under this name.
const ELSEWHERE: [&str; 25] = [
    "cp",
    "env",
    "update",
    "buckets",
    "collections",
    "datasets",
    "discussions",
    "endpoints",
    "ext",
    "extensions",
    "jobs",
    "lfs-enable-largefiles",
    "lfs-multipart-upload",
    "models",
    "papers",
    "repo",
    "repo-files",
    "repos",
    "sandbox",
    "skills",
    "spaces",
    "sync",
    "upload",
    "upload-large-folder",
    "webhooks",
];

pub(super) fn run(words: &[OsString]) -> u8 {
    let matches = Hf::command().try_get_matches_from(words);
    let parsed = matches.and_then(|matches| Ok((Hf::from_arg_matches(&matches)?, matches)));
    let (hf, matches) = match parsed {
        Ok(parsed) => parsed,
        // A command without any of its arguments explains itself, where a group of commands is a mistake.
        Err(refusal) if words.len() == 2 && words[1] == "download" && needs_more(&refusal) => {
            return print(&[refusal.to_string().trim_end().to_owned()]);
        }
        Err(refusal) => return refused(&refusal, words),
    };
    match hf.command {
        _ if hf.version => print(&[said::HF.to_owned()]),
        None => 2,
        Some(Command::Version(form)) => print(&said::version(&speech(Voice::Hf(form.mode())))),
        Some(Command::Download(flags)) => {
            let matches = matches.subcommand_matches("download");
            download::run(*flags, matches.unwrap_or(&ArgMatches::default()), words)
        }
        Some(Command::Auth(command)) => authenticated(command, words),
        Some(Command::Cache(command)) => cached(command, words),
        Some(Command::Other(other)) => elsewhere(&other, &ELSEWHERE, ""),
    }
}

fn needs_more(refusal: &clap::Error) -> bool {
    refusal.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

fn print(lines: &[String]) -> u8 {
    u8::from(stdout::line(&lines.join("\n")).is_err())
}

/// A command that is not here: the official tool's, or nobody's.
fn elsewhere(words: &[OsString], known: &[&str], group: &str) -> u8 {
    let command = first(words);
    if known.contains(&command.as_ref()) {
        return not_here("hf", &format!("{group}{command}"));
    }
    let text = format!("Error: No such command '{command}'.");
    print_line(&without_tokens(&text, words));
    2
}

fn authenticated(command: Auth, words: &[OsString]) -> u8 {
    let (form, command) = match command {
        Auth::Login {
            token,
            add_to_git_credential: git,
            force,
            form,
        } => (form.clone(), own::login(token, (git, force), form.output())),
        Auth::Logout { token_name, form } => (form.clone(), own::logout(token_name, form.output())),
        Auth::Switch {
            token_name,
            add_to_git_credential: git,
            form,
        } => (form.clone(), own::switch(token_name, git, form.output())),
        Auth::List(form) => (form.clone(), own::list(form.output())),
        Auth::Token(form) => (form.clone(), own::token(form.output())),
        Auth::Whoami(form) => (form.clone(), own::whoami(form.output())),
    };
    start(form.asked(auth::asked(&command)), words, async |session| {
        auth::run(&command, session).await
    })
}

fn cached(command: Cache, words: &[OsString]) -> u8 {
    let (form, flags) = match command {
        Cache::List {
            cache_dir,
            revisions,
            filter,
            sort,
            limit,
            show_warnings: _,
            form,
        } => {
            let (sort, reverse) = match sort.as_deref().map(sorted).transpose() {
                Ok(sort) => sort.unwrap_or_default(),
                Err(text) => {
                    print_line(&printable(&format!("Error: {text}")));
                    return 2;
                }
            };
            let flags = LsFlags {
                revisions,
                filter,
                sort: Some(sort),
                reverse,
                limit,
                cache_dir,
                output: form.output(),
            };
            (form, flags)
        }
        Cache::Other(other) => {
            let command = first(&other);
            if ["rm", "remove", "prune", "verify"].contains(&command.as_ref()) {
                print_line(&format!(
                    "Error: `hf cache {command}` is not spoken by hfast yet."
                ));
                print_line(&format!("Hint: `hfast cache {command}` does it"));
                return 1;
            }
            return elsewhere(&other, &[], "cache ");
        }
    };
    let command = CacheCommand::Ls(Box::new(flags));
    start(form.asked(cache::asked(&command)), words, async |session| {
        cache::run(&command, session).await
    })
}

/// `size:asc`: by what, and whether that is the other way round than usual.
fn sorted(text: &str) -> Result<(SortKey, bool), String> {
    let lower = text.trim().to_lowercase();
    let (key, order) = lower
        .split_once(':')
        .map_or((lower.as_str(), None), |(k, o)| (k, Some(o)));
    let (key, usual) = match key {
        "name" => (SortKey::Name, "asc"),
        "size" => (SortKey::Size, "desc"),
        "accessed" => (SortKey::Accessed, "desc"),
        "modified" => (SortKey::Modified, "desc"),
        _ => return Err(format!("Unsupported sort key in '{text}'.")),
    };
    match order {
        None => Ok((key, false)),
        Some(order @ ("asc" | "desc")) => Ok((key, order != usual)),
        Some(_) => Err(format!("Invalid sort expression: '{text}'.")),
    }
}
