//! The lines of the progress display as text of a given width. Pure.
//!
//! Only ASCII beside the names: many terminals draw other bars and dots two columns wide.

use hfast::transfer::progress::{FileSnapshot, Phase, Snapshot};

use super::rate::Rate;
use super::text::{fit, fit_name, padded, printable, width};
use super::{size, text};

/// The line about everything; `limit` is in bytes per second.
pub(crate) fn total_line(
    now: &Snapshot,
    rate: &Rate,
    limit: Option<u64>,
    columns: usize,
) -> String {
    if now.files_total == 0 {
        return fit("looking at what is there ...", columns);
    }
    let percent = percent(now);
    // The most wanted first: what does not fit is left out from the end.
    let parts = [
        Some(format!("{}/s", size::bytes(rate.bytes_per_second()))),
        outlook(now, rate),
        Some(amount(now, "/")),
        limit.map(limited),
        Some(format!("{}/{} files", now.files_done, now.files_total)),
        Some(format!("{} conn", now.connections)),
        retries(now),
    ];
    let mut line = percent;
    for part in parts.into_iter().flatten() {
        let room = columns.saturating_sub(width(&line) + 2);
        // A time alone can be understood, too.
        let short = part.strip_suffix(" left").unwrap_or(&part);
        let Some(part) = [&part, short].into_iter().find(|part| width(part) <= room) else {
            break;
        };
        line = format!("{line}  {part}");
    }
    with_gauge(line, now, columns)
}

/// Whether it is known how many bytes there will be: a server may not say how long a file is.
fn is_sized(now: &Snapshot) -> bool {
    now.total_bytes > 0 && now.done_bytes <= now.total_bytes
}

/// Four columns wide.
fn percent(now: &Snapshot) -> String {
    if is_sized(now) {
        format!("{:>3}%", size::percent(now.done_bytes, now.total_bytes))
    } else {
        "    ".to_owned()
    }
}

/// So many bytes, of how many.
fn amount(now: &Snapshot, of: &str) -> String {
    let done = size::bytes(now.done_bytes);
    if is_sized(now) {
        format!("{done}{of}{}", size::bytes(now.total_bytes))
    } else {
        done
    }
}

/// When it will end, or for how long it has not come nearer.
fn outlook(now: &Snapshot, rate: &Rate) -> Option<String> {
    let silence = rate.silence(now);
    let silence = silence.map(|time| format!("no data for {}", size::clock(time)));
    silence.or_else(|| Some(format!("{} left", size::clock(rate.time_left(now)?))))
}

fn limited(limit: u64) -> String {
    format!("limited to {}/s", size::bytes(limit))
}

fn retries(now: &Snapshot) -> Option<String> {
    match now.retries {
        0 => None,
        1 => Some("1 retry".to_owned()),
        many => Some(format!("{many} retries")),
    }
}

/// Puts a bar behind the percentage, if there is room for one that says something.
fn with_gauge(line: String, now: &Snapshot, columns: usize) -> String {
    let cells = columns.saturating_sub(line.len() + 4).min(24);
    if cells < 8 || !is_sized(now) {
        return line;
    }
    let done = size::percent(now.done_bytes, now.total_bytes);
    let filled = usize::try_from(done).unwrap_or(0) * cells / 100;
    let gauge = format!("{}{}", "=".repeat(filled), " ".repeat(cells - filled));
    let (percent, rest) = line.split_at(4);
    format!("{percent}  [{gauge}]{rest}")
}

/// The line about one file.
pub(crate) fn file_line(file: &FileSnapshot, columns: usize) -> String {
    let percent = match file.size {
        0 => "    ".to_owned(),
        size => format!("{:>3}%", size::percent(file.done, size)),
    };
    let sizes = match file.size {
        0 => size::bytes(file.done),
        size => format!("{}/{}", size::bytes(file.done), size::bytes(size)),
    };
    let tails = [
        format!("{sizes:>14}  {:>9}", doing(file)),
        format!("{sizes:>14}"),
        String::new(),
    ];
    // A name needs some room to be told from its neighbours.
    let roomy = |tail: &&String| columns >= 4 + 2 + 16 + 2 + tail.len();
    let tail = tails.iter().find(roomy).map_or("", String::as_str);
    let name_columns =
        columns.saturating_sub(4 + 2 + if tail.is_empty() { 0 } else { tail.len() + 2 });
    let name = fit_name(&printable(&file.name), name_columns);
    match tail {
        "" => text::fit(&format!("{percent}  {name}"), columns),
        tail => format!("{percent}  {}  {tail}", padded(&name, name_columns)),
    }
}

fn doing(file: &FileSnapshot) -> String {
    match file.phase {
        Phase::Waiting => "waiting".to_owned(),
        Phase::Checking => "checking".to_owned(),
        Phase::Copying => "copying".to_owned(),
        Phase::Fetching => format!("{} conn", file.connections),
        Phase::Finishing => "finishing".to_owned(),
    }
}

/// The line for where nothing can be drawn over.
pub(crate) fn log_line(now: &Snapshot, rate: &Rate, limit: Option<u64>) -> String {
    let after_comma = |part: Option<String>| part.map_or_else(String::new, |p| format!(", {p}"));
    let (outlook, retries) = (after_comma(outlook(now, rate)), after_comma(retries(now)));
    let limit = after_comma(limit.map(limited));
    format!(
        "{}  {}, {} of {}, {}/s{limit}{outlook}, {}{retries}",
        percent(now),
        amount(now, " of "),
        now.files_done,
        size::plural(now.files_total, "file"),
        size::bytes(rate.bytes_per_second()),
        size::plural(now.connections, "connection"),
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn job() -> (Snapshot, Rate) {
        let mut rate = Rate::default();
        let mut now = Snapshot {
            total_bytes: 4_000_000_000,
            done_bytes: 1_000_000_000,
            files_total: 12,
            files_done: 3,
            connections: 16,
            retries: 2,
            ..Snapshot::default()
        };
        rate.observe(&now);
        now.elapsed = Duration::from_secs(4);
        now.received_bytes = 40_000_000;
        rate.observe(&now);
        (now, rate)
    }

    #[test]
    fn where_no_size_is_told_there_is_no_percentage() {
        let (mut now, rate) = job();
        now.total_bytes = 0;
        assert_eq!(
            total_line(&now, &rate, None, 60),
            "      10.0M/s  1.0G  3/12 files  16 conn  2 retries"
        );
        assert!(log_line(&now, &rate, None).starts_with("      1.0G, 3 of 12 files"));
    }

    fn file() -> FileSnapshot {
        FileSnapshot {
            name: "text_encoder/模型-00001-of-00004.safetensors".to_owned(),
            size: 5_000_000_000,
            done: 2_050_000_000,
            connections: 4,
            phase: Phase::Fetching,
        }
    }

    #[test]
    fn the_total_line_gives_up_the_least_wanted_first() {
        let (now, rate) = job();
        let lines: Vec<_> = [100, 79, 44, 30, 19, 12]
            .into_iter()
            .map(|columns| total_line(&now, &rate, None, columns))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        25%  [======                  ]  10.0M/s  5:00 left  1.0G/4.0G  3/12 files  16 conn  2 retries
        25%  [==      ]  10.0M/s  5:00 left  1.0G/4.0G  3/12 files  16 conn  2 retries
        25%  10.0M/s  5:00 left  1.0G/4.0G
        25%  10.0M/s  5:00 left
        25%  10.0M/s  5:00
        25%
        ");
    }

    #[test]
    fn a_file_line_keeps_its_name_longest() {
        let lines: Vec<_> = [100, 60, 40, 30]
            .into_iter()
            .map(|columns| file_line(&file(), columns))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        41%  text_encoder/模型-00001-of-00004.safetensors                              2.1G/5.0G     4 conn
        41%  text_encoder/模型-00001           2.1G/5.0G     4 conn
        41%  text_...模型-00001       2.1G/5.0G
        41%  text_encoder/模型-00001
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let (now, rate) = job();
        for columns in 8..200 {
            for limit in [None, Some(2_000_000)] {
                assert!(width(&total_line(&now, &rate, limit, columns)) <= columns);
            }
            assert!(width(&file_line(&file(), columns)) <= columns);
        }
    }

    #[test]
    fn a_standstill_is_told() {
        let (mut now, mut rate) = job();
        now.files = vec![file()];
        now.retries = 1;
        for seconds in [5, 21] {
            now.elapsed = Duration::from_secs(seconds);
            rate.observe(&now);
        }
        insta::assert_snapshot!(total_line(&now, &rate, None, 79), @" 25%  0B/s  no data for 0:17  1.0G/4.0G  3/12 files  16 conn  1 retry");
        insta::assert_snapshot!(log_line(&now, &rate, None), @" 25%  1.0G of 4.0G, 3 of 12 files, 0B/s, no data for 0:17, 16 connections, 1 retry");
    }

    #[test]
    fn a_limit_is_told() {
        let (now, rate) = job();
        let limit = Some(10_000_000);
        insta::assert_snapshot!(total_line(&now, &rate, limit, 79), @" 25%  10.0M/s  5:00 left  1.0G/4.0G  limited to 10.0M/s  3/12 files  16 conn");
        insta::assert_snapshot!(log_line(&now, &rate, limit), @" 25%  1.0G of 4.0G, 3 of 12 files, 10.0M/s, limited to 10.0M/s, 5:00 left, 16 connections, 2 retries");
    }

    #[test]
    fn without_a_terminal_the_numbers_are_words() {
        let (now, rate) = job();
        insta::assert_snapshot!(log_line(&now, &rate, None), @" 25%  1.0G of 4.0G, 3 of 12 files, 10.0M/s, 5:00 left, 16 connections, 2 retries");
    }
}
