//! What a snapshot folder of the official cache holds, told by its names alone.
//!
//! Nothing is hashed: a link that resolves leads to content that somebody has verified.

use std::fs;
use std::path::Path;

use crate::hub::listing::RemoteFile;
use crate::repo_path::RepoPath;

/// A path of 1024 bytes has no more parts than this.
const DEEPEST: usize = 512;

/// The files of a snapshot whose links resolve, by name. Broken links are left out, and so are
/// folders behind links, which no client makes.
pub(crate) fn files(snapshot: &Path) -> Vec<RemoteFile> {
    let mut files = Vec::new();
    let mut folders = vec![(snapshot.to_owned(), String::new(), 0)];
    while let Some((folder, prefix, depth)) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten();
        for entry in entries.filter_map(Result::ok) {
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let path = format!("{prefix}{name}");
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if depth < DEEPEST {
                    folders.push((entry.path(), path + "/", depth + 1));
                }
                continue;
            }
            let found = fs::metadata(entry.path())
                .ok()
                .filter(fs::Metadata::is_file);
            files.extend(
                found
                    .zip(RepoPath::new(&path).ok())
                    .map(|(found, path)| RemoteFile {
                        path,
                        size: Some(found.len()),
                        digest: None,
                        xet: None,
                    }),
            );
        }
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    files
}
