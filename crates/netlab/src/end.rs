//! The two ends of a link, and things of which each end has one. Pure.
//!
//! A direction has no name of its own inside: it is that of the end which sends. In settings and
//! reports, what the client sends is `up` and what the server sends is `down`.

use std::ops::{Index, IndexMut};

use clap::ValueEnum;

/// One end of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum End {
    /// Where the program under test runs.
    Client,
    /// Where the server runs, with all its addresses.
    Server,
}

impl End {
    pub(crate) const BOTH: [Self; 2] = [Self::Client, Self::Server];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }

    /// What the direction is called in which this end sends.
    pub(crate) fn direction(self) -> &'static str {
        match self {
            Self::Client => "up",
            Self::Server => "down",
        }
    }
}

/// One thing for each end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerEnd<T> {
    pub(crate) client: T,
    pub(crate) server: T,
}

impl<T> PerEnd<T> {
    pub(crate) fn of(mut make: impl FnMut(End) -> T) -> Self {
        Self {
            client: make(End::Client),
            server: make(End::Server),
        }
    }
}

impl<T> Index<End> for PerEnd<T> {
    type Output = T;

    fn index(&self, end: End) -> &T {
        match end {
            End::Client => &self.client,
            End::Server => &self.server,
        }
    }
}

impl<T> IndexMut<End> for PerEnd<T> {
    fn index_mut(&mut self, end: End) -> &mut T {
        match end {
            End::Client => &mut self.client,
            End::Server => &mut self.server,
        }
    }
}
