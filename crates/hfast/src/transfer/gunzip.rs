//! Undoes a gzip encoding that nobody asked for, on an answer that begins at byte 0. Pure.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::GzDecoder;

/// One piece of compressed bytes must not become more than this in memory.
const MAX_RATIO: usize = 1100;

/// A running decompression.
pub(crate) struct Gunzip(GzDecoder<Vec<u8>>);

impl Gunzip {
    pub(crate) fn new() -> Self {
        Self(GzDecoder::new(Vec::new()))
    }

    /// What `bytes` decompress to, after those before.
    pub(crate) fn decode(&mut self, bytes: &[u8]) -> io::Result<Bytes> {
        // Deflate cannot compress by more than 1032: only a piece's own size needs a bound.
        for part in bytes.chunks(16 << 10) {
            self.0.write_all(part)?;
            if self.0.get_ref().len() > bytes.len().saturating_mul(MAX_RATIO) + (64 << 10) {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
        self.0.flush()?;
        Ok(std::mem::take(self.0.get_mut()).into())
    }

    /// Checks that the compressed data has come to its end.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.0.try_finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_give_the_original() {
        let plain: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&plain).unwrap();
        let packed = encoder.finish().unwrap();
        let mut gunzip = Gunzip::new();
        let pieces = packed
            .chunks(777)
            .map(|piece| gunzip.decode(piece).unwrap());
        assert_eq!(pieces.flat_map(|b| b.to_vec()).collect::<Vec<_>>(), plain);
        assert!(Gunzip::new().decode(b"this is not gzip").is_err());
        let mut cut = Gunzip::new();
        cut.decode(&packed[..packed.len() / 2]).unwrap();
        assert!(cut.finish().is_err(), "a part is not the whole");
    }
}
