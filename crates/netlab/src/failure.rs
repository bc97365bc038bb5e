//! Why netlab itself failed, in one line: what failed and on what, the cause, and what to do next.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

/// A failure of netlab, not of what runs in a lab.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    next: String,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// `what` failed and on what; `next` is what the reader can do about it.
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next: next.into(),
            cause: None,
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { what, next, cause } = self;
        match cause {
            Some(cause) => write!(f, "{what}: {cause}; {next}"),
            None => write!(f, "{what}; {next}"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| cause.as_ref() as _)
    }
}

/// Turns the error of a system call or a library into a [`Failure`].
pub(crate) trait Why<T> {
    fn why(self, what: impl Into<String>, next: impl Into<String>) -> Result<T, Failure>;
}

impl<T, E: Error + Send + Sync + 'static> Why<T> for Result<T, E> {
    fn why(self, what: impl Into<String>, next: impl Into<String>) -> Result<T, Failure> {
        self.map_err(|cause| Failure {
            cause: Some(Box::new(cause)),
            ..Failure::new(what, next)
        })
    }
}
