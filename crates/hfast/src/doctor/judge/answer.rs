//! What the endpoint answers: whether it is a Hub, how often it may be asked, and whether it has the
//! repository. Pure.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, StatusCode, header::RETRY_AFTER};

use super::words::{back, span, ways_around};
use super::{Check, Context, DEFAULT_REPO, EndpointSeen, ErrorKind, Finding, named};
use crate::doctor::seen::Page;
use crate::hub::listing::RepoInfo;
use crate::hub::refusal::{Asked, refusal};
use crate::hub::token::Origin;
use crate::hub::urls::{Blobs, authority, shown};
use crate::transport::headers::text;
use crate::transport::{Failure, FailureKind};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// With fewer questions left than this, a repository of many files does not go through at once.
const FEW: u64 = 50;

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>, broken: bool) -> Vec<Finding> {
    let name = seen.endpoint.to_string();
    let page = match &seen.answers.info.end {
        Ok(page) => page,
        Err(failure) => return vec![no_answer(seen, context, failure, broken)],
    };
    if page.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let text = "the proxy did not let the question through";
        return vec![Finding::skipped(Check::Endpoint, &name, text)];
    }
    let mut findings = vec![endpoint(seen, context, page)];
    findings.extend(rate_limit(seen, context, page));
    findings
}

/// Neither the way nor the endpoint itself gave an answer to the end of the chain.
fn no_answer(
    seen: &EndpointSeen,
    context: &Context<'_>,
    failure: &Failure,
    broken: bool,
) -> Finding {
    let name = seen.endpoint.to_string();
    let ways = ways_around(&seen.endpoint, context);
    if let Some(target) = away(seen) {
        let what = format!("it sends every question on to {target}, and that fails: {failure}");
        return Finding::fault(
            Check::Endpoint,
            ErrorKind::Unreachable,
            &name,
            what + back(&target),
        )
        .advise("this server only redirects: it is no way around a host that is blocked")
        .advise_all(ways);
    }
    if broken {
        return Finding::skipped(Check::Endpoint, &name, "there is no way to it");
    }
    let kind = match failure.kind {
        FailureKind::Protocol | FailureKind::Scheme => ErrorKind::Protocol,
        _ => ErrorKind::Unreachable,
    };
    Finding::fault(
        Check::Endpoint,
        kind,
        &name,
        format!("it gives no answer: {failure}"),
    )
    .advise_all(ways)
}

/// The origin that the endpoint redirects to, where that is another one.
fn away(seen: &EndpointSeen) -> Option<Origin> {
    let last = seen.answers.info.hops.last()?;
    let (there, here) = (Origin::of(&last.url), seen.endpoint.origin());
    (seen.speaks() && there != here).then_some(there)
}

fn endpoint(seen: &EndpointSeen, context: &Context<'_>, page: &Page) -> Finding {
    let name = seen.endpoint.to_string();
    let took = span(seen.answers.info.hops.iter().map(|hop| hop.took).sum());
    let what = page.status.as_u16();
    let ways = ways_around(&seen.endpoint, context);
    let is_page = page.body.trim_ascii_start().first() == Some(&b'<');
    if page.status.is_success() {
        if let Some(failure) = &page.broke {
            let what = format!("its answer broke off: {failure}");
            return Finding::fault(Check::Endpoint, ErrorKind::Unreachable, &name, what)
                .advise_all(ways);
        }
        if let Err(error) = RepoInfo::parse(&page.body, Blobs::Without) {
            return no_hub(seen, page, is_page, &error.to_string()).advise_all(ways);
        }
    }
    if page.status.is_server_error() {
        let what = format!("it is out of order: it answers {what}");
        return Finding::fault(Check::Endpoint, ErrorKind::Unreachable, &name, what)
            .advise("wait a little; hfast tries again by itself for 20 seconds")
            .advise_all(ways);
    }
    let has_code =
        page.headers.contains_key("x-error-code") || page.headers.contains_key("x-error-message");
    if page.status == StatusCode::FORBIDDEN && is_page && !has_code {
        return turned_away(seen, page).advise_all(ways);
    }
    if let Some(target) = away(seen) {
        let what = format!("it answers, but by way of {target}: a token is not sent there");
        return Finding::warning(Check::Endpoint, &name, what + back(&target))
            .advise(format!("ask that server itself: --endpoint {target}"));
    }
    let stumbled = seen
        .answers
        .info
        .hops
        .iter()
        .find_map(|hop| hop.outcome.as_ref().err());
    if let Some(failure) = stumbled {
        let what = format!("it answers, but only at the second attempt; the first: {failure}");
        return Finding::warning(Check::Endpoint, &name, what)
            .advise("the line is unsteady: downloads go on by themselves, and take longer");
    }
    Finding::ok(Check::Endpoint, &name, format!("a Hub answers in {took}"))
}

fn no_hub(seen: &EndpointSeen, page: &Page, is_page: bool, error: &str) -> Finding {
    let who = authority(&page.url);
    let what = if is_page {
        format!("{who} answers with a web page: a login page of the network, or no Hub")
    } else {
        format!("{who} answers with something that no Hub says: {error}")
    };
    odd_page(seen, page, ErrorKind::Protocol, what)
}

/// Whoever guards the endpoint, or stands on the way to it, refuses everybody: a Hub refuses with a reason
/// in its headers. A download is told the same by the same status.
fn turned_away(seen: &EndpointSeen, page: &Page) -> Finding {
    let who = authority(&page.url);
    let status = page.status.as_u16();
    let what = format!(
        "{who} refuses with a web page ({status}), not in the words of a Hub: a firewall, a filter or a \
         login page"
    );
    odd_page(seen, page, ErrorKind::AccessDenied, what)
}

fn odd_page(seen: &EndpointSeen, page: &Page, kind: ErrorKind, what: String) -> Finding {
    let status = format!("status {}", page.status.as_u16());
    let content = text(&page.headers, &::http::header::CONTENT_TYPE);
    let content = content.map(|content| format!("content type {content}"));
    Finding::fault(Check::Endpoint, kind, &seen.endpoint.to_string(), what)
        .advise(format!(
            "open {} in a browser: log in there, if it is a login page",
            shown(page.url.as_str())
        ))
        .detail(std::iter::once(status).chain(content))
}

/// What is left of `"api";r=499;t=300` and of `Retry-After`.
fn rate_limit(seen: &EndpointSeen, context: &Context<'_>, page: &Page) -> Option<Finding> {
    let name = seen.endpoint.authority();
    let higher = if context.examination.token.is_some() {
        "use fewer connections: -x 4, or come back later".to_owned()
    } else {
        "a token raises the limit: HF_TOKEN=hf_…, made at https://huggingface.co/settings/tokens"
            .to_owned()
    };
    if page.status == StatusCode::TOO_MANY_REQUESTS {
        let wait = text(&page.headers, &RETRY_AFTER).map(str::to_owned);
        let wait = wait.map_or_else(String::new, |wait| {
            let unit = if wait.parse::<u64>().is_ok() {
                " s"
            } else {
                ""
            };
            format!(", and to come back after {wait}{unit} (Retry-After)")
        });
        let what = format!("it is asked too often (429){wait}");
        return Some(
            Finding::fault(Check::RateLimit, ErrorKind::RateLimited, name, what)
                .advise(higher)
                .advise_all(ways_around(&seen.endpoint, context)),
        );
    }
    let (left, reset) = remaining(&page.headers)?;
    let reset = reset.map_or_else(String::new, |reset| format!(" for {} s", reset.as_secs()));
    let what = format!("{left} questions are left{reset}");
    Some(match left {
        0 => Finding::fault(Check::RateLimit, ErrorKind::RateLimited, name, what).advise(higher),
        1..FEW => Finding::warning(Check::RateLimit, name, what).advise(higher),
        _ => Finding::ok(Check::RateLimit, name, what),
    })
}

fn remaining(headers: &HeaderMap) -> Option<(u64, Option<Duration>)> {
    let limit = text(headers, &RATE_LIMIT)?;
    let field = |name: &str| {
        let mut parts = limit.split(';');
        parts.find_map(|part| part.trim().strip_prefix(name)?.parse::<u64>().ok())
    };
    Some((field("r=")?, field("t=").map(Duration::from_secs)))
}

/// What the endpoint says of the repository, if it says anything that makes sense.
pub(super) fn repository(seen: &EndpointSeen, context: &Context<'_>) -> Option<Finding> {
    let page = seen.answers.info.end.as_ref().ok()?;
    let name = named(context);
    Some(match RepoInfo::parse(&page.body, Blobs::Without) {
        Ok(info) if page.status.is_success() => {
            let short: String = info.commit.as_str().chars().take(12).collect();
            let what = format!("{} is commit {short}", context.revision);
            Finding::ok(Check::Repository, &name, what)
        }
        _ => refused(&name, seen, context, page, None),
    })
}

/// What a refusal means, in the words that a download has for it.
pub(super) fn refused(
    name: &str,
    seen: &EndpointSeen,
    context: &Context<'_>,
    page: &Page,
    path: Option<&str>,
) -> Finding {
    let asked = Asked {
        repo: context.repo,
        revision: context.revision.as_str(),
        path,
        endpoint: &seen.endpoint,
        token: context.examination.token.as_ref().filter(|_| page.trusted),
    };
    let error = refusal(page.status, &page.headers, &page.body, &asked);
    if context.is_default && error.kind() == ErrorKind::NotFound {
        let what = format!("this server does not have {DEFAULT_REPO}, so no file was tried");
        Finding::warning(Check::Repository, name, what)
            .advise("name a repository that it has: hfast doctor org/name")
    } else {
        Finding::fault(Check::Repository, error.kind(), name, error.to_string())
            .advise_all(error.hint().map(str::to_owned))
    }
}
