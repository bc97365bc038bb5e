//! Which files of a repository are wanted: the glob patterns of the official clients.
//!
//! Python's `fnmatch` on the whole path, case-sensitive, where `*` and `?` also match `/`.
//! Whether a path is safe is not decided here. Pure.

use std::fmt::Write as _;

use regex::{RegexSet, RegexSetBuilder};

use crate::error::{Error, ErrorKind};

/// Compiled patterns take no more memory than this, in bytes: thousands of ordinary ones fit.
const MAX_COMPILED: usize = 16 << 20;

/// Files to keep: those that match a pattern of `include`, if it has any, and none of `exclude`.
#[derive(Clone, Debug)]
pub struct Selection {
    include: Option<RegexSet>,
    exclude: RegexSet,
}

impl Selection {
    /// Compiles the patterns; without any, everything is kept.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for an empty pattern, which would match nothing, and for more patterns
    /// than can be held.
    ///
    /// ```
    /// use hfast::hub::select::Selection;
    /// let selection = Selection::new(&["*.json".to_owned()], &["old/".to_owned()])?;
    /// assert!(selection.keeps("a/config.json"));
    /// assert!(!selection.keeps("old/config.json"));
    /// # Ok::<(), hfast::Error>(())
    /// ```
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, Error> {
        let some = !include.is_empty();
        Ok(Self {
            include: some.then(|| compiled(include)).transpose()?,
            exclude: compiled(exclude)?,
        })
    }

    /// Whether no pattern was given.
    pub fn is_everything(&self) -> bool {
        self.include.is_none() && self.exclude.is_empty()
    }

    /// Whether the file at `path`, as the repository has it, is wanted.
    pub fn keeps(&self, path: &str) -> bool {
        let included = self.include.as_ref().is_none_or(|set| set.is_match(path));
        included && !self.exclude.is_match(path)
    }
}

fn compiled(patterns: &[String]) -> Result<RegexSet, Error> {
    if patterns.iter().any(String::is_empty) {
        return Err(
            Error::new(ErrorKind::Usage, "a pattern for file names is empty")
                .with_hint("leave it out to keep everything, or write a pattern such as '*.json'"),
        );
    }
    RegexSetBuilder::new(patterns.iter().map(|pattern| translated(pattern)))
        .size_limit(MAX_COMPILED)
        .build()
        .map_err(|error| {
            Error::new(
                ErrorKind::Usage,
                "the patterns for file names are too large",
            )
            .with_hint("use fewer or shorter patterns")
            .with_source(error)
        })
}

/// The regular expression for a glob, as `fnmatch.translate` of Python makes it.
fn translated(pattern: &str) -> String {
    let mut pattern = pattern.replace('\\', "/");
    if pattern.ends_with('/') {
        pattern.push('*');
    }
    let chars: Vec<char> = pattern.chars().collect();
    let mut regex = String::from(r"(?s)\A");
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        at += 1;
        match c {
            // Many stars in a row mean one, and would only make the expression larger.
            '*' if chars.get(at) == Some(&'*') => {}
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' => match class_length(&chars[at..]) {
                Some(length) => {
                    push_class(&mut regex, &chars[at..at + length]);
                    at += length + 1;
                }
                None => regex.push_str(r"\["),
            },
            other => push_char(&mut regex, other),
        }
    }
    regex.push_str(r"\z");
    regex
}

/// How many characters follow before the `]` that closes a class; a `]` that comes first, perhaps
/// behind `!`, is a member.
fn class_length(after: &[char]) -> Option<usize> {
    let negation = usize::from(after.first() == Some(&'!'));
    let first = negation + usize::from(after.get(negation) == Some(&']'));
    let close = after.get(first..)?.iter().position(|&c| c == ']')?;
    Some(first + close)
}

/// Members and ranges; a range that runs backwards is empty, as in Python.
fn push_class(regex: &mut String, class: &[char]) {
    let (negated, mut members) = match class {
        ['!', members @ ..] => (true, members),
        members => (false, members),
    };
    let mut ranges = String::new();
    while let Some((&low, rest)) = members.split_first() {
        let (high, rest) = match rest {
            ['-', high, rest @ ..] => (*high, rest),
            rest => (low, rest),
        };
        if low <= high {
            push_char(&mut ranges, low);
            ranges.push('-');
            push_char(&mut ranges, high);
        }
        members = rest;
    }
    match (negated, ranges.is_empty()) {
        (false, false) => regex.extend(["[", &ranges, "]"]),
        (true, false) => regex.extend(["[^", &ranges, "]"]),
        (true, true) => regex.push('.'),
        (false, true) => regex.push_str(r"[^\x{0}-\x{10FFFF}]"),
    }
}

/// Letters and digits as they are, all else by number, which needs no knowledge of the syntax.
fn push_char(regex: &mut String, c: char) {
    if c.is_ascii_alphanumeric() {
        regex.push(c);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(regex, r"\x{{{:X}}}", u32::from(c));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owned(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&p| p.to_owned()).collect()
    }

    /// Pattern, paths that match, paths that do not; the answers are those of Python 3.11.
    const ANSWERS: &str = r"
        *.json => config.json a/config.json => config.JSON onnx/m onnx onnx/a/b ac xy ay
        onnx/ => onnx/m onnx/a/b => config.json a/config.json config.JSON onnx a/c ac x
        a?c => abc a/c => config.json a/config.json config.JSON onnx/a/b ac a/x a/b/x
        **/x => a/x a/b/x => a/config.json onnx/m onnx onnx/a/b a/c ac x
        [!x]y => ay => onnx/m onnx onnx/a/b ac x a/x a/b/x
        []x]z => ]z xz => onnx/m onnx onnx/a/b ac x a/x a/b/x
        [!]x]z => az => onnx/m onnx onnx/a/b ac x a/x a/b/x
        a[b => a[b => a/config.json onnx/a/b abc a/c ac a/x a/b/x
        [a-c]1 => a1 b1 c1 => config.json a/config.json config.JSON onnx/a/b abc a/c ac
        [c-a]1 =>  => config.json a/config.json config.JSON onnx/a/b abc a/c ac
        [!c-a]1 => a1 b1 c1 d1 e1 -1 ^1 &1 |1 => config.json a/config.json config.JSON onnx/a/b abc
        [a-]1 => a1 -1 => a/config.json onnx/a/b abc a/c ac a/x a/b/x
        [-a]1 => a1 -1 => a/config.json onnx/a/b abc a/c ac a/x a/b/x
        [^a]1 => a1 ^1 => a/config.json onnx/a/b abc a/c ac a/x a/b/x
        [a-c-e]1 => a1 b1 c1 e1 -1 => config.json a/config.json config.JSON onnx/a/b abc
        [&&~|]1 => &1 |1 ~1 => ac xy ay ]z xz az a[b
        [[a]1 => a1 [1 => a/config.json onnx/a/b abc a/c ac a/x a/b/x
        [\d]1 => d1 /1 => ac xy ay ]z xz az a[b
        *.[jt]* => config.json a/config.json => config.JSON ac xy ay ]z xz az
        模* => 模 模1 => ac xy ay ]z xz az ab
        [模-权]1 =>  => ac xy ay ]z xz az a[b
        a{b,c}.$ => a{b,c}.$ => config.json a/config.json config.JSON onnx/a/b abc a/c ac
        [! => [! => ac xy ay ]z xz az a[b
        [] => [] => ac xy ay ]z xz az a[b
        a.b => a.b => config.json a/config.json config.JSON onnx/a/b abc a/c ac
    ";

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        for line in ANSWERS.lines().filter(|line| line.contains("=>")) {
            let cells: Vec<&str> = line.split("=>").collect();
            let selection = Selection::new(&owned(&[cells[0].trim()]), &[]).unwrap();
            for (cell, want) in [(cells[1], true), (cells[2], false)] {
                for path in cell.split_whitespace() {
                    assert_eq!(selection.keeps(path), want, "{path} by {line}");
                }
            }
        }
        let any = Selection::new(&owned(&["a?c*"]), &[]).unwrap();
        assert!(any.keeps("a\nc\n"));
    }

    #[test]
    fn exclusion_wins_and_nothing_means_everything() {
        let all = Selection::new(&[], &[]).unwrap();
        assert!(all.keeps("x"));
        let some = Selection::new(&owned(&["*.txt", "a*"]), &owned(&["*b.txt", "d\\"])).unwrap();
        for (path, want) in [
            ("a", true),
            ("x.txt", true),
            ("ab.txt", false),
            ("d/x.txt", false),
        ] {
            assert_eq!(some.keeps(path), want, "{path}");
        }
        assert!(Selection::new(&owned(&[""]), &[]).is_err());
        assert!(Selection::new(&[], &owned(&["a", ""])).is_err());
    }

    proptest! {
        #[test]
        fn every_pattern_compiles(pattern in "([*?!^&~|a\\-\\[\\]\\\\]|\\PC){1,30}") {
            prop_assert!(Selection::new(&[pattern], &[]).is_ok());
        }
    }
}
