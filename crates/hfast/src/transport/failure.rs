//! What can go wrong with one exchange on the wire, in words that fit a progress line.
//!
//! An HTTP status is not a failure of the exchange; what it means is decided by those who asked.

use std::error::Error as StdError;
use std::{fmt, io};

use rustls::InvalidMessage;

use crate::error::{Error, ErrorKind};

/// Which part of the exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The name could not be resolved.
    Dns,
    /// No address accepted the connection.
    Connect,
    /// The TLS handshake broke.
    Tls,
    /// The certificate is not trusted or not valid: a wrong clock, or something that intercepts.
    Certificate,
    /// What answers does not speak TLS.
    PlainText,
    /// A redirect leads to something that is not `http` or `https`.
    Scheme,
    /// The proxy could not be reached or refused.
    Proxy,
    /// The connection broke before the answer was whole.
    Broken,
    /// Nothing, or too little, came for too long.
    Silent,
    /// The answer is not HTTP, or not an answer to what was asked.
    Protocol,
    /// Nothing was sent: the host wants to be left alone for longer than is waited for here.
    Paused,
}

impl FailureKind {
    /// Whether the same request can never do better: only another source can help.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Certificate | Self::PlainText | Self::Scheme)
    }
}

/// What to do about a name that leads nowhere.
const NO_NAME: &str = "check the spelling of the address and the network; if the Hub is blocked, name a mirror with --mirror";

/// What to do about answers that no Hub gives.
const NO_HUB: &str = "check that the endpoint is a Hub or a mirror of it";

/// What to do about a server that is not reached.
pub(crate) const NO_WAY: &str = "`hfast doctor` finds out why; --endpoint or --mirror name another server; the same command goes on where it stopped";

/// What to do about a server that one asks too often.
pub(crate) const LIMITED: &str =
    "log in or pass a token for a higher limit, try another --endpoint, or come back later";

/// What to do about bytes that are not what was promised.
pub(crate) const WRONG: &str =
    "check the digest if you gave it; else the source sends wrong bytes: try another --endpoint";

/// A failed exchange. Its text names no URL, only, where known, the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which part failed.
    pub kind: FailureKind,
    /// The host that was asked, with its port where that is not the usual one, once known.
    pub host: Option<String>,
    detail: String,
}

impl Failure {
    /// A failure with a fragment of text for people.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            host: None,
            detail: detail.into(),
        }
    }

    /// Names the host that was asked.
    #[must_use]
    pub fn at(mut self, host: &str) -> Self {
        self.host.get_or_insert_with(|| host.to_owned());
        self
    }

    /// What happened, without the host.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    /// Classifies an error of the HTTP client by its chain of causes.
    pub(crate) fn from_reqwest(error: &reqwest::Error) -> Self {
        let chain = causes(error);
        let io_kind = chain
            .iter()
            .find_map(|cause| cause.downcast_ref::<io::Error>())
            .map(io::Error::kind);
        // The error itself names the address, which may hold any word; its causes do not.
        let causes = chain.get(1..).unwrap_or_default();
        let is = |text: &str| causes.iter().any(|cause| cause.to_string().contains(text));
        let innermost = chain.last().map_or_else(String::new, ToString::to_string);
        let kind = if let Some(kind) = chain.iter().find_map(|cause| final_kind(*cause)) {
            kind
        } else if is("proxy") || is("socks") || is("tunnel") {
            FailureKind::Proxy
        } else if is("dns error") {
            FailureKind::Dns
        } else if is("certificate") || is("handshake") || is("TLS") {
            FailureKind::Tls
        } else if error.is_timeout() {
            FailureKind::Silent
        } else if error.is_connect() {
            FailureKind::Connect
        } else if io_kind.is_some()
            || is("IncompleteMessage")
            || is("connection closed")
            || error.is_body()
        {
            FailureKind::Broken
        } else {
            FailureKind::Protocol
        };
        let detail = match (kind, io_kind) {
            (FailureKind::PlainText, _) => "what answers there does not speak TLS".to_owned(),
            (_, Some(io::ErrorKind::ConnectionReset)) => "connection reset".to_owned(),
            (_, Some(io::ErrorKind::ConnectionRefused)) => "connection refused".to_owned(),
            (_, Some(io::ErrorKind::UnexpectedEof)) => "connection closed early".to_owned(),
            (FailureKind::Dns, _) => "the name could not be resolved".to_owned(),
            (FailureKind::Silent, _) => "no connection in time".to_owned(),
            _ => innermost,
        };
        Self::new(kind, detail)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl StdError for Failure {}

impl Failure {
    /// As an error for people that begins with `text`.
    pub(crate) fn told_as(self, text: String) -> Error {
        let kind = match self.kind {
            FailureKind::Protocol | FailureKind::Scheme => ErrorKind::Protocol,
            FailureKind::Paused => ErrorKind::RateLimited,
            _ => ErrorKind::Unreachable,
        };
        let hint = match self.kind {
            FailureKind::Dns => NO_NAME,
            FailureKind::Certificate => {
                "something between may intercept TLS: name the file of its certificate in REQUESTS_CA_BUNDLE; check the clock, too"
            }
            FailureKind::PlainText => {
                "check the address (http:// or https://?) and HTTPS_PROXY; a login page of the network may stand between"
            }
            FailureKind::Proxy => "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY",
            FailureKind::Protocol | FailureKind::Scheme => NO_HUB,
            FailureKind::Paused => LIMITED,
            FailureKind::Tls | FailureKind::Connect | FailureKind::Broken | FailureKind::Silent => {
                NO_WAY
            }
        };
        Error::new(kind, text).with_hint(hint).with_source(self)
    }
}

/// The same advice where it is no Hub that was asked.
pub(crate) fn without_endpoints(hint: &str) -> &str {
    match hint {
        NO_NAME => "check the spelling of the address and the network",
        NO_HUB => "check the address",
        LIMITED => "come back later",
        NO_WAY => "check the address and the network; the same command goes on where it stopped",
        WRONG => "check the digest; if it is right, the server sends wrong bytes",
        other => other,
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        failure.told_as(text)
    }
}

/// What a complaint of the TLS library says about every further attempt, if it does.
fn final_kind(cause: &(dyn StdError + 'static)) -> Option<FailureKind> {
    match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(_) => Some(FailureKind::Certificate),
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Some(FailureKind::PlainText)
        }
        _ => None,
    }
}

/// An error and its causes, those included that are wrapped in I/O errors, which hide them.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let next = |cause: &'a (dyn StdError + 'static)| -> Option<&'a (dyn StdError + 'static)> {
        match cause
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(wrapped) => Some(wrapped),
            None => cause.source(),
        }
    };
    std::iter::successors(Some(error), |&cause| next(cause))
        .take(16)
        .collect()
}
