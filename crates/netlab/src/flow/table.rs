//! All connections of a lab: which packets of theirs pass, and whom to tell of a reset. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use fastrand::Rng;
use serde::Serialize;

use super::{Flow, FlowId, Key, Life, RESET_WAIT, Reset, Silence};
use crate::chance::{happens, stream};
use crate::end::{End, PerEnd};
use crate::link::Meter;
use crate::packet::{RST, SYN, Tcp};
use crate::profile::Stalls;

/// Connections that are remembered: ten times what any test opens at once.
const MOST: usize = 8_192;
/// How many places are made at once when they are used up, for looking through all takes long.
const ROOM: usize = MOST / 8;
/// How long those are remembered that have ended, as long as Linux keeps `TIME_WAIT`.
const KEPT: Duration = Duration::from_secs(60);
/// Streams of chance from here on belong to connections, those below to links.
const FIRST_STREAM: u64 = 1 << 32;

/// What becomes of a packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass(FlowId),
    /// It vanishes.
    Swallow,
    /// It vanishes, and its sender is told that the connection is no more.
    Refuse(Option<Reset>),
}

/// How many connections there were, and what befell them; named as in the JSON report.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct FlowCounts {
    pub(crate) flows: u64,
    pub(crate) resets: u64,
    /// Connections of which packets were swallowed because they had fallen silent.
    pub(crate) stalls: u64,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct FlowTable {
    seed: u64,
    flows: BTreeMap<FlowId, Flow>,
    index: HashMap<Key, FlowId>,
    /// Whom to tell of a reset, and when; the wait is the same for all, so the order is that of time.
    frozen: VecDeque<(Duration, FlowId)>,
    pub(crate) counts: FlowCounts,
}

impl FlowTable {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            flows: BTreeMap::new(),
            index: HashMap::new(),
            frozen: VecDeque::new(),
            counts: FlowCounts::default(),
        }
    }

    /// Judges a packet that `sender` sends over the link `path`.
    pub(crate) fn judge(
        &mut self,
        sender: End,
        tcp: &Tcp,
        path: usize,
        stalls: Stalls,
        now: Duration,
    ) -> Verdict {
        let key = Key::of(sender, tcp);
        let known = self.index.get(&key).copied();
        let known = known.filter(|id| !self.flows[id].is_replaced_by(tcp));
        let id = known.unwrap_or_else(|| self.open(key, tcp, path, stalls, now));
        let Some(flow) = self.flows.get_mut(&id) else {
            return Verdict::Swallow;
        };
        flow.note(sender, tcp, now);
        match flow.life {
            Life::Frozen => Verdict::Swallow,
            Life::Reset if tcp.has(RST) => Verdict::Swallow,
            Life::Reset => Verdict::Refuse(flow.reset_for(sender)),
            Life::Open | Life::Over => {
                if flow.swallows(now, &mut self.counts) {
                    return Verdict::Swallow;
                }
                flow.passed(sender, tcp);
                Verdict::Pass(id)
            }
        }
    }

    /// Whether a packet that is on the way may arrive. It may if its connection was forgotten.
    pub(crate) fn passes(&mut self, id: FlowId, now: Duration) -> bool {
        let Some(flow) = self.flows.get_mut(&id) else {
            return true;
        };
        let alive = matches!(flow.life, Life::Open | Life::Over);
        alive && !flow.swallows(now, &mut self.counts)
    }

    /// What a connection has used of its own rate in the direction in which `sender` sends.
    pub(crate) fn own_rate(&mut self, id: FlowId, sender: End) -> Option<&mut Meter> {
        let flow = self.flows.get_mut(&id)?;
        Some(&mut flow.own_rate[sender])
    }

    /// Connections that are open now.
    pub(crate) fn open_now(&self) -> usize {
        let open = |flow: &&Flow| flow.life == Life::Open;
        self.flows.values().filter(open).count()
    }

    /// Resets each open connection of a link with probability `share`. The ends hear of it from
    /// [`Self::tell`], a little later.
    pub(crate) fn reset(&mut self, path: usize, share: f64, rng: &mut Rng, now: Duration) {
        for (id, flow) in &mut self.flows {
            if flow.path == path && flow.life == Life::Open && happens(rng, share) {
                flow.life = Life::Frozen;
                self.frozen.push_back((now + RESET_WAIT, *id));
                self.counts.resets += 1;
            }
        }
    }

    /// The resets that are due at `now`.
    pub(crate) fn tell(&mut self, now: Duration) -> Vec<Reset> {
        let mut resets = Vec::new();
        while let Some((_, id)) = self.frozen.front().filter(|(due, _)| *due <= now).copied() {
            self.frozen.pop_front();
            if let Some(flow) = self.flows.get_mut(&id) {
                flow.life = Life::Reset;
                resets.extend(End::BOTH.iter().filter_map(|end| flow.reset_for(*end)));
            }
        }
        resets
    }

    /// When [`Self::tell`] has something next.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.frozen.front().map(|(due, _)| *due)
    }

    fn open(&mut self, key: Key, tcp: &Tcp, path: usize, stalls: Stalls, now: Duration) -> FlowId {
        self.make_room(now);
        self.counts.flows += 1;
        let id = FlowId(self.counts.flows);
        // By the ordinal, not by the clock: the n-th connection has the same fate in every run.
        let mut rng = stream(self.seed, FIRST_STREAM + id.0);
        let flow = Flow {
            key,
            path,
            life: Life::Open,
            opened_with: tcp.has(SYN).then_some(tcp.sequence),
            silence: Silence::draw(stalls, &mut rng, now),
            noticed: false,
            acknowledged: PerEnd::default(),
            finished: PerEnd::default(),
            own_rate: PerEnd::default(),
            seen: now,
        };
        self.flows.insert(id, flow);
        if let Some(replaced) = self.index.insert(key, id) {
            self.flows.remove(&replaced);
        }
        id
    }

    /// Forgets connections that are over or, if they are too few, those unheard of for longest.
    fn make_room(&mut self, now: Duration) {
        if self.flows.len() < MOST {
            return;
        }
        self.flows
            .retain(|_, flow| !flow.ended() || now < flow.seen + KEPT);
        if self.flows.len() > MOST - ROOM {
            let mut seen: Vec<Duration> = self.flows.values().map(|flow| flow.seen).collect();
            let (_, quiet_since, _) = seen.select_nth_unstable(ROOM);
            self.flows.retain(|_, flow| flow.seen > *quiet_since);
        }
        self.index.retain(|_, id| self.flows.contains_key(id));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
