//! Who is asked which addresses a name has: the system, or what a test puts in its place.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Boxed;

type Ask = dyn Fn(String) -> Boxed<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// A way to find the addresses of a name.
#[derive(Clone, Default)]
pub struct Lookup(Option<Arc<Ask>>);

impl Lookup {
    /// Asks `answer` in place of the system. An address with the port 0 gets that of the URL.
    pub fn new<F, A>(answer: F) -> Self
    where
        F: Fn(String) -> A + Send + Sync + 'static,
        A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Some(Arc::new(move |name| Box::pin(answer(name)))))
    }

    /// The addresses of `name`, in the order in which they are tried.
    pub(super) async fn addresses(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        match &self.0 {
            Some(ask) => ask(name.to_owned()).await,
            None => Ok(tokio::net::lookup_host((name, 0)).await?.collect()),
        }
    }
}

/// The host of a URL as it is looked up: an address of IPv6 stands in brackets only there.
pub(crate) fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = if self.0.is_some() { "other" } else { "system" };
        write!(f, "Lookup({who})")
    }
}
