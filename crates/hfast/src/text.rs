//! What may be shown of text that is not ours, and how many bytes there are. Pure.

/// Control characters, and those that break, reorder or hide text on a terminal. The joiners
/// U+200C and U+200D are letters' business in many scripts, and in emoji.
#[rustfmt::skip]
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// `text` with everything replaced that could drive or confuse a terminal.
///
/// ```
/// assert_eq!(hfast::text::printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
/// ```
pub fn printable(text: &str) -> String {
    let safe = |c| if is_unprintable(c) { '\u{fffd}' } else { c };
    text.chars().map(safe).collect()
}

/// `3.1 MB`, with powers of 1000.
pub(crate) fn bytes(count: u64) -> String {
    let mut rest = count;
    let mut tenths = 0;
    for name in ["bytes", "kB", "MB", "GB", "TB", "PB"] {
        if rest < 1000 {
            return match name {
                "bytes" => format!("{rest} {name}"),
                _ => format!("{rest}.{tenths} {name}"),
            };
        }
        tenths = rest % 1000 / 100;
        rest /= 1000;
    }
    format!("{rest}.{tenths} EB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_048_576), "1.0 MB");
        assert_eq!(bytes(u64::MAX), "18.4 EB");
    }
}
