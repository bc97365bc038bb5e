//! Judges a download cache on disk against the repository it should hold, in the layout the
//! official client made: `refs`, `snapshots`, `blobs`. Knows nothing of who wrote it.

use crate::corpus::{Repo, RepoFile};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What a cache holds of a repository.
#[derive(Debug)]
pub struct Verdict {
    /// The folder `refs/<revision>` leads to.
    pub snapshot: PathBuf,
    /// Files found whole.
    pub correct: usize,
    /// What is wrong, one line each; empty for a good cache.
    pub problems: Vec<String>,
}

/// Follows `refs/<revision>` in the cache folder `hub` as an offline reader would, and compares
/// every file of the snapshot by its digest.
pub fn check(hub: &Path, repo: &Repo, revision: &str) -> Verdict {
    let folder = hub.join(repo.cache_folder());
    let reference = folder.join("refs").join(revision);
    let mut problems = Vec::new();
    match fs::read_to_string(&reference) {
        Ok(text) if text == repo.commit => {}
        Ok(text) => problems.push(format!(
            "refs/{revision} says `{text}`, not {}",
            repo.commit
        )),
        Err(error) => problems.push(format!("refs/{revision}: {error}")),
    }
    let snapshot = folder.join("snapshots").join(&repo.commit);
    let mut correct = 0;
    for file in &repo.files {
        match compare(&snapshot.join(file.path()), file) {
            Ok(()) => correct += 1,
            Err(problem) => problems.push(format!("{}: {problem}", file.path())),
        }
    }
    Verdict {
        snapshot,
        correct,
        problems,
    }
}

/// Compares one file on disk with what it should be.
pub fn compare(path: &Path, file: &RepoFile) -> Result<(), String> {
    let is_lfs = file.is_lfs();
    let digest = digest(path, is_lfs).map_err(|error| error.to_string())?;
    let wanted = file.etag();
    if digest == wanted {
        return Ok(());
    }
    let size = fs::metadata(path).map_or(0, |data| data.len());
    let kind = if is_lfs { "sha256" } else { "git sha1" };
    Err(format!(
        "{kind} is {digest}, not {wanted} ({size} bytes of {})",
        file.size()
    ))
}

fn digest(path: &Path, sha256: bool) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut context = if sha256 {
        Context::new(&SHA256)
    } else {
        let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        context.update(format!("blob {}\0", file.metadata()?.len()).as_bytes());
        context
    };
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(crate::corpus::hex(&context.finish())),
            length => context.update(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Content;

    #[test]
    fn a_flipped_bit_and_a_missing_file_are_found() {
        let repo = Repo::model("o/n")
            .file("a/b", b"text")
            .file("gone", b"")
            .lfs("w", Content::seeded(1, 1000))
            .build();
        let hub = tempfile::tempdir().unwrap();
        let folder = hub.path().join("models--o--n");
        let snapshot = folder.join("snapshots").join(&repo.commit);
        fs::create_dir_all(snapshot.join("a")).unwrap();
        fs::create_dir_all(folder.join("refs")).unwrap();
        fs::write(folder.join("refs/main"), &repo.commit).unwrap();
        fs::write(snapshot.join("a/b"), b"text").unwrap();
        fs::write(
            snapshot.join("w"),
            Content::seeded(1, 1000).with_flip(5).read(0..1000),
        )
        .unwrap();
        let verdict = check(hub.path(), &repo, "main");
        assert_eq!((verdict.correct, verdict.problems.len()), (1, 2));
        assert_eq!(verdict.snapshot, snapshot);
    }
}
