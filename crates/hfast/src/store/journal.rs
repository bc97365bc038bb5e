//! The journal of a partial file: which extents are on disk, each with a checksum. Pure.
//!
//! A claim is believed only if the bytes on disk have its checksum, so neither a torn write nor a
//! power failure that kept the journal and lost the data can make it claim too much. That is why
//! appending to it needs no flush. Where the journal lies is told in `partial.rs`.
//!
//! Format, version 1, little endian: a header of 64 bytes (magic, kind of identity, identity, file
//! size, checksum), then records of 24 bytes (start, length, XXH3 of the data, check). A record
//! that fails its check ends the journal. `docs/design/0001-partial-file.md` has the table.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_64;

use crate::names::Digest;

/// Length of the header in bytes.
pub const HEADER: usize = 64;
/// Length of a record in bytes.
pub const RECORD: usize = 24;

const MAGIC: &[u8; 8] = b"hfastj1\n";

/// What a partial file is a part of. Any source with the same identity will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A file whose digest the Hub promised.
    Content(Digest),
    /// A file of which no digest is known: the SHA-256 of what else tells it from others, a strong
    /// validator and the address that it belongs to.
    Validator([u8; 32]),
}

impl Identity {
    fn bytes(&self) -> (u8, [u8; 32]) {
        match self {
            Self::Content(Digest::Sha256(digest)) => (1, *digest),
            Self::Content(Digest::GitSha1(digest)) => {
                let mut padded = [0; 32];
                padded[..20].copy_from_slice(digest);
                (2, padded)
            }
            Self::Validator(hash) => (3, *hash),
        }
    }
}

/// A run of bytes on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First byte.
    pub start: u64,
    /// Length in bytes, never 0.
    pub len: u32,
    /// XXH3 (64 bits) of the bytes.
    pub checksum: u64,
}

impl Extent {
    /// One past the last byte.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(u64::from(self.len))
    }
}

/// The header of a journal for a file of `size` bytes.
pub fn header(identity: &Identity, size: u64) -> [u8; HEADER] {
    let mut bytes = [0; HEADER];
    let (kind, id) = identity.bytes();
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8] = kind;
    bytes[16..48].copy_from_slice(&id);
    bytes[48..56].copy_from_slice(&size.to_le_bytes());
    let check = xxh3_64(&bytes[..56]);
    bytes[56..].copy_from_slice(&check.to_le_bytes());
    bytes
}

/// A record for one extent.
pub fn record(extent: &Extent) -> [u8; RECORD] {
    let mut bytes = [0; RECORD];
    bytes[..8].copy_from_slice(&extent.start.to_le_bytes());
    bytes[8..12].copy_from_slice(&extent.len.to_le_bytes());
    bytes[12..20].copy_from_slice(&extent.checksum.to_le_bytes());
    let check = xxh3_64(&bytes[..20]).to_le_bytes();
    bytes[20..].copy_from_slice(&check[..4]);
    bytes
}

/// Bytes of a journal that are good: 0 if it is not of this file, else up to the first bad record.
pub fn valid_len(bytes: &[u8], identity: &Identity, size: u64) -> usize {
    match bytes.split_at_checked(HEADER) {
        Some((head, records)) if head == header(identity, size) => {
            let good = records
                .chunks_exact(RECORD)
                .take_while(|record| parse_record(record).is_some());
            HEADER + good.count() * RECORD
        }
        _ => 0,
    }
}

/// No extent is longer: a record that claims more is not one of ours.
const LONGEST_EXTENT: u32 = 8 << 20;

/// Extents that are claimed to be on disk, disjoint, by their start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims(BTreeMap<u64, (u64, u64)>);

impl Claims {
    /// Reads a journal. A journal of another file, another version, or no journal at all has no
    /// claims; so has whatever follows the first record that does not check.
    pub fn parse(bytes: &[u8], identity: &Identity, size: u64) -> Self {
        let mut claims = Self::default();
        let Some((head, records)) = bytes.split_at_checked(HEADER) else {
            return claims;
        };
        if head != header(identity, size) {
            return claims;
        }
        let extents = records.chunks_exact(RECORD).map_while(parse_record);
        extents
            .filter(|e| e.len > 0 && e.len <= LONGEST_EXTENT && e.end() <= size)
            .for_each(|extent| claims.insert(extent));
        claims
    }

    /// Adds a claim. It replaces those that it overlaps: their bytes were written over.
    pub fn insert(&mut self, extent: Extent) {
        let overlapped: Vec<u64> = self
            .0
            .range(..extent.end())
            .rev()
            .take_while(|(_, (end, _))| *end > extent.start)
            .map(|(start, _)| *start)
            .collect();
        for start in overlapped {
            self.0.remove(&start);
        }
        self.0.insert(extent.start, (extent.end(), extent.checksum));
    }

    /// Takes the claim that begins at `position`: its end and checksum.
    pub fn take(&mut self, position: u64) -> Option<(u64, u64)> {
        self.0.remove(&position)
    }

    /// The start of the first claim after `position`.
    pub fn next_after(&self, position: u64) -> Option<u64> {
        self.0.range(position + 1..).next().map(|(start, _)| *start)
    }

    /// Whether nothing is claimed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every byte of a file of `size` bytes is claimed.
    pub fn cover(&self, size: u64) -> bool {
        let end = self
            .iter()
            .try_fold(0, |end, (start, next, _)| (start == end).then_some(next));
        end == Some(size)
    }

    /// The journal that claims just this.
    pub fn to_bytes(&self, identity: &Identity, size: u64) -> Vec<u8> {
        let extents = self.extents();
        let records = extents.flat_map(|extent| record(&extent));
        header(identity, size).into_iter().chain(records).collect()
    }

    /// What is claimed, in order.
    pub fn extents(&self) -> impl Iterator<Item = Extent> + '_ {
        self.iter().filter_map(|(start, end, checksum)| {
            let len = u32::try_from(end - start).ok()?;
            Some(Extent {
                start,
                len,
                checksum,
            })
        })
    }

    /// The claims in order: start, end, checksum.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        self.0
            .iter()
            .map(|(start, (end, checksum))| (*start, *end, *checksum))
    }
}

fn parse_record(bytes: &[u8]) -> Option<Extent> {
    let number = |range: std::ops::Range<usize>| {
        bytes[range]
            .iter()
            .rev()
            .fold(0u64, |n, byte| n << 8 | u64::from(*byte))
    };
    let extent = Extent {
        start: number(0..8),
        len: u32::try_from(number(8..12)).ok()?,
        checksum: number(12..20),
    };
    (record(&extent) == bytes).then_some(extent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: Identity = Identity::Content(Digest::Sha256([7; 32]));

    fn extent(start: u64, len: u32) -> Extent {
        Extent {
            start,
            len,
            checksum: start ^ 0xabcd,
        }
    }

    fn journal(extents: &[Extent]) -> Vec<u8> {
        let mut bytes = header(&ID, 1000).to_vec();
        for extent in extents {
            bytes.extend(record(extent));
        }
        bytes
    }

    /// The layout is on people's disks: this test fails when it changes without a new version.
    #[test]
    fn version_1_is_laid_out_as_documented() {
        let bytes = journal(&[Extent {
            start: 1,
            len: 2,
            checksum: 3,
        }]);
        assert_eq!(&bytes[..9], b"hfastj1\n\x01");
        assert_eq!(bytes[48..56], 1000u64.to_le_bytes());
        assert_eq!(
            bytes[64..84],
            [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(bytes.len(), HEADER + RECORD);
    }

    #[test]
    fn a_journal_of_another_file_claims_nothing() {
        let bytes = journal(&[extent(0, 10)]);
        assert_eq!(Claims::parse(&bytes, &ID, 1000).iter().count(), 1);
        assert_eq!(Claims::parse(&bytes, &ID, 1001), Claims::default());
        let other = Identity::Content(Digest::Sha256([8; 32]));
        assert_eq!(Claims::parse(&bytes, &other, 1000), Claims::default());
    }

    #[test]
    fn what_follows_a_torn_record_is_not_believed() {
        let mut bytes = journal(&[extent(0, 10), extent(10, 10), extent(20, 10)]);
        bytes[HEADER + RECORD + 3] ^= 1;
        assert_eq!(Claims::parse(&bytes, &ID, 1000).iter().count(), 1);
    }

    #[test]
    fn a_later_claim_replaces_those_it_overlaps() {
        let claims = Claims::parse(
            &journal(&[extent(0, 10), extent(10, 10), extent(5, 10)]),
            &ID,
            1000,
        );
        let kept: Vec<_> = claims.iter().map(|(start, end, _)| (start, end)).collect();
        assert_eq!(kept, [(5, 15)]);
    }

    proptest! {
        #[test]
        fn no_bytes_can_make_it_panic_or_claim_past_the_end(noise in proptest::collection::vec(any::<u8>(), 0..200), extents in proptest::collection::vec((0u64..1200, 0u32..300), 0..20)) {
            let mut bytes = journal(&extents.iter().map(|(s, l)| extent(*s, *l)).collect::<Vec<_>>());
            bytes.extend(&noise);
            let claims = Claims::parse(&bytes, &ID, 1000);
            let ends: Vec<_> = claims.iter().collect();
            prop_assert!(ends.iter().all(|(s, e, _)| s < e && *e <= 1000));
            prop_assert!(ends.windows(2).all(|w| w[0].1 <= w[1].0));
            Claims::parse(&noise, &ID, 1000);
        }
    }
}
