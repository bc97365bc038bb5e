//! Answers that lie in small ways, listings that fail here and there, and endpoints that differ, on
//! real sockets.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
use hfast::transfer::progress::Progress;
use hfast::{RepoId, RepoType};
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo, many_files};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{self, FakeHub, Odd};
use hfast_testkit::loopback::Loopback;

fn repo() -> Repo {
    Repo::model("org/name")
        .lfs("model.safetensors", Content::seeded(1, (5 << 20) + 3))
        .build()
}

async fn serve(repo: Repo) -> Loopback {
    Loopback::start(FakeHub::new(vec![repo])).await.unwrap()
}

fn client(servers: &[&Loopback]) -> Client {
    let endpoint = |server: &&Loopback| server.endpoint().parse().unwrap();
    let endpoints = servers.iter().map(endpoint).collect();
    Client::new(ClientOptions {
        endpoints,
        ..ClientOptions::default()
    })
    .unwrap()
}

#[tokio::test]
async fn a_head_with_a_length_of_zero_is_not_believed() {
    let server = serve(repo()).await;
    server.hub().configure(|options| {
        options.odd.insert(Odd::NoEtag);
        options.odd.insert(Odd::NoRepoCommit);
        options.lfs_redirect = hub::LfsRedirect::Never;
    });
    for name in ["content-length", "x-linked-size"] {
        let what = What::SetHeader {
            name: name.into(),
            value: (name == "content-length").then(|| "0".into()),
        };
        let head = Match::any().path("model.safetensors").method("HEAD");
        server.hub().add_fault(Fault::new(head, what));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let url = format!(
        "{}/org/name/resolve/main/model.safetensors",
        server.endpoint()
    );
    let client = client(&[&server]);
    let plan = client
        .plan_url(&url.parse().unwrap(), None, path.clone())
        .unwrap();
    let report = client
        .download(plan, &Arc::new(Progress::default()))
        .await
        .unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let expected = repo();
    cache_check::compare(&path, expected.file("model.safetensors").unwrap()).unwrap();
}

#[tokio::test]
async fn a_long_listing_survives_pages_that_fail() {
    let many = many_files("org/many", 5, 200, 100);
    let server = serve(many.clone()).await;
    server.hub().configure(|options| options.page_size = 10);
    let flaky = Match::api().path("/tree/").skip(1).every(2);
    server
        .hub()
        .add_fault(Fault::new(flaky, What::server_error(503, 100)));
    let client = client(&[&server]);
    let id = hfast::Repo::new(RepoType::Model, RepoId::new(&many.id).unwrap());
    let request = DownloadRequest::new(id, Target::LocalDir("unused".into()));
    let plan = client.plan(&request).await.unwrap();
    assert_eq!(plan.files.len(), 200);
    assert!(
        server.hub().count("GET", "/tree/") < 60,
        "no page is asked for again and again"
    );
}

#[tokio::test]
async fn an_endpoint_that_wants_a_grant_does_not_stop_the_others() {
    let open = many_files("org/many", 5, 60, 100);
    let mut gated = open.clone();
    gated.gated = true;
    let (gated, open) = (serve(gated).await, serve(open).await);
    let client = client(&[&gated, &open]);
    let folder = tempfile::tempdir().unwrap();
    let id = hfast::Repo::new(RepoType::Model, RepoId::new("org/many").unwrap());
    let request = DownloadRequest::new(id, Target::LocalDir(folder.path().to_owned()));
    let plan = client.plan(&request).await.unwrap();
    let report = client
        .download(plan, &Arc::new(Progress::default()))
        .await
        .unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed.first());
    assert_eq!(report.files, 60);
}
