//! A transport that keeps what it saw: each request and the head of its answer.
//!
//! It lets whoever asks see all steps of a chain that broke in its middle.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::{Boxed, Failure, FailureKind, Request, Response, Transport};
use crate::hub::urls::authority;

/// One request and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    /// Where it went. The query may be a secret.
    pub(crate) url: Url,
    /// Until the head of the answer, or the failure.
    pub(crate) took: Duration,
    /// When that was, by the clock of this machine.
    pub(crate) at: SystemTime,
    /// The head of the answer; while none has come, that nobody waits for it any longer.
    pub(crate) outcome: Result<(StatusCode, HeaderMap), Failure>,
}

/// Sends through another transport, and remembers.
pub(crate) struct Trace<'a> {
    inner: &'a dyn Transport,
    hops: Mutex<Vec<Hop>>,
}

impl<'a> Trace<'a> {
    pub(crate) fn new(inner: &'a dyn Transport) -> Self {
        Self {
            inner,
            hops: Mutex::default(),
        }
    }

    /// What was seen so far, first to last.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        self.seen().clone()
    }

    fn begin(&self, hop: Hop) -> usize {
        let mut hops = self.seen();
        hops.push(hop);
        hops.len() - 1
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Hop>> {
        self.hops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Trace<'_> {
    fn send(&self, request: Request) -> Boxed<'_, Result<Response, Failure>> {
        Box::pin(async move {
            let begun = Instant::now();
            let host = authority(&request.url);
            // Whoever asks may lose patience and drop this future.
            let silent = Failure::new(FailureKind::Silent, "no answer in time").at(host);
            let index = self.begin(Hop {
                url: request.url.clone(),
                took: Duration::ZERO,
                at: SystemTime::now(),
                outcome: Err(silent),
            });
            let answer = self.inner.send(request).await;
            if let Some(hop) = self.seen().get_mut(index) {
                hop.took = begun.elapsed();
                hop.at = SystemTime::now();
                let head = |response: &Response| (response.status, response.headers.clone());
                hop.outcome = answer.as_ref().map(head).map_err(Clone::clone);
            }
            answer
        })
    }

    fn avoid(&self, peer: SocketAddr) {
        self.inner.avoid(peer);
    }
}
