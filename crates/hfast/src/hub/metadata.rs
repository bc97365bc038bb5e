//! What the headers of an answer say about a file: commit, digest, size, validator.
//!
//! The answer is a whole chain of redirects, from the Hub to some storage host. Pure. A value that
//! is malformed counts as absent: none of it is trusted.

use http::header::{CONTENT_ENCODING, DATE, ETAG, HeaderMap, LAST_MODIFIED};
use http::{HeaderName, StatusCode};

use crate::names::{Commit, Digest};
use crate::transport::headers::{bytes, content_length, content_range, text};

const REPO_COMMIT: HeaderName = HeaderName::from_static("x-repo-commit");
const LINKED_ETAG: HeaderName = HeaderName::from_static("x-linked-etag");
const LINKED_SIZE: HeaderName = HeaderName::from_static("x-linked-size");

/// What is known of a file from the headers alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMeta {
    /// The commit that the revision stands for; a server that does not send it is no Hub.
    pub commit: Option<Commit>,
    /// The digest of the content.
    pub digest: Option<Digest>,
    /// The size of the content in bytes.
    pub size: Option<u64>,
    /// What the last answer says of the state of the content.
    pub validator: Option<Validator>,
}

impl FileMeta {
    /// Reads a chain of answers, redirects first, in the order in which they came.
    ///
    /// The `ETag` of a storage host is a name of its own making, even where it looks like a
    /// digest; it is believed only on an answer that also carries `X-Repo-Commit`.
    ///
    /// ```
    /// use hfast::hub::metadata::FileMeta;
    /// use http::{HeaderMap, StatusCode};
    /// let mut headers = HeaderMap::new();
    /// headers.insert("x-linked-size", "7".parse()?);
    /// let meta = FileMeta::from_chain(&[(StatusCode::FOUND, &headers)]);
    /// assert_eq!(meta.size, Some(7));
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    pub fn from_chain(hops: &[(StatusCode, &HeaderMap)]) -> Self {
        let first = |name: &HeaderName| {
            hops.iter()
                .find_map(|(_, headers)| headers.get(name)?.to_str().ok())
        };
        let content = hops.last().filter(|(status, _)| status.is_success());
        let commit = hops.iter().find_map(|(_, headers)| commit_of(headers));
        let digest = if let Some(linked) = first(&LINKED_ETAG).and_then(normalised) {
            Digest::from_hex(linked)
        } else {
            let from_hub = content.filter(|(_, headers)| commit_of(headers).is_some());
            let own = from_hub.and_then(|(_, headers)| normalised(text(headers, &ETAG)?));
            own.and_then(Digest::from_hex)
        };
        let size = first(&LINKED_SIZE)
            .and_then(bytes)
            .or_else(|| content.and_then(|(status, headers)| content_size(*status, headers)));
        Self {
            commit,
            digest,
            size,
            validator: content.and_then(|(_, headers)| Validator::of(headers)),
        }
    }
}

/// What tells one state of a content from another, where no digest does: the `ETag` and the time of
/// the last change, as they were sent (RFC 9110, section 8.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    etag: Option<Box<str>>,
    modified: Option<Box<str>>,
    /// The answer's own `Date` shows that nothing can have been written in the same second.
    modified_long_ago: bool,
}

impl Validator {
    /// What an answer says, if it says anything.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let etag = text(headers, &ETAG).filter(|etag| is_plain(etag));
        let modified = text(headers, &LAST_MODIFIED);
        let time = modified.and_then(|text| httpdate::parse_http_date(text).ok());
        let date = text(headers, &DATE).and_then(|text| httpdate::parse_http_date(text).ok());
        let age = date.zip(time).map(|(date, time)| date.duration_since(time));
        let found = Self {
            etag: etag.map(Into::into),
            modified: modified.filter(|_| time.is_some()).map(Into::into),
            modified_long_ago: age.is_some_and(|age| age.is_ok_and(|age| age.as_secs() >= 1)),
        };
        (found.etag.is_some() || found.modified.is_some()).then_some(found)
    }

    fn strong_etag(&self) -> Option<&str> {
        let inner = |etag: &str| {
            let inner = etag.strip_prefix('"')?.strip_suffix('"')?;
            Some(!inner.is_empty() && !inner.contains('"'))
        };
        self.etag
            .as_deref()
            .filter(|etag| inner(etag) == Some(true))
    }

    /// What identifies the bytes: it may stand in `If-Range`, and a later run may go on with them. A
    /// strong `ETag`, or else a time of change that is shown to be strong (section 8.8.2.2).
    pub fn strong(&self) -> Option<&str> {
        let modified = self.modified.as_deref();
        self.strong_etag()
            .or(modified.filter(|_| self.modified_long_ago))
    }

    /// Whether two answers are shown to be of one state of a content, where no digest will judge: the
    /// second says again what the first said.
    pub fn is_same_state(first: Option<&Self>, second: Option<&Self>) -> bool {
        match (first, second) {
            (None, None) => true,
            (Some(first), Some(second)) => {
                let says_again = match &first.etag {
                    Some(_) => first.etag == second.etag,
                    None => first.modified == second.modified,
                };
                says_again && !first.contradicts(second)
            }
            _ => false,
        }
    }

    /// Whether two answers cannot be of the same content. What only one of them says is no reason.
    pub fn contradicts(&self, other: &Self) -> bool {
        let differ =
            |a: &Option<Box<str>>, b: &Option<Box<str>>| a.is_some() && b.is_some() && a != b;
        match (self.strong_etag(), other.strong_etag()) {
            // Servers that share a content need not agree on when it was written.
            (Some(this), Some(that)) => this != that,
            _ => differ(&self.etag, &other.etag) || differ(&self.modified, &other.modified),
        }
    }
}

fn commit_of(headers: &HeaderMap) -> Option<Commit> {
    text(headers, &REPO_COMMIT)?.parse().ok()
}

/// As the official clients do: leading `W` and `/` away, then quotes on both ends.
fn normalised(etag: &str) -> Option<&str> {
    let etag = etag.trim().trim_start_matches(['W', '/']).trim_matches('"');
    (!etag.is_empty() && is_plain(etag)).then_some(etag)
}

fn is_plain(text: &str) -> bool {
    text.len() <= 256 && text.bytes().all(|b| b.is_ascii_graphic())
}

fn content_size(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    match status {
        // The length of a compressed body says nothing about the file.
        StatusCode::OK if text(headers, &CONTENT_ENCODING).is_none_or(|e| e == "identity") => {
            content_length(headers)
        }
        StatusCode::PARTIAL_CONTENT => content_range(headers)?.1,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    const SHA1: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn chain(hops: &[(u16, &[(&'static str, &str)])]) -> FileMeta {
        let maps: Vec<(StatusCode, HeaderMap)> = hops
            .iter()
            .map(|(status, list)| (StatusCode::from_u16(*status).unwrap(), headers(list)))
            .collect();
        let hops: Vec<_> = maps.iter().map(|(status, map)| (*status, map)).collect();
        FileMeta::from_chain(&hops)
    }

    #[test]
    fn the_shapes_of_the_hub_are_read() {
        let small = chain(&[
            (307, &[("x-repo-commit", COMMIT), ("content-length", "99")]),
            (
                200,
                &[
                    ("x-repo-commit", COMMIT),
                    ("etag", &format!("W/\"{SHA1}\"")),
                    ("content-length", "12"),
                ],
            ),
        ]);
        assert_eq!(small.commit, COMMIT.parse().ok());
        assert_eq!(small.digest, Digest::from_hex(SHA1));
        assert_eq!(small.size, Some(12));

        let quoted = format!("\"{SHA256}\"");
        let large = chain(&[
            (
                302,
                &[
                    ("x-repo-commit", COMMIT),
                    ("x-linked-etag", &quoted),
                    ("x-linked-size", "5000"),
                ],
            ),
            (
                206,
                &[("etag", "\"cdn\""), ("content-range", "bytes 0-0/7")],
            ),
        ]);
        assert_eq!(large.digest, Digest::from_hex(SHA256));
        assert_eq!(large.size, Some(5000));
    }

    #[test]
    fn the_etag_of_a_storage_host_is_no_digest() {
        let meta = chain(&[
            (302, &[("x-repo-commit", COMMIT)]),
            (200, &[("etag", SHA256), ("content-length", "7")]),
        ]);
        assert_eq!((meta.digest, meta.size), (None, Some(7)));
        let opaque = chain(&[
            (302, &[("x-linked-etag", "\"abc\"")]),
            (200, &[("x-repo-commit", COMMIT), ("etag", SHA256)]),
        ]);
        assert_eq!(opaque.digest, None);
        let missing = chain(&[(404, &[("x-repo-commit", COMMIT), ("etag", SHA1)])]);
        assert_eq!((missing.digest, missing.commit.is_some()), (None, true));
    }

    #[test]
    fn malformed_values_count_as_absent() {
        let long = "x".repeat(257);
        for list in [
            &[("x-repo-commit", "../../../etc"), ("x-linked-etag", "\"\"")][..],
            &[("x-linked-size", "+5"), ("x-linked-etag", &long)],
            &[("x-linked-size", "18446744073709551615"), ("etag", "a b")],
            &[("content-length", "-1"), ("etag", "\"\u{e9}\"")],
            &[("content-length", "5"), ("content-encoding", "gzip")],
            &[("content-length", "5"), ("content-length", "6")],
        ] {
            assert_eq!(chain(&[(200, list)]), FileMeta::default(), "{list:?}");
        }
        assert_eq!(
            chain(&[(206, &[("content-range", "bytes 0-1/*")])]).size,
            None
        );
        assert_eq!(chain(&[]), FileMeta::default());
    }

    const EARLY: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const LATE: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    #[test]
    fn only_strong_validators_serve_for_if_range() {
        let modified = ("last-modified", EARLY);
        for (list, want) in [
            (&[("etag", "\"a\"")][..], Some("\"a\"")),
            (
                &[("etag", "W/\"a\""), modified, ("date", LATE)],
                Some(EARLY),
            ),
            (&[("etag", "unquoted")], None),
            (&[("etag", "\"a")], None),
            (&[modified, ("date", EARLY)], None),
            (&[modified], None),
            (&[("last-modified", "soon"), ("date", LATE)], None),
        ] {
            let validator = Validator::of(&headers(list));
            let strong = validator.as_ref().and_then(Validator::strong);
            assert_eq!(strong, want, "{list:?}");
        }
    }

    #[test]
    fn a_state_is_the_same_only_if_it_is_told_again() {
        let of = |list: &[(&'static str, &str)]| Validator::of(&headers(list));
        let (early, late) = (("last-modified", EARLY), ("last-modified", LATE));
        let (a, weak) = (("etag", "\"a\""), ("etag", "W/\"a\""));
        for (first, second, want) in [
            (&[a][..], &[a, late][..], true),
            (&[a, early], &[a, late], true),
            (&[a, early], &[early], false),
            (&[a], &[early], false),
            (&[weak], &[weak], true),
            (&[weak, early], &[weak, late], false),
            (&[weak], &[], false),
            (&[early], &[early], true),
            (&[early], &[late], false),
            (&[], &[weak], false),
            (&[], &[], true),
        ] {
            let same = Validator::is_same_state(of(first).as_ref(), of(second).as_ref());
            assert_eq!(same, want, "{first:?} {second:?}");
        }
    }

    #[test]
    fn answers_of_different_contents_contradict_each_other() {
        let of = |list: &[(&'static str, &str)]| Validator::of(&headers(list));
        let (early, late) = (("last-modified", EARLY), ("last-modified", LATE));
        for (one, other, want) in [
            (
                &[("etag", "\"a\""), early][..],
                &[("etag", "\"a\""), late][..],
                false,
            ),
            (&[("etag", "\"a\"")], &[("etag", "\"b\"")], true),
            (&[("etag", "W/\"a\"")], &[("etag", "W/\"b\"")], true),
            (
                &[("etag", "W/\"a\""), early],
                &[("etag", "W/\"a\""), late],
                true,
            ),
            (&[early], &[late], true),
            (&[("etag", "\"a\"")], &[early], false),
        ] {
            let (one, other) = (of(one).unwrap(), of(other).unwrap());
            assert_eq!(one.contradicts(&other), want, "{one:?} {other:?}");
        }
        assert_eq!(of(&[("last-modified", "soon")]), None);
    }
}
