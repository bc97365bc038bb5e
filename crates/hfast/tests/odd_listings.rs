//! Listings that say too little or the wrong thing, on real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::time::Duration;

use hfast::ErrorKind;
use hfast::client::Target;
use hfast_testkit::corpus::{Content, Repo, RepoKind};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::Odd;
use serde_json::json;
use support::{assert_right, download, download_to_cache, options, repo, request, serve};

/// Without sizes and digests, nothing but the commit in the headers tells a Hub from a login page.
#[tokio::test]
async fn a_login_page_is_not_taken_for_a_file_of_which_nothing_is_known() {
    let server = serve(vec![repo()]).await;
    let names = ["config.json", "model.safetensors"];
    let bare = names
        .map(|path| json!({"type": "file", "path": path}))
        .to_vec();
    server
        .hub()
        .override_tree_json(RepoKind::Model, "org/name", bare);
    server
        .hub()
        .add_fault(Fault::new(Match::resolve(), What::CaptivePortal));
    let folder = tempfile::tempdir().unwrap();
    let request = request(&repo(), Target::LocalDir(folder.path().to_owned()));
    let report = download(options(&server.endpoint()), &request)
        .await
        .unwrap();
    assert_eq!(report.failed.len(), 2);
    for (name, error) in &report.failed {
        assert_eq!(error.kind(), ErrorKind::Protocol, "{name}: {error}");
        assert!(!folder.path().join(name).exists(), "{name}");
    }
}

/// A digest that cannot be right may be the same for files that are not.
#[tokio::test]
async fn files_with_one_placeholder_for_a_digest_are_not_one_file() {
    let repo = Repo::model("org/name")
        .lfs("a.bin", Content::seeded(1, 11 << 20))
        .lfs("b.bin", Content::seeded(2, 12 << 20))
        .lfs("c.bin", Content::seeded(3, 11 << 20))
        .build();
    let server = serve(vec![repo.clone()]).await;
    let entry = |file: &hfast_testkit::corpus::RepoFile| {
        let oid = "e".repeat(40);
        json!({"type": "file", "path": file.path(), "size": file.size(), "oid": oid})
    };
    let entries = repo.files.iter().map(entry).collect();
    server
        .hub()
        .override_tree_json(RepoKind::Model, "org/name", entries);
    let cache = tempfile::tempdir().unwrap();
    let report = download_to_cache(options(&server.endpoint()), &repo, cache.path()).await;
    let report = report.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_right(cache.path(), &repo);
}

/// The headers know better, and are believed before everything is fetched again and again.
#[tokio::test]
async fn a_pointers_digest_costs_the_file_twice_and_not_more() {
    let server = serve(vec![repo()]).await;
    server.hub().configure(|options| {
        options.odd.insert(Odd::ListingWithoutLfs);
    });
    let cache = tempfile::tempdir().unwrap();
    let report = download_to_cache(options(&server.endpoint()), &repo(), cache.path()).await;
    let report = report.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_right(cache.path(), &repo());
    let size = repo().file("model.safetensors").unwrap().size();
    assert!(
        report.received < 2 * size + (1 << 20),
        "{} bytes",
        report.received
    );
}

#[tokio::test]
async fn a_listing_that_brings_nothing_new_ends() {
    let server = serve(vec![repo()]).await;
    let forever = |request: &str| {
        let cursor = request.len();
        format!("</api/models/org/name/tree/x?cursor={cursor}>; rel=\"next\"")
    };
    let link = What::SetHeader {
        name: "link".into(),
        value: Some(forever("x")),
    };
    server
        .hub()
        .add_fault(Fault::new(Match::api().path("/tree/"), link));
    let cache = tempfile::tempdir().unwrap();
    let report = download_to_cache(options(&server.endpoint()), &repo(), cache.path()).await;
    // The page of the repository lists the files as well.
    assert!(report.unwrap().failed.is_empty());
    let pages = server.hub().count("GET", "/tree/");
    assert!(pages < 50, "{pages} pages");
}

/// Nothing but the headers tells a digest, and they tell the same each time.
#[tokio::test]
async fn wrong_bytes_of_a_file_that_has_a_digest_only_in_the_headers_end_in_an_error() {
    let server = serve(vec![repo()]).await;
    let bare = vec![json!({"type": "file", "path": "config.json"})];
    server
        .hub()
        .override_tree_json(RepoKind::Model, "org/name", bare);
    let wrong = Match::resolve().path("config.json");
    server.hub().add_fault(Fault::new(wrong, What::FlipByte(0)));
    let cache = tempfile::tempdir().unwrap();
    let (options, repo) = (options(&server.endpoint()), repo());
    let work = download_to_cache(options, &repo, cache.path());
    let ended = tokio::time::timeout(Duration::from_secs(60), work).await;
    let report = ended.expect("an end").unwrap();
    assert_eq!(report.failed[0].1.kind(), ErrorKind::Integrity);
    let asked = server.hub().count("GET", "config.json");
    assert!(asked < 20, "{asked} times");
}
