//! Redirects, with the one rule that matters: a token goes to its own origin and nowhere else.

use std::time::Duration;

use ::http::header::{AUTHORIZATION, LOCATION, RANGE};
use ::http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;
use url::Url;

use super::failure::LIMITED;
use super::gate::Gates;
use super::headers::text;
use super::nearness::Nearness;
use super::retry::{Asked, Verdict};
use super::{Failure, FailureKind, Request, Response, Transport};
use crate::error::{Error, ErrorKind};
use crate::hub::metadata::FileMeta;
use crate::hub::token::{Origin, Token};
use crate::hub::urls::{authority, shown};

/// As many hops as browsers and the official clients allow at most.
const MAX_HOPS: usize = 10;

/// Time until the head of the last answer has arrived, all redirects together; the connection's own
/// limit lies within it.
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(20);

/// A token and the origin that may see it.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The secret.
    pub(crate) token: Token,
    /// Scheme, host and port of the endpoint that the token belongs to.
    pub(crate) origin: Origin,
}

/// The last response of a chain, and the heads of those before it.
pub(crate) struct Answer {
    /// The response that is not a redirect.
    pub(crate) response: Response,
    /// Where it came from.
    pub(crate) url: Url,
    /// Whether every hop stayed at the origin of the token, which was sent.
    pub(crate) trusted: bool,
    /// Status and headers of every redirect on the way, first to last.
    pub(crate) redirects: Vec<(StatusCode, HeaderMap)>,
    verdict: Verdict,
}

impl Answer {
    /// The host that answered, with its port where that is not the usual one.
    pub(crate) fn host(&self) -> &str {
        authority(&self.url)
    }

    /// What the whole chain of answers says of the file.
    pub(crate) fn meta(&self) -> FileMeta {
        let redirects = self.redirects.iter();
        let hops = redirects.map(|(status, headers)| (*status, headers));
        let last = (self.response.status, &self.response.headers);
        FileMeta::from_chain(&hops.chain([last]).collect::<Vec<_>>())
    }

    /// The pause that its host makes now, if the answer is a failure that may pass by itself.
    ///
    /// # Errors
    /// [`ErrorKind::RateLimited`] if the host wants to be left alone for longer than we wait.
    pub(crate) fn pause(&self) -> Result<Option<Duration>, Error> {
        match self.verdict {
            Verdict::Answered => Ok(None),
            Verdict::Pause(pause) => Ok(Some(pause)),
            Verdict::TooLong(asked) => Err(too_long(self.host(), asked)),
        }
    }
}

/// The door to the network, and how the pauses of the hosts behind it are met.
#[derive(Clone, Copy)]
pub(crate) struct Network<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) gates: &'a Gates,
    /// Told how fast answers come.
    pub(crate) nearness: &'a Nearness,
    /// No pause is sat out that takes longer: somebody else can be asked.
    pub(crate) longest_pause: Duration,
    /// For [`Gates::pass`].
    pub(crate) spread: f64,
}

/// What happens to a request on its way.
pub(crate) enum Step<'a> {
    /// It waits until a host may be asked.
    Waiting,
    /// It is sent.
    Sending,
    /// It is redirected, and that will be followed.
    Redirected(Hop<'a>),
}

/// A redirect on the way, before it is followed.
pub(crate) struct Hop<'a> {
    /// Where it leads.
    pub(crate) target: &'a Url,
    /// Whether the way never leaves the origin of the token.
    pub(crate) trusted: bool,
    redirects: &'a [(StatusCode, HeaderMap)],
}

impl Hop<'_> {
    /// Status and headers of all redirects so far.
    pub(crate) fn chain(&self) -> Vec<(StatusCode, &HeaderMap)> {
        let redirects = self.redirects.iter();
        redirects
            .map(|(status, headers)| (*status, headers))
            .collect()
    }
}

/// Sends `request` and follows redirects. On the way it waits for the pauses that hosts have asked
/// for, and notes those that they ask for now.
///
/// The token is sent only while every hop so far stayed at its origin; once a chain has left, a
/// hop back does not bring it back, since the way there was chosen by a stranger.
///
/// # Errors
/// The failure of a hop, more than ten hops, a target that is not `http` or `https`, or a host on the
/// way whose pause is too long.
pub(crate) async fn follow(
    network: &Network<'_>,
    request: Request,
    credentials: Option<&Credentials>,
) -> Result<Answer, Failure> {
    follow_with(network, request, credentials, &mut |_| {}).await
}

/// The same, and tells of each step.
pub(crate) async fn follow_with(
    network: &Network<'_>,
    mut request: Request,
    credentials: Option<&Credentials>,
    on_step: &mut (dyn FnMut(&Step<'_>) + Send),
) -> Result<Answer, Failure> {
    let Network {
        transport, gates, ..
    } = network;
    let mut patience = HEAD_TIMEOUT;
    let mut redirects = Vec::new();
    let mut trusted = true;
    loop {
        trusted = trusted && credentials.is_some_and(|c| Origin::of(&request.url) == c.origin);
        match credentials.filter(|_| trusted).map(authorization) {
            Some(value) => request.headers.insert(AUTHORIZATION, value),
            None => request.headers.remove(AUTHORIZATION),
        };
        let host = authority(&request.url).to_owned();
        on_step(&Step::Waiting);
        let passed = gates.pass(&host, network.longest_pause, network.spread);
        passed.await.map_err(|pause| paused(pause).at(&host))?;
        on_step(&Step::Sending);
        let sent = Instant::now();
        let response = tokio::time::timeout(patience, transport.send(request.clone()))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::new(FailureKind::Silent, "no answer in time").at(&host))
            });
        log(&request, &response, sent.elapsed());
        let response = response?;
        network.nearness.note(sent.elapsed());
        patience = patience.saturating_sub(sent.elapsed());
        let verdict = gates.judge(&host, response.status, &response.headers);
        let Some(target) = redirect_target(&request.url, &response) else {
            return Ok(Answer {
                response,
                url: request.url,
                trusted,
                redirects,
                verdict,
            });
        };
        redirects.push((response.status, response.headers));
        if redirects.len() > MAX_HOPS {
            return Err(Failure::new(FailureKind::Protocol, "redirects without end").at(&host));
        }
        let target = target.map_err(|failure| failure.at(&host))?;
        on_step(&Step::Redirected(Hop {
            target: &target,
            trusted: trusted && credentials.is_some_and(|c| Origin::of(&target) == c.origin),
            redirects: &redirects,
        }));
        request.url = target;
    }
}

/// One line for each request, without what may be secret.
fn log(request: &Request, answer: &Result<Response, Failure>, took: Duration) {
    let range = text(&request.headers, &RANGE).map(|range| format!(" {range}"));
    let range = range.unwrap_or_default();
    let outcome = match answer {
        Ok(response) => response.status.to_string(),
        Err(failure) => failure.to_string(),
    };
    let (method, url) = (&request.method, shown(request.url.as_str()));
    tracing::debug!("{method} {url}{range}: {outcome} after {took:.1?}");
}

fn paused(pause: Duration) -> Failure {
    let text = format!("wants to be left alone for {} s", pause.as_secs());
    Failure::new(FailureKind::Paused, text)
}

fn too_long(host: &str, asked: Asked) -> Error {
    let said = if asked.pause == Duration::MAX {
        "for ever".to_owned()
    } else {
        format!("{} s", asked.pause.as_secs())
    };
    let waited = asked.paused.as_secs();
    let before = (waited > 0).then(|| format!(", after {waited} s of waiting"));
    let text = format!("{host} asks to wait {said}{}", before.unwrap_or_default());
    Error::new(ErrorKind::RateLimited, text).with_hint(LIMITED)
}

fn authorization(credentials: &Credentials) -> HeaderValue {
    // A token is printable ASCII by construction, which is always a valid header value.
    let mut value = HeaderValue::from_str(&credentials.token.bearer())
        .unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn redirect_target(base: &Url, response: &Response) -> Option<Result<Url, Failure>> {
    if !matches!(response.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers.get(LOCATION)?.to_str().ok();
    let target = location.and_then(|text| base.join(text).ok());
    Some(match target {
        Some(url) if !matches!(url.scheme(), "http" | "https") => {
            let text = "redirect to something that is not http";
            Err(Failure::new(FailureKind::Scheme, text))
        }
        Some(url) if url.host_str().is_some_and(|host| !host.is_empty()) => {
            Ok(without_user_info(url))
        }
        _ => Err(Failure::new(FailureKind::Protocol, "redirect to nowhere")),
    })
}

/// A name and password in a redirect would become an `Authorization` header of their own.
fn without_user_info(mut url: Url) -> Url {
    let cleared = url.set_username("").and_then(|()| url.set_password(None));
    debug_assert!(
        cleared.is_ok(),
        "an http URL with a host can always do without user info"
    );
    url
}
