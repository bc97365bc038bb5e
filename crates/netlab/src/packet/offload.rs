//! Segmentation offload: one packet of up to 64 KiB that stands for many on the wire, and how it
//! looks when some of these are lost. Pure.
//!
//! In front of such packets lies a `virtio_net_hdr` (virtio 1.2, 5.1.6; `linux/virtio_net.h`), in the
//! byte order of the machine.

use super::checksum::{finish_ip, fold, pseudo_header};
use super::{FIN, IP_ID, IP_LENGTH, PSH, Tcp, be16};

/// Length of the header without the fields that a TUN device has only if asked.
pub(crate) const VNET_HEADER: usize = 10;

/// Where `gso_type` and `gso_size` lie in it.
const GSO_TYPE: usize = 1;
const GSO_SIZE: std::ops::Range<usize> = 4..6;
/// A bit of `gso_type` that says nothing of the kind: the segments carry a congestion mark.
const ECN: u8 = 0x80;

/// The payload of each segment, if the packet is to be cut into such; never zero.
pub(super) fn segment(framed: &[u8]) -> Option<usize> {
    let kind = framed[GSO_TYPE] & !ECN;
    let size = u16::from_ne_bytes([framed[GSO_SIZE.start], framed[GSO_SIZE.start + 1]]);
    (kind != 0 && size != 0).then_some(size.into())
}

/// Each run of segments whose `keep` is true, as an offloaded packet of its own. `framed` was read
/// as `tcp` and has `keep.len()` segments of `size` bytes, the last one perhaps less.
pub(super) fn cut(framed: &[u8], tcp: &Tcp, size: usize, keep: &[bool]) -> Vec<Vec<u8>> {
    let mut parts = Vec::new();
    let mut at = 0;
    for run in keep.chunk_by(|one, next| one == next) {
        if run[0] {
            parts.push(part(framed, tcp, size, at, at + run.len()));
        }
        at += run.len();
    }
    parts
}

/// Segments `first..end` as a packet.
fn part(framed: &[u8], tcp: &Tcp, size: usize, first: usize, end: usize) -> Vec<u8> {
    let (from, to) = (first * size, (end * size).min(tcp.payload));
    let payload = VNET_HEADER + tcp.headers;
    let mut part = framed[..payload].to_vec();
    part.extend_from_slice(&framed[payload + from..payload + to]);
    if end - first == 1 {
        // Only the checksum is left to the receiver.
        part[GSO_TYPE] = 0;
        part[GSO_SIZE].fill(0);
    }
    let ip = &mut part[VNET_HEADER..];
    let id = be16(ip, IP_ID.start).wrapping_add(low_half(first));
    ip[IP_ID].copy_from_slice(&id.to_be_bytes());
    let length = low_half(ip.len());
    ip[IP_LENGTH].copy_from_slice(&length.to_be_bytes());
    finish_ip(ip, tcp.ip_header);

    let sequence = tcp
        .sequence
        .wrapping_add(u32::try_from(from).unwrap_or_default());
    let at = tcp.ip_header;
    ip[at + 4..at + 8].copy_from_slice(&sequence.to_be_bytes());
    if to != tcp.payload {
        ip[at + 13] &= !(FIN | PSH);
    }
    // A checksum that the receiver is to finish begins as the sum of the pseudo header.
    let begun = fold(pseudo_header(ip, low_half(ip.len() - tcp.ip_header)));
    ip[at + 16..at + 18].copy_from_slice(&begun.to_be_bytes());
    part
}

/// A length within an IP packet as its header has it. None is above 65535.
fn low_half(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::checksum::sum;
    use super::super::tests::{CLIENT, SERVER, segment};
    use super::super::{ACK, Packet};
    use super::*;

    const FIRST: u32 = 4_294_967_000;
    const HEADERS: usize = VNET_HEADER + 40;

    fn offloaded(payload: usize, size: u16) -> Vec<u8> {
        let mut framed = vec![0; VNET_HEADER];
        (framed[0], framed[GSO_TYPE]) = (1, 1);
        framed[GSO_SIZE].copy_from_slice(&size.to_ne_bytes());
        let mut ip = segment(SERVER, CLIENT, ACK | PSH, FIRST, payload);
        let begun = fold(pseudo_header(&ip, low_half(ip.len() - 20)));
        ip[36..38].copy_from_slice(&begun.to_be_bytes());
        framed.extend(ip);
        framed
    }

    #[test]
    fn it_counts_as_the_packets_it_stands_for() {
        let packet = Packet::read(&offloaded(3_500, 1_000), true).unwrap();
        assert_eq!((packet.count, packet.payload()), (4, 3_500));
        assert_eq!(packet.wire(), 3_500 + 4 * 40);
    }

    #[test]
    fn a_single_segment_needs_no_cutting_any_more() {
        let packet = Packet::read(&offloaded(3_500, 1_000), true).unwrap();
        let parts = packet.keep(&[true, false, true, true]);
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].count, parts[0].framed()[GSO_TYPE]), (1, 0));
        assert_eq!((parts[1].count, parts[1].framed()[GSO_TYPE]), (2, 1));
        let flags = [parts[0].tcp.unwrap().flags, parts[1].tcp.unwrap().flags];
        assert_eq!(flags, [ACK, ACK | PSH]);
    }

    proptest! {
        #[test]
        fn what_is_kept_keeps_its_bytes_and_its_place(
            size in 1_u16..1_500,
            keep in prop::collection::vec(any::<bool>(), 2..40),
            short in 0_usize..1_500,
        ) {
            let size_ = usize::from(size);
            let payload = keep.len() * size_ - short % size_;
            let whole = offloaded(payload, size);
            let packet = Packet::read(&whole, true).unwrap();
            prop_assert_eq!(packet.count, keep.len() as u64);
            let parts = packet.keep(&keep);
            let mut seen = vec![false; payload];
            for part in &parts {
                let (framed, tcp) = (part.framed(), part.tcp.unwrap());
                let ip = &framed[VNET_HEADER..];
                prop_assert_eq!(fold(sum(&ip[..20])), 0xffff, "IP checksum");
                prop_assert_eq!(usize::from(be16(ip, 2)), ip.len());
                prop_assert_eq!(be16(ip, 36), fold(pseudo_header(ip, low_half(ip.len() - 20))));
                let from = tcp.sequence.wrapping_sub(FIRST) as usize;
                let to = from + tcp.payload;
                prop_assert_eq!(&framed[HEADERS..], &whole[HEADERS + from..HEADERS + to]);
                seen[from..to].fill(true);
            }
            let kept: Vec<bool> = (0..payload).map(|at| keep[at / size_]).collect();
            prop_assert_eq!(seen, kept);
            let counted: u64 = parts.iter().map(|part| part.count).sum();
            prop_assert_eq!(counted, keep.iter().filter(|keep| **keep).count() as u64);
        }
    }
}
