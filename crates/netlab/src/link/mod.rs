//! One direction of a link: a packet waits for its own connection's rate, then for the bottleneck,
//! may be lost, and arrives after the delay. Pure: time and chance are arguments.

mod loss;
mod meter;
mod outage;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;

pub(crate) use loss::{Loss, LossState};
pub(crate) use meter::{Limit, Meter};
pub(crate) use outage::Outage;

use crate::counts::Counts;
use crate::flow::FlowId;
use crate::packet::Packet;
use crate::profile::Direction;

/// Bytes that one direction holds at most, in its queues and on the way: 2 s at 1 Gbit/s.
const HELD_MOST: u64 = 256 << 20;

/// A packet on the way.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) packet: Packet,
    pub(crate) flow: Option<FlowId>,
    /// When it arrives.
    pub(crate) due: Duration,
}

/// When a packet may leave its own connection's queue, and its place among those of that moment.
type Turn = (Duration, u64);

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Lane {
    direction: Direction,
    rng: Rng,
    loss: LossState,
    bottleneck: Meter,
    /// When the packet arrives that was sent last: none overtakes it.
    last_due: Duration,
    /// Packets that wait for their own connection's rate.
    shaped: BTreeMap<Turn, Held>,
    turns: u64,
    /// Packets that are past the bottleneck, in the order in which they arrive.
    delayed: VecDeque<Held>,
    held: u64,
}

impl Lane {
    pub(crate) fn new(direction: Direction, rng: Rng) -> Self {
        Self {
            direction,
            rng,
            loss: LossState::default(),
            bottleneck: Meter::default(),
            last_due: Duration::ZERO,
            shaped: BTreeMap::new(),
            turns: 0,
            delayed: VecDeque::new(),
            held: 0,
        }
    }

    /// Takes a packet at `now`; `flow` is its connection and what that has used of its own rate.
    pub(crate) fn send(
        &mut self,
        packet: Packet,
        flow: Option<(FlowId, &mut Meter)>,
        now: Duration,
        counts: &mut Counts,
    ) {
        if self.held > HELD_MOST {
            counts.queue_drops += packet.count;
            return;
        }
        let Some((flow, own)) = flow else {
            return self.enter(packet, None, now, counts);
        };
        let Some(at) = own.take(&self.direction.flow, packet.wire(), now) else {
            counts.flow_queue_drops += packet.count;
            return;
        };
        if at <= now {
            return self.enter(packet, Some(flow), now, counts);
        }
        self.turns += 1;
        self.held += packet.framed().len() as u64;
        let held = Held {
            packet,
            flow: Some(flow),
            due: at,
        };
        self.shaped.insert((at, self.turns), held);
    }

    /// The bottleneck, loss and delay.
    fn enter(&mut self, packet: Packet, flow: Option<FlowId>, now: Duration, counts: &mut Counts) {
        let limit = &self.direction.bottleneck;
        let Some(through) = self.bottleneck.take(limit, packet.wire(), now) else {
            counts.queue_drops += packet.count;
            return;
        };
        let waiting = self.bottleneck.waiting(limit, now);
        counts.queue_peak = counts.queue_peak.max(waiting);
        let parts = if self.direction.loss.possible() {
            let loss = &self.direction.loss;
            let mut fate = || !self.loss.loses(loss, &mut self.rng);
            let keep: Vec<bool> = (0..packet.count).map(|_| fate()).collect();
            counts.lost += keep.iter().filter(|keep| !**keep).count() as u64;
            packet.keep(&keep)
        } else {
            vec![packet]
        };
        if parts.is_empty() {
            return;
        }
        let due = self.arrival(through);
        for packet in parts {
            self.held += packet.framed().len() as u64;
            self.delayed.push_back(Held { packet, flow, due });
        }
    }

    fn arrival(&mut self, through: Duration) -> Duration {
        let jitter = self.direction.jitter.mul_f64(self.rng.f64());
        self.last_due = self.last_due.max(through + self.direction.delay + jitter);
        self.last_due
    }

    /// The next packet that has arrived by `now`. Before, everything whose turn has come by then
    /// enters the bottleneck.
    pub(crate) fn arrived(&mut self, now: Duration, counts: &mut Counts) -> Option<Held> {
        while let Some(turn) = self.shaped.first_entry().filter(|turn| turn.key().0 <= now) {
            let held = turn.remove();
            self.held -= held.packet.framed().len() as u64;
            self.enter(held.packet, held.flow, held.due, counts);
        }
        self.delayed.front().filter(|held| held.due <= now)?;
        let held = self.delayed.pop_front()?;
        self.held -= held.packet.framed().len() as u64;
        Some(held)
    }

    /// When something happens next, if nothing is sent.
    pub(crate) fn next(&self) -> Option<Duration> {
        let turn = self.shaped.first_key_value().map(|(turn, _)| turn.0);
        let due = self.delayed.front().map(|held| held.due);
        turn.into_iter().chain(due).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::stream;
    use crate::packet::ACK;
    use crate::packet::tests::{CLIENT, SERVER, segment};
    use crate::profile::Profile;

    fn lane(profile: &str) -> Lane {
        let profile = Profile::built_in(profile).unwrap();
        Lane::new(profile.sent_by.server, stream(1, 0))
    }

    fn packet(payload: usize) -> Packet {
        Packet::read(&segment(SERVER, CLIENT, ACK, 1, payload), false).unwrap()
    }

    /// Sends a packet of 1500 bytes each `gap` for a second; says when each arrives.
    fn arrivals(lane: &mut Lane, gap: Duration, counts: &mut Counts) -> Vec<Duration> {
        let mut now = Duration::ZERO;
        while now < Duration::from_secs(1) {
            lane.send(packet(1_460), None, now, counts);
            now += gap;
        }
        let end = Duration::from_secs(60);
        std::iter::from_fn(|| lane.arrived(end, counts).map(|held| held.due)).collect()
    }

    #[test]
    fn the_bottleneck_carries_its_rate_and_drops_the_rest() {
        let mut counts = Counts::default();
        // 200 Mbit/s offered to 100 Mbit/s.
        let arrived = arrivals(&mut lane("stall"), Duration::from_micros(60), &mut counts);
        let span = arrived.last().unwrap().saturating_sub(arrived[0]);
        // At 12.5 MB/s, 1500 bytes take 120 µs.
        let packets = u32::try_from(arrived.len()).unwrap();
        assert_eq!(span, Duration::from_micros(120) * (packets - 1));
        assert!(counts.queue_peak <= 1 << 20 && counts.queue_peak > (1 << 20) - 1_500);
        // What is not dropped is carried, and the queue is a megabyte deep: 0.08 s.
        let (sent, kept) = (16_667, arrived.len() as u64);
        assert_eq!(counts.queue_drops + kept, sent);
        assert!((9_000..9_100).contains(&kept), "{kept}");
    }

    #[test]
    fn jitter_delays_within_its_bound_and_nothing_overtakes() {
        let mut counts = Counts::default();
        let gap = Duration::from_millis(1);
        let arrived = arrivals(&mut lane("mobile"), gap, &mut counts);
        assert!(arrived.is_sorted());
        assert_eq!(arrived.len() as u64 + counts.lost, 1_000);
        let mut lane = lane("mobile");
        lane.direction.loss.enter = 0.0;
        let arrived = arrivals(&mut lane, gap, &mut counts);
        for (sent, at) in (0..).zip(arrived) {
            let delay = at.saturating_sub(gap * sent);
            assert!((50..=81).contains(&delay.as_millis()), "{delay:?}");
        }
    }

    #[test]
    fn each_connection_has_its_own_rate() {
        let (mut lane, mut counts) = (lane("throttled"), Counts::default());
        let mut own = [Meter::default(), Meter::default()];
        // A megabyte each second is within the rate of 2 MB/s, four are not.
        let mut now = Duration::ZERO;
        let mut through = [0_u64; 2];
        while now < Duration::from_secs(4) {
            for (which, packets) in [(0, 1), (1, 4)] {
                for _ in 0..packets {
                    let flow = (FlowId(which), &mut own[usize::try_from(which).unwrap()]);
                    lane.send(packet(1_460), Some(flow), now, &mut counts);
                }
            }
            now += Duration::from_micros(1_500);
            while let Some(held) = lane.arrived(now, &mut counts) {
                through[usize::try_from(held.flow.unwrap().0).unwrap()] += held.packet.wire();
            }
        }
        // The delay of 31 ms costs the end of it.
        assert!((3_950_000..=4_000_000).contains(&through[0]), "{through:?}");
        assert!((7_900_000..=8_000_000).contains(&through[1]), "{through:?}");
        assert!(counts.flow_queue_drops > 0 && counts.queue_drops == 0);
    }

    #[test]
    fn it_says_when_to_ask_again() {
        let (mut lane, mut counts) = (lane("throttled"), Counts::default());
        assert_eq!(lane.next(), None);
        let mut own = Meter::default();
        let flow = (FlowId(1), &mut own);
        lane.send(packet(1_460), Some(flow), Duration::ZERO, &mut counts);
        let turn = lane.next().unwrap();
        assert_eq!(turn, Duration::from_micros(750));
        assert!(lane.arrived(turn, &mut counts).is_none());
        let due = lane.next().unwrap();
        assert!(
            lane.arrived(due.saturating_sub(Duration::from_nanos(1)), &mut counts)
                .is_none()
        );
        assert!(lane.arrived(due, &mut counts).is_some());
        assert_eq!((lane.next(), lane.held), (None, 0));
    }

    #[test]
    fn what_it_holds_is_bounded() {
        let (mut lane, mut counts) = (lane("raw"), Counts::default());
        lane.direction.delay = Duration::from_secs(100);
        let big = packet(60_000);
        for _ in 0..5_000 {
            lane.send(big.clone(), None, Duration::ZERO, &mut counts);
        }
        assert!(lane.held <= HELD_MOST + 60_040, "{}", lane.held);
        assert!(counts.queue_drops > 500);
    }
}
