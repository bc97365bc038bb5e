//! Pure: the `Range` header, as a server reads it.

use std::ops::Range;

/// What a `Range` header means for a body of a known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// No range, several, or one that says nothing: the whole body with 200.
    Whole,
    /// This stretch, never empty, with 206.
    Part(Range<u64>),
    /// Outside the body: 416.
    Outside,
}

/// Reads a `Range` header; several ranges at once are answered with the whole, as allowed.
pub(super) fn parse(header: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) = header
        .and_then(|text| text.trim().strip_prefix("bytes="))
        .filter(|text| !text.contains(','))
        .and_then(|text| text.split_once('-'))
    else {
        return Asked::Whole;
    };
    // An empty body has no byte to give, and the Hub answers it whole rather than with 416.
    if size == 0 {
        return Asked::Whole;
    }
    let number = |text: &str| text.trim().parse::<u64>();
    match (number(first), number(last)) {
        (Ok(start), _) if start >= size => Asked::Outside,
        (Ok(start), Ok(last)) if last < start => Asked::Whole,
        (Ok(start), Ok(last)) => Asked::Part(start..last.saturating_add(1).min(size)),
        (Ok(start), Err(_)) if last.trim().is_empty() => Asked::Part(start..size),
        (Err(_), Ok(0)) if first.trim().is_empty() => Asked::Outside,
        (Err(_), Ok(suffix)) if first.trim().is_empty() => {
            Asked::Part(size.saturating_sub(suffix)..size)
        }
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_their_meaning() {
        let cases = [
            (None, Asked::Whole),
            (Some("bytes=0-9"), Asked::Part(0..10)),
            (Some("bytes=90-"), Asked::Part(90..100)),
            (Some("bytes=-10"), Asked::Part(90..100)),
            (Some("bytes=-1000"), Asked::Part(0..100)),
            (Some("bytes=99-18446744073709551615"), Asked::Part(99..100)),
            (Some("bytes=100-"), Asked::Outside),
            (Some("bytes=5-4"), Asked::Whole),
            (Some("bytes=0-1,5-6"), Asked::Whole),
            (Some("lines=0-1"), Asked::Whole),
            (Some("bytes=a-b"), Asked::Whole),
        ];
        for (header, meaning) in cases {
            assert_eq!(parse(header, 100), meaning, "{header:?}");
        }
        assert_eq!(parse(Some("bytes=0-0"), 0), Asked::Whole);
    }
}
