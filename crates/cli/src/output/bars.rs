//! Progress on a terminal: one line about everything and one for each of the oldest active files.

use std::io;

use hfast::transfer::progress::Snapshot;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::rate::Rate;
use super::{layout, terminal};

/// More files than this at once are told by the total alone.
const MOST_FILES: usize = 8;
/// Rows left to what is above the display.
const SPARE_ROWS: usize = 3;

pub(crate) struct Bars {
    screen: MultiProgress,
    plain: ProgressStyle,
    total: ProgressBar,
    files: Vec<ProgressBar>,
    rate: Rate,
    stated_columns: Option<u16>,
}

impl Bars {
    /// Whether a display can be drawn at all.
    pub(crate) fn possible() -> bool {
        !ProgressDrawTarget::stderr().is_hidden()
    }

    pub(crate) fn new(colour: bool, stated_columns: Option<u16>) -> Self {
        let style = |template: &str| {
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let plain = style("{msg}");
        let emphasised = if colour {
            style("{msg:.bold}")
        } else {
            plain.clone()
        };
        let total = ProgressBar::no_length().with_style(emphasised);
        Self {
            total: screen.add(total),
            screen,
            plain,
            files: Vec::new(),
            rate: Rate::default(),
            stated_columns,
        }
    }

    pub(crate) fn draw(&mut self, now: &Snapshot) {
        self.rate.observe(now);
        let size = terminal::size(self.stated_columns);
        // A line that fills the last column makes some terminals wrap.
        let columns = size.columns.saturating_sub(1);
        let room = size.rows.saturating_sub(SPARE_ROWS).min(MOST_FILES);
        let shown = now.files.len().min(room);
        while self.files.len() > shown
            && let Some(bar) = self.files.pop()
        {
            self.screen.remove(&bar);
        }
        while self.files.len() < shown {
            let bar = ProgressBar::no_length().with_style(self.plain.clone());
            self.files.push(self.screen.add(bar));
        }
        self.total
            .set_message(layout::total_line(now, &self.rate, columns));
        for (bar, file) in self.files.iter().zip(&now.files) {
            bar.set_message(layout::file_line(file, columns));
        }
    }

    /// Prints a line above the display.
    pub(crate) fn print(&self, line: &str) {
        let printed = self.screen.println(line);
        // Nothing can be done about a terminal that has gone away.
        drop(printed);
    }

    /// Takes the display off the screen; the next drawing brings it back.
    pub(crate) fn clear(&self) -> io::Result<()> {
        self.screen.clear()
    }

    pub(crate) fn screen(&self) -> MultiProgress {
        self.screen.clone()
    }
}
