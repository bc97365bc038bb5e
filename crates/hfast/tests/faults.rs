//! The library against the test Hub on real sockets: odd endpoints, hostile listings, tokens,
//! faults that only a socket can have. What virtual time can show is in `simulation`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod support;

use hfast::ErrorKind;
use hfast::client::{ClientOptions, Target};
use hfast::hub::token::Token;
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Repo, many_files};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{self, Odd};
use support::{
    assert_arrives, assert_right, download, download_to_cache, fetch, options, repo, request, serve,
};

#[tokio::test]
async fn odd_endpoints_still_give_right_files() {
    for odd in [
        Odd::NoContentLength,
        Odd::NoEtag,
        Odd::NoRepoCommit,
        Odd::IgnoreRanges,
        Odd::TreeRedirect,
        Odd::NoTree,
        Odd::ListingWithoutLfs,
    ] {
        let server = serve(vec![repo()]).await;
        server.hub().configure(|options| {
            options.odd.insert(odd);
        });
        let cache = tempfile::tempdir().unwrap();
        let report = download_to_cache(options(&server.endpoint()), &repo(), cache.path()).await;
        let report = report.unwrap_or_else(|e| panic!("{odd:?}: {e}"));
        assert!(report.failed.is_empty(), "{odd:?}: {:?}", report.failed);
        assert_right(cache.path(), &repo());
    }
}

#[tokio::test]
async fn a_compressed_answer_that_nobody_asked_for_is_undone() {
    let server = serve(vec![repo()]).await;
    server
        .hub()
        .add_fault(Fault::new(Match::resolve().path("config.json"), What::Gzip));
    server.hub().add_fault(Fault::new(Match::cdn(), What::Gzip));
    assert_arrives(options(&server.endpoint()), &repo()).await;
}

#[tokio::test]
async fn the_token_goes_to_its_origin_and_nowhere_else() {
    let mut repo = repo();
    repo.private = true;
    let server = serve(vec![repo.clone()]).await;
    let stranger = serve(vec![]).await;
    server
        .hub()
        .configure(|options| options.tokens.push(hub::Token::new("hf_secret")));
    let there = format!("{}/landing", stranger.endpoint());
    for code in [301, 302, 303, 307, 308] {
        let what = What::RedirectTo {
            code,
            location: there.clone(),
        };
        server.hub().add_fault(Fault::new(
            Match::any().path("config.json").times(1),
            what.clone(),
        ));
        server
            .hub()
            .add_fault(Fault::new(Match::api().path("/tree/").times(1), what));
    }
    let cache = tempfile::tempdir().unwrap();
    let token = Some(Token::new("hf_secret").unwrap());
    let options = ClientOptions {
        token,
        ..options(&server.endpoint())
    };
    let result = download_to_cache(options, &repo, cache.path()).await;
    drop(result);
    let seen = |requests: Vec<hub::Logged>, kind| {
        requests
            .iter()
            .filter(|r| r.kind == kind)
            .filter(|r| r.authorization.is_some())
            .count()
    };
    assert!(
        seen(server.hub().requests(), hub::RouteKind::Api) > 0,
        "the endpoint gets it"
    );
    assert_eq!(
        seen(server.hub().requests(), hub::RouteKind::Cdn),
        0,
        "storage does not"
    );
    assert!(
        !stranger.hub().requests().is_empty(),
        "the redirects were followed"
    );
    assert!(
        stranger
            .hub()
            .requests()
            .iter()
            .all(|r| r.authorization.is_none()),
        "strangers do not"
    );
}

#[tokio::test]
async fn hostile_names_are_refused_and_the_others_arrive() {
    let server = serve(vec![repo()]).await;
    let hostile = [
        "../evil",
        "/etc/evil",
        "C:\\evil",
        "a/../../evil",
        ".git/config",
        "CON",
        "CONFIG.json",
    ];
    let mut entries: Vec<serde_json::Value> = repo()
        .files
        .iter()
        .map(|file| {
            let lfs = file.is_lfs().then(|| serde_json::json!({"oid": file.sha256(), "size": file.size()}));
            serde_json::json!({"type": "file", "oid": file.git_sha1(), "size": file.size(), "path": file.path(), "lfs": lfs})
        })
        .collect();
    entries.extend(hostile.map(
        |path| serde_json::json!({"type": "file", "oid": "a".repeat(40), "size": 3, "path": path}),
    ));
    server
        .hub()
        .override_tree_json(hfast_testkit::corpus::RepoKind::Model, "org/name", entries);
    let outer = tempfile::tempdir().unwrap();
    let target = outer.path().join("target");
    let request = request(&repo(), Target::LocalDir(target.clone()));
    let report = download(options(&server.endpoint()), &request)
        .await
        .unwrap();
    assert_eq!(report.refused.len(), hostile.len(), "{:?}", report.refused);
    assert!(report.failed.is_empty());
    for file in &repo().files {
        cache_check::compare(&target.join(file.path()), file).unwrap();
    }
    let beside: Vec<_> = std::fs::read_dir(outer.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["target"], "nothing outside the target is touched");
}

#[tokio::test]
async fn a_second_endpoint_takes_over_in_the_middle_of_a_file() {
    let (first, second) = (serve(vec![repo()]).await, serve(vec![repo()]).await);
    let dead = Match::cdn();
    first
        .hub()
        .add_fault(Fault::new(dead, What::ResetAfter(200_000)));
    let mut options = options(&first.endpoint());
    options.endpoints.push(second.endpoint().parse().unwrap());
    assert_arrives(options, &repo()).await;
}

#[tokio::test]
async fn an_expired_link_is_renewed() {
    let server = serve(vec![repo()]).await;
    server
        .hub()
        .add_fault(Fault::new(Match::cdn().times(2), What::ExpireSignedUrls));
    assert_arrives(options(&server.endpoint()), &repo()).await;
}

#[tokio::test]
async fn a_thousand_small_files_cost_a_thousand_requests() {
    let many = many_files("org/many", 3, 1000, 2000);
    let server = serve(vec![many.clone()]).await;
    let cache = tempfile::tempdir().unwrap();
    download_to_cache(options(&server.endpoint()), &many, cache.path())
        .await
        .unwrap();
    assert_right(cache.path(), &many);
    let requests = server.hub().requests().len();
    assert!(requests <= 1050 + 3, "{requests} requests");

    server.hub().clear();
    let mut pinned = request(&many, Target::Cache(cache.path().to_owned()));
    pinned.revision = hfast::Revision::new(&many.commit).unwrap();
    let report = download(options(&server.endpoint()), &pinned)
        .await
        .unwrap();
    assert_eq!(
        (report.files, server.hub().requests().len()),
        (1000, 0),
        "complete and pinned"
    );
}

#[tokio::test]
async fn what_other_tools_left_is_taken_over() {
    let server = serve(vec![repo()]).await;
    let expected = repo();
    let model = expected.file("model.safetensors").unwrap();
    let bytes = model.content().read(0..model.size());

    // A part from wget or curl, under the final name.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.safetensors"), &bytes[..3 << 20]).unwrap();
    let to_folder = request(&expected, Target::LocalDir(folder.path().to_owned()));
    let report = download(options(&server.endpoint()), &to_folder)
        .await
        .unwrap();
    assert!(
        report.received < 3 << 20,
        "{} bytes received",
        report.received
    );
    cache_check::compare(&folder.path().join("model.safetensors"), model).unwrap();

    // The whole file from a browser, under another name.
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model (1).safetensors"), &bytes).unwrap();
    let to_folder = request(&expected, Target::LocalDir(folder.path().to_owned()));
    let report = download(options(&server.endpoint()), &to_folder)
        .await
        .unwrap();
    assert!(report.received < 1000, "{} bytes received", report.received);
    cache_check::compare(&folder.path().join("model.safetensors"), model).unwrap();

    // A part that is wrong costs its own length, and is not believed.
    let cache = tempfile::tempdir().unwrap();
    let blobs = cache.path().join(expected.cache_folder()).join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::write(
        blobs.join(format!("{}.incomplete", model.etag())),
        vec![7; 2 << 20],
    )
    .unwrap();
    let report = download_to_cache(options(&server.endpoint()), &expected, cache.path())
        .await
        .unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(
        report.received < model.size() + (1 << 20),
        "{} bytes received",
        report.received
    );
    assert_right(cache.path(), &expected);
}

#[tokio::test]
async fn a_run_that_ended_while_it_was_finishing_costs_nothing() {
    let server = serve(vec![repo()]).await;
    let expected = repo();
    let model = expected.file("model.safetensors").unwrap();
    let mut bytes = model.content().read(0..model.size()).to_vec();
    for (is_right, at_most) in [(true, 1 << 20), (false, model.size() + (1 << 20))] {
        let cache = tempfile::tempdir().unwrap();
        let blobs = cache.path().join(expected.cache_folder()).join("blobs");
        std::fs::create_dir_all(&blobs).unwrap();
        let left = blobs.join(format!("{}.00000001-1-1-1.hfast", model.etag()));
        bytes[5] ^= u8::from(!is_right);
        std::fs::write(&left, &bytes).unwrap();
        let file = std::fs::File::options().write(true).open(&left).unwrap();
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        file.set_modified(long_ago).unwrap();
        let report = download_to_cache(options(&server.endpoint()), &expected, cache.path())
            .await
            .unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert!(report.received < at_most, "{} bytes", report.received);
        assert_right(cache.path(), &expected);
        assert!(!left.exists());
    }
}

#[tokio::test]
async fn a_plain_url_is_resumed_and_verified() {
    let server = serve(vec![repo()]).await;
    let expected = repo();
    let model = expected.file("model.safetensors").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "{}/org/name/resolve/main/model.safetensors",
        server.endpoint()
    );
    let wrong = hfast::Digest::from_hex(&"0".repeat(64));
    let right = hfast::Digest::from_hex(model.sha256());
    for (sha256, is_right) in [(wrong, false), (right, true)] {
        let path = folder.path().join("out.bin");
        let report = fetch(&url, sha256, &path).await.unwrap();
        assert_eq!(report.failed.is_empty(), is_right, "{:?}", report.failed);
        assert_eq!(path.exists(), is_right, "a wrong file never gets its name");
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing else is left"
    );
}

#[tokio::test]
async fn errors_tell_their_kind() {
    let mut gated = repo();
    gated.gated = true;
    let server = serve(vec![gated.clone()]).await;
    let cache = tempfile::tempdir().unwrap();
    let error = download_to_cache(options(&server.endpoint()), &gated, cache.path()).await;
    let error = error.map(|report| report.failed).expect_err("gated");
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.hint().is_some());
    let missing = Repo::model("org/missing").build();
    let error = download_to_cache(options(&server.endpoint()), &missing, cache.path())
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AccessDenied),
        "{error}"
    );
    let closed = download_to_cache(options("http://127.0.0.1:9"), &missing, cache.path())
        .await
        .unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Unreachable);
}
