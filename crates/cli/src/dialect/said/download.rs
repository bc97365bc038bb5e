//! What is said of downloads. Pure.

use hfast::client::Plan;
use serde_json::json;

use super::cut;
use crate::dialect::words::{self, Mode, Said, Voice, Words};
use crate::output::text::printable;

/// A download that is complete.
pub(crate) fn downloaded(words: &Words, path: &str) -> Option<Said> {
    let lines = match words.voice {
        Voice::Own => return None,
        Voice::Legacy => vec![path.to_owned()],
        Voice::Hf(mode) => words.result(mode, "Downloaded", &[("path", json!(path))]),
    };
    Some(Said::out(lines))
}

/// What would be downloaded.
pub(crate) fn planned(words: &Words, plan: &Plan) -> Option<Said> {
    let Voice::Hf(mode) = words.voice else {
        return None;
    };
    let mut files: Vec<_> = plan.files.iter().collect();
    files.sort_by(|a, b| a.remote.path.cmp(&b.remote.path));
    let wanted = files.iter().filter(|file| !file.present);
    let total: Option<u64> = wanted.clone().map(|file| file.remote.size).sum();
    let total = total.map_or_else(|| "an unknown size".to_owned(), words::size);
    let head = format!(
        "[dry-run] Will download {} files (out of {}) totalling {total}.",
        wanted.count(),
        files.len()
    );
    let rows: Vec<[String; 2]> = files
        .iter()
        .map(|file| {
            let size = file.remote.size.filter(|_| !file.present);
            let size = size.map_or_else(|| "-".to_owned(), words::size);
            [printable(file.remote.path.as_str()), size]
        })
        .collect();
    let names = || rows.iter().map(|[name, _]| name.clone()).collect();
    Some(match mode {
        Mode::Human => {
            let (table, is_cut) = words.table(["FILE", "SIZE"], &rows, &[]);
            let lines = std::iter::once(head).chain(table);
            Said {
                stdout: lines.collect(),
                stderr: cut(words, is_cut),
            }
        }
        Mode::Agent => {
            let rows = rows.iter().map(|row| row.join("\t"));
            Said::out(
                [head, "file\tsize".to_owned()]
                    .into_iter()
                    .chain(rows)
                    .collect(),
            )
        }
        Mode::Json => {
            let rows: Vec<_> = rows
                .iter()
                .map(|[file, size]| FileRow { file, size })
                .collect();
            Said::out(vec![words::json(&rows)])
        }
        Mode::Quiet => Said::out(names()),
    })
}

#[derive(serde::Serialize)]
struct FileRow<'a> {
    file: &'a str,
    size: &'a str,
}
