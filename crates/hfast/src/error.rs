//! The one error type of the library: what failed, on what, and what to do next.
//!
//! How an error becomes an exit code or an HTTP status is decided by each face, not here.

use std::error::Error as StdError;
use std::{fmt, io};

use crate::text::printable;

/// The kinds of failure. Closed on purpose: each face matches it without a wildcard, so that a new
/// kind does not compile until every face has an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What the caller asked for makes no sense.
    Usage,
    /// Repository, revision or file does not exist, or is not visible to this token.
    NotFound,
    /// It exists, but this token (or no token) may not read it.
    AccessDenied,
    /// The server asked for a longer pause than we are willing to make.
    RateLimited,
    /// No source could be reached, or none went on delivering.
    Unreachable,
    /// A server answered, but its answer makes no sense.
    Protocol,
    /// The bytes do not have the digest that the Hub promised.
    Integrity,
    /// The disk refused: full, read-only, broken, or something is in the way.
    Disk,
    /// The caller cancelled.
    Cancelled,
}

type Cause = Box<dyn StdError + Send + Sync>;

/// A failure, with its kind, an optional hint, and its cause.
///
/// The message is a lower-case fragment of one line. It never contains a token or a signed URL:
/// those are types that do not print themselves.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Cause>,
}

impl Error {
    /// An error of `kind` with a one-line message. Line breaks and control characters, which may
    /// have come from a server, are replaced.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = printable(&message.into());
        Self(Box::new(Inner {
            kind,
            message,
            hint: None,
            source: None,
        }))
    }

    /// An I/O error on `path`; `action` is a verb phrase such as "write".
    pub fn disk(action: &str, path: &std::path::Path, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Some("free some space and run the same command again")
            }
            io::ErrorKind::FileTooLarge => Some(
                "a file may not become so large here: see `ulimit -f`; FAT32 ends at 4 GiB, so choose another disk",
            ),
            io::ErrorKind::CrossesDevices => {
                Some("a part of the target lies on another disk: choose one that does not")
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(
                "choose a folder that you can write to (--cache-dir, --local-dir, for `hfast get` -P)",
            ),
            io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::AlreadyExists => {
                Some("a file stands where a folder should be, or the reverse: move it away")
            }
            _ => None,
        };
        let message = format!(
            "cannot {action} {}: {}",
            path.display(),
            describe_io(&source)
        );
        let mut error = Self::new(ErrorKind::Disk, message).with_source(source);
        error.0.hint = hint.map(str::to_owned);
        error
    }

    /// Adds what the user can do next: a sentence or a command.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(printable(&hint.into()));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Cause>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the disk, or the user's part of it, is full.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(
            self.io_kind(),
            Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        )
    }

    /// What the system said, if it was the system that failed.
    pub(crate) fn io_kind(&self) -> Option<io::ErrorKind> {
        let cause = self.0.source.as_deref()?;
        Some(cause.downcast_ref::<io::Error>()?.kind())
    }

    /// What the user can do next, if we know.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The system's own words without Rust's "(os error 28)".
pub(crate) fn describe_io(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or(&text)
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_what_to_do() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let error = Error::disk("write", std::path::Path::new("/x"), full);
        assert_eq!(error.kind(), ErrorKind::Disk);
        assert!(
            error
                .hint()
                .is_some_and(|hint| hint.contains("free some space"))
        );
        assert!(error.source().is_some());
    }

    #[test]
    fn a_message_from_a_server_cannot_drive_the_terminal() {
        let error = Error::new(ErrorKind::Protocol, "a\x1b[2Jb\nc");
        assert_eq!(error.to_string(), "a\u{fffd}[2Jb\u{fffd}c");
    }
}
