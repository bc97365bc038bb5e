//! A path inside a repository that is safe to create on any system; everything else is refused.
//!
//! The one validator for names from a listing, whoever asks: POSIX and Windows rules hold on all
//! systems, so that a repository that is harmless here is harmless there. Pure.

use std::fmt;

use crate::text::is_unprintable;

/// A relative path with `/` between its parts, each of which may become a file name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoPath(Box<str>);

impl RepoPath {
    /// Accepts `text` if it may be created below a folder on any system.
    ///
    /// # Errors
    /// The rule that it breaks, as a fragment that follows "refused:".
    ///
    /// ```
    /// use hfast::RepoPath;
    /// assert!(RepoPath::new("onnx/model.onnx").is_ok());
    /// assert!(RepoPath::new("../../.bashrc").is_err());
    /// ```
    pub fn new(text: &str) -> Result<Self, PathFault> {
        if text.len() > 1024 {
            return Err(PathFault("the path is longer than 1024 bytes"));
        }
        let mut parts = text.split('/');
        if let Some(fault) = parts.clone().find_map(part_fault) {
            return Err(PathFault(fault));
        }
        let is = |part: Option<&str>, name| part.is_some_and(|p| p.eq_ignore_ascii_case(name));
        let second = |part: Option<&str>| part.is_none() || is(part, "huggingface");
        if is(parts.next(), ".cache") && second(parts.next()) {
            return Err(PathFault(
                "it lies in the folder that download clients keep their state in",
            ));
        }
        Ok(Self(text.into()))
    }

    /// The path as the repository has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key under which two paths are one file on a case-insensitive disk.
    pub fn collision_key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a path was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PathFault(&'static str);

impl PathFault {
    pub(crate) const COLLISION: Self =
        Self("another file has this name, but for upper and lower case");
    pub(crate) const FILE_AND_FOLDER: Self = Self("the listing has it as a file and as a folder");
}

fn part_fault(part: &str) -> Option<&'static str> {
    let drive = |p: &[u8]| p.len() >= 2 && p[0].is_ascii_alphabetic() && p[1] == b':';
    if part.is_empty() {
        Some("it is absolute or has an empty part")
    } else if part == "." || part == ".." {
        Some("it leaves its folder")
    } else if part.len() > 255 {
        Some("a part of it is longer than 255 bytes")
    } else if part.contains('\\') || drive(part.as_bytes()) {
        Some("it has a backslash or a drive letter")
    } else if part.chars().any(is_unprintable) {
        Some("it has a control or direction character")
    } else if part.ends_with(['.', ' ']) {
        Some("a part of it ends in a dot or a space")
    } else if part.eq_ignore_ascii_case(".git") || part.eq_ignore_ascii_case("git~1") {
        Some("it lies in a .git folder")
    } else if is_device_name(part) {
        Some("it is the name of a device on Windows")
    } else {
        system_fault(part)
    }
}

fn is_device_name(part: &str) -> bool {
    let stem = part
        .split('.')
        .next()
        .unwrap_or(part)
        .trim_end()
        .to_ascii_uppercase();
    match stem.as_str() {
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" => true,
        other => {
            let digit = other
                .strip_prefix("COM")
                .or_else(|| other.strip_prefix("LPT"));
            // Windows takes the small digits of Latin-1 for digits, too.
            let is_digit = |c: char| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³');
            digit.is_some_and(|d| d.chars().count() == 1 && d.chars().all(is_digit))
        }
    }
}

/// Names that real repositories use and that only Windows cannot hold are refused only there.
fn system_fault(part: &str) -> Option<&'static str> {
    (cfg!(windows) && part.contains(['<', '>', ':', '"', '|', '?', '*']))
        .then_some("it has a character that Windows does not allow")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_names_are_accepted() {
        for good in [
            "config.json",
            "a/b/c d+e.txt",
            ".gitattributes",
            "[1]+%.txt",
            "模型/权重.safetensors",
            "..a/b..c",
            "audio/12:30.wav",
            "console.log",
            "com10",
            "می\u{200c}خواهم.wav",
            "👩\u{200d}🚀.png",
        ] {
            assert!(RepoPath::new(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        for bad in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/./b",
            "a//b",
            "a/",
            "C:\\x",
            "c:x",
            "a/C:evil",
            "\\\\host\\x",
            "a\\..\\b",
            "a\0b",
            "a\nb",
            "\u{202e}gpj.exe",
            ".git/config",
            "x/.GIT/hooks/post-checkout",
            "con",
            "NUL.txt",
            "a/com1.json",
            "COM².txt",
            "a\u{2028}b",
            "a\u{61c}b",
            "\u{3164}",
            "x.",
            "x ",
            ".cache/huggingface/download/x.metadata",
            ".Cache/HuggingFace/x",
            ".cache",
        ] {
            assert!(RepoPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(RepoPath::new(&"x".repeat(256)).is_err());
    }
}
