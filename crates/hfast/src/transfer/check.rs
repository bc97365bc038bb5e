//! Whether a response to a range request may be believed, before any byte of it is kept. Pure.
//!
//! Expected size and validator come from what is known of the file, never from the response itself.

use std::ops::Range;

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ::http::{HeaderMap, StatusCode};

use crate::hub::metadata::Validator;
use crate::transport::headers::{content_length, content_range, text};

/// A response whose head is as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The bytes of the file that the body begins with and, where known, ends before. For a whole
    /// answer to a range request it begins at 0: what lies before the range is to be skipped.
    pub(crate) range: Range<u64>,
    /// The server ignored the range and sends the whole file.
    pub(crate) whole: bool,
    /// The body is compressed, though nobody asked for it.
    pub(crate) gzip: bool,
}

/// Why a response is void. The text follows "the answer is void:".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Void {
    /// 206 without a usable `Content-Range`.
    #[error("it does not say which bytes it holds")]
    NoRange,
    /// Other bytes than were asked for.
    #[error("it holds other bytes than were asked for")]
    OtherRange,
    /// The file there has another size.
    #[error("the file there has {there} bytes instead of {here}")]
    OtherSize {
        /// What the server says.
        there: u64,
        /// What the listing says.
        here: u64,
    },
    /// The validator changed since the first range.
    #[error("the file changed on the server")]
    Changed,
    /// The server says that the range does not exist.
    #[error("the server says that the file ends before byte {0}")]
    OutOfRange(u64),
    /// A compressed part of a file is the part of a compressed file.
    #[error("it is a compressed part")]
    CompressedPart,
    /// An encoding that we cannot undo.
    #[error("it has an unknown encoding")]
    Encoding,
    /// A page of HTML where a file was expected.
    #[error("it is a web page, not the file: a login page or a portal in between?")]
    WebPage,
}

/// What was asked, and what is known of the file.
#[derive(Clone, Debug)]
pub(crate) struct Asked<'a> {
    /// The range of the request.
    pub(crate) range: Range<u64>,
    /// The size of the whole file.
    pub(crate) size: u64,
    /// The validator of an earlier answer from the same link, where no digest will judge the bytes: then
    /// nothing else tells one state of the file from another, and every answer has to go on giving it.
    /// With a digest it would only make servers contradict each other that hold the same bytes.
    pub(crate) validator: Option<&'a Validator>,
}

/// Checks the head of a 200, 206 or 416; other statuses are not this function's business.
///
/// # Errors
/// The reason why no byte of the body may be kept.
pub(crate) fn check(
    asked: &Asked<'_>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Accepted, Void> {
    let gzip = is_gzip(headers)?;
    if asked.validator.is_some()
        && !Validator::is_same_state(asked.validator, Validator::of(headers).as_ref())
    {
        return Err(Void::Changed);
    }
    match status {
        StatusCode::PARTIAL_CONTENT if gzip => Err(Void::CompressedPart),
        StatusCode::PARTIAL_CONTENT => check_part(asked, headers),
        StatusCode::RANGE_NOT_SATISFIABLE => Err(Void::OutOfRange(asked.range.start)),
        _ => check_whole(asked, headers, gzip),
    }
}

fn check_part(asked: &Asked<'_>, headers: &HeaderMap) -> Result<Accepted, Void> {
    let (range, total) = content_range(headers).ok_or(Void::NoRange)?;
    if let Some(there) = total.filter(|total| *total != asked.size) {
        return Err(Void::OtherSize {
            there,
            here: asked.size,
        });
    }
    if range.start != asked.range.start || range.end > asked.range.end {
        return Err(Void::OtherRange);
    }
    let length = content_length(headers);
    if length.is_some_and(|length| length != range.end - range.start) {
        return Err(Void::OtherRange);
    }
    Ok(Accepted {
        range,
        whole: false,
        gzip: false,
    })
}

fn check_whole(asked: &Asked<'_>, headers: &HeaderMap, gzip: bool) -> Result<Accepted, Void> {
    let length = content_length(headers).filter(|length| !gzip && *length != asked.size);
    if let Some(there) = length {
        let html = text(headers, &CONTENT_TYPE).is_some_and(|t| t.starts_with("text/html"));
        return Err(if html {
            Void::WebPage
        } else {
            Void::OtherSize {
                there,
                here: asked.size,
            }
        });
    }
    Ok(Accepted {
        range: 0..asked.size,
        whole: true,
        gzip,
    })
}

/// Whether the body is compressed with gzip, which can be undone; other encodings cannot.
pub(super) fn is_gzip(headers: &HeaderMap) -> Result<bool, Void> {
    match text(headers, &CONTENT_ENCODING) {
        None | Some("" | "identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(_) => Err(Void::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Result<Accepted, Void> {
        judged(None, status, headers)
    }

    fn judged(
        known: Option<&'static str>,
        status: u16,
        headers: &[(&'static str, &str)],
    ) -> Result<Accepted, Void> {
        let map = |headers: &[(&'static str, &str)]| -> HeaderMap {
            let pairs = headers.iter().map(|(name, value)| {
                let name = ::http::HeaderName::from_static(name);
                (name, value.parse().unwrap())
            });
            pairs.collect()
        };
        let known = known.and_then(|tag| Validator::of(&map(&[("etag", tag)])));
        let asked = Asked {
            range: 100..200,
            size: 1000,
            validator: known.as_ref(),
        };
        let status = StatusCode::from_u16(status).unwrap();
        check(&asked, status, &map(headers))
    }

    #[test]
    fn only_the_bytes_that_were_asked_for_are_accepted() {
        let part = |value| answer(206, &[("content-range", value)]);
        assert_eq!(part("bytes 100-199/1000").unwrap().range, 100..200);
        assert_eq!(
            part("bytes 100-149/*").unwrap().range,
            100..150,
            "less is not wrong"
        );
        assert_eq!(part("bytes 0-99/1000"), Err(Void::OtherRange));
        assert_eq!(part("bytes 100-200/1000"), Err(Void::OtherRange));
        assert_eq!(
            part("bytes 100-199/999"),
            Err(Void::OtherSize {
                there: 999,
                here: 1000
            })
        );
        assert_eq!(part("bytes 199-100/1000"), Err(Void::NoRange));
        assert_eq!(part("bytes +100-199/1000"), Err(Void::NoRange));
        assert_eq!(answer(206, &[]), Err(Void::NoRange));
        let lying = [
            ("content-range", "bytes 100-199/1000"),
            ("content-length", "50"),
        ];
        assert_eq!(answer(206, &lying), Err(Void::OtherRange));
    }

    #[test]
    fn a_whole_answer_must_have_the_size_of_the_listing() {
        let whole = answer(200, &[("content-length", "1000")]).unwrap();
        assert!(whole.whole && whole.range == (0..1000));
        assert!(
            answer(200, &[]).unwrap().whole,
            "no length is no contradiction"
        );
        assert_eq!(
            answer(200, &[("content-length", "12")]),
            Err(Void::OtherSize {
                there: 12,
                here: 1000
            })
        );
        let portal = [
            ("content-length", "12"),
            ("content-type", "text/html; charset=utf-8"),
        ];
        assert_eq!(answer(200, &portal), Err(Void::WebPage));
        assert_eq!(answer(416, &[]), Err(Void::OutOfRange(100)));
    }

    #[test]
    fn compression_is_noticed() {
        let range = ("content-range", "bytes 100-199/1000");
        assert_eq!(
            answer(206, &[range, ("content-encoding", "gzip")]),
            Err(Void::CompressedPart)
        );
        assert!(
            answer(
                200,
                &[("content-encoding", "gzip"), ("content-length", "12")]
            )
            .unwrap()
            .gzip
        );
        assert_eq!(
            answer(200, &[("content-encoding", "br")]),
            Err(Void::Encoding)
        );
    }

    #[test]
    fn without_a_digest_an_answer_must_go_on_telling_its_state() {
        let range = ("content-range", "bytes 100-199/1000");
        let with = |headers: &[_]| judged(Some("\"a\""), 206, headers);
        assert_eq!(with(&[range]), Err(Void::Changed));
        assert_eq!(with(&[range, ("etag", "\"b\"")]), Err(Void::Changed));
        assert!(with(&[range, ("etag", "\"a\"")]).is_ok());
    }
}
