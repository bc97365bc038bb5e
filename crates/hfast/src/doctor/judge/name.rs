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

/// `None` where somebody else resolves the name, and nothing is known of it.
pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Option<Finding> {
    let host = &seen.host;
    let name = &host.name;
    let Some(reach) = &host.reach else {
        let finding = Finding::skipped(Check::Dns, name, "the proxy resolves the name");
        return Some(finding);
    };
    if host.is_address() {
        let finding = Finding::skipped(Check::Dns, name, "an address, and no name");
        return Some(finding);
    }
    let took = span(reach.lookup.took);
    let fault = |what: String| Finding::fault(Check::Dns, ErrorKind::Unreachable, name, what);
    let addresses = match &reach.lookup.outcome {
        Ok(addresses) if !addresses.is_empty() => addresses,
        Ok(_) => {
            let finding = fault("the name has no address".to_owned());
            return Some(finding.advise_all(around(seen, context)));
        }
        Err(error) => {
            let why = miss(error);
            let finding = fault(format!(
                "the name could not be resolved: {why} after {took}"
            ))
            .advise(format!(
                "check the spelling of {name}, and whether other names resolve"
            ))
            .advise(SERVER);
            return Some(finding.advise_all(around(seen, context)));
        }
    };
    let told = told(addresses);
    let told_details = addresses.iter().map(|address| address.ip().to_string());
    if let Some(odd) = poisoned(seen, addresses) {
        let what = format!("{odd}: the name server does not tell the truth about it");
        if seen.speaks() {
            let finding = Finding::warning(Check::Dns, name, format!("{odd}; a Hub answers there"));
            return Some(finding.detail(told_details));
        }
        let finding = fault(what).advise(format!("look for {name} in /etc/hosts and take it out"));
        let finding = finding.advise(SERVER).advise(
            "or let a proxy resolve the name: HTTPS_PROXY=socks5h://HOST:PORT (note the h)",
        );
        return Some(
            finding
                .advise_all(around(seen, context))
                .detail(told_details),
        );
    }
    let finding = if reach.lookup.took > SLOW {
        Finding::warning(Check::Dns, name, format!("{told}, but only after {took}"))
            .advise("name a nearer name server in /etc/resolv.conf, or add there: options timeout:1 attempts:2")
    } else if addresses.iter().any(|address| is_stand_in(address.ip())) {
        let text = format!("{told} in {took}, given out by a tunnel program on this network");
        let finding = Finding::ok(Check::Dns, name, text);
        if seen.speaks() {
            finding
        } else {
            finding.advise("look whether that program runs and has a way out")
        }
    } else {
        Finding::ok(Check::Dns, name, format!("{told} in {took}"))
    };
    Some(finding.detail(told_details))
}

const SERVER: &str = "choose another name server for this system (/etc/resolv.conf), if need be one over TLS or HTTPS";

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
