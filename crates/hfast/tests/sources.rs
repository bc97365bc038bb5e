//! `sources::survey` over real sockets: what each source is found to have, and how it is asked.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use hfast::ErrorKind;
use hfast::client::{Client, ClientOptions, Target};
use hfast::sources::{Extent, SourceReport, Survey, survey};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::FakeHub;
use hfast_testkit::loopback::Loopback;
use support::{options, repo, request, serve};

const TOKEN: &str = "hf_averysecrettokenindeed";

async fn look(options: ClientOptions) -> Survey {
    let client = Client::new(options).unwrap();
    let request = request(&repo(), Target::Cache("nowhere".into()));
    survey(&client, &request, &Progress::default())
        .await
        .unwrap()
}

/// One endpoint that has everything, and one further source.
async fn beside(source: &str) -> SourceReport {
    let hub = serve(vec![repo()]).await;
    let options = ClientOptions {
        sources: vec![source.parse().unwrap()],
        token: Some(hfast::hub::token::Token::new(TOKEN).unwrap()),
        ..options(&hub.endpoint())
    };
    let mut survey = look(options).await;
    assert_eq!(survey.sources[0].extent(), Extent::All);
    assert!(survey.fault().is_none());
    survey.sources.remove(1)
}

async fn mirror(repos: Vec<Repo>) -> Loopback {
    Loopback::start(FakeHub::new(repos)).await.unwrap()
}

#[tokio::test]
async fn a_mirror_that_has_everything_says_so_and_sees_no_token() {
    let mirror = mirror(vec![repo()]).await;
    let found = beside(&mirror.endpoint()).await;
    assert_eq!((found.extent(), found.holdings.same), (Extent::All, 4));
    let speed = found.speed.unwrap();
    assert!(speed.bytes_per_second.is_some_and(|rate| rate > 0));
    assert_eq!(found.bytes_from, Some(mirror.cdn()));
    let requests = mirror.hub().requests();
    assert!(!requests.is_empty());
    assert!(
        requests.iter().all(|r| r.authorization.is_none()),
        "{requests:?}"
    );
}

#[tokio::test]
async fn what_is_other_or_missing_is_named() {
    let content = |seed, size| Content::seeded(seed, size);
    let size = (5 << 20) + 3;
    for (other, said) in [
        (content(2, size), "model.safetensors"),
        (content(1, size - 1), "bytes instead of"),
    ] {
        let repo = Repo::model("org/name")
            .file("config.json", b"{\"a\": 1}")
            .file("empty.txt", b"")
            .lfs("model.safetensors", other)
            .build();
        let mirror = mirror(vec![repo.clone()]).await;
        // It has the same commit: nobody asks a further source what a revision is.
        mirror.hub().remove(repo.kind, &repo.id);
        let commit = support::repo().commit;
        mirror.hub().push(Repo { commit, ..repo });
        let found = beside(&mirror.endpoint()).await;
        let holdings = found.holdings;
        assert_eq!(found.extent(), Extent::Part, "{found:?}");
        assert_eq!((holdings.other, holdings.missing), (1, 1), "{found:?}");
        let remarks = found.remarks.join("; ");
        assert!(
            remarks.contains(said) && remarks.contains("x y+z.txt"),
            "{remarks}"
        );
    }
}

#[tokio::test]
async fn who_does_not_answer_costs_a_bounded_time() {
    let mirror = mirror(vec![repo()]).await;
    mirror
        .hub()
        .add_fault(Fault::new(Match::any(), What::StallBeforeHeaders(None)));
    let begun = Instant::now();
    let silent = beside(&mirror.endpoint()).await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(silent.fault, Some(ErrorKind::Unreachable));
    let refused = beside("http://127.0.0.1:9").await;
    assert_eq!(
        (refused.fault, refused.extent()),
        (Some(ErrorKind::Unreachable), Extent::Nothing)
    );
}

#[tokio::test]
async fn an_endpoint_that_is_behind_is_told_from_one_that_is_not() {
    let (hub, behind) = (
        serve(vec![repo()]).await,
        serve(vec![Repo::model("org/name").file("old", b"x").build()]).await,
    );
    let survey = look(ClientOptions {
        endpoints: vec![
            hub.endpoint().parse().unwrap(),
            behind.endpoint().parse().unwrap(),
        ],
        ..ClientOptions::default()
    })
    .await;
    let [first, second] = survey.sources.as_slice() else {
        panic!("{survey:?}");
    };
    assert_eq!(first.commit.as_ref(), Some(&survey.commit));
    assert_ne!(second.commit, first.commit);
    assert_eq!(second.extent(), Extent::Nothing);
    assert!(
        second
            .remarks
            .iter()
            .any(|text| text.contains("main is commit")),
        "{second:?}"
    );
}

#[tokio::test]
async fn modelscope_is_judged_by_its_listing() {
    let mirror = mirror(vec![repo()]).await;
    let model = repo().file("model.safetensors").unwrap().clone();
    let listing = serde_json::json!({"Code": 200, "Success": true, "Data": {"Files": [
        {"Path": model.path(), "Type": "blob", "Size": model.size(), "Sha256": model.sha256()},
    ]}});
    mirror
        .hub()
        .override_json("/api/v1/models/org/name/repo/files", &listing);
    let found = beside(&format!("modelscope@{}", mirror.endpoint())).await;
    assert_eq!(
        (found.holdings.same, found.holdings.missing),
        (1, 3),
        "{found:?}"
    );
    let found = beside(&format!("modelscope:no/such@{}", mirror.endpoint())).await;
    assert_eq!(
        (found.extent(), found.fault),
        (Extent::Nothing, Some(ErrorKind::NotFound)),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_folder_has_what_has_the_right_size() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.json"), b"{\"a\": 2}").unwrap();
    fs::write(folder.path().join("model.safetensors"), b"short").unwrap();
    let found = beside(&folder.path().to_string_lossy()).await;
    let holdings = found.holdings;
    assert_eq!(
        (holdings.by_size, holdings.other, holdings.missing),
        (1, 1, 2),
        "{found:?}"
    );
    assert_eq!(found.extent(), Extent::Part);
}
