//! Progress on a terminal: one line about everything and one for each of the oldest active files.

use hfast::transfer::limit::Limit;
use hfast::transfer::progress::Snapshot;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::rate::Rate;
use super::{layout, terminal};
use crate::settings::Settings;

/// More files than this at once are told by the total alone.
const MOST_FILES: usize = 8;
/// Rows left to what is above the display.
const SPARE_ROWS: usize = 3;

pub(crate) struct Bars {
    screen: MultiProgress,
    /// All lines as one text, so that they are drawn at once; `None` while nothing is shown.
    lines: Option<ProgressBar>,
    rate: Rate,
    limit: Option<Limit>,
    bold: bool,
    stated_columns: Option<u16>,
}

impl Bars {
    /// Whether a display can be drawn at all.
    pub(crate) fn possible() -> bool {
        !ProgressDrawTarget::stderr().is_hidden()
    }

    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            screen: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            lines: None,
            rate: Rate::default(),
            limit: settings.limit.clone(),
            bold: settings.colour,
            stated_columns: settings.columns,
        }
    }

    pub(crate) fn draw(&mut self, now: &Snapshot) {
        self.rate.observe(now);
        let size = terminal::size(self.stated_columns);
        // A line that fills the last column makes some terminals wrap.
        let columns = size.columns.saturating_sub(1);
        let limit = self.limit.as_ref().and_then(Limit::rate_now);
        let mut text = layout::total_line(now, &self.rate, limit, columns);
        if self.bold {
            text = format!("\x1b[1m{text}\x1b[0m");
        }
        let room = size.rows.saturating_sub(SPARE_ROWS).min(MOST_FILES);
        for file in now.files.iter().take(room) {
            text.push('\n');
            text.push_str(&layout::file_line(file, columns));
        }
        let lines = self.lines.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}");
            let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
            self.screen.add(ProgressBar::no_length().with_style(style))
        });
        lines.set_message(text);
    }

    /// Prints a line above the display.
    pub(crate) fn print(&self, line: &str) {
        let printed = self.screen.println(line);
        // Nothing can be done about a terminal that has gone away.
        drop(printed);
    }

    /// Takes the display off the screen; the next drawing brings it back.
    pub(crate) fn clear(&mut self) {
        if let Some(lines) = self.lines.take() {
            self.screen.remove(&lines);
        }
        let cleared = self.screen.clear();
        // As above.
        drop(cleared);
    }

    pub(crate) fn screen(&self) -> MultiProgress {
        self.screen.clone()
    }
}
