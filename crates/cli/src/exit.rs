//! Exit codes: which failure ends the program with which number. Part of the interface.

use hfast::client::Report;
use hfast::{Error, ErrorKind};

pub(crate) const SUCCESS: u8 = 0;
/// Everything else arrived.
pub(crate) const SOME_NAMES_REFUSED: u8 = 11;
pub(crate) const TERMINATED: u8 = 143;

pub(crate) const TABLE: &str = "\
Exit codes:
    0  success
    2  the command line or a setting makes no sense
    3  repository, revision or file not found
    4  access denied: a token or an approval is needed
    5  the server asked for a long pause
    6  no server could be reached
    7  a server answered nonsense
    8  the bytes are not those that were promised
    9  the disk refused
   11  some files were refused by name, everything else is there
  130  interrupted (143: terminated)
When some files of many failed, the code is that of the first one.";

pub(crate) fn code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::Usage => 2,
        ErrorKind::NotFound => 3,
        ErrorKind::AccessDenied => 4,
        ErrorKind::RateLimited => 5,
        ErrorKind::Unreachable => 6,
        ErrorKind::Protocol => 7,
        ErrorKind::Integrity => 8,
        ErrorKind::Disk => 9,
        ErrorKind::Cancelled => 130,
    }
}

/// The kind as it stands in JSON.
pub(crate) fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Usage => "usage",
        ErrorKind::NotFound => "not_found",
        ErrorKind::AccessDenied => "access_denied",
        ErrorKind::RateLimited => "rate_limited",
        ErrorKind::Unreachable => "unreachable",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Integrity => "integrity",
        ErrorKind::Disk => "disk",
        ErrorKind::Cancelled => "cancelled",
    }
}

pub(crate) fn code_of(error: &Error) -> u8 {
    code(error.kind())
}

pub(crate) fn code_of_report(report: &Report) -> u8 {
    match report.failed.first() {
        Some((_, error)) => code_of(error),
        None if report.refused.is_empty() => SUCCESS,
        None => SOME_NAMES_REFUSED,
    }
}
