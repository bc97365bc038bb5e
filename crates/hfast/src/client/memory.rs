//! What jobs learnt of the ways to their sources, carried from one to the next.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::Client;
use crate::store::networks::Networks;
use crate::transfer::controller::Learnt;
use crate::transfer::provider::Provider;
use crate::transport::local;

/// What was learnt of each way, by its number.
pub(crate) type Known = HashMap<usize, Learnt>;

impl Client {
    /// What earlier jobs learnt of the ways to these sources from where this machine is now.
    pub(super) async fn recall(&self, provider: &Provider) -> Known {
        let ways = provider.ways();
        let recall = move |folder: PathBuf| {
            let (networks, network) = (Networks::read(&folder), network());
            let each = ways.into_iter();
            let known = each.filter_map(|(lane, server)| {
                let learnt = networks.of(&format!("{network} {server}"))?;
                tracing::debug!("{server}: {} connections paid lately", learnt.connections);
                Some((lane, learnt))
            });
            Ok(known.collect())
        };
        self.with_folder(recall).await
    }

    /// Keeps what this job learnt.
    pub(super) async fn remember(&self, provider: &Provider, learnt: Known) {
        if learnt.is_empty() {
            return;
        }
        let ways = provider.ways();
        let remember = move |folder: PathBuf| {
            let (mut networks, network) = (Networks::read(&folder), network());
            for (lane, server) in ways {
                if let Some(learnt) = learnt.get(&lane) {
                    networks.learn(format!("{network} {server}"), *learnt);
                }
            }
            networks.write(&folder)
        };
        self.with_folder(remember).await;
    }

    /// Does something with the folder of such notes, if there is one. They save seconds, and no job fails
    /// by them.
    async fn with_folder<T: Default + Send + 'static>(
        &self,
        act: impl FnOnce(PathBuf) -> io::Result<T> + Send + 'static,
    ) -> T {
        let Some(folder) = self.options.memory.clone() else {
            return T::default();
        };
        let act = self.disk.run(move || {
            let done = act(folder);
            Ok(done.inspect_err(|error| tracing::debug!("networks are not remembered: {error}")))
        });
        act.await.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// What tells this network from others, roughly: a wrong memory is found out by its rate.
fn network() -> String {
    local::address().map_or_else(|| "-".to_owned(), |address| address.to_string())
}
