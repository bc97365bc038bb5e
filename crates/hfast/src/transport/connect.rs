//! The first two steps towards a host, each by itself and timed: its addresses, and a connection to
//! each of them. What that means is decided by those who ask.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::lookup::{Lookup, bare};
use crate::error::describe_io;

/// More addresses than any host of a Hub has; the others are not tried.
const MAX_ADDRESSES: usize = 16;

/// Why a step did not come to an end as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// Nothing came within the time.
    Silent,
    /// The system, or the other side, said no.
    Refused(io::ErrorKind, String),
}

impl From<io::Error> for Miss {
    fn from(error: io::Error) -> Self {
        let text = describe_io(&error);
        let text = text.trim_start_matches("failed to lookup address information: ");
        Self::Refused(error.kind(), text.to_owned())
    }
}

/// How a step went, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step<T> {
    pub(crate) took: Duration,
    pub(crate) outcome: Result<T, Miss>,
}

/// The addresses of a host and what became of a connection to each; `port` is that of the URL.
pub(crate) struct Reach {
    pub(crate) lookup: Step<Vec<SocketAddr>>,
    pub(crate) connects: Vec<(SocketAddr, Step<()>)>,
}

/// Looks a name up and leaves it at that.
pub(crate) async fn look_up(lookup: &Lookup, host: &str, patience: Duration) -> Reach {
    Reach {
        lookup: timed(patience, lookup.addresses(bare(host))).await,
        connects: Vec::new(),
    }
}

/// Looks a name up and connects to all its addresses at once; both together take at most twice
/// `patience`. The connections carry nothing.
pub(crate) async fn reach(lookup: &Lookup, host: &str, port: u16, patience: Duration) -> Reach {
    let mut reach = look_up(lookup, host, patience).await;
    let found = reach.lookup.outcome.as_deref().unwrap_or_default();
    let with_port = |mut address: SocketAddr| {
        if address.port() == 0 {
            address.set_port(port);
        }
        address
    };
    let addresses = found.iter().take(MAX_ADDRESSES).map(|at| with_port(*at));
    let connects = addresses.map(async |address| {
        let connected = async { TcpStream::connect(address).await.map(drop) };
        (address, timed(patience, connected).await)
    });
    reach.connects = join_all(connects).await;
    reach
}

async fn timed<T>(patience: Duration, step: impl Future<Output = io::Result<T>>) -> Step<T> {
    let begun = Instant::now();
    let outcome = match timeout(patience, step).await {
        Ok(outcome) => outcome.map_err(Miss::from),
        Err(_) => Err(Miss::Silent),
    };
    Step {
        took: begun.elapsed(),
        outcome,
    }
}
