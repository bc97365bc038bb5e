//! Connections to the addresses of the endpoint: none, or some of them into nothing. Pure.

use std::net::SocketAddr;

use super::address::is_local;
use super::words::{miss, span, ways_around};
use super::{Check, Context, EndpointSeen, ErrorKind, Finding};
use crate::transport::connect::{Miss, Step};

type Connect = (SocketAddr, Step<()>);

pub(super) fn judge(seen: &EndpointSeen, context: &Context<'_>) -> Finding {
    let host = &seen.host;
    let name = seen.endpoint.authority();
    if host.proxy.is_some() {
        return Finding::skipped(Check::Tcp, name, "the proxy connects");
    }
    let connects = host.reach.as_ref().map(|reach| reach.connects.as_slice());
    let connects = connects.unwrap_or_default();
    let Some((_, first)) = connects.first() else {
        return Finding::skipped(Check::Tcp, name, "there is no address to connect to");
    };
    let details = connects.iter().map(described);
    let fastest = connects.iter().filter(|(_, step)| step.outcome.is_ok());
    let fastest = fastest.min_by_key(|(_, step)| step.took);
    let Some((_, fastest)) = fastest else {
        let why = first.outcome.as_ref().err().map(miss).unwrap_or_default();
        let many = match connects.len() {
            1 => String::new(),
            count => format!(" (the same with all {count} addresses)"),
        };
        let all_alike = connects
            .iter()
            .all(|(_, step)| step.outcome == first.outcome);
        let many = if all_alike {
            many
        } else {
            format!(" (and not one of {} addresses accepts)", connects.len())
        };
        let what = format!("no connection: {why} after {}{many}", span(first.took));
        let check = if is_local(&host.name) {
            "check that the server runs, and listens at this address"
        } else {
            "check that this machine is online, and what its firewall lets out"
        };
        return Finding::fault(Check::Tcp, ErrorKind::Unreachable, name, what)
            .advise(check)
            .advise_all(ways_around(&seen.endpoint, context))
            .detail(details);
    };
    let took = span(fastest.took);
    let silent =
        |(address, step): &&Connect| address.is_ipv6() && step.outcome == Err(Miss::Silent);
    let v4_works = connects
        .iter()
        .any(|(at, step)| at.is_ipv4() && step.outcome.is_ok());
    if v4_works && connects.iter().any(|connect| silent(&connect)) {
        let what = format!(
            "connected in {took}, but IPv6 leads into nothing: each connection tries it first"
        );
        return Finding::warning(Check::Tcp, name, what)
            .advise("prefer IPv4, by this line in /etc/gai.conf: precedence ::ffff:0:0/96 100")
            .advise("or switch IPv6 off: sysctl -w net.ipv6.conf.all.disable_ipv6=1")
            .detail(details);
    }
    // A system without IPv6 says so at once, and that costs nothing.
    let lost = |(_, step): &&Connect| step.outcome == Err(Miss::Silent);
    match connects.iter().filter(lost).count() {
        0 => Finding::ok(Check::Tcp, name, format!("connected in {took}")),
        lost => {
            let what = format!(
                "connected in {took}, but {lost} of {} addresses do not answer",
                connects.len()
            );
            Finding::warning(Check::Tcp, name, what)
                .advise("hfast goes around them by itself; a firewall may keep them away")
        }
    }
    .detail(details)
}

fn described((address, step): &Connect) -> String {
    let how = match &step.outcome {
        Ok(()) => "connected".to_owned(),
        Err(error) => miss(error),
    };
    format!("{address}: {how} after {}", span(step.took))
}
