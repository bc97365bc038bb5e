//! What other tools left of a file we want: whole under another name, or in part.
//!
//! Nothing found here is trusted. A whole file is hashed before it is used; parts become bytes of
//! our own partial file, which is hashed before it is published. This file reads them, and deletes nothing but
//! aria2's control file of a download that is complete.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::journal::Extent;
use super::partial::Partial;
use super::{aria2, place, platform};
use crate::error::Error;
use crate::transfer::ranges::Ranges;

/// Entries of a folder tree that are looked at for files under other names.
const MAX_ENTRIES: usize = 20_000;

/// What the name of aria2's control file has behind that of the file.
pub(crate) const CONTROL: &str = ".aria2";

/// A control file of aria2 has one bit for each piece; this is enough for every real one.
const MAX_CONTROL: u64 = 16 << 20;

/// Bytes copied, checksummed and claimed at a time.
const COPY_BLOCK: u64 = 1 << 20;

/// A file that holds some ranges of the one we want.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) ranges: Ranges,
}

/// What a tool that writes from front to back left at `path`, or aria2 with its control file
/// beside it, of a file of `size` bytes.
pub(crate) fn part_at(path: &Path, size: u64) -> Option<Found> {
    let metadata = fs::symlink_metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)?;
    let ranges = match control_of(path, size) {
        Some((_, ranges)) => ranges,
        None if metadata.len() < size => from_the_front(metadata.len()),
        None => return None,
    };
    (!ranges.is_empty()).then(|| Found {
        path: path.to_owned(),
        ranges,
    })
}

fn from_the_front(len: u64) -> Ranges {
    std::iter::once(0..len).collect()
}

/// An unfinished file of the official clients, which may be whole: they name it last.
pub(crate) fn official_part(path: &Path, size: u64) -> Option<Found> {
    let found = fs::symlink_metadata(path).ok()?;
    (found.is_file() && (1..=size).contains(&found.len())).then(|| Found {
        path: path.to_owned(),
        ranges: from_the_front(found.len()),
    })
}

/// The control file of aria2 for `path`, and what it says is there. A file that only has such a
/// name is none.
fn control_of(path: &Path, size: u64) -> Option<(PathBuf, Ranges)> {
    let control = place::with_ending(path, CONTROL);
    let metadata = fs::symlink_metadata(&control).ok()?;
    let bytes = (metadata.is_file() && metadata.len() <= MAX_CONTROL).then(|| fs::read(&control));
    let ranges = aria2::finished(&bytes?.ok()?, size)?;
    Some((control, ranges))
}

/// Whether aria2 has not finished the file at `path`.
pub(crate) fn has_control(path: &Path, size: u64) -> bool {
    control_of(path, size).is_some()
}

/// Deletes the control file of a download that is now complete: it would mislead its own tool.
pub(crate) fn remove_control(path: &Path, size: u64) {
    let Some((control, _)) = control_of(path, size) else {
        return;
    };
    if let Err(error) = fs::remove_file(&control) {
        tracing::debug!("cannot delete {}: {error}", control.display());
    }
}

/// Partial files of the official clients in `folder` that can be used, the longest first.
pub(crate) fn official_parts(folder: &Path, stem: &str, size: u64) -> Vec<Found> {
    let names = official_names(folder, stem).into_iter();
    let mut found: Vec<Found> = names
        .filter_map(|path| official_part(&path, size))
        .collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.ranges.len()));
    found
}

/// Partial files of the official clients in `folder`: `<stem>.incomplete` and
/// `<stem>.<8 hex>.incomplete`.
pub(crate) fn official_names(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_part = |name: &str| {
        name.strip_prefix(stem)
            .and_then(|rest| rest.strip_suffix(".incomplete"))
            .is_some_and(|middle| {
                middle.is_empty() || (middle.len() == 9 && middle.starts_with('.'))
            })
    };
    let parts = entries
        .filter_map(Result::ok)
        .filter(|e| e.file_name().to_str().is_some_and(is_part));
    parts.map(|entry| entry.path()).collect()
}

/// Copies what `found` holds into `partial` and claims it. Returns the ranges that were copied.
pub(crate) fn copy_into(partial: &Partial, found: &Found) -> Result<Ranges, Error> {
    let file = platform::open_file(&found.path).map_err(|e| Error::disk("read", &found.path, e))?;
    let mut copied = Ranges::default();
    for range in found.ranges.iter() {
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start - start % COPY_BLOCK + COPY_BLOCK);
            let mut block = vec![0; usize::try_from(end - start).unwrap_or_default()];
            let read = platform::read_at(&file, &mut block, start);
            // What cannot be read is simply not there.
            if read.unwrap_or_default() < block.len() {
                return Ok(copied);
            }
            let checksum = xxh3_64(&block);
            partial.write(start, &block)?;
            let len = u32::try_from(end - start).unwrap_or_default();
            partial.claim(&[Extent {
                start,
                len,
                checksum,
            }])?;
            copied.insert(start..end);
            start = end;
        }
    }
    Ok(copied)
}

/// Files below `root`, at most `depth` folders down, by their size; only those whose size is
/// `wanted`. The state of git and of the download clients is left out.
pub(crate) fn by_size(
    root: &Path,
    depth: usize,
    wanted: impl Fn(u64) -> bool,
) -> HashMap<u64, Vec<PathBuf>> {
    let mut found: HashMap<u64, Vec<PathBuf>> = HashMap::new();
    let mut folders = vec![(root.to_owned(), depth)];
    let mut budget = MAX_ENTRIES;
    while let Some((folder, depth)) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        for entry in entries.take(budget) {
            budget -= 1;
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let is_state = entry.file_name() == ".cache" || entry.file_name() == ".git";
            if metadata.is_dir() && !is_state && depth > 0 {
                folders.push((entry.path(), depth - 1));
            } else if metadata.is_file() && wanted(metadata.len()) {
                found.entry(metadata.len()).or_default().push(entry.path());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_official_clients_are_told_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, len: usize| fs::write(folder.path().join(name), vec![0; len]).unwrap();
        write("abc.incomplete", 10);
        write("abc.0a1b2c3d.incomplete", 20);
        write("abcd.incomplete", 30);
        write("abc.lock", 5);
        write("abc.00000000.incomplete", 21);
        let lens: Vec<u64> = official_parts(folder.path(), "abc", 20)
            .iter()
            .map(|f| f.ranges.len())
            .collect();
        assert_eq!(lens, [20, 10]);
    }

    #[test]
    fn a_file_that_is_long_enough_is_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, "12345").unwrap();
        assert_eq!(part_at(&path, 5), None);
        assert_eq!(part_at(&path, 9).unwrap().ranges.len(), 5);
    }
}
