//! Pure: the bytes of a file, held or generated at any offset, so that files of many gigabytes
//! need no memory and any range of them can be checked.

use super::hex;
use bytes::Bytes;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use std::ops::Range;
use std::sync::Arc;

/// How much is generated at a time when the whole of a content is read (for a digest).
const PIECE: usize = 256 * 1024;

/// The bytes of one file.
#[derive(Debug, Clone)]
pub enum Content {
    /// Bytes held in memory.
    Bytes(Bytes),
    /// `size` incompressible bytes, a function of the seed and the offset alone.
    Seeded {
        /// Two contents of one seed agree on their common length.
        seed: u64,
        /// Length in bytes.
        size: u64,
    },
    /// As `Seeded`, but every four bytes are a finite `f32` of magnitude below 1/64.
    Weights {
        /// As in `Seeded`.
        seed: u64,
        /// Length in bytes.
        size: u64,
    },
    /// Stretches of other contents, one after the other.
    Parts(Arc<[Part]>),
}

/// A stretch of a content.
#[derive(Debug, Clone)]
pub struct Part {
    /// Where the bytes come from.
    pub content: Content,
    /// Which of them are taken.
    pub range: Range<u64>,
}

impl Content {
    /// `size` bytes generated from `seed`.
    pub fn seeded(seed: u64, size: u64) -> Self {
        Self::Seeded { seed, size }
    }

    /// `size` bytes of small finite `f32` values generated from `seed`.
    pub fn weights(seed: u64, size: u64) -> Self {
        Self::Weights { seed, size }
    }

    /// These bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// One content after the other.
    pub fn concat(contents: impl IntoIterator<Item = Self>) -> Self {
        let part = |content: Self| Part {
            range: 0..content.size(),
            content,
        };
        Self::Parts(contents.into_iter().map(part).collect())
    }

    /// The stretch `range`, clamped to what exists, as a content of its own.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        let end = range.end.min(self.size());
        let range = range.start.min(end)..end;
        Self::Parts(Arc::new([Part {
            content: self.clone(),
            range,
        }]))
    }

    /// The same bytes with one bit of the byte at `at` turned; unchanged when `at` is outside.
    #[must_use]
    pub fn with_flip(&self, at: u64) -> Self {
        let Some(byte) = self.read(at..at.saturating_add(1)).first().copied() else {
            return self.clone();
        };
        Self::concat([
            self.slice(0..at),
            Self::bytes(vec![byte ^ 1]),
            self.slice(at + 1..self.size()),
        ])
    }

    /// Length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Seeded { size, .. } | Self::Weights { size, .. } => *size,
            Self::Parts(parts) => parts.iter().map(|p| p.range.end - p.range.start).sum(),
        }
    }

    /// The bytes of `range`, clamped to what exists.
    pub fn read(&self, range: Range<u64>) -> Bytes {
        let end = range.end.min(self.size());
        let start = range.start.min(end);
        if let Self::Bytes(bytes) = self {
            return bytes.slice(index(start)..index(end));
        }
        let mut buffer = vec![0; index(end - start)];
        self.fill(start, &mut buffer);
        buffer.into()
    }

    /// Writes the bytes from `offset` on into `buffer`; returns how many there were.
    pub fn fill(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let available = index(self.size().saturating_sub(offset));
        let length = buffer.len().min(available);
        let buffer = &mut buffer[..length];
        match self {
            Self::Bytes(bytes) => {
                let from = index(offset.min(bytes.len() as u64));
                buffer.copy_from_slice(&bytes[from..from + length]);
            }
            Self::Seeded { seed, .. } => fill_words(*seed, offset, buffer, |word| word),
            Self::Weights { seed, .. } => fill_words(*seed, offset, buffer, as_two_weights),
            Self::Parts(parts) => fill_parts(parts, offset, buffer),
        }
        length
    }

    /// SHA-256 as 64 hex digits. Reads everything; [`super::RepoFile`] remembers the result.
    pub fn sha256(&self) -> String {
        self.digest(Context::new(&SHA256))
    }

    /// The id git gives a blob of these bytes, as 40 hex digits.
    pub fn git_sha1(&self) -> String {
        let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
        context.update(format!("blob {}\0", self.size()).as_bytes());
        self.digest(context)
    }

    fn digest(&self, mut context: Context) -> String {
        let mut buffer = vec![0; PIECE.min(index(self.size()))];
        let mut offset = 0;
        while offset < self.size() {
            let filled = self.fill(offset, &mut buffer);
            context.update(&buffer[..filled]);
            offset += filled as u64;
        }
        hex(&context.finish())
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// A length as an index; what does not fit in memory saturates and is refused by the allocator.
pub(crate) fn index(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

fn fill_parts(parts: &[Part], mut offset: u64, mut buffer: &mut [u8]) {
    for part in parts {
        if buffer.is_empty() {
            return;
        }
        let size = part.range.end - part.range.start;
        if offset >= size {
            offset -= size;
            continue;
        }
        let take = buffer.len().min(index(size - offset));
        let (now, later) = buffer.split_at_mut(take);
        part.content.fill(part.range.start + offset, now);
        buffer = later;
        offset = 0;
    }
}

/// `splitmix64` of the position: random access, and two multiplications for eight bytes.
fn word(seed: u64, position: u64) -> u64 {
    let mut z = seed.wrapping_add(position.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Keeps sign and mantissa of two `f32` and fixes the exponent at 2^-7: finite and small.
fn as_two_weights(word: u64) -> u64 {
    (word & 0x807f_ffff_807f_ffff) | 0x3c00_0000_3c00_0000
}

fn fill_words(seed: u64, offset: u64, buffer: &mut [u8], shape: impl Fn(u64) -> u64) {
    let bytes_of = |position| shape(word(seed, position)).to_le_bytes();
    let mut position = offset / 8;
    let skip = index(offset % 8);
    let head_length = if skip == 0 {
        0
    } else {
        (8 - skip).min(buffer.len())
    };
    let (head, rest) = buffer.split_at_mut(head_length);
    if !head.is_empty() {
        head.copy_from_slice(&bytes_of(position)[skip..skip + head_length]);
        position += 1;
    }
    let mut words = rest.chunks_exact_mut(8);
    for chunk in &mut words {
        chunk.copy_from_slice(&bytes_of(position));
        position += 1;
    }
    let tail = words.into_remainder();
    let length = tail.len();
    tail.copy_from_slice(&bytes_of(position)[..length]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_range_agrees_with_the_whole() {
        let seeded = Content::seeded(3, 100);
        let mixed = Content::concat([
            Content::bytes(&b"head"[..]),
            Content::weights(5, 61),
            seeded.slice(7..40),
        ]);
        for content in [seeded, Content::weights(9, 77), mixed] {
            let whole = content.read(0..u64::MAX);
            assert_eq!(whole.len() as u64, content.size());
            for start in 0..content.size() {
                for end in start..=content.size() {
                    assert_eq!(
                        content.read(start..end),
                        whole.slice(index(start)..index(end))
                    );
                }
            }
        }
    }

    #[test]
    fn digests_are_those_of_the_tools() {
        let content = Content::bytes(&b"hello\n"[..]);
        assert_eq!(
            content.git_sha1(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(
            content.sha256(),
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
        );
    }

    #[test]
    fn weights_are_small_and_finite() {
        let bytes = Content::weights(1, 4096).read(0..4096);
        for four in bytes.chunks_exact(4) {
            let value = f32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            assert!(value.is_finite() && value.abs() < 1.0 / 64.0, "{value}");
        }
    }

    #[test]
    fn a_flip_changes_one_byte() {
        let content = Content::seeded(1, 50);
        let (before, after) = (content.read(0..50), content.with_flip(20).read(0..50));
        let differing: Vec<usize> = (0..50).filter(|&at| before[at] != after[at]).collect();
        assert_eq!(differing, [20]);
    }
}
