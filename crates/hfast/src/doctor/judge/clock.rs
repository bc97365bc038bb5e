//! The clock of this machine against the dates of answers. Pure.

use std::time::{Duration, SystemTime};

use ::http::header::{AGE, DATE};
use ::http::{HeaderMap, StatusCode};

use super::words::day;
use super::{Check, EndpointSeen, ErrorKind, Finding};
use crate::transport::headers::text;
use crate::transport::trace::Hop;
use crate::transport::witness::Flaw;

/// Signed addresses and tokens of the Hub are made for clocks that are right within a few minutes.
const TOLERATED: Duration = Duration::from_secs(300);

/// `None` where nothing tells the time.
pub(super) fn judge(seen: &EndpointSeen) -> Option<Finding> {
    let (off, ahead) = distance(seen)?;
    let name = &seen.host.name;
    let clock = if ahead { "ahead" } else { "behind" };
    if off > TOLERATED {
        let what = format!(
            "this machine's clock is {} {clock} of it: {} here",
            long(off),
            day(at(seen)?)
        );
        let finding = Finding::fault(Check::Clock, ErrorKind::Unreachable, name, what);
        return Some(finding.advise(
            "set the clock: timedatectl set-ntp true (in a virtual machine or WSL, that of the host)",
        ));
    }
    let what = format!("right within {}", long(off.max(Duration::from_secs(1))));
    Some(Finding::ok(Check::Clock, name, what))
}

/// Whether the clock is known to be right.
pub(super) fn is_right(seen: &EndpointSeen) -> bool {
    distance(seen).is_some_and(|(off, _)| off <= TOLERATED)
}

/// How far the clock is from that of the host, and whether it is ahead of it.
fn distance(seen: &EndpointSeen) -> Option<(Duration, bool)> {
    let hops = seen.answers.info.hops.iter();
    let plain = seen.plain.iter().flat_map(|plain| &plain.hops);
    hops.chain(plain)
        .find_map(difference)
        .or_else(|| by_certificate(seen))
}

fn difference(hop: &Hop) -> Option<(Duration, bool)> {
    let (_, headers): &(StatusCode, HeaderMap) = hop.outcome.as_ref().ok()?;
    let date = httpdate::parse_http_date(text(headers, &DATE)?).ok()?;
    // An answer out of a store has the date of when it was put there.
    let age = text(headers, &AGE).and_then(|age| age.parse().ok());
    let date = date.checked_add(Duration::from_secs(age.unwrap_or(0)))?;
    Some(match hop.at.duration_since(date) {
        Ok(off) => (off, true),
        Err(error) => (error.duration(), false),
    })
}

/// A certificate that begins in the future is a clock that is behind: nobody puts up others.
fn by_certificate(seen: &EndpointSeen) -> Option<(Duration, bool)> {
    let presented = seen.host.presented.as_ref()?;
    let certificate = presented.certificate.as_ref()?;
    let off = certificate.from.duration_since(at(seen)?).ok()?;
    (presented.flaw == Some(Flaw::NotYetValid)).then_some((off, false))
}

/// Our time when the last answer came.
fn at(seen: &EndpointSeen) -> Option<SystemTime> {
    seen.answers.info.hops.last().map(|hop| hop.at)
}

fn long(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} minutes", seconds / 60),
        seconds @ 7200..172_800 => format!("{} hours", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
