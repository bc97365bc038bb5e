//! A forged TCP reset (RFC 9293, 3.5.2). Pure.

use std::net::SocketAddrV4;

use super::checksum::{finish_ip, fold, pseudo_header, sum};
use super::{HEADER, IP_LENGTH, PROTOCOL_TCP, RST};

/// Both headers, without options.
const LENGTH: u8 = 40;
const TCP_LENGTH: u16 = 20;

/// A reset without payload that claims to come from `from`, complete with its checksums. `to` takes
/// it only if `sequence` is exactly the number it expects next (RFC 5961, 3.2).
pub(crate) fn reset(from: SocketAddrV4, to: SocketAddrV4, sequence: u32) -> Vec<u8> {
    let mut ip = vec![0; LENGTH.into()];
    ip[0] = 0x45; // version 4, a header of five words
    ip[IP_LENGTH].copy_from_slice(&u16::from(LENGTH).to_be_bytes());
    ip[6] = 0x40; // do not fragment
    ip[8] = 64; // hops, as Linux sends
    ip[9] = PROTOCOL_TCP;
    ip[12..16].copy_from_slice(&from.ip().octets());
    ip[16..20].copy_from_slice(&to.ip().octets());
    ip[20..22].copy_from_slice(&from.port().to_be_bytes());
    ip[22..24].copy_from_slice(&to.port().to_be_bytes());
    ip[24..28].copy_from_slice(&sequence.to_be_bytes());
    ip[32] = 5 << 4; // a header of five words
    ip[33] = RST;
    finish_ip(&mut ip, HEADER);
    let checksum = !fold(pseudo_header(&ip, TCP_LENGTH) + sum(&ip[HEADER..]));
    ip[36..38].copy_from_slice(&checksum.to_be_bytes());
    ip
}

#[cfg(test)]
mod tests {
    use super::super::Packet;
    use super::super::tests::{CLIENT, SERVER};
    use super::*;

    proptest::proptest! {
        #[test]
        fn its_checksums_are_right(port in 1_u16.., sequence: u32) {
            let from = SocketAddrV4::new(*SERVER.ip(), port);
            let ip = reset(from, CLIENT, sequence);
            assert_eq!(fold(sum(&ip[..HEADER])), 0xffff);
            assert_eq!(fold(pseudo_header(&ip, TCP_LENGTH) + sum(&ip[HEADER..])), 0xffff);
            let packet = Packet::read(&ip, false).unwrap();
            let tcp = packet.tcp.unwrap();
            assert_eq!((tcp.from, tcp.to, tcp.sequence, tcp.flags), (from, CLIENT, sequence, RST));
            assert_eq!(packet.payload(), 0);
        }
    }

    #[test]
    fn the_bytes_of_one_that_was_worked_out_by_hand() {
        let ip = reset(SERVER, CLIENT, 0x0102_0304);
        // 4500+0028+4000+4006+0a4d+0001+0a4d+0002 = d9cb; its complement is 2634.
        assert_eq!(ip[10..12], [0x26, 0x34]);
        // 0a4d+0001+0a4d+0002+0006+0014 + 0050+0fa0+0102+0304+5004 = 78b1; complement 874e.
        assert_eq!(ip[36..38], [0x87, 0x4e]);
    }
}
