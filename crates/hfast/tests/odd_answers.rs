//! Answers that lie in small ways, and listings that fail here and there, on real sockets.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;

use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
use hfast::transfer::progress::Progress;
use hfast::{RepoId, RepoType};
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo, RepoKind, many_files};
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

fn client(server: &Loopback) -> Client {
    let endpoints = vec![server.endpoint().parse().unwrap()];
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
    let client = client(&server);
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
    let client = client(&server);
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
async fn a_listing_that_describes_lfs_pointers_still_gives_the_content() {
    let expected = repo();
    let model = expected.file("model.safetensors").unwrap();
    let pointer = model.git_object();
    let entry = serde_json::json!({
        "type": "file", "path": model.path(), "oid": pointer.git_sha1(), "size": pointer.size(),
    });
    let server = serve(repo()).await;
    server
        .hub()
        .override_tree_json(RepoKind::Model, "org/name", vec![entry]);
    let folder = tempfile::tempdir().unwrap();
    let id = hfast::Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
    let request = DownloadRequest::new(id, Target::LocalDir(folder.path().to_owned()));
    let client = client(&server);
    let plan = client.plan(&request).await.unwrap();
    let report = client
        .download(plan, &Arc::new(Progress::default()))
        .await
        .unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    cache_check::compare(&folder.path().join(model.path()), model).unwrap();
}
