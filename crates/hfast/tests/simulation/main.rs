//! The whole engine on virtual time, with faults drawn from seeds.
//!
//! For every seed: it ends; what it published is right; it never opens more connections than
//! allowed; it does not fetch much more than it must; and the same seed does the same again.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail"
)]

mod link;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::disk::Disk;
use hfast::transfer::progress::Progress;
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{self, Fault, Match, What};
use hfast_testkit::hub::{Clock, FakeHub, LfsRedirect, Options, RouteKind};
use link::{SimulatedLink, trace};

const CONNECTIONS: usize = 6;

/// No fault of these tests may hold a job longer than this, in virtual time.
const LIMIT: Duration = Duration::from_secs(3600);

fn repo() -> Repo {
    let mut repo = Repo::model("org/name")
        .file("config.json", b"{}")
        .file("empty.txt", b"");
    for n in 0..12 {
        repo = repo.content(&format!("small/{n}.txt"), Content::seeded(n, 700 * n));
    }
    repo.lfs("model.safetensors", Content::seeded(100, 23 << 20))
        .lfs("vocab.bin", Content::seeded(101, (3 << 20) + 77))
        .lfs("copy-of-vocab.bin", Content::seeded(101, (3 << 20) + 77))
        .build()
}

/// What one run of one seed did.
struct Run {
    report: Result<Report, hfast::Error>,
    hub: FakeHub,
    most_open: usize,
    took: Duration,
}

fn run(seed: u64, faults: Vec<Fault>, cache: &Path) -> Run {
    let options = Options {
        lfs_redirect: LfsRedirect::To("http://cdn.test".into()),
        // Signed URLs that never expire: the wall clock is not part of the simulation.
        clock: Clock::new(|| 4_000_000_000),
        ..Options::default()
    };
    let hub = FakeHub::with_options(vec![repo()], options);
    hub.set_faults(faults);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let link = SimulatedLink::new(hub.clone());
        let open = Arc::clone(&link.open);
        let endpoints = vec!["http://hub.test".parse().unwrap()];
        let options = ClientOptions {
            endpoints,
            max_connections: CONNECTIONS,
            max_files: 3,
            ..ClientOptions::default()
        };
        let client = Client::with_transport(options, Arc::new(link), Disk::Inline, seed);
        let started = tokio::time::Instant::now();
        let job = async {
            let repo = hfast::Repo::new(hfast::RepoType::Model, hfast::RepoId::new("org/name")?);
            let request = DownloadRequest::new(repo, Target::Cache(cache.to_owned()));
            let plan = client.plan(&request).await?;
            client.download(plan, &Arc::new(Progress::default())).await
        };
        let report = tokio::time::timeout(LIMIT, job)
            .await
            .expect("it does not end");
        let most_open = open.lock().unwrap().most;
        Run {
            report,
            hub,
            most_open,
            took: started.elapsed(),
        }
    })
}

/// Everything that must be true whatever the faults were.
fn check(seed: u64, run: &Run, cache: &Path) {
    let repo = repo();
    assert!(
        run.most_open <= CONNECTIONS + 1,
        "seed {seed}: {} connections",
        run.most_open
    );
    let report = run
        .report
        .as_ref()
        .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    assert!(report.failed.is_empty(), "seed {seed}: {:?}", report.failed);
    let verdict = cache_check::check(cache, &repo, "main");
    assert!(
        verdict.problems.is_empty(),
        "seed {seed}: {:?}",
        verdict.problems
    );
    assert_eq!(verdict.correct, repo.files.len(), "seed {seed}");
    let blobs = cache.join(repo.cache_folder()).join("blobs");
    let left: Vec<_> = std::fs::read_dir(blobs)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert!(
        left.iter().all(|n| !n.to_string_lossy().contains(".hfast")),
        "seed {seed}: {left:?}"
    );
}

/// Faults that pass by themselves never need help, and the same seed does the same again.
#[test]
fn faults_that_pass_end_with_the_right_bytes() {
    let seeds: u64 = option_env!("SIMULATION_SEEDS")
        .and_then(|n| n.parse().ok())
        .unwrap_or(150);
    for seed in 0..seeds {
        let faults = faults::random(seed, 1 + u32::try_from(seed % 8).unwrap());
        let faults = with_few_api_faults(faults);
        let flips = faults.iter().any(|f| matches!(f.what, What::FlipByte(_)));
        let caches = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let runs = caches
            .each_ref()
            .map(|cache| run(seed, faults.clone(), cache.path()));
        for (run, cache) in runs.iter().zip(&caches) {
            check(seed, run, cache.path());
        }
        assert_eq!(
            trace(&runs[0].hub),
            trace(&runs[1].hub),
            "seed {seed} is not deterministic"
        );
        // A flipped byte costs a second look at a file; anything else costs what was on its way.
        let size = repo().total_size();
        let budget = if flips {
            3 * size
        } else {
            size + size / 2 + (20 << 20)
        };
        assert!(
            runs[0].hub.sent_bytes() <= budget,
            "seed {seed}: {} bytes sent",
            runs[0].hub.sent_bytes()
        );
    }
}

/// Six refusals of the listing in a row are an outage, and end in an error as they should.
fn with_few_api_faults(mut faults: Vec<Fault>) -> Vec<Fault> {
    let mut strikes = 0;
    faults.retain(|fault| {
        let files_only = matches!(fault.when.kind, Some(RouteKind::Resolve | RouteKind::Cdn));
        strikes += if files_only {
            0
        } else {
            fault.when.times.unwrap_or(u32::MAX)
        };
        files_only || strikes <= 5
    });
    faults
}

/// A clean link: every byte once, few requests, and as fast as the connections allow.
#[test]
fn a_clean_link_needs_no_byte_twice() {
    let cache = tempfile::tempdir().unwrap();
    let run = run(1, Vec::new(), cache.path());
    check(1, &run, cache.path());
    let once: u64 = repo().total_size() - ((3 << 20) + 77);
    let files: u64 = run
        .hub
        .requests()
        .iter()
        .filter(|r| r.path.contains("resolve") || r.path.starts_with("/cdn"))
        .map(|r| r.sent_bytes)
        .sum();
    assert_eq!(files, once, "the content of two names is fetched once");
    assert!(run.took < Duration::from_secs(8), "{:?}", run.took);
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
        let cache = tempfile::tempdir().unwrap();
        let name = format!("{what:?}");
        let run = run(n as u64, vec![Fault::new(Match::cdn(), what)], cache.path());
        let report = run.report.unwrap();
        assert!(!report.failed.is_empty(), "{name}");
        assert!(
            run.took < Duration::from_secs(300),
            "{name} took {:?}",
            run.took
        );
        let snapshot = report.path;
        assert!(!snapshot.join("model.safetensors").exists(), "{name}");
        let expected = repo();
        for small in expected.files.iter().filter(|file| !file.is_lfs()) {
            cache_check::compare(&snapshot.join(small.path()), small)
                .unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
}
