//! Text on a terminal: what may be printed, how wide it is, and how to shorten it. Pure.

pub(crate) use hfast::text::printable;

/// How many columns `text` takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// `text` with its middle left out if it is wider than `columns`.
pub(crate) fn fit(text: &str, columns: usize) -> String {
    const GAP: &str = "...";
    if width(text) <= columns {
        return text.to_owned();
    }
    if columns <= GAP.len() {
        return GAP[..columns].to_owned();
    }
    let room = columns - GAP.len();
    // Names of the parts of a model differ near their end.
    let head = prefix(text.chars(), room / 3);
    let tail = prefix(text.chars().rev(), room - width(&head));
    let tail: String = tail.chars().rev().collect();
    format!("{head}{GAP}{tail}")
}

/// The same for the name of a file, which loses its ending first, and then how many parts there are:
/// the parts of a model all have the same.
pub(crate) fn fit_name(name: &str, columns: usize) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let part = stem.rsplit_once("-of-").filter(|(_, count)| {
        let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        is_number && width(stem) > columns
    });
    let stem = part.map_or(stem, |(part, _)| part);
    if width(name) <= columns || stem.is_empty() {
        fit(name, columns)
    } else {
        fit(stem, columns)
    }
}

/// `text` and as many spaces as it takes to fill `columns`.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

fn prefix(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += char_width(*c);
        used <= columns
    };
    chars.take_while(fits).collect()
}

/// The blocks that matter for file names; the Unicode table itself would be a thousand lines.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036f | 0x200b..=0x200f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f9ff
        | 0x2_0000..=0x3_fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(fit("short", 5), "short");
        assert_eq!(fit("model-00001-of-00003.bin", 13), "mod...003.bin");
        assert_eq!(fit("abcdef", 2), "..");
        assert_eq!(fit("权重权重权重", 9), "权...权重");
        assert_eq!(fit_name("model-00001-of-00003.bin", 13), "model-00001");
        assert_eq!(fit_name("model-00001-of-00003.bin", 10), "mo...00001");
        assert_eq!(fit_name("out-of-memory.bin", 10), "ou...emory");
        assert_eq!(fit_name(".gitattributes", 9), fit(".gitattributes", 9));
    }

    #[test]
    fn nothing_gets_wider_than_asked() {
        for text in [
            "模型权重文件.safetensors",
            "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}x",
            "😀😀😀😀",
        ] {
            for columns in 0..30 {
                assert!(width(&fit(text, columns)) <= columns);
            }
        }
    }

    #[test]
    fn escape_characters_do_not_get_through() {
        assert_eq!(printable("a\x1b[2Jb\u{202e}"), "a\u{fffd}[2Jb\u{fffd}");
    }
}
