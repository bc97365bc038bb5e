//! What people read: errors in three lines, summaries, and the table of a dry run. Pure.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::Duration;

use hfast::Error;
use hfast::client::{Plan, Report};
use hfast::hub::listing::RefusedName;

use super::size;
use super::text::{padded, printable, width};

/// More names than this would push the first ones off the screen.
const MOST_NAMES: usize = 10;

/// Of those that failed alike: enough to see of which kind they are.
const NAMES_OF_ONE_REASON: usize = 3;

/// What failed, why if that says more, and what to do.
pub(crate) fn error_lines(error: &Error) -> Vec<String> {
    let message = printable(&error.to_string());
    let cause = cause(error).map(|cause| format!("cause: {cause}"));
    let hint = error
        .hint()
        .map(|hint| format!("hint: {}", printable(hint)));
    let lines = [Some(format!("error: {message}")), cause, hint];
    lines.into_iter().flatten().collect()
}

/// The causes that say something that was not said before, in one line.
fn cause(error: &Error) -> Option<String> {
    let mut said = error.to_string().to_lowercase();
    let mut parts: Vec<String> = Vec::new();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        // Rust's own addition to what the system says; the library leaves it out too.
        let text = text
            .split(" (os error")
            .next()
            .unwrap_or_default()
            .to_owned();
        if !said.contains(&text.to_lowercase()) {
            said = format!("{said} {}", text.to_lowercase());
            parts.push(printable(&text));
        }
        source = cause.source();
    }
    (!parts.is_empty()).then(|| parts.join(": "))
}

/// One line about what was done.
pub(crate) fn summary(report: &Report, elapsed: Duration) -> String {
    let what = format!(
        "{}, {}",
        size::plural(report.files, "file"),
        size::bytes(report.bytes)
    );
    if report.files == 0 && report.refused.is_empty() {
        return "the repository has no files: nothing to do".to_owned();
    }
    if report.received == 0 {
        return format!("{what}: all of it was there already");
    }
    // What came twice, or was wrong, is not there.
    let came = report.received.min(report.bytes);
    let rate = size::rate(came, elapsed).unwrap_or(0);
    let partly = report.received < report.bytes;
    let received = partly.then(|| format!(", {} of it fetched now", size::bytes(report.received)));
    let received = received.unwrap_or_default();
    format!(
        "{what}{received} in {} ({}/s)",
        size::span(elapsed),
        size::bytes(rate)
    )
}

/// A reason without the name of its file, for where that stands before it.
pub(crate) fn without_name(reason: &str, name: &str) -> String {
    let rest = reason
        .strip_prefix(name)
        .and_then(|rest| rest.strip_prefix(": "));
    printable(rest.unwrap_or(reason))
}

/// The files that failed for one reason each, in the order of the first ones: `  a, b, c and 4 more:
/// reason`.
fn failed_lines(failed: &[(String, Error)]) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (name, error) in failed {
        let cause = cause(error).map_or_else(String::new, |cause| format!(" ({cause})"));
        let reason = format!("{}{cause}", without_name(&error.to_string(), name));
        let index = *known.entry(reason).or_insert_with_key(|reason| {
            reasons.push((reason.clone(), Vec::new()));
            reasons.len() - 1
        });
        reasons[index].1.push(name);
    }
    let line = |(reason, names): &(String, Vec<&str>)| {
        let shown = names.iter().take(NAMES_OF_ONE_REASON);
        let shown: Vec<_> = shown.map(|name| printable(name)).collect();
        let more = names.len() - shown.len();
        let more = (more > 0).then(|| format!(" and {more} more"));
        format!(
            "  {}{}: {reason}",
            shown.join(", "),
            more.unwrap_or_default()
        )
    };
    shortened(reasons.iter().map(line))
}

/// Which files are missing, and why; empty if none are.
pub(crate) fn missing_lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let ([(_, error)], 0) = (report.failed.as_slice(), report.files) {
        lines.extend(error_lines(error));
    } else if !report.failed.is_empty() {
        let all = size::plural(report.files + report.failed.len(), "file");
        lines.push(format!("error: {} of {all} failed", report.failed.len()));
        lines.extend(failed_lines(&report.failed));
        let hints = report.failed.iter().find_map(|(_, error)| error.hint());
        let usual = "run the same command again: it goes on where it stopped";
        lines.push(format!("hint: {}", printable(hints.unwrap_or(usual))));
    }
    lines.extend(refused_lines(&report.refused));
    lines
}

/// Which names were refused, and why; empty if none were.
pub(crate) fn refused_lines(refused: &[RefusedName]) -> Vec<String> {
    if refused.is_empty() {
        return Vec::new();
    }
    let count = size::plural(refused.len(), "file");
    let why =
        |refused: &RefusedName| format!("  {}: {}", printable(&refused.shown()), refused.fault);
    let mut lines = vec![format!(
        "warning: {count} refused, for these names are not safe:"
    )];
    lines.extend(shortened(refused.iter().map(why)));
    lines
}

fn shortened(lines: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = lines.len().saturating_sub(MOST_NAMES);
    let more = (more > 0).then(|| format!("  and {more} more"));
    lines.take(MOST_NAMES).chain(more).collect()
}

/// What would be downloaded, in the words of the official client.
pub(crate) fn dry_run(plan: &Plan) -> String {
    let wanted: Vec<_> = plan.files.iter().filter(|file| !file.present).collect();
    let total = wanted.iter().filter_map(|file| file.remote.size).sum();
    let mut rows: Vec<(&str, String)> = plan
        .files
        .iter()
        .map(|file| {
            let size = file.remote.size.map_or_else(|| "?".to_owned(), size::bytes);
            let size = if file.present { "-".to_owned() } else { size };
            (file.remote.path.as_str(), size)
        })
        .collect();
    rows.sort_unstable();
    rows.insert(0, ("FILE", "SIZE".to_owned()));
    let columns = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut text = format!(
        "[dry-run] Will download {} (out of {}) totalling {}.\n",
        size::plural(wanted.len(), "file"),
        plan.files.len(),
        size::bytes(total)
    );
    for (name, size) in rows {
        text.extend([&padded(name, columns), "  ", &size, "\n"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use hfast::ErrorKind;

    #[test]
    fn the_rate_is_that_of_what_is_there() {
        let told = |received| {
            let report = Report {
                path: "x".into(),
                commit: None,
                files: 2,
                bytes: 100_000_000,
                received,
                failed: Vec::new(),
                refused: Vec::new(),
                caveat: None,
            };
            summary(&report, Duration::from_secs(100))
        };
        let twice = "2 files, 100.0M in 1:40 (1.0M/s)";
        assert_eq!(told(180_000_000), twice, "some of it came twice");
        let rest = "2 files, 100.0M, 50.0M of it fetched now in 1:40 (500.0K/s)";
        assert_eq!(told(50_000_000), rest);
    }

    #[test]
    fn files_that_failed_alike_share_a_line() {
        let fail = |name: &str, reason: &str| {
            let text = format!("{name}: {reason}");
            (name.to_owned(), Error::new(ErrorKind::Unreachable, text))
        };
        let failed = [
            fail("a", "host: connection refused"),
            fail("x", "host: connection reset"),
            fail("b", "host: connection refused"),
            fail("c", "host: connection refused"),
            fail("d", "host: connection refused"),
        ];
        assert_eq!(
            failed_lines(&failed),
            [
                "  a, b, c and 1 more: host: connection refused",
                "  x: host: connection reset"
            ]
        );
    }
}
