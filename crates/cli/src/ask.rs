//! Questions to the person at the terminal, and what a pipe holds in the place of an answer. All of it blocks.

use std::io::{self, IsTerminal, Read};

use dialoguer::theme::SimpleTheme;
use dialoguer::{Confirm, MultiSelect, Password, Select};
use hfast::{Error, ErrorKind};

/// No token is longer, in bytes.
const LONGEST: u64 = 16 << 10;

/// Whether there is somebody to be asked.
pub(crate) fn is_possible() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Whether an answer may come through a pipe or from a file. A terminal would show what is typed.
pub(crate) fn is_piped() -> bool {
    !io::stdin().is_terminal()
}

/// Asks for a token, which is not shown.
pub(crate) fn token() -> Result<String, Error> {
    let prompt = "Token, from https://huggingface.co/settings/tokens (it is not shown)";
    let asked = Password::with_theme(&SimpleTheme).with_prompt(prompt);
    asked.interact().map_err(no_answer)
}

/// The token that standard input holds.
pub(crate) fn piped_token() -> Result<String, Error> {
    let mut text = String::new();
    let read = io::stdin()
        .lock()
        .take(LONGEST + 1)
        .read_to_string(&mut text);
    read.map_err(|e| Error::new(ErrorKind::Disk, "standard input cannot be read").with_source(e))?;
    let hint = "pipe the token alone: hfast auth login < token.txt";
    let text = text.trim();
    if text.is_empty() {
        let error = Error::new(ErrorKind::Usage, "standard input holds no token");
        return Err(error.with_hint(hint));
    }
    if text.contains(['\n', '\r']) || text.len() as u64 > LONGEST {
        let error = Error::new(ErrorKind::Usage, "standard input holds more than a token");
        return Err(error.with_hint(hint));
    }
    Ok(text.to_owned())
}

/// Asks which one of `items`.
pub(crate) fn one_of(prompt: &str, items: &[String]) -> Result<String, Error> {
    let shown: Vec<_> = items
        .iter()
        .map(|item| hfast::text::printable(item))
        .collect();
    let asked = Select::with_theme(&SimpleTheme).with_prompt(prompt);
    let chosen = asked.items(&shown).default(0).interact_opt();
    let chosen = chosen.map_err(no_answer)?;
    let chosen = chosen.and_then(|index| items.get(index)).cloned();
    chosen.ok_or_else(|| Error::new(ErrorKind::Cancelled, "nothing was chosen"))
}

/// Asks which of `items`, of which there may be none; answers with their numbers.
pub(crate) fn several_of(prompt: &str, items: &[String]) -> Result<Vec<usize>, Error> {
    let shown: Vec<_> = items
        .iter()
        .map(|item| hfast::text::printable(item))
        .collect();
    let asked = MultiSelect::with_theme(&SimpleTheme).with_prompt(prompt);
    let chosen = asked.items(&shown).interact_opt().map_err(no_answer)?;
    chosen.ok_or_else(|| Error::new(ErrorKind::Cancelled, "nothing was chosen"))
}

/// Asks for a yes, which is not the usual answer.
pub(crate) fn yes_or_no(question: &str) -> Result<bool, Error> {
    let asked = Confirm::with_theme(&SimpleTheme).with_prompt(question);
    let answer = asked.default(false).interact_opt().map_err(no_answer)?;
    Ok(answer.unwrap_or(false))
}

fn no_answer(error: dialoguer::Error) -> Error {
    let dialoguer::Error::IO(error) = error;
    match error.kind() {
        io::ErrorKind::Interrupted | io::ErrorKind::UnexpectedEof => {
            Error::new(ErrorKind::Cancelled, "no answer was given")
        }
        _ => Error::new(ErrorKind::Disk, "the terminal cannot be read").with_source(error),
    }
}

/// How the terminal was before the question, so that it is the same again whatever ends that: who is asked for a
/// secret, and presses Ctrl-C, would not see what they type from then on.
pub(crate) struct Echo {
    #[cfg(unix)]
    saved: Option<rustix::termios::Termios>,
}

impl Echo {
    /// As it is now.
    pub(crate) fn saved() -> Self {
        Self {
            #[cfg(unix)]
            saved: rustix::termios::tcgetattr(io::stdin()).ok(),
        }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(saved) = &self.saved {
            let now = rustix::termios::OptionalActions::Now;
            // A terminal that is gone needs nothing.
            let _ = rustix::termios::tcsetattr(io::stdin(), now, saved);
        }
        // Whoever chose from a list had no cursor.
        let _ = dialoguer::console::Term::stderr().show_cursor();
    }
}
