//! Faults as data: which requests they strike, how often, and what they do. Choosing is pure, so
//! that the same list gives the same story on a socket and on virtual time.

mod apply;
mod gzip;
mod named;
mod random;

pub(crate) use apply::apply;
pub use named::parse;
pub use random::random;

use crate::hub::{Body, Request, Response, RouteKind};
use bytes::Bytes;
use std::time::Duration;

/// A misfortune and the requests it strikes.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Which requests.
    pub when: Match,
    /// What happens to them.
    pub what: What,
}

impl Fault {
    /// A fault.
    pub fn new(when: Match, what: What) -> Self {
        Self { when, what }
    }
}

/// Which requests a fault strikes. A request that the fault could not change (a cut behind the
/// end of the body) is neither struck nor counted.
#[derive(Debug, Clone)]
pub struct Match {
    /// The path and query must contain this, encoded as it came.
    pub path: Option<String>,
    /// The route must be of this group.
    pub kind: Option<RouteKind>,
    /// The method must be this.
    pub method: Option<String>,
    /// There must be a `Range` header, or there must be none.
    pub ranged: Option<bool>,
    /// This many matching requests pass unharmed first.
    pub skip: u32,
    /// Of those after them every n-th is struck.
    pub every: u32,
    /// The fault is over after this many; without a number it never is.
    pub times: Option<u32>,
}

impl Match {
    /// Every request.
    pub fn any() -> Self {
        Self {
            path: None,
            kind: None,
            method: None,
            ranged: None,
            skip: 0,
            every: 1,
            times: None,
        }
    }

    /// Requests to the API.
    pub fn api() -> Self {
        Self {
            kind: Some(RouteKind::Api),
            ..Self::any()
        }
    }

    /// Requests for files at the Hub.
    pub fn resolve() -> Self {
        Self {
            kind: Some(RouteKind::Resolve),
            ..Self::any()
        }
    }

    /// Requests for files at the storage.
    pub fn cdn() -> Self {
        Self {
            kind: Some(RouteKind::Cdn),
            ..Self::any()
        }
    }

    /// Only paths containing this.
    #[must_use]
    pub fn path(self, text: &str) -> Self {
        Self {
            path: Some(text.to_owned()),
            ..self
        }
    }

    /// Only this method.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self {
            method: Some(method.to_owned()),
            ..self
        }
    }

    /// Only requests with a `Range` header.
    #[must_use]
    pub fn ranged(self) -> Self {
        Self {
            ranged: Some(true),
            ..self
        }
    }

    /// Only requests without a `Range` header.
    #[must_use]
    pub fn unranged(self) -> Self {
        Self {
            ranged: Some(false),
            ..self
        }
    }

    /// Lets the first `count` pass.
    #[must_use]
    pub fn skip(self, count: u32) -> Self {
        Self {
            skip: count,
            ..self
        }
    }

    /// Strikes every `count`-th, beginning with the first.
    #[must_use]
    pub fn every(self, count: u32) -> Self {
        Self {
            every: count.max(1),
            ..self
        }
    }

    /// Strikes this often and no more.
    #[must_use]
    pub fn times(self, count: u32) -> Self {
        Self {
            times: Some(count),
            ..self
        }
    }

    /// Strikes once.
    #[must_use]
    pub fn once(self) -> Self {
        self.times(1)
    }

    fn fits(&self, request: &Request, kind: RouteKind) -> bool {
        let ranged = request.headers.contains_key("range");
        self.path
            .as_ref()
            .is_none_or(|text| request.path_and_query.contains(text.as_str()))
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self
                .method
                .as_ref()
                .is_none_or(|wanted| *wanted == request.method)
            && self.ranged.is_none_or(|wanted| wanted == ranged)
    }
}

/// What a fault does. Offsets count bytes of the body, unless said otherwise.
#[derive(Debug, Clone)]
pub enum What {
    /// The connection is reset before any reply.
    Refuse,
    /// The connection is reset after so many bytes.
    ResetAfter(u64),
    /// The connection is closed after so many bytes, as if that were all.
    FinAfter(u64),
    /// Silence after so many bytes; for ever, or for a time.
    StallAfter(u64, Option<Duration>),
    /// Silence before the headers; for ever, or for a time.
    StallBeforeHeaders(Option<Duration>),
    /// Drops: so few bytes per second that no progress is visible.
    Trickle(u64),
    /// Bytes per second of this connection.
    Throttle(u64),
    /// Another response: 429 with `Retry-After`, a page of a proxy, anything.
    Status {
        /// The status code.
        code: u16,
        /// All headers; the length is added.
        headers: Vec<(String, String)>,
        /// The body.
        body: Bytes,
    },
    /// 200 and the whole file, whatever range was asked.
    IgnoreRange,
    /// A `Content-Range` shifted against the truth.
    WrongContentRange {
        /// Added to first and last position.
        start: i64,
        /// Added to the total.
        total: i64,
    },
    /// 206 without `Content-Range`.
    MissingContentRange,
    /// So many bytes less, and a `Content-Length` that agrees with it.
    ShortBody(u64),
    /// So many bytes more, and no `Content-Length`, so that they arrive.
    LongBody(u64),
    /// The true body under a `Content-Length` off by this much.
    LyingContentLength(i64),
    /// Another etag in all etag headers.
    WrongEtag(String),
    /// An etag that differs each time.
    EtagChanges,
    /// One bit turned in the byte at this offset of the file.
    FlipByte(u64),
    /// One bit turned in the first byte of each body, wherever that is in the file.
    FlipEach,
    /// The page of a captive portal: HTML with 200.
    CaptivePortal,
    /// The body in gzip, which nobody asked for.
    Gzip,
    /// A redirect.
    RedirectTo {
        /// The status code.
        code: u16,
        /// The location, as it is.
        location: String,
    },
    /// A redirect to the very URL that was asked.
    RedirectLoop,
    /// 403 of a storage whose signature has expired.
    ExpireSignedUrls,
    /// A header set to a raw value, or removed.
    SetHeader {
        /// Its name.
        name: String,
        /// Its value; none removes it.
        value: Option<String>,
    },
}

impl What {
    /// 429 with this `Retry-After` (seconds or a date).
    pub fn too_many_requests(retry_after: &str) -> Self {
        let headers = vec![("Retry-After".to_owned(), retry_after.to_owned())];
        Self::Status {
            code: 429,
            headers,
            body: Bytes::from_static(b"Too Many Requests"),
        }
    }

    /// A server error under an HTML page of `size` bytes.
    pub fn server_error(code: u16, size: usize) -> Self {
        let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
        let line = "<p>The server is having a bad day.</p>\n";
        let body = line.repeat(size.div_ceil(line.len()));
        Self::Status {
            code,
            headers,
            body: body.into(),
        }
    }

    /// Whether it would change this response at all.
    fn bites(&self, request: &Request, kind: RouteKind, response: &Response) -> bool {
        let length = response.body.len();
        match self {
            Self::ResetAfter(after) | Self::FinAfter(after) | Self::StallAfter(after, _) => {
                length > *after
            }
            Self::IgnoreRange => request.headers.contains_key("range"),
            Self::WrongContentRange { .. } | Self::MissingContentRange => response.status == 206,
            Self::ShortBody(_)
            | Self::LongBody(_)
            | Self::LyingContentLength(_)
            | Self::Trickle(_)
            | Self::Throttle(_)
            | Self::FlipEach
            | Self::Gzip => length > 0,
            Self::WrongEtag(_) | Self::EtagChanges => ["etag", "x-linked-etag"]
                .iter()
                .any(|name| response.headers.contains_key(*name)),
            Self::FlipByte(at) => match &response.body {
                Body::File { range, .. } => range.contains(at),
                _ => false,
            },
            Self::ExpireSignedUrls => kind == RouteKind::Cdn,
            _ => true,
        }
    }
}

/// A list of faults and how far each has come.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    faults: Vec<Progress>,
}

#[derive(Debug)]
struct Progress {
    fault: Fault,
    seen: u32,
    struck: u32,
}

impl Plan {
    pub(crate) fn new(faults: Vec<Fault>) -> Self {
        let mut plan = Self::default();
        for fault in faults {
            plan.add(fault);
        }
        plan
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.faults.push(Progress {
            fault,
            seen: 0,
            struck: 0,
        });
    }

    pub(crate) fn struck(&self) -> Vec<u32> {
        self.faults.iter().map(|progress| progress.struck).collect()
    }

    /// The faults that strike this request, each with the number of times it has struck.
    pub(crate) fn choose(
        &mut self,
        request: &Request,
        kind: RouteKind,
        plain: &Response,
    ) -> Vec<(What, u32)> {
        let mut chosen = Vec::new();
        for progress in &mut self.faults {
            let Fault { when, what } = &progress.fault;
            if !when.fits(request, kind) || !what.bites(request, kind, plain) {
                continue;
            }
            let place = progress.seen;
            progress.seen = progress.seen.saturating_add(1);
            let over = when.times.is_some_and(|times| progress.struck >= times);
            if over || place < when.skip || !(place - when.skip).is_multiple_of(when.every.max(1)) {
                continue;
            }
            progress.struck += 1;
            chosen.push((what.clone(), progress.struck));
        }
        chosen
    }
}

#[cfg(test)]
mod tests;
