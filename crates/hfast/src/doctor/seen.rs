//! What was seen, as values, before anybody judged it.
//!
//! These values hold addresses and headers as they came, signatures in them included: they do not leave
//! this module but through `judge/`.

use std::net::IpAddr;
use std::time::Duration;

use ::http::{HeaderMap, StatusCode};
use url::Url;

use crate::error::Error;
use crate::hub::token::Origin;
use crate::hub::urls::Endpoint;
use crate::repo_path::RepoPath;
use crate::store::survey::Survey;
use crate::transport::Failure;
use crate::transport::connect::Reach;
use crate::transport::lookup::bare;
use crate::transport::trace::Hop;
use crate::transport::witness::Presented;

/// Everything.
pub(super) struct Seen {
    /// What was seen of each endpoint, or why the network could not be used at all.
    pub(super) endpoints: Result<Vec<EndpointSeen>, Error>,
    /// `None`: the disk did not answer in time.
    pub(super) disk: Option<Survey>,
}

/// What was seen of one endpoint and of the hosts behind it.
pub(super) struct EndpointSeen {
    pub(super) endpoint: Endpoint,
    pub(super) host: HostSeen,
    pub(super) answers: Answers,
    /// A question without TLS, where the certificate and the clock do not agree.
    pub(super) plain: Option<Answered>,
}

/// What an endpoint answered, and what that led to.
pub(super) struct Answers {
    /// The question for the repository.
    pub(super) info: Answered,
    /// The question whose the token is; `None` without a token, or where the endpoint is silent.
    pub(super) whoami: Option<Answered>,
    /// The list of files.
    pub(super) listing: Option<Answered>,
    /// A piece of a file.
    pub(super) piece: Option<Piece>,
    /// The host that the bytes come from, where that is another one.
    pub(super) storage: Option<HostSeen>,
    /// The host that a client of the xet protocol would ask.
    pub(super) xet: Option<HostSeen>,
}

/// How far one gets towards a host.
pub(super) struct HostSeen {
    pub(super) name: String,
    /// `https`, and so something to shake hands over.
    pub(super) secure: bool,
    /// The proxy on the way, without user and password, and how far one gets towards it.
    pub(super) proxy: Option<(Url, Reach)>,
    /// The way without a proxy. With one that leaves names to us, only the addresses.
    pub(super) reach: Option<Reach>,
    /// The certificate, if a handshake came so far.
    pub(super) presented: Option<Presented>,
}

/// A question and all that came back.
pub(super) struct Answered {
    pub(super) hops: Vec<Hop>,
    pub(super) end: Result<Page, Failure>,
}

/// The last answer of a chain.
pub(super) struct Page {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The token was sent to whoever gave it.
    pub(super) trusted: bool,
    pub(super) body: Vec<u8>,
    /// How long the body took.
    pub(super) took: Duration,
    /// Why the body ended before its end, if it did.
    pub(super) broke: Option<Failure>,
}

/// The file of which a piece was asked for, and what came.
pub(super) struct Piece {
    pub(super) path: RepoPath,
    /// As the list of files has it.
    pub(super) size: u64,
    /// How many bytes, from the first on, were asked for.
    pub(super) wanted: u64,
    pub(super) answered: Answered,
}

impl EndpointSeen {
    /// The endpoint's own host has said something: the way to it works.
    pub(super) fn speaks(&self) -> bool {
        let mut hops = self.answers.info.hops.iter();
        hops.any(|hop| hop.outcome.is_ok() && Origin::of(&hop.url) == self.endpoint.origin())
    }

    /// Why the endpoint's own host said nothing.
    pub(super) fn silence(&self) -> Option<&Failure> {
        let failure = self.answers.info.end.as_ref().err();
        failure.filter(|_| !self.speaks())
    }
}

impl HostSeen {
    /// The host is named by an address.
    pub(super) fn is_address(&self) -> bool {
        bare(&self.name).parse::<IpAddr>().is_ok()
    }

    /// At least one connection came about, or a proxy makes them.
    pub(super) fn connects(&self) -> bool {
        let reach = self.reach.as_ref().filter(|_| self.proxy.is_none());
        reach.is_none_or(|reach| reach.connects.iter().any(|(_, step)| step.outcome.is_ok()))
    }
}

impl Answered {
    /// The answer, if it is one of success.
    pub(super) fn success(&self) -> Option<&Page> {
        self.end
            .as_ref()
            .ok()
            .filter(|page| page.status.is_success())
    }
}
