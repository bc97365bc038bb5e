//! Answers that lie in small ways, and listings that fail here and there, on real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod support;

use std::io::Read as _;
use std::time::{Duration, Instant};

use hfast::client::{Client, Target};
use hfast::transfer::progress::Progress;
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo, RepoKind, many_files};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{self, Odd};
use support::raw::{Raw, Says, answer, honest};
use support::{assert_arrives, download, fetch, options, repo, request, serve};

/// Larger than what is fetched in one request or kept in memory.
const SIZE: u64 = (5 << 20) + 3;

fn bytes(seed: u64) -> Vec<u8> {
    Content::seeded(seed, SIZE).read(0..SIZE).to_vec()
}

fn gzip(mut plain: impl std::io::Read) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::copy(&mut plain, &mut encoder).unwrap();
    encoder.finish().unwrap()
}

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
    let plan = client.plan(&request, &Progress::default()).await.unwrap();
    assert_eq!(plan.files.len(), 200);
    assert!(
        server.hub().count("GET", "/tree/") < 60,
        "no page is asked for again and again"
    );
}

#[tokio::test]
async fn a_compressed_answer_that_ends_early_is_not_the_file() {
    let server = serve(vec![repo()]).await;
    for what in [What::Gzip, What::ShortBody(5)] {
        for file in ["config.json", "model.safetensors"] {
            let when = Match::any().path(file).method("GET").unranged().times(4);
            server.hub().add_fault(Fault::new(when, what.clone()));
        }
        server
            .hub()
            .add_fault(Fault::new(Match::cdn().times(2), what));
    }
    assert_arrives(options(&server.endpoint()), &repo()).await;
}

#[tokio::test]
async fn a_compressed_answer_of_unknown_size_is_there_when_its_end_is() {
    let plain = bytes(1);
    let packed = gzip(plain.as_slice());
    let server = Raw::start(move |number, head| {
        let kept = if number < 3 {
            packed.len() - 9
        } else {
            packed.len()
        };
        if head.starts_with("HEAD") {
            answer("405 Method Not Allowed", &[], b"")
        } else {
            answer("200 OK", &[("Content-Encoding", "gzip")], &packed[..kept])
        }
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(std::fs::read(&path).unwrap() == plain);
    assert!(server.asked() > 3, "the short ones were not enough");
}

/// The most memory that this process has had so far.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() << 10
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_little_that_expands_to_very_much_takes_little_memory() {
    // The honest bytes at the beginning make the pieces large that are read from the socket.
    let head = bytes(1);
    let size = SIZE + (120 << 20);
    let packed = gzip(head.chain(std::io::repeat(0).take(1 << 30)));
    let server = Raw::start(move |_, head| {
        if head.starts_with("HEAD") {
            answer("200 OK", &[("Content-Length", &size.to_string())], b"")
        } else {
            let length = packed.len().to_string();
            let headers = [("Content-Encoding", "gzip"), ("Content-Length", &length)];
            answer("200 OK", &headers, &packed)
        }
    });
    let server = server.await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let before = peak_memory();
    let report = fetch(&server.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert_eq!(std::fs::metadata(&path).unwrap().len(), size);
    let grown = peak_memory() - before;
    assert!(grown < 100 << 20, "{grown} bytes more than before");
}

#[tokio::test]
async fn links_with_absurd_dates_are_used_like_any_other() {
    for query in [
        "Expires=99999999999999999999",
        "Expires=-1",
        "X-Amz-Date=99999999T999999Z&X-Amz-Expires=99999999999999999999",
        "X-Amz-Date=99991231T235959Z&X-Amz-Expires=18446744073709551615",
        "X-Amz-Date=-001-1-1T-1-1-1Z&X-Amz-Expires=1",
        "X-Amz-Date=%F0%9F%92%A9%F0%9F%92%A9%F0%9F%92%A9%F0%9F%92%A9&X-Amz-Expires=3600",
        "X-Amz-Date=&X-Amz-Expires=",
    ] {
        let expected = repo();
        let model = expected.file("model.safetensors").unwrap();
        let content = model.content().read(0..SIZE);
        let storage = Raw::start(move |_, head| honest(head, &content, "\"x\"")).await;
        let server = serve(vec![repo()]).await;
        let location = format!("{}?{query}", storage.url());
        let there = What::RedirectTo {
            code: 302,
            location,
        };
        let when = Match::resolve().path("model.safetensors");
        server.hub().add_fault(Fault::new(when, there));
        assert_arrives(options(&server.endpoint()), &repo()).await;
        assert!(storage.asked() > 0);
        let asked = server.hub().count("GET", "model.safetensors");
        assert!(asked < 3, "{query}: a link was asked for {asked} times");
    }
}

#[tokio::test]
async fn a_length_that_lies_is_not_believed() {
    for by in [-3, 3, -100_000, 100_000] {
        let server = serve(vec![repo()]).await;
        server.hub().configure(|options| {
            options.lfs_redirect = hub::LfsRedirect::Never;
        });
        for file in ["config.json", "model.safetensors"] {
            let whole = Match::resolve().path(file).method("GET").times(2);
            server.hub().add_fault(Fault::new(
                whole.clone().unranged(),
                What::LyingContentLength(by),
            ));
            server.hub().add_fault(Fault::new(whole, What::IgnoreRange));
        }
        assert_arrives(options(&server.endpoint()), &repo()).await;
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_given_up() {
    let content = bytes(1);
    let expected = content.clone();
    let server = Raw::start(move |number, head| match number {
        0 => Says::Forever(b"HTTP/1.1 100 Continue\r\n\r\n".to_vec()),
        _ => honest(head, &content, "\"x\""),
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.bin");
    let begun = Instant::now();
    let report = fetch(&server.await.url(), None, &path).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(std::fs::read(&path).unwrap() == expected);
    assert!(begun.elapsed() < Duration::from_secs(40));
}

#[tokio::test]
async fn a_listing_that_describes_lfs_pointers_still_gives_the_content() {
    let expected = repo();
    let model = expected.file("model.safetensors").unwrap();
    let pointer = model.git_object();
    let entry = serde_json::json!({
        "type": "file", "path": model.path(), "oid": pointer.git_sha1(), "size": pointer.size(),
    });
    let server = serve(vec![repo()]).await;
    server
        .hub()
        .override_tree_json(RepoKind::Model, "org/name", vec![entry]);
    let folder = tempfile::tempdir().unwrap();
    let request = request(&expected, Target::LocalDir(folder.path().to_owned()));
    let report = download(options(&server.endpoint()), &request)
        .await
        .unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    cache_check::compare(&folder.path().join(model.path()), model).unwrap();
}

#[tokio::test]
async fn an_endpoint_that_wants_a_grant_does_not_stop_the_others() {
    let open = many_files("org/many", 5, 60, 100);
    let mut gated = open.clone();
    gated.gated = true;
    let folder = tempfile::tempdir().unwrap();
    let wanted = request(&open, Target::LocalDir(folder.path().to_owned()));
    let (gated, open) = (serve(vec![gated]).await, serve(vec![open]).await);
    let mut options = options(&gated.endpoint());
    options.endpoints.push(open.endpoint().parse().unwrap());
    let report = download(options, &wanted).await.unwrap();
    assert!(report.failed.is_empty(), "{:?}", report.failed.first());
    assert_eq!(report.files, 60);
}

/// Behind one name there are servers that have the same bytes under other tags.
#[tokio::test]
async fn where_a_digest_judges_a_tag_says_nothing() {
    let repo = Repo::model("org/name")
        .lfs("model.bin", Content::seeded(8, 40 << 20))
        .build();
    let server = serve(vec![repo.clone()]).await;
    server
        .hub()
        .configure(|options| options.lfs_redirect = hub::LfsRedirect::Never);
    let other = What::SetHeader {
        name: "etag".into(),
        value: Some("\"other\"".into()),
    };
    let every_second = Match::resolve().method("GET").every(2);
    server.hub().add_fault(Fault::new(every_second, other));
    assert_arrives(options(&server.endpoint()), &repo).await;
    assert!(server.hub().sent_bytes() < 42 << 20);
    let asked = server.hub().requests();
    let parts: Vec<_> = asked.iter().filter(|asked| asked.range.is_some()).collect();
    assert!(parts.len() > 1 && parts.iter().all(|part| part.status == 206));
    assert!(server.hub().faults_applied() > 0);
}
