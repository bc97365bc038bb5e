//! The wire between the two ends: every packet that one device gives, and every packet that the
//! other gets. Pure: it is told the time and hands packets to a function.
//!
//! A packet passes, in this order: faults (dead link, connection reset or silent) - its connection's
//! own rate - the bottleneck's queue - loss - delay and jitter - faults again - delivery.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use fastrand::Rng;

use crate::chance::stream;
use crate::counts::Counts;
use crate::end::{End, PerEnd};
use crate::flow::{FlowCounts, FlowTable, Reset, Verdict};
use crate::link::Lane;
use crate::packet::{Packet, VNET_HEADER};
use crate::profile::Profile;

/// Streams of chance that each link has: its own and one for each direction, with room for more.
const STREAMS: u64 = 8;
/// From here on a packet counts as late: a kernel without much to do wakes a thread far sooner.
const LATE: Duration = Duration::from_millis(2);

/// A link to one address of the server.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// `None`: to every address that no other link leads to.
    pub(crate) server: Option<Ipv4Addr>,
    pub(crate) profile: Profile,
}

#[derive(Debug)]
struct Path {
    route: Route,
    lanes: PerEnd<Lane>,
    rng: Rng,
    next_reset: Option<Duration>,
}

impl Path {
    fn new(route: Route, seed: u64, number: usize) -> Self {
        let first = number as u64 * STREAMS;
        let lane = |end: End, number| {
            Lane::new(
                route.profile.sent_by[end].clone(),
                stream(seed, first + number),
            )
        };
        let mut path = Self {
            lanes: PerEnd {
                client: lane(End::Client, 1),
                server: lane(End::Server, 2),
            },
            route,
            rng: stream(seed, first),
            next_reset: None,
        };
        path.plan_reset(Duration::ZERO);
        path
    }

    fn plan_reset(&mut self, now: Duration) {
        let every = self.route.profile.resets.every;
        // Give or take a fifth.
        let draw = every.mul_f64(0.8 + 0.4 * self.rng.f64());
        self.next_reset = (!every.is_zero()).then(|| now + draw);
    }

    fn dead(&self, now: Duration) -> bool {
        self.route.profile.outage.covers(now)
    }
}

/// Takes a framed packet for an end; says whether the end took it.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(End, &[u8]) -> bool;

/// The wire, with all its links.
#[derive(Debug)]
pub(crate) struct Wire {
    paths: Vec<Path>,
    flows: FlowTable,
    counts: PerEnd<Counts>,
    offload: bool,
    /// Resets that are to be handed over at the next [`Self::advance`].
    resets: VecDeque<Reset>,
}

impl Wire {
    /// `first` serves each address of the server that none of `others` names, and says for all
    /// whether offload is on.
    pub(crate) fn new(first: Profile, others: Vec<Route>, seed: u64) -> Self {
        let offload = first.offload;
        let first = Route {
            server: None,
            profile: first,
        };
        let routes = std::iter::once(first).chain(others).enumerate();
        Self {
            paths: routes
                .map(|(number, route)| Path::new(route, seed, number))
                .collect(),
            flows: FlowTable::new(seed),
            counts: PerEnd::default(),
            offload,
            resets: VecDeque::new(),
        }
    }

    /// What went in the direction in which each end sends.
    pub(crate) fn counts(&self) -> &PerEnd<Counts> {
        &self.counts
    }

    pub(crate) fn flow_counts(&self) -> FlowCounts {
        self.flows.counts
    }

    /// Connections that are open now.
    pub(crate) fn open_flows(&self) -> usize {
        self.flows.open_now()
    }

    /// Takes a framed packet that `sender` sends at `now`.
    pub(crate) fn send(&mut self, sender: End, framed: &[u8], now: Duration) {
        let Some(packet) = Packet::read(framed, self.offload) else {
            return;
        };
        let counts = &mut self.counts[sender];
        counts.packets_in += packet.count;
        counts.bytes_in += packet.wire();
        let server = match sender {
            End::Client => packet.to,
            End::Server => packet.from,
        };
        let to_it = |path: &Path| path.route.server == Some(server);
        let number = self.paths.iter().position(to_it).unwrap_or(0);
        let path = &mut self.paths[number];
        if path.dead(now) {
            counts.link_dead_drops += packet.count;
            return;
        }
        let mut flow = None;
        if let Some(tcp) = &packet.tcp {
            let stalls = path.route.profile.stalls;
            match self.flows.judge(sender, tcp, number, stalls, now) {
                Verdict::Pass(id) => {
                    flow = self.flows.own_rate(id, sender).map(|own| (id, own));
                }
                Verdict::Swallow => {
                    counts.flow_dead_drops += packet.count;
                    return;
                }
                Verdict::Refuse(reset) => {
                    counts.flow_dead_drops += packet.count;
                    self.resets.extend(reset);
                    return;
                }
            }
        }
        path.lanes[sender].send(packet, flow, now, counts);
    }

    /// Hands over what is due at `now`; says when something will be due next.
    pub(crate) fn advance(&mut self, now: Duration, sink: Sink<'_>) -> Option<Duration> {
        for (number, path) in self.paths.iter_mut().enumerate() {
            if path.next_reset.is_some_and(|due| due <= now) {
                let share = path.route.profile.resets.share;
                self.flows.reset(number, share, &mut path.rng, now);
                path.plan_reset(now);
            }
        }
        self.resets.extend(self.flows.tell(now));
        for reset in self.resets.drain(..) {
            let frame = if self.offload { VNET_HEADER } else { 0 };
            sink(reset.end, &[&[0; VNET_HEADER][..frame], &reset.ip].concat());
        }
        for number in 0..self.paths.len() {
            for sender in End::BOTH {
                self.deliver(number, sender, now, sink);
            }
        }
        let lanes = self
            .paths
            .iter()
            .flat_map(|path| [&path.lanes.client, &path.lanes.server]);
        let resets = self.paths.iter().filter_map(|path| path.next_reset);
        let next = lanes
            .filter_map(Lane::next)
            .chain(resets)
            .chain(self.flows.next());
        next.min()
    }

    fn deliver(&mut self, number: usize, sender: End, now: Duration, sink: Sink<'_>) {
        let path = &mut self.paths[number];
        let dead = path.dead(now);
        let counts = &mut self.counts[sender];
        while let Some(held) = path.lanes[sender].arrived(now, counts) {
            let count = held.packet.count;
            if dead {
                counts.link_dead_drops += count;
            } else if held.flow.is_some_and(|flow| !self.flows.passes(flow, now)) {
                counts.flow_dead_drops += count;
            } else if sink(sender.other(), held.packet.framed()) {
                counts.packets_out += count;
                counts.bytes_out += held.packet.wire();
                counts.payload_out += held.packet.payload();
                counts.first_out.get_or_insert(now);
                counts.last_out = now;
                let late = now.saturating_sub(held.due);
                counts.late += if late > LATE { count } else { 0 };
                counts.late_most = counts.late_most.max(late);
            } else {
                counts.write_errors += count;
            }
        }
    }
}

#[cfg(test)]
mod tests;
