//! The whole engine on virtual time, in worlds drawn from seeds.
//!
//! For every seed: it ends; what it published is right, and nothing else is left; it never opens
//! more connections than allowed; it does not fetch much more than it must; the token goes nowhere
//! else; and the same seed does the same again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

mod checks;
mod crash;
mod life;
mod link;
mod misfortune;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hfast_testkit::cache_check;
use hfast_testkit::faults::{Fault, Match, What};
use world::World;

/// Two runs of a seed are compared for every so many seeds.
const COMPARED: u64 = 2;

/// `SIMULATION_SEEDS` when this is compiled: how many, or `first..end`.
fn seeds() -> std::ops::Range<u64> {
    let text = option_env!("SIMULATION_SEEDS").unwrap_or("150");
    let (first, end) = text.split_once("..").unwrap_or(("0", text));
    first.parse().unwrap()..end.parse().unwrap()
}

/// What passes by itself, or strikes only one of two endpoints, or kills the process, never needs
/// help.
#[test]
fn a_job_succeeds_while_one_endpoint_can_serve() {
    let seeds = seeds();
    let next = AtomicU64::new(seeds.start);
    let failed = Mutex::new(Vec::new());
    let work = || {
        loop {
            let seed = next.fetch_add(1, Relaxed);
            if seed >= seeds.end {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| live_well(seed))) {
                let text = panic.downcast_ref::<&str>().map(ToString::to_string);
                let why = panic.downcast_ref::<String>().cloned().or(text);
                let why = why.unwrap_or_default();
                let about = World::drawn(seed).about.join("\n");
                failed
                    .lock()
                    .unwrap()
                    .push(format!("seed {seed}: {why}\n{about}\n"));
            }
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        for n in 0..threads {
            let thread = std::thread::Builder::new().name(format!("seeds {n}"));
            thread.spawn_scoped(scope, work).unwrap();
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn live_well(seed: u64) {
    let live_once = || {
        let (world, root) = (World::drawn(seed), tempfile::tempdir().unwrap());
        let story = life::live(&world, root.path());
        checks::it_ended_well(&world, &story, root.path());
        world.trace()
    };
    let trace = live_once();
    if seed.is_multiple_of(COMPARED) {
        assert_eq!(trace, live_once(), "it is not deterministic");
    }
}

/// A clean link: hardly a byte twice, few requests, and as fast as the connections allow. Whose second
/// half is taken by another has a piece of it in hand already.
#[test]
fn a_clean_link_needs_hardly_a_byte_twice() {
    let (world, root) = (World::plain(1, Vec::new()), tempfile::tempdir().unwrap());
    let story = life::live(&world, root.path());
    checks::it_ended_well(&world, &story, root.path());
    let once: u64 = world.repo.total_size() - ((3 << 20) + 77);
    let files: u64 = world
        .requests()
        .iter()
        .filter(|r| r.path.contains("resolve") || r.path.starts_with("/cdn"))
        .map(|r| r.sent_bytes)
        .sum();
    let twice = once..once + once / 100;
    assert!(twice.contains(&files), "{files} of {once} bytes");
    assert!(story.took < Duration::from_secs(8), "{:?}", story.took);
}

/// A fault that never passes ends in an error, not in a hang and not in a wrong file.
#[test]
fn faults_that_stay_end_in_an_error() {
    let html = || What::Status {
        code: 503,
        headers: Vec::new(),
        body: "busy".into(),
    };
    let lasting = [
        What::Refuse,
        What::StallAfter(100, None),
        What::StallBeforeHeaders(None),
        What::Trickle(10),
        What::ResetAfter(0),
        html(),
        What::FlipByte(5),
        What::CaptivePortal,
        What::MissingContentRange,
        What::WrongContentRange { start: 7, total: 0 },
        What::RedirectLoop,
        What::ExpireSignedUrls,
        What::too_many_requests("100000"),
    ];
    for (n, what) in lasting.into_iter().enumerate() {
        let root = tempfile::tempdir().unwrap();
        let name = format!("{what:?}");
        let world = World::plain(n as u64, vec![Fault::new(Match::cdn(), what)]);
        let story = life::live(&world, root.path());
        let report = story.report.unwrap();
        assert!(!report.failed.is_empty(), "{name}");
        assert!(
            story.took < Duration::from_secs(400),
            "{name} took {:?}",
            story.took
        );
        let snapshot = report.path;
        assert!(!snapshot.join("model.safetensors").exists(), "{name}");
        for small in world.repo.files.iter().filter(|file| !file.is_lfs()) {
            cache_check::compare(&snapshot.join(small.path()), small)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
