//! The proxy: which one, by which setting, and whether it does its work. Pure.

use ::http::StatusCode;
use url::Url;

use super::address::is_local;
use super::words::{miss, span};
use super::{Check, Context, EndpointSeen, ErrorKind, Finding};
use crate::transport::connect::Reach;
use crate::transport::{Failure, FailureKind};

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let host = &seen.host.name;
    let Some((proxy, reach)) = &seen.host.proxy else {
        return without(host, context);
    };
    let address = address(proxy);
    let setting = context.examination.sources.proxy(scheme(seen));
    let fault = |what: String| {
        let direct = if is_local(host) {
            format!("a host of your own network needs none: NO_PROXY={host}")
        } else {
            format!("or, if {host} can be reached without it: unset {setting}, or NO_PROXY={host}")
        };
        let finding = Finding::fault(Check::Proxy, ErrorKind::Unreachable, &address, what);
        (finding, direct)
    };
    if wants_password(seen) {
        let what = format!("it wants a user name and a password (407); {setting} names it");
        let (finding, direct) = fault(what);
        let scheme = proxy.scheme();
        return finding
            .advise(format!("{setting}={scheme}://USER:PASSWORD@{address}"))
            .advise(direct);
    }
    if let Some(what) = out_of_reach(reach) {
        let (finding, direct) = fault(format!("{what}; {setting} names it"));
        return finding
            .advise(format!("start it, or correct its address in {setting}"))
            .advise(direct);
    }
    if let Some(failure) = failed(seen) {
        let what = format!("it does not lead to {host}: {failure}; {setting} names it");
        let (finding, direct) = fault(what);
        return finding
            .advise(format!(
                "look into the log of the proxy; another one is named by {setting}"
            ))
            .advise(direct);
    }
    let took = reach.connects.iter().map(|(_, step)| step.took).min();
    let took = took.map_or_else(String::new, |took| format!(", connected in {}", span(took)));
    Finding::ok(Check::Proxy, &address, format!("by {setting}{took}"))
}

fn without(host: &str, context: &Context<'_>) -> Finding {
    let sources = &context.examination.sources;
    let any = [
        &sources.http_proxy,
        &sources.https_proxy,
        &sources.all_proxy,
    ];
    let any = any.into_iter().flatten().next();
    let seen = match (any, &sources.no_proxy) {
        (Some(any), Some(except)) => {
            format!("none for this host: {any} is set, and {except} leaves it out")
        }
        (Some(any), None) => format!("none for this host: {any} is for others"),
        (None, _) => "none is set".to_owned(),
    };
    Finding::ok(Check::Proxy, host, seen)
}

/// Host and port.
fn address(proxy: &Url) -> String {
    let host = proxy.host_str().unwrap_or_default();
    match proxy.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

pub(super) fn scheme(seen: &EndpointSeen) -> &'static str {
    if seen.host.secure { "https" } else { "http" }
}

fn wants_password(seen: &EndpointSeen) -> bool {
    match &seen.answers.info.end {
        Ok(page) => page.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        Err(failure) => {
            // The word of the tunnel and the code of the answer.
            let text = failure.to_string();
            failure.kind == FailureKind::Proxy
                && (text.contains("authorization required") || text.contains("407"))
        }
    }
}

fn failed(seen: &EndpointSeen) -> Option<&Failure> {
    seen.silence()
        .filter(|failure| failure.kind == FailureKind::Proxy)
}

fn out_of_reach(reach: &Reach) -> Option<String> {
    if let Err(error) = &reach.lookup.outcome {
        return Some(format!("its name could not be resolved: {}", miss(error)));
    }
    let mut connects = reach.connects.iter();
    if connects.any(|(_, step)| step.outcome.is_ok()) {
        return None;
    }
    let (_, step) = reach.connects.first()?;
    let why = step.outcome.as_ref().err().map(miss).unwrap_or_default();
    Some(format!(
        "nothing answers there: {why} after {}",
        span(step.took)
    ))
}
