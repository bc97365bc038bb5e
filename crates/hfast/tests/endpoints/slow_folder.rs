//! A folder that is named as a source and takes its time: the sources help, and do no harm.

use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::{Progress, Snapshot};
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::FakeHub;

use crate::{LIMIT, hub, on_virtual_time, repo, roads_at};

/// Downloads over one connection what a folder has `there`, too, which takes so many milliseconds for each look, and
/// from `until` on so many. How long it took, and what came from where.
fn download(
    hub: &FakeHub,
    there: &Repo,
    millis: [u64; 2],
    until: Duration,
) -> (Duration, Snapshot) {
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for file in &there.files {
        let bytes = file.content().read(0..file.size());
        std::fs::write(folder.path().join(file.path()), bytes).unwrap();
    }
    let options = ClientOptions {
        connections: Some(1),
        endpoints: vec!["http://hub.test".parse().unwrap()],
        sources: vec![folder.path().to_str().unwrap().parse().unwrap()],
        ..ClientOptions::default()
    };
    let power = Power::default();
    power.delay_others(millis[0]);
    let roads = Arc::new(roads_at(hub, hub, 300_000));
    let client = Client::with_transport(options, roads, Disk::Inline(power.clone()), 1);
    let id = hfast::RepoId::new("org/name").unwrap();
    let repo = hfast::Repo::new(hfast::RepoType::Model, id);
    let request = DownloadRequest::new(repo, Target::Cache(cache.path().into()));
    let progress = Arc::new(Progress::default());
    let (took, report) = on_virtual_time(async {
        let plan = client.plan(&request, &progress).await.unwrap();
        let started = tokio::time::Instant::now();
        let mut work = std::pin::pin!(client.download(plan, &progress));
        let done = tokio::time::timeout(until, &mut work).await;
        power.delay_others(millis[1]);
        let done = match done {
            Ok(done) => done,
            Err(_) => tokio::time::timeout(LIMIT, work).await.unwrap(),
        };
        (started.elapsed(), done.unwrap())
    });
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    for file in &crate::repo().files {
        let path = report.path.join(file.path());
        hfast_testkit::cache_check::compare(&path, file).unwrap();
    }
    (took, progress.snapshot())
}

const NEVER: Duration = LIMIT;

#[test]
fn the_sources_and_a_slow_folder_bring_a_file_together() {
    // 105 kB/s: not so slow that it would be left out.
    let (took, seen) = download(&hub("http://cdn.test"), &repo(), [10_000; 2], NEVER);
    assert!(took < Duration::from_secs(100), "{took:?}");
    assert!(seen.copied_bytes >= 3 << 20, "{seen:?}");
    assert!(seen.received_bytes + seen.copied_bytes <= seen.total_bytes + (1 << 20));
}

#[test]
fn what_a_slow_folder_has_wrong_is_fetched() {
    let wrong = Content::seeded(7, 23 << 20);
    let wrong = Repo::model("org/name").lfs("model.safetensors", wrong);
    let (_, seen) = download(&hub("http://cdn.test"), &wrong.build(), [10_000; 2], NEVER);
    assert!(seen.copied_bytes >= 3 << 20, "{seen:?}");
    assert!(
        seen.received_bytes <= seen.total_bytes + (1 << 20),
        "{seen:?}"
    );
}

#[test]
fn the_sources_help_no_longer_than_a_folder_is_slow() {
    let until = Duration::from_secs(5);
    let (_, seen) = download(&hub("http://cdn.test"), &repo(), [3_000, 400], until);
    assert!((1..4 << 20).contains(&seen.received_bytes), "{seen:?}");
    let (_, seen) = download(&hub("http://cdn.test"), &repo(), [400; 2], NEVER);
    assert_eq!(seen.received_bytes, 0, "{seen:?}");
}

#[test]
fn a_slow_folder_goes_on_when_the_sources_fail() {
    let denied = What::Status {
        code: 403,
        headers: Vec::new(),
        body: "no".into(),
    };
    for what in [What::Refuse, denied, What::StallBeforeHeaders(None)] {
        let hub = hub("http://cdn.test");
        hub.add_fault(Fault::new(Match::cdn(), what));
        let (_, seen) = download(&hub, &repo(), [10_000; 2], NEVER);
        assert!(seen.copied_bytes > 26 << 20, "{seen:?}");
    }
}
