//! Addresses that a public name does not have. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::transport::lookup::bare;

/// Where an address leads, if that is odd for a host on the public network.
pub(super) fn oddity(address: IpAddr, host: &str) -> Option<&'static str> {
    let found = match address {
        IpAddr::V4(v4) => odd_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => odd_v4(v4),
            None => odd_v6(v6),
        },
    };
    match found? {
        // A mirror within a company has such addresses.
        Odd::Private(what) if is_public(host) => Some(what),
        Odd::Private(_) => None,
        Odd::Nowhere(what) if is_local(host) && what == LOOPBACK => None,
        Odd::Nowhere(what) | Odd::OthersOwn(what) => Some(what),
    }
}

/// Programs that carry all traffic through a tunnel give out addresses of the range for benchmarks
/// (RFC 2544), each of which stands for a name.
pub(super) fn is_stand_in(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if within(v4, [198, 18, 0, 0], 15))
}

/// Hosts that everybody can reach, if they can be reached.
pub(super) fn is_public(host: &str) -> bool {
    const PUBLIC: [&str; 3] = ["huggingface.co", "hf.co", "hf-mirror.com"];
    PUBLIC.iter().any(|domain| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// Hosts of this machine or of the network around it.
pub(super) fn is_local(host: &str) -> bool {
    let host = bare(host);
    match host.parse() {
        Ok(IpAddr::V4(v4)) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        Ok(IpAddr::V6(v6)) => v6.is_loopback() || v6.is_unique_local(),
        Err(_) => {
            let ends = [".local", ".lan", ".internal", ".localhost", ".home.arpa"];
            !host.contains('.') || ends.iter().any(|end| host.ends_with(end))
        }
    }
}

const LOOPBACK: &str = "this machine itself";

enum Odd {
    /// A network of one's own.
    Private(&'static str),
    /// Where no server is.
    Nowhere(&'static str),
    /// Somebody else's servers, which are known to be given out for names that are blocked.
    OthersOwn(&'static str),
}

fn odd_v4(address: Ipv4Addr) -> Option<Odd> {
    // Blocks as the registries have them.
    const META: [([u8; 4], u32); 4] = [
        ([31, 13, 24, 0], 21),
        ([31, 13, 64, 0], 18),
        ([69, 171, 224, 0], 19),
        ([157, 240, 0, 0], 16),
    ];
    const X: [([u8; 4], u32); 3] = [
        ([104, 244, 40, 0], 21),
        ([199, 16, 156, 0], 22),
        ([199, 59, 148, 0], 22),
    ];
    const DROPBOX: [([u8; 4], u32); 1] = [([162, 125, 0, 0], 16)];
    let among = |blocks: &[([u8; 4], u32)]| {
        let mut blocks = blocks.iter();
        blocks.any(|(block, bits)| within(address, *block, *bits))
    };
    Some(match address {
        a if a.is_loopback() => Odd::Nowhere(LOOPBACK),
        a if a.is_unspecified() || within(a, [0, 0, 0, 0], 8) => Odd::Nowhere("no address at all"),
        a if a.is_private() || a.is_link_local() || within(a, [100, 64, 0, 0], 10) => {
            Odd::Private("a private network")
        }
        a if a.is_documentation() || a.is_multicast() || within(a, [240, 0, 0, 0], 4) => {
            Odd::Nowhere("an address that no server has")
        }
        _ if among(&META) => Odd::OthersOwn("a server of Meta"),
        _ if among(&X) => Odd::OthersOwn("a server of X"),
        _ if among(&DROPBOX) => Odd::OthersOwn("a server of Dropbox"),
        _ => return None,
    })
}

fn odd_v6(address: Ipv6Addr) -> Option<Odd> {
    let [first, second, ..] = address.segments();
    Some(match address {
        a if a.is_loopback() => Odd::Nowhere(LOOPBACK),
        a if a.is_unspecified() => Odd::Nowhere("no address at all"),
        a if a.is_unique_local() || a.is_unicast_link_local() => Odd::Private("a private network"),
        _ if (first, second) == (0x2001, 0xdb8) || (first, second) == (0x2001, 0) => {
            Odd::Nowhere("an address that no server has")
        }
        _ if (first, second) == (0x2a03, 0x2880) => Odd::OthersOwn("a server of Meta"),
        _ => return None,
    })
}

/// Whether the first `bits` of an address are those of `block`.
fn within(address: Ipv4Addr, block: [u8; 4], bits: u32) -> bool {
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    address.to_bits() & mask == u32::from_be_bytes(block) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_public_name_does_not_have_is_told() {
        let odd = |address: &str, host| oddity(address.parse().unwrap(), host);
        let hub = "huggingface.co";
        for (address, what) in [
            ("127.0.0.1", "this machine itself"),
            ("::1", "this machine itself"),
            ("0.0.0.0", "no address at all"),
            ("::", "no address at all"),
            ("10.1.2.3", "a private network"),
            ("100.64.0.1", "a private network"),
            ("fd00::1", "a private network"),
            ("::ffff:192.168.0.1", "a private network"),
            ("243.185.187.39", "an address that no server has"),
            ("2001::1", "an address that no server has"),
            ("31.13.94.37", "a server of Meta"),
            ("2a03:2880:f10e:83:face:b00c:0:25de", "a server of Meta"),
            ("104.244.46.85", "a server of X"),
            ("162.125.32.9", "a server of Dropbox"),
        ] {
            assert_eq!(odd(address, hub), Some(what), "{address}");
            assert_eq!(odd(address, "cdn-lfs.hf.co"), Some(what), "{address}");
        }
        for address in ["13.35.1.2", "198.18.0.7", "2600:9000::1", "128.0.0.1"] {
            assert_eq!(odd(address, hub), None, "{address}");
        }
    }

    #[test]
    fn a_mirror_of_ones_own_may_be_anywhere() {
        let odd = |address: &str, host| oddity(address.parse().unwrap(), host);
        assert_eq!(odd("10.1.2.3", "hub.example.com"), None);
        assert_eq!(odd("127.0.0.1", "localhost"), None);
        assert_eq!(odd("127.0.0.1", "hub.example.com"), Some(LOOPBACK));
        assert!(odd("31.13.94.37", "hub.example.com").is_some());
        assert!(!is_public("nothf.co") && is_public("cas-server.xethub.hf.co"));
        for local in ["localhost", "hub.lan", "10.0.0.1", "[::1]", "nas"] {
            assert!(is_local(local), "{local}");
        }
        assert!(!is_local("huggingface.co") && !is_local("8.8.8.8"));
    }

    #[test]
    fn stand_ins_of_a_tunnel_are_known() {
        assert!(is_stand_in("198.18.0.7".parse().unwrap()));
        assert!(is_stand_in("198.19.255.1".parse().unwrap()));
        assert!(!is_stand_in("198.20.0.1".parse().unwrap()));
    }
}
