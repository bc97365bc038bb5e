//! The wire on virtual time: packets in at one end, out at the other.

use std::net::SocketAddrV4;

use super::*;
use crate::packet::tests::{CLIENT, SERVER, segment};
use crate::packet::{ACK, SYN};

/// A packet as an end got it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    end: End,
    at: Duration,
    length: usize,
    flags: u8,
}

fn wire(profile: &str, changes: &str, seed: u64) -> Wire {
    let mut profile = Profile::built_in(profile).unwrap();
    profile.apply(changes).unwrap();
    Wire::new(profile, Vec::new(), seed)
}

/// Advances until `end`, always to the moment that the wire names.
fn until(wire: &mut Wire, mut now: Duration, end: Duration) -> Vec<Got> {
    let mut got = Vec::new();
    loop {
        let next = wire.advance(now, &mut |end, ip| {
            got.push(Got {
                end,
                at: now,
                length: ip.len(),
                flags: ip[33],
            });
            true
        });
        match next.filter(|next| *next <= end) {
            Some(next) => now = next,
            None => return got,
        }
    }
}

/// The server sends a full packet to each of `clients` every `gap`, for `time`; they acknowledge.
fn stream_down(wire: &mut Wire, clients: u16, gap: Duration, time: Duration) -> Vec<Got> {
    let mut got = Vec::new();
    let mut now = Duration::ZERO;
    let ports = (0..clients).map(|number| SocketAddrV4::new(*CLIENT.ip(), 4_000 + number));
    for client in ports.clone() {
        wire.send(End::Client, &segment(client, SERVER, SYN, 1, 0), now);
    }
    while now < time {
        for client in ports.clone() {
            wire.send(End::Server, &segment(SERVER, client, ACK, 1, 1_460), now);
            wire.send(End::Client, &segment(client, SERVER, ACK, 1, 0), now);
        }
        got.extend(until(wire, now, now + gap));
        now += gap;
    }
    got.extend(until(wire, now, now + Duration::from_secs(10)));
    got
}

#[test]
fn a_clean_link_delays_and_nothing_else() {
    let mut wire = wire("stall", "stall_mean=0", 1);
    wire.send(
        End::Client,
        &segment(CLIENT, SERVER, SYN, 1, 0),
        Duration::ZERO,
    );
    let got = until(&mut wire, Duration::ZERO, Duration::from_secs(1));
    // 40 bytes at 12.5 MB/s take 3.2 µs.
    let at = Duration::from_millis(40) + Duration::from_nanos(3_200);
    let expected = Got {
        end: End::Server,
        at,
        length: 40,
        flags: SYN,
    };
    assert_eq!(got, [expected]);
    assert_eq!(wire.counts().client.late, 0);
}

#[test]
fn connections_share_the_link_and_each_keeps_to_its_own_rate() {
    let second = Duration::from_secs(1);
    let gap = Duration::from_micros(500); // 3 MB/s for each connection
    for (clients, most) in [(1, 2_000_000), (3, 6_000_000), (8, 12_500_000_u128)] {
        let mut wire = wire("throttled", "", 1);
        stream_down(&mut wire, clients, gap, second * 4);
        let down = &wire.counts().server;
        let span = down.last_out.saturating_sub(down.first_out.unwrap());
        let rate = u128::from(down.bytes_out) * 1_000_000 / span.as_micros();
        // Jitter moves the first packet and the last, by a part of the 4 s.
        let near = most * 97 / 100..most * 1_001 / 1_000;
        assert!(near.contains(&rate), "{clients}: {rate}");
        assert_eq!(down.packets_in, down.packets_out + down.drops());
    }
}

#[test]
fn the_same_seed_has_the_same_fate() {
    let run = |seed| {
        let mut wire = wire("flaky", "", seed);
        stream_down(
            &mut wire,
            3,
            Duration::from_millis(2),
            Duration::from_secs(20),
        )
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
}

#[test]
fn an_outage_swallows_what_is_sent_and_what_is_on_the_way() {
    let mut wire = wire("outage", "down.loss=0", 1);
    let got = stream_down(
        &mut wire,
        1,
        Duration::from_millis(10),
        Duration::from_secs(40),
    );
    let seconds = Duration::from_secs;
    assert!(
        got.iter()
            .all(|got| !(seconds(5)..seconds(25)).contains(&got.at))
    );
    let after = |from: u64, to: u64| {
        got.iter()
            .any(|got| (seconds(from)..seconds(to)).contains(&got.at))
    };
    assert!(after(4, 5) && after(25, 26));
    // 2000 packets fell into the 20 s, three more were on the way when they began.
    let dead = wire.counts().server.link_dead_drops;
    assert!((2_000..2_006).contains(&dead), "{dead}");
}

#[test]
fn a_silent_connection_hears_nothing_and_others_do() {
    let mut wire = wire("stall", "stall_mean=2s", 1);
    let got = stream_down(
        &mut wire,
        4,
        Duration::from_millis(20),
        Duration::from_secs(30),
    );
    assert_eq!(wire.flow_counts().stalls, 4);
    assert_eq!(wire.flow_counts().resets, 0);
    assert!(got.last().unwrap().at < Duration::from_secs(30));
    assert!(wire.counts().server.flow_dead_drops > 1_000);
}

#[test]
fn resets_come_about_as_often_as_asked_and_reach_both_ends() {
    let mut wire = wire("stall", "stall_mean=0 rst_every=5s", 1);
    let got = stream_down(
        &mut wire,
        1,
        Duration::from_millis(10),
        Duration::from_secs(10),
    );
    let resets = got.iter().filter(|got| got.flags & crate::packet::RST != 0);
    let first: Vec<&Got> = resets.take(2).collect();
    assert_eq!([first[0].end, first[1].end], End::BOTH);
    let at = first[0].at.as_secs_f64();
    assert!((4.06..6.08).contains(&at), "{at}");
    // Both ends go on speaking, and are told again; nothing of theirs arrives any more.
    let later = got.iter().filter(|got| got.at > first[0].at);
    assert!(
        later
            .into_iter()
            .all(|got| got.flags & crate::packet::RST != 0)
    );
    assert_eq!(wire.flow_counts().resets, 1);
}

#[test]
fn each_address_of_the_server_has_its_own_link() {
    let slow = Route {
        server: Some(Ipv4Addr::new(10, 77, 0, 9)),
        profile: Profile::built_in("cn-mirror").unwrap(),
    };
    let mut wire = Wire::new(Profile::default(), vec![slow], 1);
    let other = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 9), 80);
    for server in [SERVER, other] {
        wire.send(
            End::Client,
            &segment(CLIENT, server, SYN, 1, 0),
            Duration::ZERO,
        );
    }
    let got = until(&mut wire, Duration::ZERO, Duration::from_secs(1));
    assert_eq!(got[0].at, Duration::ZERO);
    assert!(got[1].at >= Duration::from_millis(90));
}

#[test]
fn what_an_end_refuses_and_what_comes_late_is_counted() {
    let mut wire = wire("raw-packets", "delay=1ms", 1);
    for _ in 0..2 {
        wire.send(
            End::Client,
            &segment(CLIENT, SERVER, SYN, 1, 0),
            Duration::ZERO,
        );
    }
    let mut took = [true, false].into_iter();
    wire.advance(Duration::from_millis(9), &mut |_, _| took.next().unwrap());
    let up = &wire.counts().client;
    assert_eq!((up.packets_out, up.write_errors, up.late), (1, 1, 1));
    assert_eq!(up.late_most, Duration::from_millis(8));
}
