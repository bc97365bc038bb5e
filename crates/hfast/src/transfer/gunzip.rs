//! A body whose gzip encoding, which nobody asked for, is undone while it is read. For answers that
//! begin at byte 0; which answers those are is decided in `check.rs`.

use std::io::Write;

use bytes::Bytes;
use flate2::write::GzDecoder;

use crate::transport::{Body, Boxed, Failure, FailureKind};

/// Compressed bytes that are decompressed at a time. Each can become a thousand: that much is held
/// in memory by every connection, and not what a hostile server likes.
const PIECE: usize = 8 << 10;

/// A body that is decompressed piece by piece.
struct Gunzip {
    body: Box<dyn Body>,
    /// What has arrived and is still compressed.
    rest: Bytes,
    decoder: GzDecoder<Vec<u8>>,
}

/// `body` as it was before its server compressed it, if that is what it did.
pub(super) fn plain(body: Box<dyn Body>, gzip: bool) -> Box<dyn Body> {
    if !gzip {
        return body;
    }
    Box::new(Gunzip {
        body,
        rest: Bytes::new(),
        decoder: GzDecoder::new(Vec::new()),
    })
}

impl Body for Gunzip {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
        Box::pin(async {
            loop {
                if self.rest.is_empty() {
                    match self.body.chunk().await? {
                        Some(bytes) => self.rest = bytes,
                        None => return self.finish().map(|()| None),
                    }
                }
                let plain = self.decode()?;
                if !plain.is_empty() {
                    return Ok(Some(plain));
                }
            }
        })
    }
}

impl Gunzip {
    fn decode(&mut self) -> Result<Bytes, Failure> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        let decoded = self.decoder.write_all(&piece);
        decoded.and_then(|()| self.decoder.flush()).map_err(|_| {
            Failure::new(
                FailureKind::Protocol,
                "the answer is not the gzip that it says",
            )
        })?;
        Ok(std::mem::take(self.decoder.get_mut()).into())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.decoder
            .try_finish()
            .map_err(|_| Failure::new(FailureKind::Broken, "the compressed answer ended early"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    struct Pieces(VecDeque<Bytes>);

    impl Body for Pieces {
        fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
            Box::pin(async { Ok(self.0.pop_front()) })
        }
    }

    /// What `packed` becomes when it comes in pieces of this size.
    async fn unpacked(packed: &[u8], piece: usize) -> Result<Vec<u8>, Failure> {
        let pieces = packed.chunks(piece).map(Bytes::copy_from_slice).collect();
        let mut body = plain(Box::new(Pieces(pieces)), true);
        let mut all = Vec::new();
        while let Some(bytes) = body.chunk().await? {
            assert!(bytes.len() <= PIECE * 1100);
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn pieces_of_any_size_give_the_original() {
        let plain: Vec<u8> = (0..100_000u32).flat_map(u32::to_le_bytes).collect();
        let packed = packed(&plain);
        for piece in [1, 777, 1 << 20] {
            assert_eq!(unpacked(&packed, piece).await.unwrap(), plain);
        }
        let cut = unpacked(&packed[..packed.len() / 2], 777).await;
        assert_eq!(cut.unwrap_err().kind, FailureKind::Broken);
        let other = unpacked(b"this is not gzip", 777).await;
        assert_eq!(other.unwrap_err().kind, FailureKind::Protocol);
    }

    #[tokio::test]
    async fn a_piece_that_expands_to_very_much_is_handed_on_in_parts() {
        let zeros = vec![0; 100 << 20];
        assert!(unpacked(&packed(&zeros), 1 << 20).await.unwrap() == zeros);
    }
}
