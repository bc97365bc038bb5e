//! The bytes of a file: its headers, the host they come from, and how fast they come. Pure.

use ::http::StatusCode;

use super::answer::refused;
use super::words::{back, miss, rate, span, ways_around};
use super::{Check, Context, EndpointSeen, ErrorKind, Finding, named};
use crate::doctor::seen::{HostSeen, Page, Piece};
use crate::hub::metadata::FileMeta;
use crate::hub::token::Origin;
use crate::hub::urls::shown;
use crate::text::bytes;
use crate::transport::Failure;
use crate::transport::headers::content_range;

/// Slower than this, a model of 10 GB takes two days. In bytes a second.
const SLOW: u64 = 50_000;

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(list(seen));
    if let Some(piece) = &seen.answers.piece {
        findings.extend(headers(seen, context, piece));
        findings.push(data(seen, context, piece));
    }
    findings.extend(seen.answers.xet.as_ref().map(xet));
    findings
}

/// Where there is no list of files.
fn list(seen: &EndpointSeen) -> Option<Finding> {
    let listing = seen.answers.listing.as_ref()?;
    let name = seen.endpoint.to_string();
    let warning = |what: String| Some(Finding::warning(Check::Listing, &name, what));
    match &listing.end {
        Ok(page) if page.status.is_success() && page.broke.is_none() => None,
        Ok(page) => {
            let status = page.status.as_u16();
            warning(format!(
                "it gives no list of files (/tree answers {status}); hfast asks in another way, \
                 other clients do not"
            ))
        }
        Err(failure) => warning(format!("the list of files did not come: {failure}")),
    }
}

/// What the official clients need to be told about a file.
fn headers(seen: &EndpointSeen, context: &Context<'_>, piece: &Piece) -> Option<Finding> {
    let page = piece.answered.success()?;
    let redirects = piece.answered.hops.iter();
    let heads = redirects.filter_map(|hop| hop.outcome.as_ref().ok());
    let heads: Vec<_> = heads.map(|(status, headers)| (*status, headers)).collect();
    let meta = FileMeta::from_chain(&heads);
    let lacks = [
        meta.commit.is_none().then_some("X-Repo-Commit"),
        meta.digest
            .is_none()
            .then_some("ETag or X-Linked-Etag with a digest"),
        meta.size
            .is_none()
            .then_some("X-Linked-Size or Content-Length"),
    ];
    let lacks: Vec<&str> = lacks.into_iter().flatten().collect();
    let name = seen.endpoint.authority();
    if page.status == StatusCode::OK && piece.wanted < piece.size {
        return None;
    }
    Some(if lacks.is_empty() {
        Finding::ok(
            Check::Headers,
            name,
            "all that clients need to know of a file is there",
        )
    } else {
        let what = format!("missing for a file: {}", lacks.join(", "));
        Finding::warning(Check::Headers, name, what)
            .advise("hfast gets along without; the official clients do not, and call it no Hub")
            .advise_all(ways_around(&seen.endpoint, context))
    })
}

fn data(seen: &EndpointSeen, context: &Context<'_>, piece: &Piece) -> Finding {
    let ways = ways_around(&seen.endpoint, context);
    let page = match &piece.answered.end {
        Ok(page) => page,
        Err(failure) => return no_bytes(seen, piece, failure).advise_all(ways),
    };
    let origin = Origin::of(&page.url);
    let host = origin.to_string();
    let details = hops(piece);
    let fault = |kind, what: String| Finding::fault(Check::Data, kind, &host, what);
    let finding = match page.status {
        StatusCode::PARTIAL_CONTENT => part(&host, piece, page),
        StatusCode::OK => whole(&host, piece, page),
        status if origin == seen.endpoint.origin() && status.is_client_error() => {
            let name = named(context);
            return refused(&name, seen, context, page, Some(piece.path.as_str())).detail(details);
        }
        StatusCode::FORBIDDEN => fault(
            ErrorKind::Unreachable,
            "it refuses the address that the endpoint signed for it (403)".to_owned(),
        )
        .advise(
            "compare this machine's clock with another one: signed addresses hold for a short time",
        )
        .advise_all(ways),
        StatusCode::TOO_MANY_REQUESTS => fault(
            ErrorKind::RateLimited,
            "it is asked too often (429)".to_owned(),
        )
        .advise("use fewer connections: -x 4, or come back later")
        .advise_all(ways),
        status => fault(
            ErrorKind::Unreachable,
            format!("it answers {} for {}", status.as_u16(), piece.path),
        )
        .advise_all(ways),
    };
    finding.detail(details)
}

/// A part was sent, as was asked.
fn part(host: &str, piece: &Piece, page: &Page) -> Finding {
    let honest = content_range(&page.headers).is_some_and(|(range, total)| {
        range == (0..piece.wanted) && total.is_none_or(|total| total == piece.size)
    });
    let fault = |kind, what: String| Finding::fault(Check::Data, kind, host, what);
    if !honest {
        let what = format!(
            "it was asked for the first {} of {} bytes of {}, and claims to send others \
             (Content-Range)",
            piece.wanted, piece.size, piece.path
        );
        return fault(ErrorKind::Protocol, what)
            .advise("choose another server with --endpoint: hfast will not take such bytes");
    }
    let speed = rate(page.body.len() as u64, page.took);
    match (&page.broke, page.body.len() as u64) {
        (Some(failure), 0) => {
            let what = format!("it promises bytes, and none come: {failure}");
            fault(ErrorKind::Unreachable, what).advise(
                "a filter on the way may cut large answers: another network, a proxy, \
                 or another --endpoint",
            )
        }
        (Some(failure), _) if speed.is_none_or(|speed| speed < SLOW) => {
            let speed = speed.unwrap_or(0);
            let what = format!("bytes come, but slowly: {}/s ({failure})", bytes(speed));
            Finding::warning(Check::Data, host, what)
                .advise("more connections may help where each of them is slowed down: -x 32")
        }
        (_, got) if got == piece.wanted || page.broke.is_some() => {
            let speed = speed.map_or_else(String::new, |speed| {
                format!(", {}/s over one connection", bytes(speed))
            });
            let what = format!(
                "{} of {} in {}{speed}",
                bytes(got),
                piece.path,
                span(page.took)
            );
            Finding::ok(Check::Data, host, what)
        }
        (_, got) => {
            let (wanted, path) = (piece.wanted, &piece.path);
            let what = format!("it promised {wanted} bytes of {path} and sent {got}");
            fault(ErrorKind::Protocol, what).advise("choose another server with --endpoint")
        }
    }
}

/// All of the file was sent, or began to be.
fn whole(host: &str, piece: &Piece, page: &Page) -> Finding {
    let is_page =
        page.body.trim_ascii_start().starts_with(b"<!") || page.body.starts_with(b"<html");
    if is_page && !has_ending(piece, "html") {
        let what = format!("it answers with a web page in place of {}", piece.path);
        return Finding::fault(Check::Data, ErrorKind::Protocol, host, what)
            .advise("a login page of the network may stand there: open any address in a browser");
    }
    if piece.wanted == piece.size {
        let what = format!("{} whole in {}", piece.path, span(page.took));
        return Finding::ok(Check::Data, host, what);
    }
    let what = "it sends whole files where parts are asked for: one connection for each file, \
                and a download that stops begins anew";
    Finding::warning(Check::Data, host, what)
        .advise("choose another server with --endpoint, if there is one")
}

fn has_ending(piece: &Piece, ending: &str) -> bool {
    let name = std::path::Path::new(piece.path.as_str());
    name.extension().is_some_and(|found| found == ending)
}

/// The chain broke before any bytes.
fn no_bytes(seen: &EndpointSeen, piece: &Piece, failure: &Failure) -> Finding {
    let last = piece.answered.hops.last().map(|hop| Origin::of(&hop.url));
    let endpoint = seen.endpoint.origin();
    let last = last.unwrap_or_else(|| endpoint.clone());
    let host = last.to_string();
    let fault = |what: String| Finding::fault(Check::Data, ErrorKind::Unreachable, &host, what);
    if last == endpoint {
        let what = format!("it does not give the file {}: {failure}", piece.path);
        return fault(what).detail(hops(piece));
    }
    let back = back(&last);
    let how = seen.answers.storage.as_ref().and_then(way);
    let how = how.map_or_else(String::new, |how| format!("; {how}"));
    let what = format!(
        "{} sends the bytes to this host, and it fails: {}{how}{back}",
        seen.endpoint,
        failure.detail()
    );
    let issuer = seen.answers.storage.as_ref().and_then(|host| {
        let presented = host.presented.as_ref()?;
        presented.flaw.as_ref()?;
        let issuer = &presented.certificate.as_ref()?.issuer;
        Some(format!(
            "its certificate is issued by {issuer}: if that is your company's proxy, trust it: \
             REQUESTS_CA_BUNDLE=/path/to/its-certificate.pem"
        ))
    });
    fault(what).advise_all(issuer).detail(hops(piece))
}

/// How far one got towards a host, where that says more than its failure.
fn way(host: &HostSeen) -> Option<String> {
    let reach = host.reach.as_ref()?;
    if let Err(error) = &reach.lookup.outcome {
        return Some(format!("its name could not be resolved: {}", miss(error)));
    }
    let address = reach.connects.first().map(|(address, _)| address)?;
    let accepts = reach.connects.iter().any(|(_, step)| step.outcome.is_ok());
    (!accepts).then(|| format!("no connection to {address}"))
}

/// One line for each step, without what may be signed.
fn hops(piece: &Piece) -> Vec<String> {
    let line = |hop: &crate::transport::trace::Hop| {
        let how = match &hop.outcome {
            Ok((status, _)) => status.as_u16().to_string(),
            Err(failure) => failure.detail().to_owned(),
        };
        format!(
            "{}: {how} after {}",
            shown(hop.url.as_str()),
            span(hop.took)
        )
    };
    piece.answered.hops.iter().map(line).collect()
}

/// hfast does not need it, so it is never a fault.
fn xet(host: &HostSeen) -> Finding {
    let name = &host.name;
    if host.proxy.is_some() {
        return Finding::skipped(
            Check::Xet,
            name,
            "the proxy connects; hfast does not need it",
        );
    }
    match way(host) {
        None => Finding::ok(Check::Xet, name, "can be reached (hfast does not need it)"),
        Some(why) => Finding::warning(Check::Xet, name, format!("{why} (hfast does not need it)"))
            .advise("the official clients do, unless they are told: HF_HUB_DISABLE_XET=1"),
    }
}
