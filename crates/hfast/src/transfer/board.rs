//! The open connections of a job, so that each can be compared with its siblings.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::stall::{Meter, Pulse, SILENCE_AMONG_SIBLINGS};

/// The open connections, so that each can be compared with its siblings.
#[derive(Default)]
pub(super) struct Board {
    open: Mutex<Vec<Entry>>,
}

struct Entry {
    /// Who gave the link, and whom it leads to.
    source: String,
    host: String,
    meter: Arc<Mutex<Meter>>,
}

/// A connection on the board until it is dropped.
pub(super) struct MeterHandle<'a> {
    board: &'a Board,
    host: String,
    meter: Arc<Mutex<Meter>>,
}

impl Board {
    pub(super) fn enter(&self, source: &str, host: &str, now: Duration) -> MeterHandle<'_> {
        let meter = Arc::new(Mutex::new(Meter::new(now)));
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(Entry {
            source: source.to_owned(),
            host: host.to_owned(),
            meter: Arc::clone(&meter),
        });
        MeterHandle {
            board: self,
            host: host.to_owned(),
            meter,
        }
    }

    /// Whether content has come by way of `source` within the last few seconds.
    pub(super) fn is_receiving(&self, source: &str, now: Duration) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.iter().any(|entry| {
            let meter = entry.meter.lock().unwrap_or_else(PoisonError::into_inner);
            entry.source == source && meter.has_received(now, SILENCE_AMONG_SIBLINGS)
        })
    }
}

impl MeterHandle<'_> {
    pub(super) fn add(&self, bytes: u64, now: Duration) {
        self.meter
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(bytes, now);
    }

    /// Takes a sample, and returns the pulse of this connection and those of its siblings, which
    /// are the other connections to the same host.
    pub(super) fn tick(&self, now: Duration) -> (Pulse, Vec<Pulse>) {
        let mut meter = self.meter.lock().unwrap_or_else(PoisonError::into_inner);
        meter.tick(now);
        let own = meter.pulse(now);
        drop(meter);
        let open = self
            .board
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let siblings = open
            .iter()
            .filter(|entry| entry.host == self.host && !Arc::ptr_eq(&entry.meter, &self.meter));
        let pulses = siblings.map(|entry| {
            entry
                .meter
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pulse(now)
        });
        (own, pulses.collect())
    }
}

impl Drop for MeterHandle<'_> {
    fn drop(&mut self) {
        let mut open = self
            .board
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.retain(|entry| !Arc::ptr_eq(&entry.meter, &self.meter));
    }
}
