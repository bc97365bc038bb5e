//! What is said of the cache. Pure.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::cut;
use crate::dialect::words::{self, BOLD, Mode, Said, Voice, Words};
use crate::output::cache::{Listing, RepoRow, RevisionRow, Shown};

/// What is in the cache, for `hf`.
pub(crate) fn listed(words: &Words, it: &Shown) -> Option<Said> {
    let Voice::Hf(mode) = words.voice else {
        return (words.voice == Voice::Legacy).then(|| scanned(words, it));
    };
    let rows = rows(it);
    if rows.is_empty() {
        return Some(Said::out(match mode {
            Mode::Json => vec!["[]".to_owned()],
            Mode::Quiet => Vec::new(),
            Mode::Human | Mode::Agent => vec!["No results found.".to_owned()],
        }));
    }
    let keys: &[&str] = match it.listing {
        Listing::Repos(_) => &["id", "size", "last_accessed", "last_modified", "refs"],
        Listing::Revisions(_) => &["id", "revision", "size", "last_modified", "refs"],
    };
    let cell = |row: &Row, key: &str| match &row[key] {
        Value::Array(refs) if mode == Mode::Human => {
            let refs: Vec<_> = refs.iter().filter_map(Value::as_str).collect();
            refs.join(", ")
        }
        Value::Array(refs) => {
            let refs = refs.iter().filter_map(Value::as_str);
            let refs: Vec<_> = refs.map(|name| format!("'{name}'")).collect();
            format!("[{}]", refs.join(", "))
        }
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let cells: Vec<[String; 5]> = rows
        .iter()
        .map(|row| std::array::from_fn(|at| cell(row, keys[at])))
        .collect();
    let (mut lines, mut aside) = match mode {
        Mode::Json => return Some(Said::out(vec![words::json(&rows)])),
        Mode::Quiet => {
            let key = keys[usize::from(keys[1] == "revision")];
            return Some(Said::out(rows.iter().map(|row| cell(row, key)).collect()));
        }
        Mode::Agent => {
            let lines = cells.iter().map(|row| row.join("\t"));
            (
                std::iter::once(keys.join("\t")).chain(lines).collect(),
                Vec::new(),
            )
        }
        Mode::Human => {
            let heads: Vec<_> = keys.iter().map(|key| key.to_uppercase()).collect();
            let heads: [&str; 5] = std::array::from_fn(|at| heads[at].as_str());
            let (lines, is_cut) = words.table(heads, &cells, &["SIZE"]);
            (lines, cut(words, is_cut))
        }
    };
    lines.push(found(words, mode, it));
    aside.extend(unfinished(words, it));
    Some(Said {
        stdout: lines,
        stderr: aside,
    })
}

fn found(words: &Words, mode: Mode, it: &Shown) -> String {
    let found = format!(
        "\nFound {} repo(s) for a total of {} revision(s) and {} on disk.",
        it.counts.repos,
        it.counts.revisions,
        words::size(it.counts.size)
    );
    match mode {
        Mode::Human => words.painted(BOLD, &found),
        Mode::Agent | Mode::Json | Mode::Quiet => found,
    }
}

fn unfinished(words: &Words, it: &Shown) -> Option<String> {
    let size = words::size(it.counts.unfinished_size);
    let text = format!(
        "Found {} incomplete download(s) totalling {size}. Remove them with 'hfast cache prune --unfinished'.",
        it.counts.unfinished
    );
    words.hint(&text).filter(|_| it.counts.unfinished > 0)
}

/// The lines of a list with the keys that `hf` gives them.
fn rows(it: &Shown) -> Vec<Row> {
    let ago = |at: Option<u64>| at.map_or_else(String::new, |at| ago(it.now, at));
    match &it.listing {
        Listing::Repos(rows) => {
            let row = |row: &RepoRow| {
                Row(vec![
                    ("id", json!(format!("{}/{}", row.kind, row.repo))),
                    ("repo_id", json!(row.repo)),
                    ("repo_type", json!(row.kind)),
                    ("size", json!(words::size(row.size))),
                    ("last_accessed", json!(ago(row.accessed))),
                    ("last_modified", json!(ago(row.modified))),
                    ("refs", json!(row.all_refs())),
                ])
            };
            rows.iter().map(row).collect()
        }
        Listing::Revisions(rows) => {
            let row = |row: &RevisionRow| {
                Row(vec![
                    ("id", json!(format!("{}/{}", row.kind, row.repo))),
                    ("repo_id", json!(row.repo)),
                    ("repo_type", json!(row.kind)),
                    ("revision", json!(row.commit)),
                    ("snapshot_path", json!(row.path.display().to_string())),
                    ("size", json!(words::size(row.size))),
                    ("last_modified", json!(ago(row.modified))),
                    ("refs", json!(row.refs)),
                ])
            };
            rows.iter().map(row).collect()
        }
    }
}

/// Keys and values in their order.
struct Row(Vec<(&'static str, Value)>);

impl std::ops::Index<&str> for Row {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        let mut all = self.0.iter();
        all.find(|(own, _)| *own == key)
            .map_or(&Value::Null, |(_, value)| value)
    }
}

impl serde::Serialize for Row {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        words::Ordered(&self.0).serialize(serializer)
    }
}

fn ago(now: SystemTime, at: u64) -> String {
    let at = UNIX_EPOCH + Duration::from_secs(at);
    words::ago(now.duration_since(at).unwrap_or_default())
}

/// What is in the cache, for `huggingface-cli scan-cache`.
fn scanned(words: &Words, it: &Shown) -> Said {
    let ago = |at: Option<u64>| at.map_or_else(String::new, |at| ago(it.now, at));
    let (mut lines, repos) = match &it.listing {
        Listing::Repos(rows) => {
            let row = |row: &RepoRow| {
                [
                    row.repo.clone(),
                    row.kind.clone(),
                    words::size(row.size),
                    row.contents.to_string(),
                    ago(row.accessed),
                    ago(row.modified),
                    row.all_refs().join(", "),
                    row.path.display().to_string(),
                ]
            };
            let cells: Vec<_> = rows.iter().map(row).collect();
            let head = [
                "REPO ID",
                "REPO TYPE",
                "SIZE ON DISK",
                "NB FILES",
                "LAST_ACCESSED",
                "LAST_MODIFIED",
                "REFS",
                "LOCAL PATH",
            ];
            (
                words.table(head, &cells, &["SIZE ON DISK", "NB FILES"]).0,
                rows.len(),
            )
        }
        Listing::Revisions(rows) => {
            let row = |row: &RevisionRow| {
                [
                    row.repo.clone(),
                    row.kind.clone(),
                    row.commit.clone(),
                    words::size(row.size),
                    row.files.to_string(),
                    ago(row.modified),
                    row.refs.join(", "),
                    row.path.display().to_string(),
                ]
            };
            let cells: Vec<_> = rows.iter().map(row).collect();
            let head = [
                "REPO ID",
                "REPO TYPE",
                "REVISION",
                "SIZE ON DISK",
                "NB FILES",
                "LAST_MODIFIED",
                "REFS",
                "LOCAL PATH",
            ];
            (
                words.table(head, &cells, &["SIZE ON DISK", "NB FILES"]).0,
                it.counts.repos,
            )
        }
    };
    // Each column ends with a space there, the last one too.
    for line in &mut lines {
        line.push(' ');
    }
    let total = words.alarmed(&words::size(it.counts.size));
    lines.push(String::new());
    lines.push(format!(
        "Done in 0.0s. Scanned {repos} repo(s) for a total of {total}."
    ));
    Said::out(lines)
}
