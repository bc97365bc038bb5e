//! How the values of headers are read: text, counts of bytes, ranges. What they say about a file is
//! decided by those who ask. Pure. A value that is malformed counts as absent.

use std::ops::Range;

use ::http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use ::http::{HeaderMap, HeaderName};

/// No file is larger: offsets are signed 64-bit numbers on every system. In bytes.
pub(crate) const MAX_SIZE: u64 = i64::MAX as u64;

/// The first header of this name, without the space around it.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A count of bytes: digits only, where [`str::parse`] would also take a sign.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let size = text.parse().ok().filter(|size| *size <= MAX_SIZE)?;
    digits.then_some(size)
}

/// `Content-Length` (RFC 9110, section 8.6), if all headers of this name agree.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    let all = headers.get_all(CONTENT_LENGTH).iter();
    let mut all = all.map(|value| bytes(value.to_str().ok()?));
    let length = all.next()?;
    length.filter(|_| all.all(|other| other == length))
}

/// `Content-Range` (RFC 9110, section 14.4): the bytes that a part holds, half-open, and the size of
/// the whole, which is `None` for `*`.
pub(crate) fn content_range(headers: &HeaderMap) -> Option<(Range<u64>, Option<u64>)> {
    parse_content_range(text(headers, &CONTENT_RANGE)?)
}

fn parse_content_range(value: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let (first, last) = (bytes(first)?, bytes(last)?);
    let total = if total == "*" {
        None
    } else {
        Some(bytes(total)?)
    };
    let end = last.checked_add(1)?;
    (first <= last && total.is_none_or(|total| end <= total)).then_some((first..end, total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_that_disagree_are_none() {
        let length = |values: &[&str]| {
            let pairs = values.iter().map(|v| (CONTENT_LENGTH, v.parse().unwrap()));
            content_length(&pairs.collect())
        };
        assert_eq!(length(&["7"]), Some(7));
        assert_eq!(length(&["7", "7"]), Some(7));
        for wrong in [&["7", "8"][..], &["7", "x"], &["+7"], &["-1"], &[""], &[]] {
            assert_eq!(length(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_range_is_read_as_half_open() {
        assert_eq!(parse_content_range("bytes 0-0/1"), Some((0..1, Some(1))));
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5..10, None)));
        for wrong in [
            "bytes 9-5/10",
            "bytes 0-9/9",
            "bytes */9",
            "bytes 0-9",
            "bytes +0-9/10",
            "items 0-9/10",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(parse_content_range(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_range_can_panic_or_lie_about_its_order(value in "\\PC{0,40}|bytes [0-9]{0,22}-[0-9]{0,22}/[0-9*]{0,22}") {
            if let Some((range, total)) = parse_content_range(&value) {
                prop_assert!(range.start < range.end && total.is_none_or(|total| range.end <= total));
            }
        }
    }
}
