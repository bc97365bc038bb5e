//! Cuts what a worker writes into extents for the journal. Pure.

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::store::journal::Extent;

/// Collects written bytes and closes an extent whenever one is full.
pub(crate) struct ExtentBuilder {
    start: u64,
    len: u64,
    full: u64,
    checksum: Xxh3,
}

/// The length of a full extent for a file of `size` bytes: what a kill may cost per stream. It
/// grows with the file, so that the journal of the largest file there is stays readable at once.
pub(crate) const fn extent_len(size: u64) -> u64 {
    match size >> 40 {
        0 => 1 << 20,
        1..=3 => 4 << 20,
        _ => 8 << 20,
    }
}

/// Bytes that a kill may cost each connection, however slow. With so many in each record, the journal of 160 GB has
/// room.
const LEAST: u64 = 16 << 10;

impl ExtentBuilder {
    pub(crate) fn new(start: u64, size: u64) -> Self {
        Self {
            start,
            len: 0,
            full: extent_len(size),
            checksum: Xxh3::new(),
        }
    }

    /// Adds bytes that follow those before, and returns the extents that became full.
    pub(crate) fn add(&mut self, pieces: &[Bytes]) -> Vec<Extent> {
        let mut closed = Vec::new();
        for piece in pieces {
            let mut rest = piece.as_ref();
            while !rest.is_empty() {
                let room = usize::try_from(self.full - self.len).unwrap_or(usize::MAX);
                let (now, later) = rest.split_at(rest.len().min(room));
                self.checksum.update(now);
                self.len += now.len() as u64;
                rest = later;
                if self.len == self.full {
                    closed.extend(self.close());
                }
            }
        }
        closed
    }

    /// Whether the extent under way is worth a record, of which the journal has room for ten million: a slow
    /// connection would fill it in a night with what comes between two looks.
    pub(crate) fn is_worth_a_record(&self) -> bool {
        self.len >= LEAST
    }

    /// Ends the extent under way, however short it is.
    pub(crate) fn close(&mut self) -> Option<Extent> {
        let len = u32::try_from(self.len).ok().filter(|len| *len > 0)?;
        let extent = Extent {
            start: self.start,
            len,
            checksum: self.checksum.digest(),
        };
        self.start = extent.end();
        self.len = 0;
        self.checksum = Xxh3::new();
        Some(extent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn crumbs_are_collected() {
        let mut builder = ExtentBuilder::new(0, 10 << 20);
        builder.add(&[Bytes::from_static(&[0; 16 << 9])]);
        assert!(!builder.is_worth_a_record());
        builder.add(&[Bytes::from_static(&[0; 16 << 9])]);
        assert!(builder.is_worth_a_record());
        builder.close();
        assert!(!builder.is_worth_a_record());
    }

    #[test]
    fn extents_follow_one_another_without_gaps() {
        let data: Vec<u8> = (0..2_500_000u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut builder = ExtentBuilder::new(100, 10 << 20);
        let mut extents = Vec::new();
        for chunk in data.chunks(70_001) {
            extents.extend(builder.add(&[Bytes::copy_from_slice(chunk)]));
        }
        extents.extend(builder.close());
        assert_eq!(builder.close(), None);
        let mut position = 100;
        for extent in &extents {
            assert_eq!(extent.start, position);
            position = extent.end();
            let at = usize::try_from(extent.start - 100).unwrap();
            assert_eq!(
                extent.checksum,
                xxh3_64(&data[at..at + extent.len as usize])
            );
        }
        assert_eq!(position, 100 + data.len() as u64);
    }
}
