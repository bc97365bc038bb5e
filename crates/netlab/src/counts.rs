//! What the link counted. Pure.
//!
//! The names are those of the JSON report, an interface: scripts read them.

use std::time::Duration;

use serde::Serialize;

/// What went in one direction, in wire packets and IP bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Counts {
    pub(crate) packets_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_out: u64,
    /// TCP payload that went out; what TCP sent again counts again.
    pub(crate) payload_out: u64,
    /// Packets lost by chance.
    pub(crate) lost: u64,
    /// Packets that found the queue of the bottleneck full.
    pub(crate) queue_drops: u64,
    /// Packets that found the queue of their own connection full.
    pub(crate) flow_queue_drops: u64,
    /// Packets that met a dead link.
    pub(crate) link_dead_drops: u64,
    /// Packets of connections that were reset or are silent.
    pub(crate) flow_dead_drops: u64,
    /// Packets that the receiving device refused.
    pub(crate) write_errors: u64,
    /// Most bytes that waited for the bottleneck.
    pub(crate) queue_peak: u64,
    /// When the first and the last packet went out, since the start.
    #[serde(skip)]
    pub(crate) first_out: Option<Duration>,
    #[serde(skip)]
    pub(crate) last_out: Duration,
    /// Packets that went out much later than they should: the machine was too busy.
    pub(crate) late: u64,
    #[serde(skip)]
    pub(crate) late_most: Duration,
}

impl Counts {
    /// Packets that went in and will not come out.
    pub(crate) fn drops(&self) -> u64 {
        self.lost
            + self.queue_drops
            + self.flow_queue_drops
            + self.link_dead_drops
            + self.flow_dead_drops
    }
}
