//! Progress on a terminal: one line about everything and one for each of the oldest active files.

use hfast::transfer::progress::Snapshot;

use super::rate::Rate;
use super::screen::Screen;
use super::{layout, terminal};

/// More files than this at once are told by the total alone.
const MOST_FILES: usize = 8;
/// Rows left to the total, to the cursor below the display, and to what is above it.
const SPARE_ROWS: usize = 3;

pub(crate) struct Bars {
    screen: Screen,
    rate: Rate,
    stated_columns: Option<u16>,
}

impl Bars {
    pub(crate) fn new(colour: bool, stated_columns: Option<u16>) -> Self {
        Self {
            screen: Screen::new(colour),
            rate: Rate::default(),
            stated_columns,
        }
    }

    pub(crate) fn draw(&mut self, now: &Snapshot) {
        self.rate.observe(now);
        let size = terminal::size(self.stated_columns);
        // A line that fills the last column makes some terminals wrap.
        let columns = size.columns.saturating_sub(1);
        let total = layout::total_line(now, &self.rate, columns);
        let room = size.rows.saturating_sub(SPARE_ROWS).min(MOST_FILES);
        let files = now.files.iter().take(room);
        let files = files.map(|file| layout::file_line(file, columns));
        self.screen.draw([total].into_iter().chain(files).collect());
    }

    /// Takes the display off the screen; the next drawing brings it back.
    pub(crate) fn clear(&self) {
        self.screen.draw(Vec::new());
    }

    pub(crate) fn screen(&self) -> &Screen {
        &self.screen
    }
}
