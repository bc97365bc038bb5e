//! One packet as a TUN device hands it over: what the emulator needs to know of it, and taking lost
//! segments out of it. Pure.
//!
//! Everything that is not TCP over IPv4 is carried, but belongs to no flow.

mod checksum;
mod offload;
mod reset;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;

pub(crate) use offload::VNET_HEADER;
pub(crate) use reset::reset;

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

const PROTOCOL_TCP: u8 = 6;
/// The least an IPv4 header, and a TCP header, has.
const HEADER: usize = 20;
/// Where fields lie in an IPv4 header (RFC 791).
const IP_LENGTH: Range<usize> = 2..4;
const IP_ID: Range<usize> = 4..6;
const IP_CHECKSUM: Range<usize> = 10..12;

/// What was read from the headers of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tcp {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) sequence: u32,
    /// Meaningful only with the flag [`ACK`].
    pub(crate) acknowledged: u32,
    pub(crate) flags: u8,
    /// Bytes of the IP header alone, and of both headers together.
    ip_header: usize,
    headers: usize,
    /// Bytes of payload.
    payload: usize,
}

impl Tcp {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Whether this opens a connection: a SYN that answers none.
    pub(crate) fn opens(&self) -> bool {
        self.flags & (SYN | ACK) == SYN
    }
}

/// A packet, framed as its device frames it.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    bytes: Vec<u8>,
    /// Bytes in front of the IP header.
    frame: usize,
    pub(crate) from: Ipv4Addr,
    pub(crate) to: Ipv4Addr,
    pub(crate) tcp: Option<Tcp>,
    /// Wire packets that it stands for: more than one if the kernel left its segmentation to us.
    pub(crate) count: u64,
    /// Payload of each of these, but the last, in bytes.
    segment: usize,
}

impl Packet {
    /// Reads a packet; with `offload` it has a `virtio_net_hdr` in front. `None` if it is not IPv4.
    pub(crate) fn read(framed: &[u8], offload: bool) -> Option<Self> {
        let frame = if offload { VNET_HEADER } else { 0 };
        let ip = framed.get(frame..)?;
        let (from, to) = addresses(ip)?;
        let tcp = tcp(ip);
        let payload = tcp.map_or(0, |tcp| tcp.payload);
        let segment = if offload {
            offload::segment(framed)
        } else {
            None
        };
        let segment = segment.unwrap_or(payload).max(1);
        Some(Self {
            frame,
            from,
            to,
            tcp,
            count: payload.div_ceil(segment).max(1) as u64,
            segment,
            bytes: framed.to_vec(),
        })
    }

    /// As the other device takes it.
    pub(crate) fn framed(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of TCP payload.
    pub(crate) fn payload(&self) -> u64 {
        self.tcp.map_or(0, |tcp| tcp.payload as u64)
    }

    /// IP bytes of all the wire packets that it stands for.
    pub(crate) fn wire(&self) -> u64 {
        let headers = self.tcp.map_or(0, |tcp| tcp.headers as u64);
        (self.bytes.len() - self.frame) as u64 + headers * (self.count - 1)
    }

    /// What is left of it without the wire packets whose `keep` is false: each run of others becomes
    /// a packet of its own. `keep` has [`Self::count`] entries.
    pub(crate) fn keep(self, keep: &[bool]) -> Vec<Self> {
        if keep.iter().all(|keep| *keep) {
            return vec![self];
        }
        let Some(tcp) = self.tcp.filter(|_| self.count > 1) else {
            return Vec::new();
        };
        let parts = offload::cut(&self.bytes, &tcp, self.segment, keep);
        let parts = parts.iter();
        parts.filter_map(|part| Self::read(part, true)).collect()
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Source and destination of an IPv4 packet.
fn addresses(ip: &[u8]) -> Option<(Ipv4Addr, Ipv4Addr)> {
    let ipv4 = ip.len() >= HEADER && ip[0] >> 4 == 4;
    ipv4.then(|| (be32(ip, 12).into(), be32(ip, 16).into()))
}

fn tcp(ip: &[u8]) -> Option<Tcp> {
    let (from, to) = addresses(ip)?;
    let ip_header = usize::from(ip[0] & 0x0f) * 4;
    let fragment_offset = be16(ip, 6) & 0x1fff;
    if ip[9] != PROTOCOL_TCP || fragment_offset != 0 || ip_header < HEADER {
        return None;
    }
    let segment = ip.get(ip_header..).filter(|tcp| tcp.len() >= HEADER)?;
    let headers = ip_header + usize::from(segment[12] >> 4) * 4;
    Some(Tcp {
        from: SocketAddrV4::new(from, be16(segment, 0)),
        to: SocketAddrV4::new(to, be16(segment, 2)),
        sequence: be32(segment, 4),
        acknowledged: be32(segment, 8),
        flags: segment[13],
        ip_header,
        headers,
        payload: ip.len().checked_sub(headers)?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 2), 4000);
    pub(crate) const SERVER: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 1), 80);

    /// A TCP segment in an IPv4 packet; its TCP checksum is not right.
    pub(crate) fn segment(
        from: SocketAddrV4,
        to: SocketAddrV4,
        flags: u8,
        sequence: u32,
        payload: usize,
    ) -> Vec<u8> {
        let mut ip = reset(from, to, sequence);
        ip[33] = flags;
        ip.extend((0..payload).map(|at| u8::try_from(at % 251).unwrap()));
        let length = u16::try_from(ip.len()).unwrap();
        ip[IP_LENGTH].copy_from_slice(&length.to_be_bytes());
        checksum::finish_ip(&mut ip, HEADER);
        ip
    }

    #[test]
    fn a_segment_is_read() {
        let packet = Packet::read(&segment(SERVER, CLIENT, ACK | PSH, 77, 100), false).unwrap();
        let tcp = packet.tcp.unwrap();
        assert_eq!((tcp.from, tcp.to, tcp.sequence), (SERVER, CLIENT, 77));
        assert!(tcp.has(ACK) && tcp.has(PSH) && !tcp.has(RST) && !tcp.opens());
        assert_eq!(
            (packet.count, packet.payload(), packet.wire()),
            (1, 100, 140)
        );
    }

    #[test]
    fn what_is_not_tcp_has_no_flow_and_what_is_not_ipv4_is_no_packet() {
        let mut udp = segment(CLIENT, SERVER, 0, 1, 10);
        udp[9] = 17;
        let udp = Packet::read(&udp, false).unwrap();
        assert_eq!((udp.tcp, udp.count, udp.wire()), (None, 1, 50));
        let mut fragment = segment(CLIENT, SERVER, ACK, 1, 10);
        fragment[7] = 8;
        assert_eq!(Packet::read(&fragment, false).unwrap().tcp, None);
        assert!(Packet::read(&[0x60; 60], false).is_none());
        assert!(Packet::read(&[], true).is_none());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_reading_fail_badly(
            bytes in proptest::collection::vec(0_u8.., 0..200),
            offload: bool,
        ) {
            let mut bytes = bytes;
            let frame = if offload { VNET_HEADER } else { 0 };
            if let Some([version, .., protocol]) = bytes.get_mut(frame..frame + 10) {
                (*version, *protocol) = (0x40 | *version & 0x0f, PROTOCOL_TCP);
            }
            if let Some(packet) = Packet::read(&bytes, offload) {
                let count = usize::try_from(packet.count).unwrap();
                let keep: Vec<bool> = (0..count).map(|at| at % 2 == 0).collect();
                packet.keep(&keep);
            }
        }
    }
}
