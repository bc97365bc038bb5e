//! How the official tools write: results, tables, JSON, sizes and times. Pure.
//!
//! What they say is in `said.rs`.

use std::io;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

use crate::exit;
use crate::output::text::printable;

/// In whose words results and errors are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Voice {
    #[default]
    Own,
    Hf(Mode),
    Legacy,
}

/// What stdout gets from `hf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Human,
    Agent,
    Json,
    Quiet,
}

impl Voice {
    /// The exit code where hfast has `code`: the official tools tell failures by their words.
    pub(crate) fn exit_code(self, code: u8) -> u8 {
        match (self, code) {
            (Self::Own, code) | (_, code @ (0 | 130 | exit::TERMINATED)) => code,
            (Self::Hf(_) | Self::Legacy, _) => 1,
        }
    }
}

/// A voice, and what it has to know of where it speaks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Words {
    pub(crate) voice: Voice,
    pub(crate) colour: bool,
    /// As wide as a table may be; `None`: as it likes.
    pub(crate) columns: Option<usize>,
}

/// Lines for both streams.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: Vec<String>,
}

impl Said {
    pub(crate) fn out(lines: Vec<String>) -> Self {
        Self {
            stdout: lines,
            stderr: Vec::new(),
        }
    }

    pub(crate) fn err(lines: Vec<String>) -> Self {
        Self {
            stdout: Vec::new(),
            stderr: lines,
        }
    }
}

/// The colours of the tools, by their codes (ECMA-48 SGR).
pub(crate) const GREEN: &str = "32";
pub(crate) const YELLOW: &str = "33";
pub(crate) const GREY: &str = "90";
pub(crate) const BOLD: &str = "1";

impl Words {
    pub(crate) fn painted(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{colour}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Bold and red.
    pub(super) fn alarmed(&self, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[1m\u{1b}[31m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// An error of `hf`.
    pub(crate) fn error(&self, text: &str) -> String {
        let text = format!("Error: {text}");
        match self.voice {
            Voice::Hf(Mode::Human) => self.alarmed(&text),
            _ => text,
        }
    }

    /// What is said on the side.
    pub(crate) fn hint(&self, text: &str) -> Option<String> {
        let text = format!("Hint: {text}");
        match self.voice {
            Voice::Hf(Mode::Quiet) => None,
            Voice::Hf(Mode::Human) => Some(self.painted(GREY, &text)),
            _ => Some(text),
        }
    }

    /// A result of `hf`: a message and what belongs to it. `None`: it has no value.
    pub(crate) fn result(&self, mode: Mode, message: &str, data: &[(&str, Value)]) -> Vec<String> {
        let known = || {
            data.iter()
                .filter_map(|(key, value)| Some((key, shown(value)?)))
        };
        match mode {
            Mode::Human => {
                let first = self.painted(GREEN, &format!("✓ {}", printable(message)));
                let rest = known().map(|(key, value)| format!("  {key}: {value}"));
                std::iter::once(first).chain(rest).collect()
            }
            Mode::Agent => {
                let all: Vec<_> = known()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                vec![if all.is_empty() {
                    message.to_owned()
                } else {
                    all.join(" ")
                }]
            }
            Mode::Json => vec![json(&Ordered(data))],
            Mode::Quiet => {
                let first = data.first().and_then(|(_, value)| shown(value));
                first.into_iter().collect()
            }
        }
    }

    /// A table of `hf`, whose cells lose their ends where it is wider than the terminal; whether they did.
    pub(crate) fn table<const N: usize>(
        &self,
        head: [&str; N],
        rows: &[[String; N]],
        to_the_right: &[&str],
    ) -> (Vec<String>, bool) {
        let length = |text: &str| text.chars().count();
        let mut widths = head.map(length);
        for row in rows {
            for (own, cell) in widths.iter_mut().zip(row) {
                *own = (*own).max(length(cell));
            }
        }
        let natural = widths;
        shrink(&mut widths, &head.map(length), self.columns);
        let line = |cells: [String; N]| {
            let cells = cells.into_iter().zip(widths).zip(head);
            let cells = cells.map(|((cell, width), name)| {
                if to_the_right.contains(&name) {
                    format!("{cell:>width$}")
                } else {
                    format!("{cell:<width$}")
                }
            });
            cells.collect::<Vec<_>>().join(" ")
        };
        let mut lines = vec![
            line(head.map(str::to_owned)),
            line(widths.map(|width| "-".repeat(width))),
        ];
        for row in rows {
            let mut widths = widths.iter();
            let cells = row.each_ref().map(|cell| {
                let width = *widths.next().unwrap_or(&0);
                if length(cell) > width {
                    let kept: String = cell.chars().take(width.saturating_sub(3)).collect();
                    format!("{kept}...")
                } else {
                    cell.clone()
                }
            });
            lines.push(line(cells));
        }
        (lines, widths != natural)
    }
}

/// Takes from the widest column until all fit; none gets narrower than its head, or four.
fn shrink<const N: usize>(widths: &mut [usize; N], heads: &[usize; N], columns: Option<usize>) {
    let Some(columns) = columns else { return };
    let room = columns.saturating_sub(N.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        let can = |(at, width): &(usize, &mut usize)| **width > heads[*at].max(4);
        let candidates = widths.iter_mut().enumerate().filter(can);
        // Of several the first, as there.
        let Some((_, widest)) = candidates.rev().max_by_key(|(_, width)| **width) else {
            return;
        };
        *widest -= 1;
    }
}

/// A value as Python prints it; `None` for nothing.
fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::String(text) => printable(text),
        other => other.to_string(),
    })
}

/// An object whose keys keep their order.
pub(super) struct Ordered<'a>(pub(super) &'a [(&'a str, Value)]);

impl Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// JSON as Python writes it: a space behind each comma and colon, and nothing but ASCII.
pub(crate) fn json(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Spaced);
    // Only maps with odd keys and failing writers can fail, and there are none.
    if value.serialize(&mut serializer).is_err() {
        return String::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut units = [0; 2];
    text.chars()
        .fold(String::with_capacity(text.len()), |mut out, c| {
            if c.is_ascii() {
                out.push(c);
            } else {
                let units = c.encode_utf16(&mut units).iter();
                out.extend(units.map(|unit| format!("\\u{unit:04x}")));
            }
            out
        })
}

struct Spaced;

fn divided<W: ?Sized + io::Write>(writer: &mut W, first: bool) -> io::Result<()> {
    if first {
        Ok(())
    } else {
        writer.write_all(b", ")
    }
}

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        divided(writer, first)
    }

    fn begin_object_key<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        divided(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

/// `0.0`, `29.4K`, `1.4M`.
pub(crate) fn size(bytes: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
    let mut count = bytes as f64;
    for unit in ["", "K", "M", "G", "T", "P", "E"] {
        if count < 1000.0 {
            return format!("{count:.1}{unit}");
        }
        count /= 1000.0;
    }
    format!("{count:.1}Z")
}

/// `a few seconds ago`, `5 hours ago`.
pub(crate) fn ago(age: Duration) -> String {
    // A unit, its seconds, and the most of them before the next one is taken.
    const UNITS: [(&str, f64, f64); 7] = [
        ("second", 1.0, 60.0),
        ("minute", 60.0, 60.0),
        ("hour", 3600.0, 24.0),
        ("day", 86_400.0, 6.0),
        ("week", 604_800.0, 6.0),
        ("month", 2_629_746.0, 11.0),
        ("year", 31_556_952.0, f64::INFINITY),
    ];
    let seconds = age.as_secs_f64();
    if seconds < 20.0 {
        return "a few seconds ago".to_owned();
    }
    for (unit, length, most) in UNITS {
        let count = (seconds / length).round_ties_even();
        if count <= most {
            let plural = if count > 1.0 { "s" } else { "" };
            return format!("{count} {unit}{plural} ago");
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_those_of_the_tools() {
        let sizes = [
            (0, "0.0"),
            (7, "7.0"),
            (999, "999.0"),
            (29_400, "29.4K"),
            (1_350_312, "1.4M"),
        ];
        for (bytes, text) in sizes {
            assert_eq!(size(bytes), text);
        }
        let ages = [
            (19, "a few seconds ago"),
            (24, "24 seconds ago"),
            (90, "2 minutes ago"),
            (18_000, "5 hours ago"),
            (86_400, "24 hours ago"),
            (100_000, "1 day ago"),
            (700_000, "1 week ago"),
            (40_000_000, "1 year ago"),
        ];
        for (seconds, text) in ages {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn json_is_that_of_python() {
        let value = serde_json::json!([{"a": "é😀\"", "b": [1, 2], "c": null}]);
        assert_eq!(
            json(&value),
            r#"[{"a": "\u00e9\ud83d\ude00\"", "b": [1, 2], "c": null}]"#
        );
        assert_eq!(json(&Vec::<u8>::new()), "[]");
    }

    #[test]
    fn tables_are_cut_to_the_terminal() {
        let words = Words {
            columns: Some(20),
            ..Words::default()
        };
        let row = ["model/org/a-long-name".to_owned(), "9.0".to_owned()];
        let (lines, is_cut) = words.table(["ID", "SIZE"], &[row], &["SIZE"]);
        assert_eq!(
            lines,
            [
                "ID              SIZE",
                "--------------- ----",
                "model/org/a-...  9.0"
            ]
        );
        assert!(is_cut);
    }
}
