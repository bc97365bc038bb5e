//! Lines at the foot of a terminal that are drawn over, and pushed down by what is printed above them.
//!
//! The cursor rests at the beginning of the line below: there the terminal shows the `^C` of an
//! interrupt, which would shift the lines if it stood behind the last of them.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::terminal;
use super::text::width;

/// The terminal behind stderr, shared by all who write to it.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    /// The lines that are there now.
    lines: Arc<Mutex<Vec<String>>>,
    /// The first of them stands out.
    bold: bool,
}

impl Screen {
    pub(crate) fn new(bold: bool) -> Self {
        Self {
            lines: Arc::default(),
            bold,
        }
    }

    /// Whether lines can be drawn over at all. Elsewhere than on Unix a terminal has to be told to
    /// understand this, which no safe call does.
    pub(crate) fn possible() -> bool {
        cfg!(unix) && io::stderr().is_terminal()
    }

    /// Shows these lines instead of those before; none may be wider than the terminal.
    pub(crate) fn draw(&self, lines: Vec<String>) {
        let mut shown = self.lines();
        if *shown != lines {
            self.put(rows(&shown), "", &lines);
            *shown = lines;
        }
    }

    /// Prints whole lines above those that are shown.
    pub(crate) fn print(&self, text: &str) {
        let shown = self.lines();
        self.put(rows(&shown), text, &shown);
    }

    /// In one write, so that nobody sees a part of it.
    fn put(&self, before: usize, above: &str, lines: &[String]) {
        let frame = frame(before, above, lines, self.bold);
        let written = io::stderr().lock().write_all(frame.as_bytes());
        // Nothing can be done about a terminal that has gone away.
        drop(written);
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many rows the lines take: more than they are if the terminal has become narrower, for then
/// it has wrapped them.
fn rows(lines: &[String]) -> usize {
    let columns = terminal::size(None).columns;
    let rows = lines
        .iter()
        .map(|line| width(line).div_ceil(columns).max(1));
    rows.sum()
}

/// What turns `before` rows into `above` and `lines`.
fn frame(before: usize, above: &str, lines: &[String], bold: bool) -> String {
    // Line by line: some terminals keep what is cleared by the screenful.
    const CLEAR: &str = "\x1b[K";
    let mut frame = format!("\r{CLEAR}");
    let up = match before {
        0 => String::new(),
        rows => format!("\x1b[{rows}A"),
    };
    frame += &up;
    if !above.is_empty() || lines.len() < before {
        frame += &format!("{CLEAR}\n").repeat(before);
        frame += &up;
    }
    frame += above;
    for (number, line) in lines.iter().enumerate() {
        let (on, off) = if bold && number == 0 {
            ("\x1b[1m", "\x1b[0m")
        } else {
            ("", "")
        };
        frame.extend([on, line, off, CLEAR, "\n"]);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_over_pushed_down_and_taken_away() {
        let lines = ["a".to_owned(), "b".to_owned()];
        let told = [
            frame(0, "", &lines, true),
            frame(2, "", &lines, false),
            frame(3, "", &lines[..1], false),
            frame(1, "said\n", &lines[..1], false),
            frame(1, "", &[], false),
        ];
        let told: Vec<_> = told
            .iter()
            .map(|text| text.escape_debug().to_string())
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        \r\u{1b}[K\u{1b}[1ma\u{1b}[0m\u{1b}[K\nb\u{1b}[K\n
        \r\u{1b}[K\u{1b}[2Aa\u{1b}[K\nb\u{1b}[K\n
        \r\u{1b}[K\u{1b}[3A\u{1b}[K\n\u{1b}[K\n\u{1b}[K\n\u{1b}[3Aa\u{1b}[K\n
        \r\u{1b}[K\u{1b}[1A\u{1b}[K\n\u{1b}[1Asaid\na\u{1b}[K\n
        \r\u{1b}[K\u{1b}[1A\u{1b}[K\n\u{1b}[1A
        ");
    }
}
