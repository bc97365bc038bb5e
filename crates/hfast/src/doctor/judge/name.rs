//! The addresses of a name: none, late, or such as it cannot have. Pure.

use std::net::SocketAddr;
use std::time::Duration;

use super::address::{is_stand_in, oddity};
use super::words::{miss, span, ways_around};
use super::{Check, Context, EndpointSeen, ErrorKind, Finding};
use crate::doctor::seen::HostSeen;
use crate::transport::witness::Flaw;

/// Whoever waits so long for each name notices it.
const SLOW: Duration = Duration::from_secs(1);

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let host = &seen.host;
    let name = &host.name;
    let Some(reach) = &host.reach else {
        return Finding::skipped(Check::Dns, name, "the proxy resolves the name");
    };
    if host.is_address() {
        return Finding::skipped(Check::Dns, name, "an address, and no name");
    }
    match &reach.lookup.outcome {
        Ok(addresses) if !addresses.is_empty() => {
            let details = addresses.iter().map(|address| address.ip().to_string());
            let finding = match poisoned(seen, addresses) {
                Some(odd) => untrue(&odd, seen, context),
                None => true_enough(seen, addresses, reach.lookup.took),
            };
            finding.detail(details)
        }
        Ok(_) => fault(name, "the name has no address").advise_all(around(seen, context)),
        Err(error) => {
            let (why, took) = (miss(error), span(reach.lookup.took));
            let what = format!("the name could not be resolved: {why} after {took}");
            fault(name, what)
                .advise(format!(
                    "check the spelling of {name}, and whether other names resolve"
                ))
                .advise(SERVER)
                .advise_all(around(seen, context))
        }
    }
}

fn fault(name: &str, what: impl Into<String>) -> Finding {
    Finding::fault(Check::Dns, ErrorKind::Unreachable, name, what)
}

/// The addresses cannot be those of the host.
fn untrue(odd: &str, seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let name = &seen.host.name;
    if seen.speaks() {
        let mistrust =
            format!("if it should not be there, look for {name} in /etc/hosts, or {SERVER}");
        return Finding::warning(Check::Dns, name, format!("{odd}; a Hub answers there"))
            .advise(mistrust);
    }
    let what = format!("{odd}: the name server does not tell the truth about it");
    let resolving = "or let a proxy resolve the name: HTTPS_PROXY=socks5h://HOST:PORT (note the h)";
    fault(name, what)
        .advise(format!("look for {name} in /etc/hosts and take it out"))
        .advise(SERVER)
        .advise(resolving)
        .advise_all(around(seen, context))
}

/// The addresses may be those of the host.
fn true_enough(seen: &EndpointSeen, addresses: &[SocketAddr], took: Duration) -> Finding {
    let name = &seen.host.name;
    let (told, time) = (told(addresses), span(took));
    if took > SLOW {
        let nearer = "name a nearer name server in /etc/resolv.conf, or add there: \
                      options timeout:1 attempts:2";
        let what = format!("{told}, but only after {time}");
        return Finding::warning(Check::Dns, name, what).advise(nearer);
    }
    if !addresses.iter().any(|address| is_stand_in(address.ip())) {
        return Finding::ok(Check::Dns, name, format!("{told} in {time}"));
    }
    let what = format!("{told} in {time}, given out by a tunnel program on this network");
    let finding = Finding::ok(Check::Dns, name, what);
    if seen.speaks() {
        finding
    } else {
        finding.advise("look whether that program runs and has a way out")
    }
}

const SERVER: &str = "choose another name server for this system (/etc/resolv.conf), \
                      if need be one over TLS or HTTPS";

fn around(seen: &EndpointSeen, context: &Context<'_>) -> Vec<String> {
    ways_around(&seen.endpoint, context)
}

/// `2 addresses (1 of IPv6)`.
pub(super) fn told(addresses: &[SocketAddr]) -> String {
    let count = addresses.len();
    let noun = if count == 1 { "address" } else { "addresses" };
    match addresses.iter().filter(|address| address.is_ipv6()).count() {
        0 => format!("{count} {noun}"),
        v6 => format!("{count} {noun} ({v6} of IPv6)"),
    }
}

/// How one sees that the addresses are not those of the host.
fn poisoned(seen: &EndpointSeen, addresses: &[SocketAddr]) -> Option<String> {
    let name = &seen.host.name;
    let mut odd = addresses.iter().filter_map(|address| {
        let what = oddity(address.ip(), name)?;
        Some(format!("it leads to {}, {what}", address.ip()))
    });
    odd.next().or_else(|| others(&seen.host))
}

/// An honest certificate of somebody else: the address is theirs.
fn others(host: &HostSeen) -> Option<String> {
    let presented = host.presented.as_ref()?;
    let certificate = presented.certificate.as_ref()?;
    let is_others = presented.flaw == Some(Flaw::OtherName) && host.proxy.is_none();
    let whose = certificate.names.first().filter(|_| is_others)?;
    Some(format!("it leads to a server that is {whose}"))
}
