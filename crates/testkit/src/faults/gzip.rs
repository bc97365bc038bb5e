//! Pure: gzip without compression: stored blocks are all a decoder needs to be tested.

use bytes::Bytes;

/// The bytes in a gzip envelope.
pub(super) fn stored(bytes: &[u8]) -> Bytes {
    const LONGEST: usize = 0xffff;
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let blocks = bytes.len().div_ceil(LONGEST).max(1);
    for number in 0..blocks {
        let end = bytes.len().min((number + 1) * LONGEST);
        let block = &bytes[number * LONGEST..end];
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(number + 1 == blocks));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(bytes).to_le_bytes());
    let size = u32::try_from(bytes.len() as u64 % (1 << 32)).unwrap_or_default();
    out.extend_from_slice(&size.to_le_bytes());
    out.into()
}

/// The CRC of gzip and zip, by a table made while compiling.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| TABLE[(crc.to_le_bytes()[0] ^ byte) as usize] ^ (crc >> 8);
    !bytes.iter().fold(!0, step)
}

static TABLE: [u32; 256] = table();

#[expect(
    clippy::cast_possible_truncation,
    reason = "an index below 256 fits everything"
)]
const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xedb8_8320
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn every_block_is_framed() {
        assert_eq!(stored(b"").len(), 10 + 5 + 8);
        assert_eq!(stored(&vec![0; 70_000]).len(), 10 + 2 * 5 + 70_000 + 8);
    }
}
