//! Endpoints and storages with troubles that last, on virtual time: whom is asked next, and when.
//!
//! What is drawn from seeds is in `simulation`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod dead;
mod further;
mod liars;
mod limit;
#[path = "../simulation/link.rs"]
#[allow(dead_code, reason = "it counts for others, too")]
mod link;
mod pauses;
mod slow_folder;
mod sources;

use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::hub::{Clock, FakeHub, LfsRedirect, Options};
use link::SimulatedLink;

/// No job of these tests may take longer than this, in virtual time.
const LIMIT: Duration = Duration::from_secs(3600);

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs("model.safetensors", Content::seeded(100, 23 << 20))
        .lfs("vocab.bin", Content::seeded(101, (3 << 20) + 77))
        .build()
}

/// A Hub whose storage has this origin.
fn hub(storage: &str) -> FakeHub {
    hub_of(repo(), storage)
}

fn hub_of(repo: Repo, storage: &str) -> FakeHub {
    let options = Options {
        lfs_redirect: LfsRedirect::To(storage.to_owned()),
        // Signed URLs that never expire: the wall clock is not part of the simulation.
        clock: Clock::new(|| 4_000_000_000),
        ..Options::default()
    };
    FakeHub::with_options(vec![repo], options)
}

fn on_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Bytes per second of each connection.
const RATE: u64 = 4_000_000;

/// The way to two Hubs and their storages, each under names of its own.
fn roads(first: &FakeHub, second: &FakeHub) -> SimulatedLink {
    roads_at(first, second, RATE)
}

/// The same, on which each connection carries so many bytes per second.
fn roads_at(first: &FakeHub, second: &FakeHub, rate: u64) -> SimulatedLink {
    let names = [
        ("hub.test", first),
        ("cdn.test", first),
        ("mirror.test", second),
        ("twin.test", second),
        ("storage.test", second),
    ];
    let hosts = names.map(|(name, hub)| (name, hub.clone())).to_vec();
    SimulatedLink::new(hosts, rate)
}

/// Downloads everything from `endpoints`, and says how long it took and what is missing.
fn download(roads: SimulatedLink, endpoints: &[&str]) -> (Duration, Report) {
    download_with(roads, endpoints, None)
}

/// The same, over so many connections if somebody insists.
fn download_with(
    roads: SimulatedLink,
    endpoints: &[&str],
    connections: Option<usize>,
) -> (Duration, Report) {
    let options = ClientOptions {
        connections,
        endpoints: endpoints.iter().map(|text| text.parse().unwrap()).collect(),
        ..ClientOptions::default()
    };
    let roads = Arc::new(roads);
    let client = Client::with_transport(options, roads, Disk::Inline(Power::default()), 1);
    let folder = tempfile::tempdir().unwrap();
    let id = hfast::RepoId::new("org/name").unwrap();
    let repo = hfast::Repo::new(hfast::RepoType::Model, id);
    let request = DownloadRequest::new(repo, Target::Cache(folder.path().into()));
    on_virtual_time(async {
        let started = tokio::time::Instant::now();
        let progress = Arc::new(Progress::default());
        let plan = client.plan(&request, &progress).await.unwrap();
        let work = client.download(plan, &progress);
        let report = tokio::time::timeout(LIMIT, work).await.unwrap().unwrap();
        (started.elapsed(), report)
    })
}
