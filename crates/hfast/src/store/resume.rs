//! How a partial file begins: new, or with what an earlier run left.
//!
//! Which leftovers may be used is told in `takeover.rs`, what is in such a file in `partial.rs`.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::adopt::{self, Found};
use super::journal::{self, Claims, Identity};
use super::owner::Owner;
use super::partial::{Partial, read_journal};
use super::takeover::{Taken, create, take_over};
use super::{place, platform};
use crate::error::Error;
use crate::transfer::ranges::Ranges;

impl Partial {
    /// Opens a partial file of the blob `stem` in `folder`: one that a dead writer left
    /// (`leftovers` are candidates), or a new one. Returns what the journal claims is there, and
    /// what is there without a claim: the digest judges it as it judges what other tools left.
    pub(crate) fn begin(
        folder: &Path,
        stem: &str,
        leftovers: &[PathBuf],
        identity: &Identity,
        size: u64,
    ) -> Result<(Self, Claims, Ranges), Error> {
        // The fullest first: an empty one must not stand before hours of work.
        let mut leftovers = leftovers.to_vec();
        leftovers.sort_by_cached_key(|path| {
            let found = path.symlink_metadata();
            std::cmp::Reverse(found.map_or(0, |found| platform::allocated(&found)))
        });
        for leftover in &leftovers {
            let owner = Owner::of_new_file();
            let path = folder.join(owner.file_name(stem));
            match take_over(leftover, &path) {
                Ok(Taken::Whole(file)) => {
                    return Self::new(file, owner, path, *identity, size).resume();
                }
                Ok(Taken::ToCopy(old)) => {
                    let (file, owner, path) = create(folder, stem)?;
                    let ours = Self::new(file, owner, path, *identity, size);
                    return ours.salvage(leftover, &old);
                }
                Ok(Taken::Nothing) => {}
                Err(e) => tracing::debug!("cannot take over {}: {e}", leftover.display()),
            }
        }
        let (file, owner, path) = create(folder, stem)?;
        let partial = Self::new(file, owner, path, *identity, size);
        // Its header alone: it keeps the file longer than a whole one.
        partial.claim(&[])?;
        Ok((partial, Claims::default(), Ranges::default()))
    }

    fn resume(self) -> Result<(Self, Claims, Ranges), Error> {
        let failed = |e| Error::disk("read", &self.path, e);
        let len = self.file.metadata().map_err(failed)?.len();
        if len == self.size && matches!(self.identity, Identity::Content(_)) {
            // Its writer had cut the journal off, and ended before it gave the file its final name.
            // No journal is begun until a byte is found to be wrong: another kill costs nothing.
            let whole = std::iter::once(0..len).collect();
            return Ok((self, Claims::default(), whole));
        }
        let bytes = read_journal(&self.file, self.size).map_err(failed)?;
        let claims = Claims::parse(&bytes, &self.identity, self.size);
        // Torn records at the end would hide later ones; what is good stays where it is. And the
        // records of another content must not end up behind a header of this one, nor its bytes be
        // taken for a whole file.
        let end = match journal::valid_len(&bytes, &self.identity, self.size) {
            0 => 0,
            valid => self.size + valid as u64,
        };
        self.file
            .set_len(end)
            .map_err(|e| Error::disk("write", &self.path, e))?;
        if end == 0 {
            self.claim(&[])?;
        } else {
            *self.journal_end() = Some(end);
        }
        Ok((self, claims, Ranges::default()))
    }

    /// Copies what the journal of `old`, which is called `leftover`, claims, and deletes that name.
    /// Its writer may go on one day: what is done to that file then concerns nobody. The digest judges
    /// the copy as it judges what other tools left.
    fn salvage(self, leftover: &Path, old: &File) -> Result<(Self, Claims, Ranges), Error> {
        self.claim(&[])?;
        let failed = |e| Error::disk("read", leftover, e);
        let len = old.metadata().map_err(failed)?.len();
        let ranges = if len == self.size && matches!(self.identity, Identity::Content(_)) {
            std::iter::once(0..len).collect()
        } else {
            let bytes = read_journal(old, self.size).map_err(failed)?;
            let claims = Claims::parse(&bytes, &self.identity, self.size);
            claims.iter().map(|(start, end, _)| start..end).collect()
        };
        let found = Found {
            path: leftover.to_owned(),
            ranges,
        };
        let copied = adopt::copy_into(&self, &found)?;
        // Another process may have copied it, too, and deleted it.
        if let Err(e) = place::remove_if_there(leftover) {
            tracing::debug!("cannot delete {}: {e}", leftover.display());
        }
        Ok((self, Claims::default(), copied))
    }
}

/// The partial files of ours that lie in `folder`, as stem and path.
pub(crate) fn leftovers(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let named = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let (stem, _) = Owner::parse(path.file_name()?.to_str()?)?;
        Some((stem.to_owned(), path))
    });
    named.collect()
}

/// The partial files of ours in `folder` that are parts of the blob `stem`.
pub(crate) fn leftovers_of(folder: &Path, stem: &str) -> Vec<PathBuf> {
    let all = leftovers(folder).into_iter();
    all.filter(|(name, _)| name == stem)
        .map(|(_, path)| path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::journal::Extent;
    use super::super::takeover::sweep;
    use super::*;
    use crate::names::Digest;
    use xxhash_rust::xxh3::xxh3_64;

    const ID: Identity = Identity::Content(Digest::Sha256([1; 32]));

    fn begin(folder: &Path, leftovers: &[PathBuf]) -> (Partial, Claims) {
        let (partial, claims, whole) = Partial::begin(folder, "stem", leftovers, &ID, 100).unwrap();
        assert!(whole.is_empty());
        (partial, claims)
    }

    fn extent(start: u64, bytes: &[u8]) -> Extent {
        Extent {
            start,
            len: u32::try_from(bytes.len()).unwrap(),
            checksum: xxh3_64(bytes),
        }
    }

    /// Leaves a partial file as a process of this machine that died would.
    fn die(partial: Partial) -> PathBuf {
        let name = Owner::of_new_file().file_name("stem").replace('-', "-9");
        let dead = partial.path.with_file_name(name);
        std::fs::rename(&partial.path, &dead).unwrap();
        drop(partial);
        dead
    }

    #[test]
    fn what_was_written_and_claimed_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, claims) = begin(folder.path(), &[]);
        assert_eq!(claims, Claims::default());
        partial.write(10, b"abcde").unwrap();
        partial.claim(&[extent(10, b"abcde")]).unwrap();
        let dead = die(partial);

        let found = leftovers(folder.path());
        assert_eq!(found, [("stem".to_owned(), dead.clone())]);
        let (resumed, claims) = begin(folder.path(), std::slice::from_ref(&dead));
        assert!(!dead.exists());
        assert_eq!(
            claims.iter().collect::<Vec<_>>(),
            [(10, 15, xxh3_64(b"abcde"))]
        );
        assert_eq!(
            resumed.claims(&ID).unwrap(),
            claims,
            "the claims survive being taken over"
        );
        let mut bytes = [0; 5];
        resumed.read(&mut bytes, 10).unwrap();
        assert_eq!(&bytes, b"abcde");
        let sealed = resumed.seal().unwrap();
        resumed
            .claim(&[Extent {
                start: 0,
                len: 1,
                checksum: 0,
            }])
            .unwrap();
        assert_eq!(
            sealed.metadata().unwrap().len(),
            100,
            "a late claim changes nothing"
        );
    }

    #[test]
    fn the_claims_of_another_content_are_gone_when_it_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, _) = begin(folder.path(), &[]);
        partial.write(0, b"abcde").unwrap();
        partial.claim(&[extent(0, b"abcde")]).unwrap();
        let dead = die(partial);
        let other = Identity::Validator([2; 32]);
        let leftovers = std::slice::from_ref(&dead);
        let (taken, claims, _) =
            Partial::begin(folder.path(), "stem", leftovers, &other, 100).unwrap();
        assert_eq!(claims, Claims::default());
        assert_eq!(taken.claims(&other).unwrap(), Claims::default());
    }

    #[test]
    fn what_was_sealed_and_not_published_is_there_for_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let begin = |identity: &Identity, dead: &PathBuf| {
            let leftovers = std::slice::from_ref(dead);
            Partial::begin(folder.path(), "stem", leftovers, identity, 100).unwrap()
        };
        let (partial, _) = self::begin(folder.path(), &[]);
        partial.write(0, &[7; 100]).unwrap();
        partial.claim(&[extent(0, &[7; 100])]).unwrap();
        partial.seal().unwrap();
        let dead = die(partial);
        // Twice: whoever took it over may be killed before it has looked at the bytes.
        let (taken, claims, whole) = begin(&ID, &dead);
        assert_eq!((claims, whole.len()), (Claims::default(), 100));
        let (taken, _, whole) = begin(&ID, &die(taken));
        assert_eq!(whole.len(), 100);
        // A part of it was wrong and came again.
        taken.claim(&[extent(0, &[7; 50])]).unwrap();
        let (taken, claims, whole) = begin(&ID, &die(taken));
        assert_eq!((claims.iter().count(), whole.len()), (1, 0));

        taken.seal().unwrap();
        let (_, claims, whole) = begin(&Identity::Validator([2; 32]), &die(taken));
        let nothing = (Claims::default(), Ranges::default());
        assert_eq!((claims, whole), nothing, "no digest can judge it");
    }

    #[test]
    fn what_was_sealed_and_got_no_name_is_there_for_the_next_job() {
        let folder = tempfile::tempdir().unwrap();
        let (partial, _) = begin(folder.path(), &[]);
        partial.seal().unwrap();
        drop(partial);
        let left = leftovers_of(folder.path(), "stem");
        let (_, _, whole) = Partial::begin(folder.path(), "stem", &left, &ID, 100).unwrap();
        assert_eq!(whole.len(), 100);
    }

    #[test]
    fn a_seal_that_fails_leaves_nothing_that_could_be_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let (mut partial, _) = begin(folder.path(), &[]);
        partial.claim(&[extent(10, b"abcde")]).unwrap();
        // Neither flushed nor cut: it is open for reading only.
        partial.file = File::open(&partial.path).unwrap();
        assert!(partial.seal().unwrap_err().hint().is_some());
        assert_eq!(leftovers(folder.path()), []);
    }

    #[test]
    fn what_a_writer_left_that_may_only_be_frozen_is_copied_and_not_shared() {
        let folder = tempfile::tempdir().unwrap();
        let (frozen, _) = begin(folder.path(), &[]);
        frozen.write(10, b"abcde").unwrap();
        frozen.claim(&[extent(10, b"abcde")]).unwrap();
        let left = frozen.path.clone();
        let (ours, owner, path) = create(folder.path(), "stem").unwrap();
        let ours = Partial::new(ours, owner, path, ID, 100);
        let (ours, claims, copied) = ours.salvage(&left, &frozen.file).unwrap();
        assert_eq!((claims, copied.len()), (Claims::default(), 5));
        assert!(!left.exists());
        // It wakes up.
        frozen.write(10, b"xxxxx").unwrap();
        frozen.claim(&[extent(20, b"xxxxx")]).unwrap();
        let mut bytes = [0; 5];
        ours.read(&mut bytes, 10).unwrap();
        assert_eq!(&bytes, b"abcde");
        assert!(frozen.seal().is_ok(), "it does not know");
    }

    #[test]
    fn a_file_that_somebody_writes_to_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (alive, _) = begin(folder.path(), &[]);
        let other = folder
            .path()
            .join(Owner::of_new_file().file_name("stem").replace('-', "-9"));
        std::fs::rename(&alive.path, &other).unwrap();
        let (_second, claims) = begin(folder.path(), std::slice::from_ref(&other));
        assert!(other.exists() && claims == Claims::default());
    }

    #[test]
    fn two_jobs_of_one_process_never_share_a_file_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = begin(folder.path(), &[]);
        first.write(0, b"first").unwrap();
        first.claim(&[extent(0, b"first")]).unwrap();
        let candidates = || leftovers_of(folder.path(), "stem");
        // A write of a job that was given up may still be under way when the next job begins.
        let (second, claims) = begin(folder.path(), &candidates());
        assert_eq!(claims, Claims::default());
        for path in candidates() {
            sweep(&path);
        }
        second.write(0, b"other").unwrap();
        let mut bytes = [0; 5];
        first.read(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"first");
        assert!(first.path.exists() && second.path.exists());

        second.discard().unwrap();
        drop((first, second));
        let (third, claims) = begin(folder.path(), &candidates());
        assert_eq!(claims.iter().count(), 1, "what has ended is taken over");
        drop(third);
        for path in candidates() {
            sweep(&path);
        }
        assert_eq!(candidates(), [] as [PathBuf; 0]);
    }
}
