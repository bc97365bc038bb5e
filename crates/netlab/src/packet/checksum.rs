//! The Internet checksum (RFC 1071) of IPv4 headers and of TCP over IPv4. Pure.

use super::{IP_CHECKSUM, PROTOCOL_TCP};

/// The sum of 16-bit words in ones' complement, an odd byte at the end counting as the upper half.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    let words = bytes.chunks(2).map(|word| match *word {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(u16::from_be_bytes([high, 0])),
        _ => 0,
    });
    words.sum()
}

/// Folds the carries back in.
pub(super) fn fold(sum: u32) -> u16 {
    let once = (sum & 0xffff) + (sum >> 16);
    let [_, _, high, low] = ((once & 0xffff) + (once >> 16)).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// The sum over the pseudo header of a TCP segment of `length` bytes (RFC 9293, 3.1).
pub(super) fn pseudo_header(ip: &[u8], length: u16) -> u32 {
    sum(&ip[12..20]) + u32::from(PROTOCOL_TCP) + u32::from(length)
}

/// Writes the checksum of an IPv4 header of `length` bytes into it.
pub(super) fn finish_ip(ip: &mut [u8], length: usize) {
    ip[IP_CHECKSUM].fill(0);
    let checksum = !fold(sum(&ip[..length]));
    ip[IP_CHECKSUM].copy_from_slice(&checksum.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1071() {
        let words = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(fold(sum(&words)), 0xddf2);
        assert_eq!(fold(sum(&[0x12])), 0x1200);
    }

    #[test]
    fn carries_of_carries_are_folded() {
        assert_eq!(fold(0xffff_ffff), 0xffff);
        assert_eq!(fold(0x0001_ffff), 0x0001);
    }
}
