//! The command lines of the official tools, spoken where the program is called by their names: `hf` as in
//! `huggingface_hub` 2.4, `huggingface-cli` as in 0.36.
//!
//! What is done is what `hfast` does; flags are read as those tools read them (`hf.rs`, `legacy.rs`), and results
//! are told in their words (`said.rs`).

mod hf;
mod legacy;
mod own;
pub(crate) mod said;
pub(crate) mod words;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;

use crate::env;
use crate::misuse::without_tokens;
use crate::output::{print_line, stdout};
use words::{Voice, Words};

/// A tool whose name the program may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `hf`
    Hf,
    /// `huggingface-cli`
    Legacy,
}

impl Dialect {
    /// The one that the program was called by.
    pub(crate) fn called(words: &[OsString]) -> Option<Self> {
        match Path::new(words.first()?).file_stem()?.to_str()? {
            "hf" => Some(Self::Hf),
            "huggingface-cli" => Some(Self::Legacy),
            _ => None,
        }
    }

    /// Does what the command line asks for, and returns the exit code.
    pub(crate) fn run(self, words: &[OsString]) -> u8 {
        match self {
            Self::Hf => hf::run(words),
            Self::Legacy => legacy::run(words),
        }
    }
}

/// How `voice` speaks before the settings are known.
fn speech(voice: Voice) -> Words {
    Words {
        voice,
        colour: env::is_coloured(),
        columns: None,
    }
}

/// The command in front of its arguments.
fn first(words: &[OsString]) -> Cow<'_, str> {
    let first = words.first().map(|word| word.to_string_lossy());
    first.unwrap_or_default()
}

/// Tells why a command line is not understood, or its help, and returns the exit code.
fn refused(refusal: &clap::Error, words: &[OsString]) -> u8 {
    let text = without_tokens(&refusal.to_string(), words);
    if !refusal.use_stderr() {
        return u8::from(stdout::line(text.trim_end()).is_err());
    }
    // Whoever names a group alone is shown what is in it, on stderr and with the code of a mistake.
    print_line(text.trim_end());
    2
}

/// A command of the official tool that hfast has no part of.
fn not_here(tool: &str, command: &str) -> u8 {
    print_line(&format!(
        "Error: `{tool} {command}` is not a command of hfast, which goes by the name of {tool} here."
    ));
    print_line("Hint: the official tool has it: pip install huggingface_hub");
    1
}
