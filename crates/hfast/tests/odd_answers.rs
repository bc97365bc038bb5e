//! Answers that lie in small ways, and listings that fail here and there, on real sockets.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use hfast::client::{Client, Target};
use hfast_testkit::cache_check;
use hfast_testkit::corpus::many_files;
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{self, Odd};
use support::{fetch, options, repo, request, serve};

#[tokio::test]
async fn a_head_with_a_length_of_zero_is_not_believed() {
    let server = serve(vec![repo()]).await;
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
    let report = fetch(&url, None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let expected = repo();
    cache_check::compare(&path, expected.file("model.safetensors").unwrap()).unwrap();
}

#[tokio::test]
async fn a_long_listing_survives_pages_that_fail() {
    let many = many_files("org/many", 5, 200, 100);
    let server = serve(vec![many.clone()]).await;
    server.hub().configure(|options| options.page_size = 10);
    let flaky = Match::api().path("/tree/").skip(1).every(2);
    server
        .hub()
        .add_fault(Fault::new(flaky, What::server_error(503, 100)));
    let client = Client::new(options(&server.endpoint())).unwrap();
    let request = request(&many, Target::LocalDir("unused".into()));
    let plan = client.plan(&request).await.unwrap();
    assert_eq!(plan.files.len(), 200);
    assert!(
        server.hub().count("GET", "/tree/") < 60,
        "no page is asked for again and again"
    );
}
