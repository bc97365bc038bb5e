//! The only door to the network: send a request, receive a response whose body is read in pieces.
//!
//! Two implementations exist: [`http::HttpTransport`] on real sockets, and the test suite's Hub on
//! virtual time; `trace` looks on at either. Nothing here knows paths on a disk, and nothing outside opens a socket.

pub(crate) mod certificate;
pub(crate) mod connect;
pub mod failure;
pub(crate) mod follow;
pub(crate) mod gate;
pub(crate) mod headers;
pub mod http;
pub(crate) mod insist;
pub(crate) mod local;
pub mod lookup;
pub(crate) mod nearness;
mod resolver;
pub(crate) mod retry;
pub(crate) mod trace;
pub(crate) mod witness;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use url::Url;

pub use failure::{Failure, FailureKind};

/// An answer that is read whole must not be silent for longer than this.
const SILENCE: std::time::Duration = std::time::Duration::from_secs(20);

/// Less than this within this time is a trickle: 1 KiB/s, as for the ranges of a file.
const TRICKLE_WINDOW: std::time::Duration = std::time::Duration::from_secs(30);
const TRICKLE_BYTES: usize = 30 << 10;

/// The most that is read of an answer that is an error.
pub(crate) const MAX_ERROR_BODY: usize = 64 << 10;

/// A future that is boxed, so that [`Transport`] can be used as a trait object.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One request. It has no body: hfast only reads.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `HEAD`.
    pub method: Method,
    /// Absolute, `http` or `https`.
    pub url: Url,
    /// All headers but `Host`, which the transport adds.
    pub headers: HeaderMap,
    /// Over a connection that nothing was sent over before.
    pub fresh: bool,
}

impl Request {
    /// A `GET` that asks for the bytes as they are, without compression.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A `HEAD` that asks for the bytes as they are, without compression.
    pub fn head(url: Url) -> Self {
        Self::new(Method::HEAD, url)
    }

    fn new(method: Method, url: Url) -> Self {
        let identity = ::http::HeaderValue::from_static("identity");
        let headers = HeaderMap::from_iter([(::http::header::ACCEPT_ENCODING, identity)]);
        Self {
            method,
            url,
            headers,
            fresh: false,
        }
    }
}

/// The head of a response, and its body still to be read.
pub struct Response {
    /// The status code; redirects are not followed at this level.
    pub status: StatusCode,
    /// The headers as they came. Nothing in them is trusted yet.
    pub headers: HeaderMap,
    /// The address that answered, where the transport knows it.
    pub peer: Option<SocketAddr>,
    /// It came over a connection that had brought an answer before, as far as the transport knows.
    pub kept: bool,
    /// What follows.
    pub body: Box<dyn Body>,
}

/// The body of a response, piece by piece. Dropping it closes the connection unless it was at its end.
pub trait Body: Send {
    /// The next piece, or `None` at the end. Dropping the future loses no byte.
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>>;
}

/// Sends one request over one connection.
pub trait Transport: Send + Sync {
    /// Sends `request` and returns when the head of the response has arrived.
    fn send(&self, request: Request) -> Boxed<'_, Result<Response, Failure>>;

    /// Hears that `peer` stalled or broke: new connections should prefer other addresses.
    fn avoid(&self, peer: SocketAddr);
}

/// Reads at most `limit` bytes of a body into memory; `length` is what its head says.
///
/// # Errors
/// The body's own failure, [`FailureKind::Silent`] when it stops or trickles, or
/// [`FailureKind::Protocol`] when it is longer.
pub(crate) async fn read_limited(
    body: &mut dyn Body,
    length: Option<usize>,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    // Growing by doubling would take three times the room for a moment.
    let mut bytes = Vec::with_capacity(length.unwrap_or(0).min(limit));
    let mut patience = BodyPatience::default();
    while let Some(chunk) = patience.next(body).await? {
        if bytes.len() + chunk.len() > limit {
            return Err(Failure::new(
                FailureKind::Protocol,
                "the answer is unreasonably long",
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads a body that has no siblings to be compared with: it may be neither silent nor a trickle.
#[derive(Default)]
struct BodyPatience {
    /// Only the time in which the server was waited for counts.
    waited: std::time::Duration,
    received: usize,
}

impl BodyPatience {
    /// The next piece.
    async fn next(&mut self, body: &mut dyn Body) -> Result<Option<Bytes>, Failure> {
        let failed = |text: &str| Failure::new(FailureKind::Silent, text);
        let asked = tokio::time::Instant::now();
        let chunk = tokio::time::timeout(SILENCE, body.chunk()).await;
        let chunk = chunk.map_err(|_| failed("the answer stopped coming"))??;
        self.waited += asked.elapsed();
        self.received += chunk.as_ref().map_or(0, Bytes::len);
        if self.waited >= TRICKLE_WINDOW {
            if self.received < TRICKLE_BYTES && chunk.is_some() {
                return Err(failed("the answer only trickles"));
            }
            *self = Self::default();
        }
        Ok(chunk)
    }
}

/// A body that fails when it is silent or trickles.
pub(crate) struct Patient {
    body: Box<dyn Body>,
    patience: BodyPatience,
}

impl Patient {
    pub(crate) fn new(body: Box<dyn Body>) -> Self {
        Self {
            body,
            patience: BodyPatience::default(),
        }
    }
}

impl Body for Patient {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<Bytes>, Failure>> {
        Box::pin(self.patience.next(self.body.as_mut()))
    }
}
