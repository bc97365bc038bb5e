//! What the tests over sockets share: a repository, a Hub that serves it, and a client of it.
#![allow(dead_code, reason = "not every test file uses all of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

pub(crate) mod raw;
#[cfg(unix)]
pub(crate) mod spoilt;
pub(crate) mod untrusted;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Plan, Report, Target};
use hfast::transfer::progress::Progress;
use hfast::{Digest, Error, RepoId, RepoType};
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::hub::FakeHub;
use hfast_testkit::loopback::Loopback;

pub(crate) fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{\"a\": 1}")
        .file("empty.txt", b"")
        .file("sub/dir/x y+z.txt", b"spaces")
        .lfs("model.safetensors", Content::seeded(1, (5 << 20) + 3))
        .build()
}

pub(crate) async fn serve(repos: Vec<Repo>) -> Loopback {
    Loopback::start(FakeHub::new(repos)).await.unwrap()
}

pub(crate) fn options(endpoint: &str) -> ClientOptions {
    ClientOptions {
        endpoints: vec![endpoint.parse().unwrap()],
        ..ClientOptions::default()
    }
}

pub(crate) fn request(repo: &Repo, target: Target) -> DownloadRequest {
    let repo = hfast::Repo::new(RepoType::Model, RepoId::new(&repo.id).unwrap());
    DownloadRequest::new(repo, target)
}

pub(crate) async fn download(
    options: ClientOptions,
    request: &DownloadRequest,
) -> Result<Report, Error> {
    let client = Client::new(options)?;
    let plan = client.plan(request, &Progress::default()).await?;
    carry_out(&client, plan).await
}

pub(crate) async fn download_to_cache(
    options: ClientOptions,
    repo: &Repo,
    cache: &Path,
) -> Result<Report, Error> {
    download(options, &request(repo, Target::Cache(cache.to_owned()))).await
}

/// Fetches one address, of which no Hub knows anything, into the file `path`.
pub(crate) async fn fetch(url: &str, sha256: Option<Digest>, path: &Path) -> Result<Report, Error> {
    let client = Client::new(options("http://127.0.0.1:9"))?;
    let plan = client.plan_url(&url.parse().unwrap(), sha256, path.to_owned())?;
    carry_out(&client, plan).await
}

async fn carry_out(client: &Client, plan: Plan) -> Result<Report, Error> {
    let progress = Arc::new(Progress::default());
    let work = client.download(plan, &progress);
    tokio::time::timeout(Duration::from_secs(100), work)
        .await
        .expect("it hangs")
}

pub(crate) fn assert_right(cache: &Path, repo: &Repo) {
    let verdict = cache_check::check(cache, repo, "main");
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
    assert_eq!(verdict.correct, repo.files.len());
}

/// Downloads `repo` into a cache of its own; everything must arrive and be right.
pub(crate) async fn assert_arrives(options: ClientOptions, repo: &Repo) {
    let cache = tempfile::tempdir().unwrap();
    let report = download_to_cache(options, repo, cache.path()).await;
    let report = report.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_right(cache.path(), repo);
}
