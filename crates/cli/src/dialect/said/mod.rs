//! What the official tools say of results that hfast has. Pure.

mod auth;
mod cache;
mod download;

use serde_json::json;

pub(crate) use auth::{already, kept, logged_in, logged_out, nobody, secret, switched, whose};
pub(crate) use cache::listed;
pub(crate) use download::{downloaded, planned};

use super::words::{Voice, Words, YELLOW};
use crate::output::text::printable;

/// Where to see what a table had no room for.
fn cut(words: &Words, is_cut: bool) -> Vec<String> {
    let hint = || words.hint("Use `--no-truncate` or `--format json` to display full values.");
    is_cut.then(hint).flatten().into_iter().collect()
}

/// What `version` answers.
pub(super) fn version(words: &Words) -> Vec<String> {
    match words.voice {
        Voice::Hf(mode) => words.result(mode, "hf version", &[("version", json!(HF))]),
        Voice::Legacy | Voice::Own => vec![format!("huggingface_hub version: {LEGACY}")],
    }
}

/// The versions that are spoken.
pub(super) const HF: &str = "2.4.0";
pub(super) const LEGACY: &str = "0.36.2";

/// An error of either tool: what went wrong, and what to do next.
pub(crate) fn error(words: &Words, error: &hfast::Error) -> Option<Vec<String>> {
    if words.voice == Voice::Own {
        return None;
    }
    let text = printable(&error.to_string());
    let text = begun(&text);
    let hint = error.hint().and_then(|hint| words.hint(&printable(hint)));
    Some(std::iter::once(words.error(&text)).chain(hint).collect())
}

/// Begins with a capital, unless the first word is a name.
fn begun(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if word.bytes().all(|b| b.is_ascii_alphabetic()) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// The line with which `huggingface-cli` greets.
pub(super) fn deprecated(words: &Words, old: &str, new: &str) -> String {
    let text =
        format!("⚠️  Warning: 'huggingface-cli {old}' is deprecated. Use 'hf {new}' instead.");
    words.painted(YELLOW, &text)
}
