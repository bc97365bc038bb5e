//! A rate limit on virtual time: it is kept, it is used, and nobody takes it for a fault.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Plan, Target};
use hfast::rate_limit::TimeOfDay;
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::limit::{Clock, Limit};
use hfast::transfer::progress::{Progress, Snapshot};
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{FakeHub, Odd};
use tokio::time::Instant;

use crate::link::SimulatedLink;
use crate::{LIMIT, RATE, hub, hub_of, on_virtual_time};

fn limit(text: &str, clock: Clock) -> Limit {
    let rate = text.parse().unwrap();
    let folder = None;
    Limit {
        rate,
        clock,
        folder,
    }
}

fn at_noon() -> Clock {
    Arc::new(|| TimeOfDay::new(12, 0).unwrap())
}

/// What is to be done to download all that `roads` lead to.
async fn planned(
    roads: SimulatedLink,
    limit: Option<Limit>,
    into: &Path,
) -> (Client, Plan, Arc<Progress>) {
    let options = ClientOptions {
        endpoints: vec!["http://hub.test".parse().unwrap()],
        limit,
        connections: Some(16),
        ..ClientOptions::default()
    };
    let disk = Disk::Inline(Power::default());
    let client = Client::with_transport(options, Arc::new(roads), disk, 1);
    let id = hfast::RepoId::new("org/name").unwrap();
    let repo = hfast::Repo::new(hfast::RepoType::Model, id);
    let request = DownloadRequest::new(repo, Target::Cache(into.into()));
    let progress = Arc::new(Progress::default());
    let plan = client.plan(&request, &progress).await.unwrap();
    (client, plan, progress)
}

/// Downloads all that the Hub has, with `each` connection having a rate; all must arrive.
async fn timed(
    hub: &FakeHub,
    each: u64,
    limit: Option<Limit>,
    into: &Path,
) -> (Duration, Snapshot) {
    let roads = crate::roads_at(hub, hub, each);
    let (client, plan, progress) = planned(roads, limit, into).await;
    let started = Instant::now();
    let work = client.download(plan, &progress);
    let report = tokio::time::timeout(LIMIT, work).await.unwrap().unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    (started.elapsed(), progress.snapshot())
}

fn measure(hub: &FakeHub, limit: Option<Limit>) -> (f64, Snapshot) {
    measure_at(RATE, hub, limit)
}

fn measure_at(each: u64, hub: &FakeHub, limit: Option<Limit>) -> (f64, Snapshot) {
    let folder = tempfile::tempdir().unwrap();
    let (took, seen) = on_virtual_time(timed(hub, each, limit, folder.path()));
    (took.as_secs_f64(), seen)
}

/// What all that is downloaded takes at `rate`, and 5 % more or less.
fn assert_takes(took: f64, bytes: u64, rate: u32, about: &str) {
    let expected = f64::from(u32::try_from(bytes).unwrap()) / f64::from(rate);
    let bounds = expected * 0.95..expected * 1.05;
    assert!(bounds.contains(&took), "{about}: {took} s of {expected} s");
}

/// Bytes of the files of [`hub`].
const SIZE: u64 = (23 << 20) + (3 << 20) + 77 + 2;

#[test]
fn a_download_takes_its_size_by_its_rate() {
    for (text, rate) in [("5M", 5_000_000), ("1M", 1_000_000), ("100K", 100_000)] {
        let hub = hub("http://cdn.test");
        let (took, seen) = measure(&hub, Some(limit(text, at_noon())));
        assert_takes(took, SIZE, rate, text);
        // Whose second half is taken by another has a piece of it in hand already.
        assert!(seen.received_bytes < SIZE + SIZE / 100, "{text}: {seen:?}");
        assert_eq!(seen.retries, 0, "{text}");
    }
}

#[test]
fn small_files_do_not_wait_for_the_pieces_of_large_ones() {
    let mut repo = Repo::model("org/name").lfs("model.bin", Content::seeded(1, 20 << 20));
    for n in 0..6 {
        repo = repo.content(&format!("{n}.json"), Content::seeded(n, 3000));
    }
    let hub = hub_of(repo.build(), "http://cdn.test");
    // At the second rate there is one connection.
    for rate in ["1M", "100K"] {
        assert_eq!(done_after_two_seconds(&hub, rate), 6, "{rate}");
    }
}

/// Files that are there when a download at this rate has run for so long.
fn done_after_two_seconds(hub: &FakeHub, rate: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        let limit = Some(limit(rate, at_noon()));
        let mut roads = crate::roads(hub, hub);
        roads.delay = Duration::from_millis(1);
        let (client, plan, progress) = planned(roads, limit, folder.path()).await;
        let after_two_seconds = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            progress.snapshot().files_done
        };
        tokio::select! {
            early = after_two_seconds => early,
            report = client.download(plan, &progress) => panic!("{report:?}"),
        }
    })
}

#[test]
fn a_limit_that_is_not_reached_costs_nothing() {
    let (free, _) = measure(&hub("http://cdn.test"), None);
    let (limited, _) = measure(&hub("http://cdn.test"), Some(limit("1G", at_noon())));
    assert!(limited < free * 1.05, "{limited} s instead of {free} s");
    let (full, _) = measure(&hub("http://cdn.test"), Some(limit("full", at_noon())));
    assert!((full - free).abs() < 0.001, "{full} s instead of {free} s");
}

/// A server that says no size is read by one connection, which has rules of its own for silence.
#[test]
fn a_file_of_unknown_size_is_limited_too() {
    let hub = hub("http://cdn.test");
    hub.configure(|options| {
        let odd = [Odd::NoContentLength, Odd::IgnoreRanges, Odd::NoRepoCommit];
        options.odd.extend(odd);
        options.lfs_redirect = hfast_testkit::hub::LfsRedirect::Never;
    });
    let folder = tempfile::tempdir().unwrap();
    let options = ClientOptions {
        endpoints: vec!["http://hub.test".parse().unwrap()],
        limit: Some(limit("20K", at_noon())),
        ..ClientOptions::default()
    };
    let roads = Arc::new(crate::roads(&hub, &hub));
    let client = Client::with_transport(options, roads, Disk::Inline(Power::default()), 1);
    let url = "http://hub.test/org/name/resolve/main/vocab.bin";
    let place = folder.path().join("out");
    let plan = client.plan_url(&url.parse().unwrap(), None, place).unwrap();
    let progress = Arc::new(Progress::default());
    let took = on_virtual_time(async {
        let started = Instant::now();
        let report = client.download(plan, &progress).await.unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        started.elapsed().as_secs_f64()
    });
    assert_takes(took, (3 << 20) + 77, 20_000, "20K");
    assert_eq!(progress.snapshot().retries, 0);
}

/// One connection of many gets very little from its server. Without a limit it is replaced; where
/// the limit decides who gets how much, nothing is concluded from that.
#[test]
fn who_is_far_behind_is_not_judged_by_rates_that_are_ours() {
    const EACH: u64 = 400_000;
    let slow = || {
        let large = Content::seeded(7, 200 << 20);
        let repo = Repo::model("org/name").lfs("model.safetensors", large);
        let hub = hub_of(repo.build(), "http://cdn.test");
        let slow = What::Throttle(2_000);
        hub.add_fault(Fault::new(Match::cdn().skip(2).times(1), slow));
        hub
    };
    let (_, free) = measure_at(EACH, &slow(), None);
    assert!(free.retries > 0, "the fault is of no effect");
    let (took, limited) = measure_at(EACH, &slow(), Some(limit("2M", at_noon())));
    assert_eq!(limited.retries, 0, "{limited:?}");
    // Its rest is raced when it is the last: then the limit holds nobody back any more.
    let least = f64::from(200 << 20) / 2e6;
    assert!(
        (least * 0.95..least + 10.0).contains(&took),
        "{took} s of {least} s"
    );
}

/// The limit excuses nobody who is silent: a dead connection is replaced all the same.
#[test]
fn a_silent_connection_is_replaced_under_a_limit_too() {
    let hub = hub("http://cdn.test");
    let dead = What::StallAfter(100_000, None);
    hub.add_fault(Fault::new(Match::cdn().skip(1).times(1), dead));
    let (took, seen) = measure(&hub, Some(limit("2M", at_noon())));
    assert_eq!(seen.retries, 1);
    assert!(took < 25.0, "{took} s");
}

#[test]
fn the_rate_changes_by_the_clock() {
    let hub = hub("http://cdn.test");
    let folder = tempfile::tempdir().unwrap();
    let took = on_virtual_time(async {
        // It is ten seconds before 7:00.
        let begin = Instant::now();
        let clock: Clock = Arc::new(move || {
            let (hour, minute) = if begin.elapsed() < Duration::from_secs(10) {
                (6, 59)
            } else {
                (7, 0)
            };
            TimeOfDay::new(hour, minute).unwrap()
        });
        let limit = limit("2M,23:00-07:00=500K", clock);
        timed(&hub, RATE, Some(limit), folder.path()).await.0
    });
    let (took, expected) = (took.as_secs_f64(), 10.0 + (27_263_055.0 - 5e6) / 2e6);
    assert!(
        (expected * 0.95..expected * 1.05).contains(&took),
        "{took} s of {expected} s"
    );
}

/// The clock that processes share stands still here, so that each grant is waited for as long as if a
/// hundred others had taken theirs first: up to five seconds, and a minute for each connection.
#[test]
fn whoever_waits_for_others_is_not_taken_for_silent() {
    let folder = tempfile::tempdir().unwrap();
    let limit = Limit {
        folder: Some(folder.path().join("hfast")),
        ..limit("1100K", at_noon())
    };
    let (took, seen) = measure(&hub("http://cdn.test"), Some(limit));
    assert!(took > 600.0, "{took} s: they did not wait");
    assert_eq!(seen.retries, 0);
}
