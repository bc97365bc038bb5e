//! A question that is asked again when nothing comes: the first may have been lost with its connection, and TCP
//! would notice that only after minutes.
//!
//! For questions only. The ranges of a file are judged by their siblings, in `transfer/stall.rs`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::select_all;
use tokio::time::Instant;

use super::follow::{Answer, Credentials, Network, Step, follow_with};
use super::{Body, Boxed, Failure, Request};
use crate::hub::urls::shown;

/// A question of which nothing has been heard for so long is asked again, over a connection of its own, and again
/// after twice as long: a lost packet of the handshake costs one second, and most answers take less.
const SILENCE: Duration = Duration::from_secs(2);

/// Whoever does not answer so many has more to do already than it can.
const MOST: u32 = 3;

/// When something was last heard of a question, however often it was asked; nothing is to be heard while a host's
/// pause is waited for.
#[derive(Clone, Debug, Default)]
struct Signs(Arc<Mutex<Option<Instant>>>);

impl Signs {
    fn note(&self, heard: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = heard;
    }

    /// Waits until nothing has been heard for so long.
    async fn silence(&self, time: Duration) {
        loop {
            let heard = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let until = heard.unwrap_or_else(Instant::now) + time;
            if until <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Asks, and asks again when nothing comes for a while. What comes first counts: an answer, or a fault
/// that `is_definite`. `read` makes of the head and what follows it what is wanted.
///
/// # Errors
/// The fault of the one that ends last, when none brings anything.
pub(crate) async fn ask<T, E: From<Failure>>(
    network: &Network<'_>,
    (request, credentials): (&Request, Option<&Credentials>),
    read: impl AsyncFn(Answer) -> Result<T, E>,
    is_definite: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let signs = Signs::default();
    let once = async |fresh: bool| {
        let request = Request {
            fresh,
            ..request.clone()
        };
        let mut answer = follow_with(network, request, credentials, &mut |step| {
            signs.note((!matches!(step, Step::Waiting)).then(Instant::now));
        })
        .await?;
        signs.note(Some(Instant::now()));
        answer.response.body = Box::new(Watched(answer.response.body, signs.clone()));
        read(answer).await
    };
    let mut asked = vec![Box::pin(once(false))];
    let mut times = 1;
    loop {
        let mut under_way = select_all(asked);
        let again = async {
            if times == MOST {
                return std::future::pending().await;
            }
            signs.silence(SILENCE * times).await;
        };
        tokio::select! {
            biased;
            (answer, _, others) = &mut under_way => match answer {
                // Something was heard: to ask once more is not for here.
                Err(fault) if !is_definite(&fault) && !others.is_empty() => {
                    (asked, times) = (others, MOST);
                }
                answer => return answer,
            },
            () = again => {
                let url = shown(request.url.as_str());
                tracing::debug!("{url}: nothing comes; asking again");
                times += 1;
                asked = under_way.into_inner();
                asked.push(Box::pin(once(true)));
            }
        }
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
