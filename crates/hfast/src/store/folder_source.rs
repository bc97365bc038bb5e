//! What a folder or cache that is named as a source has of a list of contents, and how fast it reads.
//! Nothing is hashed and nothing is written: a content is judged when it is used. Blocks.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::destination::Wanted;
use super::elsewhere::Elsewhere;
use super::layout::RepoFolder;
use super::platform;
use crate::names::{Commit, Repo};

/// A read of the engine's order of size.
const BLOCK: usize = 256 << 10;

/// How one content lies in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lies {
    /// A file has its size.
    BySize(PathBuf),
    /// A file has its name, and so many bytes.
    OtherSize(u64),
    Absent,
}

/// Looks where a download would look for each of `wanted`.
///
/// # Errors
/// There is no such folder, or it cannot be looked at.
pub(crate) fn find(
    folder: &Path,
    (repo, commit): (&Repo, &Commit),
    wanted: &[Wanted],
) -> io::Result<Vec<Lies>> {
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let plain = Elsewhere::plain(folder.to_owned());
    let cache = RepoFolder::new(folder, repo);
    let cache = Elsewhere::look(&cache, Some(commit.clone()));
    let lies = |wanted: &Wanted| {
        let mut places = [&plain, &cache]
            .into_iter()
            .flat_map(|place| place.places(wanted));
        if let Some(found) = places.next() {
            return Lies::BySize(found.path);
        }
        let named = folder.join(wanted.name()).metadata();
        match named.ok().filter(std::fs::Metadata::is_file) {
            Some(found) => Lies::OtherSize(found.len()),
            None => Lies::Absent,
        }
    };
    Ok(wanted.iter().map(lies).collect())
}

/// Reads `range` of a file for at most `patience`: the time to its first bytes, and how many bytes came
/// after them in which time.
///
/// # Errors
/// The disk's own.
pub(crate) fn read(
    path: &Path,
    range: &Range<u64>,
    patience: Duration,
) -> io::Result<(Duration, u64, Duration)> {
    let begun = Instant::now();
    let mut file = platform::open_file(path)?;
    file.seek(SeekFrom::Start(range.start))?;
    let mut piece = file.take(range.end - range.start);
    let mut block = vec![0; BLOCK];
    let mut first = None;
    let mut rest = 0;
    loop {
        let read = piece.read(&mut block)?;
        let (at, before) = (begun.elapsed(), first);
        let since = *first.get_or_insert(at);
        rest += before.map_or(0, |_| read as u64);
        if read == 0 || at >= patience {
            return Ok((since, rest, at.saturating_sub(since)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Digest, RepoId, RepoType};
    use crate::repo_path::RepoPath;

    fn wanted(name: &str, size: u64) -> Wanted {
        Wanted {
            paths: vec![RepoPath::new(name).unwrap()],
            size: Some(size),
            digest: Digest::from_hex(&"d".repeat(64)),
            validator: None,
            xet: None,
            elsewhere: Vec::new(),
            damaged: None,
        }
    }

    #[test]
    fn a_file_counts_by_name_and_size_and_a_blob_by_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        let commit: Commit = "a".repeat(40).parse().unwrap();
        let all = [wanted("a", 5), wanted("b", 5), wanted("d/c", 5)];
        std::fs::write(folder.path().join("a"), b"12345").unwrap();
        std::fs::write(folder.path().join("b"), b"1234").unwrap();
        let look = || find(folder.path(), (&repo, &commit), &all).unwrap();
        let a = Lies::BySize(folder.path().join("a"));
        assert_eq!(look(), [a.clone(), Lies::OtherSize(4), Lies::Absent]);

        let cache = RepoFolder::new(folder.path(), &repo);
        std::fs::create_dir_all(cache.blobs()).unwrap();
        let blob = cache.blob(&all[0].digest.unwrap());
        std::fs::write(&blob, b"12345").unwrap();
        assert_eq!(look(), [a, Lies::BySize(blob.clone()), Lies::BySize(blob)]);
        let absent = find(&folder.path().join("x"), (&repo, &commit), &all);
        assert_eq!(absent.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_piece_is_read_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let size = 3 * BLOCK as u64;
        std::fs::write(&path, vec![1; 3 * BLOCK]).unwrap();
        let patience = Duration::from_secs(60);
        let (first, rest, took) = read(&path, &(10..size - 10), patience).unwrap();
        assert_eq!(rest, size - 20 - BLOCK as u64);
        assert!(first + took < patience);
        let (_, rest, _) = read(&path, &(0..size), Duration::ZERO).unwrap();
        assert_eq!(rest, 0, "there was no time for more than one read");
    }
}
