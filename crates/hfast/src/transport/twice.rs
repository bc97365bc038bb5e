//! A question that is asked a second time when nothing comes: the first may have been lost with its
//! connection, and TCP would notice that only after minutes.
//!
//! For questions only. The ranges of a file are judged by their siblings, in `transfer/stall.rs`.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::follow::{Answer, Credentials, Network, Step, follow_with};
use super::{Body, Boxed, Failure, Request};
use crate::hub::urls::shown;

/// A question of which nothing has been heard for so long is asked again, over a connection of its own: a lost
/// packet of the handshake costs one second, and a second one two more.
const SILENCE: Duration = Duration::from_secs(3);

/// When something was last heard of a question; nothing is to be heard while a host's pause is waited for.
#[derive(Clone, Debug, Default)]
struct Signs(Arc<Mutex<Option<Instant>>>);

impl Signs {
    fn note(&self, heard: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    /// Waits until nothing has been heard for too long.
    async fn silence(&self) {
        loop {
            let heard = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = heard.unwrap_or_else(Instant::now) + SILENCE;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Asks, and asks once more when nothing comes for a while. What comes first counts: an answer, or a fault
/// that is `final`. `read` makes of the head and what follows it what is wanted.
///
/// # Errors
/// The fault of one of them, when neither brings anything.
pub(crate) async fn ask<T, E: From<Failure>>(
    network: &Network<'_>,
    (request, credentials): (&Request, Option<&Credentials>),
    read: impl AsyncFn(Answer) -> Result<T, E>,
    is_final: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let once = async |fresh: bool, signs: Signs| {
        let request = Request {
            fresh,
            ..request.clone()
        };
        let mut answer = follow_with(network, request, credentials, &mut |step| {
            signs.note((!matches!(step, Step::Waiting)).then(Instant::now));
        })
        .await?;
        signs.note(Some(Instant::now()));
        answer.response.body = Box::new(Watched(answer.response.body, signs));
        read(answer).await
    };
    let signs = Signs::default();
    let mut first = pin!(once(false, signs.clone()));
    tokio::select! {
        biased;
        answer = &mut first => return answer,
        () = signs.silence() => {}
    }
    tracing::debug!(
        "{}: nothing comes; asking once more",
        shown(request.url.as_str())
    );
    let mut second = pin!(once(true, Signs::default()));
    let (answer, other) = tokio::select! {
        biased;
        answer = &mut first => (answer, second),
        answer = &mut second => (answer, first),
    };
    match answer {
        Err(fault) if !is_final(&fault) => other.await,
        answer => answer,
    }
}

/// A body of which each piece is noted.
struct Watched(Box<dyn Body>, Signs);

impl Body for Watched {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
        Box::pin(async {
            let chunk = self.0.chunk().await;
            self.1.note(Some(Instant::now()));
            chunk
        })
    }
}
