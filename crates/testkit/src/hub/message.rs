//! Pure: what goes into the fake Hub and what comes out, as values. How it is carried (a socket,
//! a simulated link) is somebody else's affair.

use crate::corpus::Content;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A request as it arrived.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `GET`, `HEAD`, `POST`.
    pub method: String,
    /// Everything from the first slash on, still encoded.
    pub path_and_query: String,
    /// The host and port asked for.
    pub host: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, complete.
    pub body: Bytes,
}

impl Request {
    /// A request without headers or body.
    pub fn new(method: &str, host: &str, path_and_query: &str) -> Self {
        Self {
            method: method.to_owned(),
            path_and_query: path_and_query.to_owned(),
            host: host.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a header; one that cannot be sent is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        set(&mut self.headers, name, value);
        self
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.path_and_query
            .split_once('?')
            .map_or(self.path_and_query.as_str(), |(path, _)| path)
    }

    /// The query without its question mark.
    pub fn query(&self) -> &str {
        self.path_and_query
            .split_once('?')
            .map_or("", |(_, query)| query)
    }

    /// Whether only the headers are wanted.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// A header as text.
    pub fn text(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What follows the headers.
#[derive(Debug, Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory.
    Bytes(Bytes),
    /// A stretch of a file, to be generated while it is sent.
    File {
        /// The file.
        content: Content,
        /// The stretch.
        range: Range<u64>,
    },
}

impl Body {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { range, .. } => range.end - range.start,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the bytes from `offset` on into `buffer`; returns how many there were.
    pub fn fill(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let left = crate::corpus::index(self.len().saturating_sub(offset));
        let length = buffer.len().min(left);
        let buffer = &mut buffer[..length];
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => Content::Bytes(bytes.clone()).fill(offset, buffer),
            Self::File { content, range } => content.fill(range.start + offset, buffer),
        }
    }

    /// The body as a content, to be cut and changed.
    pub fn into_content(self) -> Content {
        match self {
            Self::Empty => Content::bytes(Bytes::new()),
            Self::Bytes(bytes) => Content::Bytes(bytes),
            Self::File { content, range } => content.slice(range),
        }
    }

    /// All bytes; for bodies known to be small.
    pub fn read(&self) -> Bytes {
        self.clone().into_content().read(0..self.len())
    }
}

impl From<Content> for Body {
    fn from(content: Content) -> Self {
        let range = 0..content.size();
        Self::File { content, range }
    }
}

/// A response: what a correct carrier would send.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// All headers, the length of the body included.
    pub headers: HeaderMap,
    /// The body; empty for `HEAD`.
    pub body: Body,
}

impl Response {
    /// A response without headers or body.
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Body::Empty,
        }
    }

    /// A JSON answer.
    pub fn json(value: &serde_json::Value) -> Self {
        Self::new(200).with_body("application/json; charset=utf-8", value.to_string())
    }

    /// Sets a body in memory, its type and its length.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = Body::Bytes(body.into());
        self.set(CONTENT_TYPE.as_str(), content_type);
        self.set_length();
        self
    }

    /// Sets a header; one that cannot be sent is left out.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// As [`Self::with`], in place.
    pub fn set(&mut self, name: &str, value: &str) {
        set(&mut self.headers, name, value);
    }

    /// A header as text.
    pub fn text(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Makes `Content-Length` true.
    pub(crate) fn set_length(&mut self) {
        self.headers
            .insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
    }
}

/// Sets a header if HTTP can carry it at all.
fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::from_bytes(name.as_bytes());
    let value = HeaderValue::from_bytes(value.as_bytes());
    if let (Ok(name), Ok(value)) = (name, value) {
        headers.insert(name, value);
    }
}

/// A response and how the network treats it.
#[derive(Debug)]
pub struct Exchange {
    /// What is sent.
    pub response: Response,
    /// What happens on the way.
    pub delivery: Delivery,
    /// Where the carrier counts the bytes of the body it handed over.
    pub meter: Meter,
}

/// What the network does to one response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Silence before the first byte; `Duration::MAX` is for ever.
    pub delay_headers: Option<Duration>,
    /// Bytes per second at which the body arrives.
    pub rate: Option<u64>,
    /// Where and how the body breaks.
    pub cut: Option<Cut>,
    /// The connection is reset before any reply.
    pub refuse: bool,
}

/// A break in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes of the body that still arrive.
    pub after: u64,
    /// What happens then.
    pub how: CutHow,
}

/// The ways a body breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutHow {
    /// The connection is reset.
    Reset,
    /// The connection is closed as if everything had been said.
    Fin,
    /// Silence; for ever, or for a time after which the body goes on.
    Stall(Option<Duration>),
}

/// Counts the bytes of one response, and of the Hub as a whole.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    pub(super) this: Arc<AtomicU64>,
    pub(super) total: Arc<AtomicU64>,
}

impl Meter {
    /// Adds bytes handed to the network.
    pub fn add(&self, bytes: u64) {
        self.this.fetch_add(bytes, Ordering::Relaxed);
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }
}
