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
    let there = entries(snapshot).into_iter().filter_map(|(path, size)| {
        Some(RemoteFile {
            path,
            size: Some(size?),
            digest: None,
            xet: None,
        })
    });
    there.collect()
}

/// What a snapshot has, by name, and how many bytes each is; `None`: what has the name, or what the link
/// leads to, is no file.
pub(crate) fn entries(snapshot: &Path) -> Vec<(RepoPath, Option<u64>)> {
    let mut found = Vec::new();
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
            let file = fs::metadata(entry.path()).ok();
            let file = file.filter(fs::Metadata::is_file);
            let path = RepoPath::new(&path).ok();
            found.extend(path.map(|path| (path, file.map(|file| file.len()))));
        }
    }
    found.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    found
}
