//! Checksums of the blocks of a finished file, noted beside it, so that what the disk spoils later can be
//! found and mended without fetching the rest.
//!
//! A note has the form of the journal of a partial file, and is believed as little: it says what is worth
//! fetching again, and the digest of the whole says whether that was enough.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::adopt::Found;
use super::destination::{Destination, Wanted};
use super::journal::{Claims, Extent, Identity};
use super::partial::{MAX_JOURNAL, Partial};
use super::{local_dir, place, platform};
use crate::error::Error;
use crate::hash::Hasher;
use crate::names::Digest;
use crate::transfer::ranges::Ranges;

/// Bytes for each checksum where nothing else says where a block ends: what one wrong bit costs.
pub(crate) const BLOCK: u64 = 1 << 20;

/// Gaps of up to so many bytes are read when a file gets its name: they are in memory still.
const GAPS: u64 = 64 << 20;

/// What one look at a file says.
pub(crate) struct Seen {
    pub(crate) digest: Digest,
    pub(crate) blocks: Claims,
}

/// The checksums of a file that has proved right: what its journal claims, and what that lacks, where a
/// later claim has replaced one that overlapped with it.
pub(super) fn of_partial(partial: &Partial) -> Result<Claims, Error> {
    let mut blocks = partial.claims(&partial.identity)?;
    let covered: Ranges = blocks.iter().map(|(start, end, _)| start..end).collect();
    let gaps = covered.missing_in(0..partial.size);
    if gaps.len() > GAPS {
        return Ok(Claims::default());
    }
    for gap in gaps.iter() {
        let mut start = gap.start;
        while start < gap.end {
            let len = (gap.end - start).min(BLOCK);
            let mut block = vec![0; usize::try_from(len).unwrap_or_default()];
            partial.read(&mut block, start)?;
            blocks.insert(Extent {
                start,
                len: u32::try_from(len).unwrap_or_default(),
                checksum: xxh3_64(&block),
            });
            start += len;
        }
    }
    Ok(blocks)
}

impl Destination {
    /// Below which folder the checksums of a content are noted, and where. A single file has no place for notes.
    fn blocks(&self, digest: &Digest) -> Option<(PathBuf, String)> {
        match self {
            Self::Cache { folder, .. } => Some((folder.path(), format!(".hfast/blocks/{digest}"))),
            Self::LocalDir { root, .. } => Some((root.clone(), local_dir::blocks(digest))),
            Self::File { .. } => None,
        }
    }

    /// Notes the checksums of a content, if they are of all of it. They save work later, and so are not
    /// worth an error now.
    pub(crate) fn note_blocks(&self, digest: &Digest, size: u64, blocks: &Claims) {
        let Some((root, relative)) = self.blocks(digest).filter(|_| blocks.cover(size)) else {
            return;
        };
        let bytes = blocks.to_bytes(&Identity::Content(*digest), size);
        let write = || {
            let path = place::create_parents_below(&root, &relative)?;
            place::write_note(&self.partials(), &path, &bytes)
        };
        if let Err(error) = write() {
            tracing::debug!("{digest}: its blocks are not noted: {error}");
        }
    }

    /// What of a damaged content is right, as far as that is noted; else all of it is in doubt, and may
    /// be.
    pub(super) fn right_parts(&self, wanted: &Wanted, size: u64) -> Option<Found> {
        let (path, digest) = (wanted.damaged.clone()?, wanted.digest?);
        let noted = self.noted_blocks(&digest, size);
        let ranges = if noted.is_empty() {
            let found = path.metadata().ok().filter(fs::Metadata::is_file)?;
            std::iter::once(0..found.len().min(size)).collect()
        } else {
            right(&path, &noted).ok()?
        };
        Some(Found { path, ranges })
    }

    /// The checksums that are noted of a content of `size` bytes; none if there is no note.
    pub(crate) fn noted_blocks(&self, digest: &Digest, size: u64) -> Claims {
        let path = self.blocks(digest).map(|(root, name)| root.join(name));
        let path = path.filter(|path| path.is_file());
        let mut bytes = Vec::new();
        let read = path.map(|path| File::open(path)?.take(MAX_JOURNAL).read_to_end(&mut bytes));
        let noted = match read {
            Some(Ok(_)) => Some(Claims::parse(&bytes, &Identity::Content(*digest), size)),
            _ => None,
        };
        // What a note leaves out would be taken for lost.
        noted.filter(|noted| noted.cover(size)).unwrap_or_default()
    }
}

/// Reads a file of which `expected` is promised, and tells after each block how many bytes were read.
pub(crate) fn look(
    path: &Path,
    expected: &Digest,
    mut tell: impl FnMut(u64),
) -> Result<Seen, Error> {
    let failed = |e| Error::disk("read", path, e);
    let file = File::open(path).map_err(failed)?;
    let mut hasher = Hasher::like(expected, file.metadata().map_err(failed)?.len());
    let mut blocks = Claims::default();
    let mut block = vec![0; usize::try_from(BLOCK).unwrap_or_default()];
    let mut start = 0;
    loop {
        let len = platform::read_at(&file, &mut block, start).map_err(failed)?;
        if len == 0 {
            let digest = hasher.finish();
            return Ok(Seen { digest, blocks });
        }
        hasher.update(&block[..len]);
        blocks.insert(Extent {
            start,
            len: u32::try_from(len).unwrap_or_default(),
            checksum: xxh3_64(&block[..len]),
        });
        start += len as u64;
        tell(start);
    }
}

/// The blocks that are as they were noted.
pub(crate) fn right(path: &Path, noted: &Claims) -> Result<Ranges, Error> {
    let file = File::open(path).map_err(|e| Error::disk("read", path, e))?;
    let mut right = Ranges::default();
    let mut block = Vec::new();
    for (start, end, checksum) in noted.iter() {
        block.resize(usize::try_from(end - start).unwrap_or_default(), 0);
        let read = platform::read_at(&file, &mut block, start).unwrap_or_default();
        if read == block.len() && xxh3_64(&block) == checksum {
            right.insert(start..end);
        }
    }
    Ok(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_bit_is_one_block_and_what_is_missing_is_damaged_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let size = usize::try_from(3 * BLOCK + 7).unwrap();
        let mut bytes = vec![7; size];
        fs::write(&path, &bytes).unwrap();
        let any = Digest::Sha256([0; 32]);
        let mut told = Vec::new();
        let seen = look(&path, &any, |read| told.push(read)).unwrap();
        assert_eq!(told.last(), Some(&(size as u64)));
        let right = || right(&path, &seen.blocks).unwrap();
        assert_eq!(right().len(), 3 * BLOCK + 7);
        bytes[size - 1] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(right().first(), Some(0..3 * BLOCK));
        fs::write(&path, &bytes[..size - 8]).unwrap();
        assert_eq!(right().first(), Some(0..2 * BLOCK));
    }

    #[test]
    fn what_was_noted_is_read_back_for_this_content_only() {
        let root = tempfile::tempdir().unwrap();
        let destination = Destination::LocalDir {
            root: root.path().to_owned(),
            commit: "c".repeat(40).parse().unwrap(),
        };
        let (digest, other) = (Digest::Sha256([1; 32]), Digest::Sha256([2; 32]));
        let mut blocks = Claims::default();
        for start in [0, 10] {
            blocks.insert(Extent {
                start,
                len: 10,
                checksum: start,
            });
        }
        destination.note_blocks(&digest, 20, &blocks);
        assert_eq!(destination.noted_blocks(&digest, 20), blocks);
        assert_eq!(destination.noted_blocks(&digest, 21), Claims::default());
        destination.note_blocks(&other, 30, &blocks);
        assert_eq!(destination.noted_blocks(&other, 30), Claims::default());
        assert_eq!(destination.noted_blocks(&other, 20), Claims::default());
    }
}
