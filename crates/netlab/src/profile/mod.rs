//! What a link is like: the values of all settings. Pure.
//!
//! Their text form is in [`text`], the profiles that come with netlab in [`built_in`].

mod built_in;
mod quantity;
mod text;

use std::num::NonZeroU64;
use std::time::Duration;

use crate::end::{End, PerEnd};
use crate::link::{Limit, Loss, Outage};

pub(crate) use built_in::list;

/// One direction of a link.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Direction {
    /// From one end to the other.
    pub(crate) delay: Duration,
    /// Up to so much more for each packet; it never makes one overtake another.
    pub(crate) jitter: Duration,
    pub(crate) loss: Loss,
    /// What all packets share.
    pub(crate) bottleneck: Limit,
    /// What each TCP connection has for itself, before the bottleneck.
    pub(crate) flow: Limit,
}

/// Forged resets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Resets {
    /// How often, give or take a fifth; zero: never.
    pub(crate) every: Duration,
    /// Probability for each connection that is open then, 0..=1.
    pub(crate) share: f64,
}

/// Connections that fall silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stalls {
    /// Mean age at which a connection does, drawn from an exponential distribution; zero: never.
    pub(crate) mean: Duration,
    /// For how long; zero: for ever.
    pub(crate) length: Duration,
}

/// A link: its two directions and its faults.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Profile {
    pub(crate) sent_by: PerEnd<Direction>,
    /// Largest packet in bytes, headers included.
    pub(crate) mtu: u16,
    /// Let the kernel hand over packets of up to 64 KiB that stand for many.
    pub(crate) offload: bool,
    pub(crate) outage: Outage,
    pub(crate) resets: Resets,
    pub(crate) stalls: Stalls,
}

impl Default for Profile {
    /// A link without any limit or fault.
    fn default() -> Self {
        let direction = || Direction {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Loss {
                alone: 0.0,
                enter: 0.0,
                // Where only `burst_enter` is set: bursts of five, in which nothing gets through.
                leave: 0.2,
                in_burst: 1.0,
            },
            bottleneck: Limit {
                rate: None,
                queue: 1 << 20, // 0.1 s at 100 Mbit/s
            },
            flow: Limit {
                rate: None,
                queue: 256 << 10, // 0.13 s at 2 MB/s
            },
        };
        Self {
            sent_by: PerEnd::of(|_| direction()),
            mtu: 1_500, // Ethernet
            offload: false,
            outage: Outage::default(),
            resets: Resets {
                every: Duration::ZERO,
                share: 1.0,
            },
            stalls: Stalls::default(),
        }
    }
}
