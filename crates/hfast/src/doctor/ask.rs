//! One question and its answer, whatever becomes of it, within a given time.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::seen::{Answered, Page};
use crate::transport::follow::{Answer, Credentials, Network, follow};
use crate::transport::gate::Gates;
use crate::transport::nearness::Nearness;
use crate::transport::trace::Trace;
use crate::transport::{Failure, FailureKind, Request, Transport};

/// How much of an answer is read, and how long it may take.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Until its head is there, all redirects included.
    pub(super) head: Duration,
    /// From then on.
    pub(super) body: Duration,
    /// The most bytes of the body; what comes after them is not read.
    pub(super) bytes: usize,
}

/// Asks once, and waits for nothing beyond `deadline`. The rules for redirects and for the token are
/// those of a download. A host that wants to be left alone is left alone.
pub(super) async fn ask(
    (transport, gates): (&dyn Transport, &Gates),
    request: Request,
    credentials: Option<&Credentials>,
    (limits, deadline): (Limits, Instant),
) -> Answered {
    let patience = limits.head.min(until(deadline));
    let trace = Trace::new(transport);
    let network = Network {
        transport: &trace,
        gates,
        nearness: &Nearness::default(),
        longest_pause: Duration::ZERO,
        spread: 0.0,
    };
    let followed = timeout(patience, follow(&network, request, credentials)).await;
    let hops = trace.hops();
    let last = hops.last().map(|hop| hop.outcome.clone());
    let end = match (followed, last) {
        (Ok(Ok(answer)), _) => Ok(read(answer, limits, deadline).await),
        (Ok(Err(failure)), _) | (Err(_), Some(Err(failure))) => Err(failure),
        (Err(_), _) => Err(Failure::new(FailureKind::Silent, "no answer in time")),
    };
    Answered { hops, end }
}

/// The time until then.
pub(super) fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

async fn read(mut answer: Answer, limits: Limits, deadline: Instant) -> Page {
    let begun = Instant::now();
    let patience = limits.body.min(until(deadline));
    let mut body = Vec::new();
    let mut broke = None;
    while body.len() < limits.bytes && broke.is_none() {
        let left = patience.saturating_sub(begun.elapsed());
        match timeout(left, answer.response.body.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                let room = limits.bytes - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            }
            Ok(Ok(None)) => break,
            Ok(Err(failure)) => broke = Some(failure),
            Err(_) => broke = Some(Failure::new(FailureKind::Silent, "it did not end in time")),
        }
    }
    Page {
        url: answer.url,
        status: answer.response.status,
        headers: answer.response.headers,
        trusted: answer.trusted,
        body,
        took: begun.elapsed(),
        broke,
    }
}
