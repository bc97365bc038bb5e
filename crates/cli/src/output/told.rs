//! A result that a command ends with, in each form that stdout can have.

use std::io::{self, IsTerminal};
use std::time::SystemTime;

use hfast::Error;
use serde::Serialize;

use super::cache::{Listing, Shown, Totals};
use super::{Output, json, stdout, terminal};
use crate::dialect::words::{Said, Words};
use crate::flags::Format;

/// What a command has found or done. What programs read is the value itself, as JSON.
pub(crate) trait Told: Serialize {
    /// What people read.
    fn lines(&self) -> Vec<String>;

    /// What scripts read: the one thing that was asked for, or a line for each.
    fn bare(&self) -> Vec<String>;

    /// What one of the official tools would say; `None`: what hfast does.
    fn said(&self, words: &Words) -> Option<Said> {
        let _ = words;
        None
    }
}

impl Output {
    /// Tells a result on stdout, in the form that was asked for.
    pub(crate) fn result(&self, told: &impl Told) -> Result<(), Error> {
        if let Some(said) = told.said(&self.words()) {
            return self.speak(&said);
        }
        let lines = match self.format {
            Format::Json => return stdout::line(&json::to_text(told)),
            Format::Human if !self.quiet => told.lines(),
            Format::Human | Format::Quiet => told.bare(),
        };
        if lines.is_empty() {
            return Ok(());
        }
        stdout::line(&lines.join("\n"))
    }

    /// Says both what goes to stderr and what goes to stdout.
    pub(crate) fn speak(&self, said: &Said) -> Result<(), Error> {
        for line in &said.stderr {
            self.verbatim(line);
        }
        if said.stdout.is_empty() {
            return Ok(());
        }
        stdout::line(&said.stdout.join("\n"))
    }

    /// In whose words results are told.
    pub(crate) fn words(&self) -> Words {
        Words {
            columns: Some(terminal::size(self.columns).columns).filter(|_| self.is_cut),
            ..self.words
        }
    }

    /// Tells what is in the cache, and for people how much that is in all.
    pub(crate) fn listing(
        &self,
        listing: Listing,
        totals: Totals,
        now: SystemTime,
    ) -> Result<(), Error> {
        let line = totals.line();
        let columns = io::stdout()
            .is_terminal()
            .then(|| terminal::size(self.columns).columns);
        self.result(&Shown {
            listing,
            counts: totals,
            now,
            columns,
        })?;
        if self.format == Format::Human {
            self.remark(&line);
        }
        Ok(())
    }
}
