//! Endpoints and storages with troubles that last, on virtual time: whom is asked next, and when.
//!
//! What is drawn from seeds is in `simulation`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

#[path = "../simulation/link.rs"]
#[allow(dead_code, reason = "it counts for others, too")]
mod link;
mod pauses;
mod sources;

use std::net::SocketAddr;
use std::time::Duration;

use hfast::transport::{Boxed, Failure, Request, Response, Transport};
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
    let options = Options {
        lfs_redirect: LfsRedirect::To(storage.to_owned()),
        // Signed URLs that never expire: the wall clock is not part of the simulation.
        clock: Clock::new(|| 4_000_000_000),
        ..Options::default()
    };
    FakeHub::with_options(vec![repo()], options)
}

fn on_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Two Hubs and their storages, each under names of its own.
struct Roads {
    first: SimulatedLink,
    second: SimulatedLink,
}

impl Roads {
    fn new(first: &FakeHub, second: &FakeHub) -> Self {
        let link = |hub: &FakeHub| SimulatedLink::new(hub.clone());
        Self {
            first: link(first),
            second: link(second),
        }
    }
}

impl Transport for Roads {
    fn send(&self, request: Request) -> Boxed<'_, Result<Response, Failure>> {
        match request.url.host_str() {
            Some("mirror.test" | "storage.test") => self.second.send(request),
            _ => self.first.send(request),
        }
    }

    fn avoid(&self, _: SocketAddr) {}
}
