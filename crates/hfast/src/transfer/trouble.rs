//! Why an exchange brought less than it should, and what kind of thing that is. What follows from it
//! is decided in `worker.rs`. Pure.

use std::time::Duration;

use ::http::{HeaderMap, StatusCode};

use super::check::Void;
use super::stall::Stall;
use crate::error::{Error, ErrorKind};
use crate::hub::metadata::Validator;
use crate::transport::{Failure, FailureKind};

/// Why an exchange ended before its lease was done.
pub(super) enum Trouble {
    /// The wire failed.
    Failed(Failure),
    /// The connection was given up.
    Stalled(Stall),
    /// The head of the answer is not believable.
    Void(Void),
    /// The body ended early.
    Short,
    /// A status that may pass, and the pause that the host makes.
    Status(StatusCode, Duration),
    /// The host wants to be left alone for longer than we wait.
    TooLong(Error),
    /// A link that the source gave is refused.
    StaleLink(StatusCode),
    /// The source does not have the file, or will not give it.
    Refused(StatusCode, Box<HeaderMap>, Vec<u8>),
    /// The source has another file.
    Other(String),
    /// Nothing shows that a Hub answered, and there is no digest that could.
    NotAHub,
    /// A file that only its validator identifies has another one now.
    Changed(Option<Validator>),
    /// Another connection asked for the link meanwhile and failed: it counts the failure.
    Overtaken,
    /// The whole file came where a range was asked for, and nobody wants it.
    Unwanted,
    /// The disk failed; no source can help.
    Disk(Error),
}

impl Trouble {
    /// Whether it may be, of a connection that was not answered, that a server lets no more in. While others
    /// bring content from it, that says nothing of the file.
    pub(super) fn may_be_limit(&self) -> bool {
        match self {
            Self::Failed(failure) => {
                matches!(failure.kind, FailureKind::Connect | FailureKind::Broken)
            }
            Self::Status(status, _) => matches!(status.as_u16(), 429 | 503),
            Self::Stalled(Stall::Silent(_)) => true,
            _ => false,
        }
    }

    /// Whether no server said anything, right or wrong.
    pub(super) fn is_on_the_way(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.kind != FailureKind::Protocol,
            Self::Stalled(_) => true,
            _ => false,
        }
    }

    /// Whether waiting may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Failed(failure) => !failure.kind.is_final(),
            Self::Stalled(_) | Self::Void(_) | Self::Short | Self::Overtaken | Self::Unwanted => {
                true
            }
            _ => false,
        }
    }

    /// What kind of error it becomes if it could pass and does not.
    pub(super) fn kind(&self) -> ErrorKind {
        match self {
            Self::Void(_) => ErrorKind::Protocol,
            Self::Failed(failure) if failure.kind == FailureKind::Protocol => ErrorKind::Protocol,
            Self::Status(StatusCode::TOO_MANY_REQUESTS, _) => ErrorKind::RateLimited,
            _ => ErrorKind::Unreachable,
        }
    }
}
