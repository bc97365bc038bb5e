//! What the table of connections promises.

use std::net::SocketAddrV4;

use super::*;
use crate::packet::tests::{CLIENT, SERVER, segment};
use crate::packet::{ACK, FIN, Packet};

const NEVER: Stalls = Stalls {
    mean: Duration::ZERO,
    length: Duration::ZERO,
};

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A segment that the client sends from `port`, or that the server sends to it.
fn tcp(sender: End, port: u16, flags: u8, sequence: u32) -> Tcp {
    let client = SocketAddrV4::new(*CLIENT.ip(), port);
    let (from, to) = match sender {
        End::Client => (client, SERVER),
        End::Server => (SERVER, client),
    };
    let packet = Packet::read(&segment(from, to, flags, sequence, 10), false);
    packet.unwrap().tcp.unwrap()
}

fn acknowledging(sender: End, number: u32) -> Tcp {
    let mut tcp = tcp(sender, CLIENT.port(), ACK, 1);
    tcp.acknowledged = number;
    tcp
}

/// A table with one open connection, whose ends acknowledged 100 (client) and 200 (server).
fn one_open(stalls: Stalls) -> FlowTable {
    let mut table = FlowTable::new(1);
    let opening = tcp(End::Client, CLIENT.port(), SYN, 99);
    for (sender, tcp) in [
        (End::Client, opening),
        (End::Client, acknowledging(End::Client, 100)),
        (End::Server, acknowledging(End::Server, 200)),
    ] {
        let verdict = table.judge(sender, &tcp, 0, stalls, Duration::ZERO);
        assert_eq!(verdict, Verdict::Pass(FlowId(1)));
    }
    table
}

fn expected(end: End, sequence: u32) -> Reset {
    let (from, to) = match end {
        End::Client => (SERVER, CLIENT),
        End::Server => (CLIENT, SERVER),
    };
    Reset {
        end,
        ip: crate::packet::reset(from, to, sequence),
    }
}

#[test]
fn a_reset_is_told_at_the_numbers_acknowledged_last() {
    let mut table = one_open(NEVER);
    table.reset(0, 1.0, &mut stream(1, 0), seconds(1.0));
    assert_eq!(table.next(), Some(seconds(1.06)));
    assert_eq!(table.tell(seconds(1.05)), []);
    // What was under way when the connection was frozen no longer passes, but is heeded.
    let last = acknowledging(End::Client, 150);
    let verdict = table.judge(End::Client, &last, 0, NEVER, seconds(1.05));
    assert_eq!(verdict, Verdict::Swallow);
    let told = [expected(End::Client, 150), expected(End::Server, 200)];
    assert_eq!(table.tell(seconds(1.06)), told);
    assert_eq!((table.tell(seconds(9.0)), table.next()), (vec![], None));
    assert_eq!(table.counts.resets, 1);
    // Whoever speaks later is answered.
    let late = acknowledging(End::Server, 300);
    let verdict = table.judge(End::Server, &late, 0, NEVER, seconds(2.0));
    assert_eq!(verdict, Verdict::Refuse(Some(expected(End::Server, 300))));
}

#[test]
fn resets_hit_their_share_of_their_own_link() {
    let mut table = FlowTable::new(1);
    for port in 1..=2_000 {
        let opening = tcp(End::Client, port, SYN, 7);
        table.judge(
            End::Client,
            &opening,
            usize::from(port % 2),
            NEVER,
            Duration::ZERO,
        );
    }
    table.reset(1, 0.25, &mut stream(3, 0), seconds(1.0));
    let hit = table.counts.resets;
    // Four standard deviations of a binomial distribution of 1000 at 0.25.
    assert!((195..=305).contains(&hit), "{hit}");
    assert_eq!(table.open_now() as u64, 2_000 - hit);
    let other = table.flows.values().filter(|flow| flow.path == 0);
    assert!(other.into_iter().all(|flow| flow.life == Life::Open));
}

#[test]
fn ages_of_stalls_have_their_mean_and_come_from_the_seed() {
    let stalls = Stalls {
        mean: seconds(10.0),
        length: Duration::ZERO,
    };
    let ages = |seed| {
        let mut table = FlowTable::new(seed);
        for port in 1..=5_000 {
            let opening = tcp(End::Client, port, SYN, 7);
            table.judge(End::Client, &opening, 0, stalls, seconds(2.0));
        }
        let ages = table.flows.values().map(|flow| flow.silence.unwrap().from);
        ages.map(|from| from.saturating_sub(seconds(2.0)))
            .collect::<Vec<_>>()
    };
    let first = ages(1);
    let mean = first.iter().sum::<Duration>() / 5_000;
    assert!((9_400..10_600).contains(&mean.as_millis()), "{mean:?}");
    assert_eq!(first, ages(1));
    assert_ne!(first, ages(2));
}

#[test]
fn a_silent_connection_swallows_both_ways_and_is_counted_once() {
    let stalls = Stalls {
        mean: seconds(1.0),
        length: seconds(5.0),
    };
    let mut table = one_open(stalls);
    let from = table.flows[&FlowId(1)].silence.unwrap().from;
    let before = from.saturating_sub(Duration::from_nanos(1));
    assert!(table.passes(FlowId(1), before));
    for sender in End::BOTH {
        let tcp = acknowledging(sender, 1);
        assert_eq!(table.judge(sender, &tcp, 0, stalls, from), Verdict::Swallow);
    }
    assert_eq!(table.counts.stalls, 1);
    assert!(!table.passes(FlowId(1), from + seconds(4.9)));
    assert!(table.passes(FlowId(1), from + seconds(5.0)));
}

#[test]
fn without_an_end_silence_is_for_ever() {
    let stalls = Stalls {
        mean: seconds(1.0),
        length: Duration::ZERO,
    };
    let mut table = one_open(stalls);
    assert!(!table.passes(FlowId(1), seconds(1e6)));
    // The same SYN once more is still the silent connection; another one is another connection.
    let again = tcp(End::Client, CLIENT.port(), SYN, 99);
    let verdict = table.judge(End::Client, &again, 0, stalls, seconds(1e6));
    assert_eq!(verdict, Verdict::Swallow);
    let other = tcp(End::Client, CLIENT.port(), SYN, 12_345);
    let verdict = table.judge(End::Client, &other, 0, stalls, seconds(1e6));
    assert_eq!(verdict, Verdict::Pass(FlowId(2)));
    assert_eq!(
        table.open_now(),
        1,
        "a connection that was replaced is over"
    );
}

#[test]
fn a_connection_is_over_when_both_ends_finished() {
    let mut table = one_open(NEVER);
    for sender in End::BOTH {
        assert_eq!(table.open_now(), 1);
        let last = tcp(sender, CLIENT.port(), FIN | ACK, 5);
        let verdict = table.judge(sender, &last, 0, NEVER, Duration::ZERO);
        assert_eq!(verdict, Verdict::Pass(FlowId(1)));
    }
    assert_eq!(table.open_now(), 0);
    let farewell = acknowledging(End::Client, 6);
    let verdict = table.judge(End::Client, &farewell, 0, NEVER, Duration::ZERO);
    assert_eq!(verdict, Verdict::Pass(FlowId(1)));
    table.reset(0, 1.0, &mut stream(1, 0), Duration::ZERO);
    assert_eq!(table.counts.resets, 0);
}

#[test]
fn the_table_is_bounded() {
    let mut table = FlowTable::new(1);
    for port in 1..=20_000 {
        let opening = tcp(End::Client, port, SYN, 7);
        let now = Duration::from_millis(port.into());
        let verdict = table.judge(End::Client, &opening, 0, NEVER, now);
        assert_eq!(verdict, Verdict::Pass(FlowId(port.into())));
        assert!(table.flows.len() <= MOST && table.index.len() <= MOST);
    }
    // The oldest were forgotten; a packet of theirs that is still on the way arrives.
    assert!(!table.flows.contains_key(&FlowId(1)) && table.passes(FlowId(1), seconds(30.0)));
}
