//! Name resolution that spreads connections over the addresses of a name, and remembers which of them
//! stalled or never answered: those come last.
//!
//! Who is asked for a name is told in `lookup.rs`.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::Instant;

use super::lookup::Lookup;

/// How long an address that stalled is put behind the others. Long enough to get through a large
/// file, short enough that a repaired edge is tried again in the same session.
const DEMOTION: Duration = Duration::from_secs(300);

/// An address that so many connections were to go to first, and that has answered none of them since the
/// first of these began so long ago, leads nowhere: each connection waits for it before it takes another
/// one. Two lost SYNs are 3 s.
const OFFERS: u32 = 3;
const UNANSWERED: Duration = Duration::from_secs(3);

/// More addresses than this have never been seen to stall at once; the oldest is forgotten.
const MOST: usize = 256;

/// A resolver, by default the system's.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    lookup: Lookup,
    known: Arc<Mutex<Known>>,
}

/// What is known of addresses.
#[derive(Default)]
struct Known {
    /// Since when they are put behind the others.
    demoted: HashMap<IpAddr, Instant>,
    /// How many connections were to go there first since one was answered, and since when.
    offered: HashMap<IpAddr, (u32, Instant)>,
    /// Which connection, of all there were, went there first last.
    turns: HashMap<IpAddr, u64>,
    turn: u64,
}

impl Known {
    fn demote(&mut self, address: IpAddr) {
        forget_oldest(&mut self.demoted, |since| *since);
        self.demoted.insert(address, Instant::now());
    }

    /// Notes that a connection goes to `address` first.
    fn offer(&mut self, address: IpAddr) {
        forget_oldest(&mut self.offered, |(_, since)| *since);
        let now = Instant::now();
        let (offers, since) = self.offered.entry(address).or_insert((0, now));
        *offers += 1;
        if *offers >= OFFERS && since.elapsed() >= UNANSWERED {
            self.offered.remove(&address);
            self.demote(address);
        }
    }

    /// The same addresses: of the good ones that first which was first longest ago, and the others behind them,
    /// those that failed longest ago before the rest.
    fn order(&mut self, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        self.demoted.retain(|_, since| since.elapsed() < DEMOTION);
        let is_good = |address: &SocketAddr| !self.demoted.contains_key(&address.ip());
        let (mut good, mut bad): (Vec<_>, Vec<_>) = addresses.into_iter().partition(is_good);
        bad.sort_by_key(|address| self.demoted.get(&address.ip()).copied());
        if good.is_empty() {
            // That was the link, and says nothing of an address.
            good = std::mem::take(&mut bad);
        }
        good.sort_by_key(|address| self.turns.get(&address.ip()).copied());
        if let Some(first) = good.first().filter(|_| good.len() + bad.len() > 1) {
            forget_oldest(&mut self.turns, |turn| *turn);
            self.turn += 1;
            self.turns.insert(first.ip(), self.turn);
            self.offer(first.ip());
        }
        good.extend(bad);
        good
    }
}

fn forget_oldest<T, A: Ord>(known: &mut HashMap<IpAddr, T>, since: impl Fn(&T) -> A) {
    if known.len() >= MOST {
        let oldest = known.iter().min_by_key(|(_, value)| since(value));
        oldest.map(|(ip, _)| *ip).and_then(|ip| known.remove(&ip));
    }
}

impl Resolver {
    pub(super) fn asking(lookup: Lookup) -> Self {
        Self {
            lookup,
            known: Arc::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a connection to `address` stalled.
    pub(super) fn demote(&self, address: IpAddr) {
        self.known().demote(address);
    }

    /// Notes that `address` answered.
    pub(super) fn answered(&self, address: IpAddr) {
        self.known().offered.remove(&address);
    }

    fn order(&self, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        self.known().order(addresses)
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
    use std::collections::HashSet;

    use super::*;

    fn addresses() -> [SocketAddr; 3] {
        ["[::1]:1", "10.0.0.1:1", "10.0.0.2:1"].map(|text| text.parse().unwrap())
    }

    #[test]
    fn connections_are_spread_over_all_addresses() {
        let resolver = Resolver::default();
        let [a, b, c] = addresses();
        let next = || resolver.order(addresses().to_vec());
        assert_eq!([next(), next()], [[a, b, c], [b, c, a]]);
        assert_eq!([next(), next()], [[c, a, b], [a, b, c]]);
        assert_eq!(resolver.order(Vec::new()), []);
    }

    #[test]
    fn names_that_are_asked_by_turns_use_all_addresses_of_each() {
        let resolver = Resolver::default();
        let [a, b, c] = addresses();
        let d = "10.0.0.3:1".parse().unwrap();
        let names = [[a, b], [c, d]].repeat(2);
        let firsts = names.iter().map(|name| resolver.order(name.to_vec())[0]);
        assert_eq!(firsts.collect::<HashSet<_>>().len(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_address_goes_last_and_is_forgiven_later() {
        let resolver = Resolver::default();
        let [a, b, c] = addresses();
        resolver.demote(b.ip());
        tokio::time::advance(Duration::from_secs(1)).await;
        resolver.demote(a.ip());
        assert_eq!(resolver.order(addresses().to_vec()), [c, b, a]);
        assert_eq!(resolver.order(addresses().to_vec()), [c, b, a]);
        resolver.answered(c.ip());
        tokio::time::advance(DEMOTION).await;
        let firsts: HashSet<_> = (0..3)
            .map(|_| resolver.order(addresses().to_vec())[0])
            .collect();
        assert_eq!(firsts.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_that_stalled_all_is_held_against_none() {
        let resolver = Resolver::default();
        for address in addresses() {
            resolver.demote(address.ip());
        }
        let next = || resolver.order(addresses().to_vec())[0];
        assert_eq!([next(), next(), next()], addresses());
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_never_answers_is_found_out() {
        let resolver = Resolver::default();
        let firsts = async || {
            let mut firsts = Vec::new();
            for _ in 0..12 {
                let first = resolver.order(addresses().to_vec())[0];
                // The first one is a black hole.
                if first != addresses()[0] {
                    resolver.answered(first.ip());
                }
                firsts.push(first);
                tokio::time::advance(Duration::from_millis(600)).await;
            }
            firsts
        };
        let dead = addresses()[0];
        assert!(firsts().await.contains(&dead));
        assert!(!firsts().await.contains(&dead));
    }
}
