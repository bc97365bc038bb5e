//! Words that several rules use: times, failures, and the ways around a host. Pure.

use std::time::{Duration, SystemTime};

use super::Context;
use super::address::is_local;
use crate::hub::token::Origin;
use crate::hub::urls::Endpoint;
use crate::transport::connect::Miss;

/// `40 ms`, `4.2 s`.
pub(super) fn span(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Bytes in a second.
pub(super) fn rate(count: u64, time: Duration) -> Option<u64> {
    let millis = time.as_millis();
    let rate = (u128::from(count) * 1000).checked_div(millis)?;
    u64::try_from(rate).ok()
}

/// A day, as `2027-01-31`.
pub(super) fn day(time: SystemTime) -> String {
    // `Sun, 06 Nov 1994 08:49:37 GMT`; a year with more than four digits would be none of its.
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.unwrap_or_default().min(LAST);
    let text = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + since);
    let parts: Vec<&str> = text.split_whitespace().collect();
    match parts.as_slice() {
        [_, day, month, year, ..] => format!("{day} {month} {year}"),
        _ => text,
    }
}

pub(super) fn miss(miss: &Miss) -> String {
    match miss {
        Miss::Silent => "no answer".to_owned(),
        Miss::Refused(_, text) => text.clone(),
    }
}

/// What is to be said of a mirror that leads to `target`.
pub(super) fn back(target: &Origin) -> &'static str {
    if *target == Endpoint::hub().origin() {
        " (this mirror sends you back to the Hub)"
    } else {
        ""
    }
}

/// Other servers and other ways, each as the setting that chooses it. Servers that are asked already
/// are not among them.
pub(super) fn ways_around(endpoint: &Endpoint, context: &Context<'_>) -> Vec<String> {
    let sources = &context.examination.sources;
    let asked = &context.examination.endpoints;
    let (hub, mirror) = (Endpoint::hub(), Endpoint::public_mirror());
    let mut ways = Vec::new();
    if *endpoint == hub && !asked.contains(&mirror) {
        ways.push("ask a mirror first: --mirror".to_owned());
        ways.push(format!(
            "or for good: HF_ENDPOINT={mirror}, or in {}: endpoints = [\"{mirror}\", \"{hub}\"]",
            settings_file(context),
        ));
    } else if *endpoint != hub && !asked.contains(&hub) {
        let before = sources.mirror.as_ref().filter(|_| *endpoint == mirror);
        let by = before.or(sources.endpoints.as_ref());
        let by = by.map_or("the settings", String::as_str);
        let host = endpoint.authority();
        ways.push(format!(
            "name another server: --endpoint {hub} ({host} comes from {by})"
        ));
    }
    let has_proxy = sources.https_proxy.is_some() || sources.all_proxy.is_some();
    if !has_proxy && !is_local(endpoint.host()) {
        let ways_or = if ways.is_empty() { "" } else { "or " };
        ways.push(format!(
            "{ways_or}go through a proxy: HTTPS_PROXY=http://HOST:PORT or socks5h://HOST:PORT"
        ));
    }
    ways
}

fn settings_file<'a>(context: &'a Context<'_>) -> &'a str {
    let file = context.examination.sources.settings_file.as_deref();
    file.unwrap_or("~/.config/hfast/config.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(span(Duration::from_millis(40)), "40 ms");
        assert_eq!(span(Duration::from_millis(4249)), "4.2 s");
        assert_eq!(rate(5, Duration::ZERO), None);
        assert_eq!(rate(500, Duration::from_millis(250)), Some(2000));
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(day(at(784_111_777)), "06 Nov 1994");
        assert_eq!(day(at(u64::from(u32::MAX) * 100)), "31 Dec 9999");
    }
}
