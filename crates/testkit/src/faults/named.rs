//! Pure: faults as text, for a command line: `reset=1000000,kind=cdn,times=3`.

use super::{Fault, Match, What};
use crate::hub::RouteKind;
use std::time::Duration;

/// Reads `NAME[=VALUE][,kind=api|resolve|cdn][,path=TEXT][,method=M][,skip=N][,every=N][,times=N]`.
///
/// Names: `refuse`, `reset`, `fin`, `stall` (bytes), `stall-headers` (seconds, none for ever),
/// `throttle` and `trickle` (bytes per second), `status` (code), `retry-after` (seconds or date),
/// `ignore-range`, `no-content-range`, `short`, `long` (bytes), `flip` (offset, or each answer), `portal`, `gzip`,
/// `redirect` (URL), `redirect-loop`, `expire`, `etag` (text), `etag-changes`.
pub fn parse(text: &str) -> Result<Fault, String> {
    let mut pairs = text
        .split(',')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let (name, value) = pairs.next().unwrap_or_default();
    let what = parse_what(name, value)?;
    let when = pairs.try_fold(Match::any(), |when, (key, value)| {
        parse_match(when, key, value)
    })?;
    Ok(Fault::new(when, what))
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("fault `{name}` wants a number, not `{value}`"))
}

fn parse_what(name: &str, value: &str) -> Result<What, String> {
    let bytes = || number::<u64>(name, value);
    Ok(match name {
        "refuse" => What::Refuse,
        "reset" => What::ResetAfter(bytes()?),
        "fin" => What::FinAfter(bytes()?),
        "stall" => What::StallAfter(bytes()?, None),
        "stall-headers" if value.is_empty() => What::StallBeforeHeaders(None),
        "stall-headers" => What::StallBeforeHeaders(Some(Duration::from_secs(bytes()?))),
        "throttle" => What::Throttle(bytes()?),
        "trickle" => What::Trickle(bytes()?),
        "status" => What::server_error(number(name, value)?, 200),
        "retry-after" => What::too_many_requests(value),
        "ignore-range" => What::IgnoreRange,
        "no-content-range" => What::MissingContentRange,
        "short" => What::ShortBody(bytes()?),
        "long" => What::LongBody(bytes()?),
        "flip" if value.is_empty() => What::FlipEach,
        "flip" => What::FlipByte(bytes()?),
        "portal" => What::CaptivePortal,
        "gzip" => What::Gzip,
        "redirect" => What::RedirectTo {
            code: 302,
            location: value.to_owned(),
        },
        "redirect-loop" => What::RedirectLoop,
        "expire" => What::ExpireSignedUrls,
        "etag" => What::WrongEtag(value.to_owned()),
        "etag-changes" => What::EtagChanges,
        _ => return Err(format!("no fault is called `{name}`")),
    })
}

fn parse_match(when: Match, key: &str, value: &str) -> Result<Match, String> {
    Ok(match key {
        "kind" => {
            let kind = match value {
                "api" => RouteKind::Api,
                "resolve" => RouteKind::Resolve,
                "cdn" => RouteKind::Cdn,
                _ => return Err(format!("no group of routes is called `{value}`")),
            };
            Match {
                kind: Some(kind),
                ..when
            }
        }
        "path" => when.path(value),
        "method" => when.method(value),
        "skip" => when.skip(number(key, value)?),
        "every" => when.every(number(key, value)?),
        "times" => when.times(number(key, value)?),
        _ => return Err(format!("a fault has no `{key}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_a_fault() {
        let fault = parse("reset=100,kind=cdn,times=3,every=2").unwrap();
        assert!(matches!(fault.what, What::ResetAfter(100)));
        assert_eq!(fault.when.kind, Some(RouteKind::Cdn));
        assert_eq!((fault.when.times, fault.when.every), (Some(3), 2));
        for wrong in ["nothing", "reset", "reset=1,kind=x", "reset=1,sometimes=2"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
