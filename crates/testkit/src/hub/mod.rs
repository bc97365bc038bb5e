//! A Hub without sockets: a request goes in, a response comes out, and with it what the network
//! does to it on the way. Carried by [`crate::loopback`] or by any simulated transport.

#![expect(
    clippy::result_large_err,
    reason = "a refusal is a response, on its way out already"
)]

mod access;
mod api;
mod cdn;
mod files;
mod log;
mod message;
mod options;
mod range;
pub(crate) mod route;
mod tree;
mod world;

pub use log::Logged;
pub use message::{Body, Cut, CutHow, Delivery, Exchange, Meter, Request, Response};
pub use options::{CdnEtag, Clock, LfsRedirect, Odd, Options, Token};
pub use route::{RepoName, Route, RouteKind};

use crate::corpus::{Repo, RepoKind};
use crate::faults::{Fault, Match, Plan, What};
use log::Log;
use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use world::World;

/// An in-memory Hub; clones are the same Hub.
#[derive(Debug, Clone)]
pub struct FakeHub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    world: Mutex<Arc<World>>,
    faults: Mutex<Plan>,
    log: Log,
}

impl FakeHub {
    /// A Hub like today's, with these repositories.
    pub fn new(repos: Vec<Repo>) -> Self {
        Self::with_options(repos, Options::default())
    }

    /// A Hub with these repositories and ways.
    pub fn with_options(repos: Vec<Repo>, options: Options) -> Self {
        let mut world = World::new(options);
        for repo in repos {
            world.push(repo);
        }
        Self(Arc::new(Inner {
            world: Mutex::new(Arc::new(world)),
            faults: Mutex::default(),
            log: Log::default(),
        }))
    }

    /// Changes the options while it is running.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.change(|world| change(&mut world.options));
    }

    /// Adds a repository, or a new commit of one: its refs move, older commits stay.
    pub fn push(&self, repo: Repo) {
        self.change(|world| world.push(repo));
    }

    /// Removes a repository with all its commits.
    pub fn remove(&self, kind: RepoKind, id: &str) {
        self.change(|world| {
            world.repos.remove(&RepoName {
                kind,
                id: id.to_owned(),
            });
        });
    }

    /// Makes `old` a former name of `new`, answered with redirects.
    pub fn rename(&self, kind: RepoKind, old: &str, new: &str) {
        let name = RepoName {
            kind,
            id: old.to_owned(),
        };
        self.change(|world| {
            world.renamed.insert(name, new.to_owned());
        });
    }

    /// Lists these raw entries as the tree of a repository instead of its files.
    pub fn override_tree_json(&self, kind: RepoKind, id: &str, entries: Vec<Value>) {
        let name = RepoName {
            kind,
            id: id.to_owned(),
        };
        self.change(|world| {
            world.trees.insert(name, Arc::new(entries));
        });
    }

    /// Answers every path containing `path` with this JSON.
    pub fn override_json(&self, path: &str, value: &Value) {
        let what = What::Status {
            code: 200,
            headers: vec![("Content-Type".into(), "application/json".into())],
            body: value.to_string().into(),
        };
        self.add_fault(Fault::new(Match::any().path(path), what));
    }

    /// Sets a header, or removes it, on every response to a path containing `path`.
    pub fn override_header(&self, path: &str, name: &str, value: Option<&str>) {
        let what = What::SetHeader {
            name: name.into(),
            value: value.map(Into::into),
        };
        self.add_fault(Fault::new(Match::any().path(path), what));
    }

    /// Adds a fault behind those already there.
    pub fn add_fault(&self, fault: Fault) {
        self.faults().add(fault);
    }

    /// Replaces all faults; their counts begin anew.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        *self.faults() = Plan::new(faults);
    }

    /// How often faults were applied since they were set.
    pub fn faults_applied(&self) -> u64 {
        self.faults_struck().into_iter().map(u64::from).sum()
    }

    /// How often each fault was applied, in the order of the list.
    pub fn faults_struck(&self) -> Vec<u32> {
        self.faults().struck()
    }

    /// The answer of a Hub in good health over a good network; not logged.
    pub fn respond(&self, request: &Request) -> Response {
        self.world().respond(request)
    }

    /// The answer with the faults that strike it, and an entry in the log.
    pub fn exchange(&self, request: &Request) -> Exchange {
        let world = self.world();
        let kind = world.route(request).kind();
        let plain = world.respond(request);
        let struck = self.faults().choose(request, kind, &plain);
        let mut response = plain;
        let mut delivery = Delivery::default();
        for (what, nth) in struck {
            crate::faults::apply(&what, nth, request, &world, &mut response, &mut delivery);
        }
        let status = if delivery.refuse { 0 } else { response.status };
        let meter = self.0.log.add(request, kind, status);
        Exchange {
            response,
            delivery,
            meter,
        }
    }

    /// Every request since the start or the last [`Self::clear`].
    pub fn requests(&self) -> Vec<Logged> {
        self.0.log.all()
    }

    /// How many requests have this method and a path containing `path`; empty texts match all.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let wanted = |r: &&Logged| r.method.contains(method) && r.path.contains(path);
        self.requests().iter().filter(wanted).count()
    }

    /// Bytes of bodies handed to the network since the start or the last [`Self::clear`].
    pub fn sent_bytes(&self) -> u64 {
        self.0.log.sent_bytes()
    }

    /// Forgets the log.
    pub fn clear(&self) {
        self.0.log.clear();
    }

    pub(crate) fn set_cdn_origin(&self, origin: &str) {
        self.change(|world| world.served_cdn = Some(origin.to_owned()));
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(Arc::make_mut(&mut lock(&self.0.world)));
    }

    /// The state at this moment; answering needs no lock, since digests can take long.
    fn world(&self) -> Arc<World> {
        lock(&self.0.world).clone()
    }

    fn faults(&self) -> MutexGuard<'_, Plan> {
        lock(&self.0.faults)
    }
}

/// A lock whose value is whole even when a test panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the fault module needs of the state: the answer to a changed request.
pub(crate) use world::World as HealthyHub;

#[cfg(test)]
mod tests;
