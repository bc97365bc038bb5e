//! Name resolution that remembers which addresses stalled, and tries the others first.
//!
//! Who is asked for a name is told in `lookup.rs`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

use super::lookup::Lookup;

/// How long an address that stalled is put behind the others. Long enough to get through a large
/// file, short enough that a repaired edge is tried again in the same session.
const DEMOTION: Duration = Duration::from_secs(300);

/// More addresses than this have never been seen to stall at once; the oldest is forgotten.
const MAX_DEMOTED: usize = 256;

/// A resolver, by default the system's, with the addresses that stalled moved to the end.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    lookup: Lookup,
    demoted: Arc<Mutex<HashMap<IpAddr, Instant>>>,
}

impl Resolver {
    pub(super) fn asking(lookup: Lookup) -> Self {
        Self {
            lookup,
            demoted: Arc::default(),
        }
    }

    pub(super) fn demote(&self, address: IpAddr) {
        let mut demoted = self.demoted.lock().unwrap_or_else(PoisonError::into_inner);
        if demoted.len() >= MAX_DEMOTED {
            let oldest = demoted.iter().min_by_key(|(_, at)| **at).map(|(ip, _)| *ip);
            oldest.and_then(|ip| demoted.remove(&ip));
        }
        demoted.insert(address, Instant::now());
    }

    fn order(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        let mut demoted = self.demoted.lock().unwrap_or_else(PoisonError::into_inner);
        demoted.retain(|_, at| at.elapsed() < DEMOTION);
        addresses.sort_by_key(|address| demoted.get(&address.ip()).copied());
        addresses
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.lookup.addresses(name.as_str()).await?;
            Ok(Box::new(resolver.order(addresses).into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stalled_address_goes_last_and_is_forgiven_later() {
        let addresses: Vec<SocketAddr> =
            vec!["10.0.0.1:1".parse().unwrap(), "10.0.0.2:1".parse().unwrap()];
        let resolver = Resolver::default();
        assert_eq!(resolver.order(addresses.clone()), addresses);
        resolver.demote(addresses[0].ip());
        assert_eq!(resolver.order(addresses.clone())[0], addresses[1]);
        tokio::time::advance(DEMOTION).await;
        assert_eq!(resolver.order(addresses.clone()), addresses);
    }
}
