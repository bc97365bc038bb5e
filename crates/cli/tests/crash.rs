//! Kills the real process at random moments and runs it again: right bytes, little fetched twice,
//! nothing left behind.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::FakeHub;
use hfast_testkit::loopback::Loopback;

const CONNECTIONS: u64 = 4;

/// What a kill may cost for each open connection: the extent under way, what is in memory, and what
/// the kernel has received and nobody has read.
const LOST_AT_MOST: u64 = 8 << 20;

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .content("small.txt", Content::seeded(3, 70_000))
        .lfs("a.safetensors", Content::seeded(1, 60 << 20))
        .lfs("b.safetensors", Content::seeded(2, 20 << 20))
        .build()
}

fn start(endpoint: &str, cache: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_hfast"))
        .args([
            "download",
            "org/name",
            "--quiet",
            "-x",
            &CONNECTIONS.to_string(),
            "--endpoint",
            endpoint,
        ])
        .arg("--cache-dir")
        .arg(cache)
        .env_clear()
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_at_random_moments_costs_little_and_breaks_nothing() {
    let hub = FakeHub::new(vec![repo()]);
    // Slow enough that every kill strikes in the middle.
    hub.add_fault(Fault::new(Match::cdn(), What::Throttle(12 << 20)));
    let server = Loopback::start(hub).await.unwrap();
    let cache = tempfile::tempdir().unwrap();
    let mut chance = fastrand::Rng::with_seed(7);
    let mut kills = 0;
    loop {
        let mut child = start(&server.endpoint(), cache.path());
        let moment = Duration::from_millis(chance.u64(50..900));
        let ended = tokio::task::spawn_blocking(move || wait(&mut child, moment))
            .await
            .unwrap();
        if ended {
            break;
        }
        kills += 1;
        assert!(kills < 100, "it makes no progress");
    }
    assert!(kills > 2, "nothing was killed");
    let verdict = cache_check::check(cache.path(), &repo(), "main");
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
    let budget = repo().total_size() + kills * CONNECTIONS * LOST_AT_MOST;
    let sent = server.hub().sent_bytes();
    assert!(
        sent <= budget,
        "{sent} bytes sent, with {kills} kills, of {}",
        repo().total_size()
    );
    let blobs = cache.path().join(repo().cache_folder()).join("blobs");
    let names: Vec<_> = std::fs::read_dir(blobs)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), repo().files.len(), "orphans: {names:?}");
}

/// Waits for the end, or kills at `moment`. True if it ended by itself, well.
fn wait(child: &mut Child, moment: Duration) -> bool {
    let until = std::time::Instant::now() + moment;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return true;
        }
        if std::time::Instant::now() >= until {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::yield_now();
    }
}
