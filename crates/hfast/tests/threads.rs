//! Writers and the digest on real threads: an order of things that virtual time cannot show.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use std::sync::Arc;

use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
use hfast::transfer::progress::Progress;
use hfast::{RepoId, RepoType};
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::hub::FakeHub;
use hfast_testkit::loopback::Loopback;

/// The digest passes between those who write and the one who reads back; if it lost or repeated a
/// byte on the way, right bytes would count as wrong and be fetched again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn right_bytes_are_right_at_the_first_attempt() {
    const SIZE: u64 = 96 << 20;
    let mut repo = Repo::model("org/name");
    for n in 0..2 {
        repo = repo.lfs(&format!("model-{n}.safetensors"), Content::seeded(n, SIZE));
    }
    let repo = repo.build();
    let server = Loopback::start(FakeHub::new(vec![repo.clone()]))
        .await
        .unwrap();
    for _ in 0..4 {
        let cache = tempfile::tempdir().unwrap();
        let options = ClientOptions {
            endpoints: vec![server.endpoint().parse().unwrap()],
            ..ClientOptions::default()
        };
        let client = Client::new(options).unwrap();
        let name = hfast::Repo::new(RepoType::Model, RepoId::new(&repo.id).unwrap());
        let target = Target::Cache(cache.path().to_owned());
        let plan = client
            .plan(&DownloadRequest::new(name, target), &Progress::default())
            .await
            .unwrap();
        let progress = Arc::new(Progress::default());
        let report = client.download(plan, &progress).await.unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        let verdict = cache_check::check(cache.path(), &repo, "main");
        assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
        let received = progress.snapshot().received_bytes;
        assert!(received < 2 * SIZE + SIZE / 8, "{received} bytes came");
    }
}
