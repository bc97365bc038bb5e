//! What was asked of a fake Hub: requests in their order, and bytes sent.

use super::lock;
use super::message::{Meter, Request};
use super::route::RouteKind;
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// One request of the log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The method.
    pub method: String,
    /// The host asked for.
    pub host: String,
    /// Path and query, still encoded.
    pub path: String,
    /// Which group of routes it belongs to.
    pub kind: RouteKind,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The status sent; 0 for a refused connection.
    pub status: u16,
    /// Bytes of the body handed to the network.
    pub sent_bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Mutex<Vec<(Logged, Meter)>>,
    total: Meter,
}

impl Log {
    pub(super) fn add(&self, request: &Request, kind: RouteKind, status: u16) -> Meter {
        let meter = Meter {
            total: self.total.total.clone(),
            ..Meter::default()
        };
        let entry = Logged {
            method: request.method.clone(),
            host: request.host.clone(),
            path: request.path_and_query.clone(),
            kind,
            range: request.text("range").map(str::to_owned),
            authorization: request.text("authorization").map(str::to_owned),
            status,
            sent_bytes: 0,
        };
        lock(&self.entries).push((entry, meter.clone()));
        meter
    }

    pub(super) fn all(&self) -> Vec<Logged> {
        let sent = |meter: &Meter| meter.this.load(Ordering::Relaxed);
        let entries = lock(&self.entries);
        entries
            .iter()
            .map(|(e, m)| Logged {
                sent_bytes: sent(m),
                ..e.clone()
            })
            .collect()
    }

    pub(super) fn sent_bytes(&self) -> u64 {
        self.total.total.load(Ordering::Relaxed)
    }

    pub(super) fn clear(&self) {
        lock(&self.entries).clear();
        self.total.total.store(0, Ordering::Relaxed);
    }
}
