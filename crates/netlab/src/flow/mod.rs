//! One TCP connection as the link sees it: whether it lives, when it falls silent, what a reset
//! needs to know. Pure.

mod table;

use std::net::SocketAddrV4;
use std::time::Duration;

use fastrand::Rng;

pub(crate) use table::{FlowCounts, FlowTable, Verdict};

use crate::chance::exponential;
use crate::end::{End, PerEnd};
use crate::link::Meter;
use crate::packet::{ACK, FIN, RST, Tcp, reset};
use crate::profile::Stalls;

/// How long a connection is left alone between its end and the resets that tell of it, so that the
/// last acknowledgements of both ends arrive: more than the 40 ms for which Linux may delay one.
const RESET_WAIT: Duration = Duration::from_millis(60);

/// The ordinal of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlowId(pub(crate) u64);

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    client: SocketAddrV4,
    server: SocketAddrV4,
}

impl Key {
    fn of(sender: End, tcp: &Tcp) -> Self {
        let (client, server) = match sender {
            End::Client => (tcp.from, tcp.to),
            End::Server => (tcp.to, tcp.from),
        };
        Self { client, server }
    }

    fn at(&self, end: End) -> SocketAddrV4 {
        match end {
            End::Client => self.client,
            End::Server => self.server,
        }
    }
}

/// A reset that is to be handed to one end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reset {
    pub(crate) end: End,
    /// The packet, without any frame.
    pub(crate) ip: Vec<u8>,
}

/// A time in which a connection is swallowed.
#[derive(Clone, Copy, Debug)]
struct Silence {
    from: Duration,
    /// `None`: for ever.
    until: Option<Duration>,
}

impl Silence {
    /// Draws when a connection that begins at `now` falls silent, if it may.
    fn draw(stalls: Stalls, rng: &mut Rng, now: Duration) -> Option<Self> {
        if stalls.mean.is_zero() {
            return None;
        }
        let from = now + exponential(rng, stalls.mean);
        let until = (!stalls.length.is_zero()).then(|| from + stalls.length);
        Some(Self { from, until })
    }

    fn covers(&self, now: Duration) -> bool {
        self.from <= now && self.until.is_none_or(|until| now < until)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Reset, but the ends are told only later.
    Frozen,
    /// Reset, and the ends know, or will be told when they speak.
    Reset,
    /// Ended by itself; its last packets still pass.
    Over,
}

#[derive(Debug)]
struct Flow {
    key: Key,
    /// The link it goes over.
    path: usize,
    life: Life,
    /// The sequence number of the SYN that opened it.
    opened_with: Option<u32>,
    silence: Option<Silence>,
    /// Whether its silence has swallowed anything yet.
    noticed: bool,
    /// The newest acknowledgement of each end.
    acknowledged: PerEnd<Option<u32>>,
    finished: PerEnd<bool>,
    /// What it has used of its own rate.
    own_rate: PerEnd<Meter>,
    seen: Duration,
}

impl Flow {
    fn ended(&self) -> bool {
        matches!(self.life, Life::Reset | Life::Over)
    }

    /// Whether its silence swallows a packet at `now`. The first that it does is counted.
    fn swallows(&mut self, now: Duration, counts: &mut FlowCounts) -> bool {
        let silent = self.silence.is_some_and(|silence| silence.covers(now));
        counts.stalls += u64::from(silent && !self.noticed);
        self.noticed |= silent;
        silent
    }

    /// Whether a packet of this connection is the beginning of another between the same ports.
    fn is_replaced_by(&self, tcp: &Tcp) -> bool {
        tcp.opens() && (self.ended() || self.opened_with != Some(tcp.sequence))
    }

    /// What a packet says of the state of its connection.
    fn note(&mut self, sender: End, tcp: &Tcp, now: Duration) {
        self.seen = now;
        if tcp.has(ACK) {
            self.acknowledged[sender] = Some(tcp.acknowledged);
        }
    }

    /// Notes that a packet passed, which may end the connection.
    fn passed(&mut self, sender: End, tcp: &Tcp) {
        self.finished[sender] |= tcp.has(FIN);
        if tcp.has(RST) || (self.finished.client && self.finished.server) {
            self.life = Life::Over;
        }
    }

    /// The reset that `end` believes: at the number that it acknowledged last.
    fn reset_for(&self, end: End) -> Option<Reset> {
        let sequence = self.acknowledged[end]?;
        let ip = reset(self.key.at(end.other()), self.key.at(end), sequence);
        Some(Reset { end, ip })
    }
}
