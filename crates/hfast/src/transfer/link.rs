//! A link to the bytes of a file: a lease that is renewed before it runs out.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use url::Url;

use crate::hub::metadata::Validator;

/// A link is renewed this long before it expires, so that a request on its way still finds it valid.
const MARGIN: Duration = Duration::from_secs(30);

/// No link is believed to hold longer; a far date is as good as none.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// Where ranges of a file can be asked for now.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// When it was given, which tells it from the one before.
    pub(crate) given: Instant,
    /// Possibly signed, and so never printed.
    pub(crate) url: Url,
    /// The validator of the first answer.
    pub(crate) validator: Option<Validator>,
    /// Whether every hop to it stayed at the token's origin: only then may it see the token.
    pub(crate) trusted: bool,
    /// When it should be renewed.
    pub(crate) renew_at: Option<Instant>,
}

impl Link {
    /// Whether it can be used at `now`.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        self.renew_at.is_none_or(|at| now < at)
    }
}

/// How the bytes are got from one source.
#[derive(Default)]
pub(super) struct Way {
    /// Where they are asked for.
    pub(super) link: tokio::sync::Mutex<Option<Link>>,
    /// Somebody is asking for it, or about to: others can do something better than to wait for that.
    pub(super) is_asked: AtomicBool,
    /// How often asking has failed: whoever waited for the answer gives its lease back.
    pub(super) failures: AtomicU64,
}

impl Way {
    /// Whether whoever comes now has to ask where the bytes are. If so, nobody else has to, until that
    /// is known.
    pub(super) fn is_to_be_asked(&self) -> bool {
        let slot = self.link.try_lock();
        let known =
            slot.is_ok_and(|link| link.as_ref().is_some_and(|l| l.is_fresh(Instant::now())));
        !known && !self.is_asked.swap(true, Relaxed)
    }
}

/// Somebody asks a source where the bytes are, until this is dropped.
pub(super) struct Asking<'a>(pub(super) &'a AtomicBool);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

/// Parameters that prove a right for a while: Amazon's, Google's and Aliyun's storage by their first
/// letters, `CloudFront` and Azure by their names. They say nothing of the content.
const PROOF: [&str; 3] = ["x-amz-", "x-goog-", "x-oss-"];
const PROOFS: [&str; 16] = [
    "expires",
    "signature",
    "key-pair-id",
    "policy",
    "awsaccesskeyid",
    "googleaccessid",
    "ossaccesskeyid",
    "security-token",
    "sig",
    "se",
    "st",
    "sp",
    "sv",
    "sr",
    "spr",
    "sks",
];

/// An address without a signature, fragment, name or password: what stays when it is signed again.
pub(super) fn unsigned(url: &Url) -> String {
    let is_proof = |key: &str| {
        let key = key.to_ascii_lowercase();
        PROOFS.contains(&key.as_str()) || PROOF.iter().any(|start| key.starts_with(start))
    };
    let rest = url.query_pairs().filter(|(key, _)| !is_proof(key));
    let rest: Vec<_> = rest.map(|(key, value)| format!("{key}={value}")).collect();
    let origin = url.origin().ascii_serialization();
    format!("{origin}{}?{}", url.path(), rest.join("&"))
}

/// When a signed URL should be renewed, counted from now; `None` when it does not say.
pub(crate) fn renew_after(url: &Url, now: SystemTime) -> Option<Duration> {
    let lifetime = lifetime(url, now)?.min(LONGEST);
    // A clock that is wrong here or there must not make every request renew the link first.
    lifetime
        .checked_sub(MARGIN)
        .filter(|after| !after.is_zero())
}

fn lifetime(url: &Url, now: SystemTime) -> Option<Duration> {
    let parameter = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    };
    let now = now.duration_since(UNIX_EPOCH).ok()?;
    if let Some(seconds) = parameter("X-Amz-Expires").and_then(|text| text.parse().ok()) {
        let signed = parameter("X-Amz-Date").and_then(|date| basic_iso_date(&date))?;
        return signed
            .checked_add(Duration::from_secs(seconds))?
            .checked_sub(now);
    }
    let expires = parameter("Expires")
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs)?;
    expires.checked_sub(now)
}

/// Reads `20260131T235959Z` as time since the epoch.
fn basic_iso_date(text: &str) -> Option<Duration> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let seconds = number(9..11)? * 3600 + number(11..13)? * 60 + number(13..15)?;
    // Days from civil: years begin in March, so that the leap day is the last one.
    let (y, m) = if month <= 2 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    u64::try_from(days * 86_400 + seconds)
        .ok()
        .map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(query: &str) -> Option<u64> {
        let url = Url::parse(&format!("https://cdn/x?{query}")).unwrap();
        renew_after(&url, UNIX_EPOCH + Duration::from_secs(1_769_903_999)).map(|d| d.as_secs())
    }

    #[test]
    fn an_address_that_is_signed_again_stays_the_same() {
        let of = |text: &str| unsigned(&Url::parse(text).unwrap());
        let first = of("https://me:secret@cdn/x?id=1&Expires=1&Signature=a&X-Amz-Date=b#top");
        assert_eq!(first, of("https://cdn/x?id=1&Expires=2&Signature=c"));
        for other in [
            "https://cdn/x?id=2",
            "https://cdn/y?id=1",
            "https://cdn2/x?id=1",
        ] {
            assert_ne!(first, of(other));
        }
    }

    #[test]
    fn the_expiry_of_a_signed_url_is_read() {
        assert_eq!(after("Expires=1769907599&Signature=x"), Some(3570));
        assert_eq!(
            after("X-Amz-Date=20260131T235959Z&X-Amz-Expires=3600"),
            Some(3570)
        );
        assert_eq!(
            after("Expires=1"),
            None,
            "an expired link is tried: clocks are wrong, too"
        );
        assert_eq!(after("Expires=soon"), None);
        let week = Some(LONGEST.as_secs() - MARGIN.as_secs());
        assert_eq!(after("Expires=18446744073709551615"), week);
        assert_eq!(
            after("X-Amz-Date=20260131T235959Z&X-Amz-Expires=18446744073709551615"),
            None
        );
        assert_eq!(after("X-Amz-Date=2026&X-Amz-Expires=3600"), None);
    }
}
