//! Sources beside the endpoints: a mirror, ModelScope and a folder give bytes; none of them is believed
//! or sees the token.

use std::path::Path;
use std::sync::Arc;

use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::hub::token::Token;
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::{Event, Progress};
use hfast::transport::{Boxed, Failure, Request, Response, Transport};
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};

use crate::link::SimulatedLink;
use crate::{LIMIT, hub, hub_of, on_virtual_time, repo, roads_at};

const RATE: u64 = 300_000;

/// What a download by way of `roads` brought, and what was said on the way.
fn download(roads: impl Transport + 'static, source: &str, into: &Path) -> (Report, Vec<String>) {
    let options = ClientOptions {
        endpoints: vec!["http://hub.test".parse().unwrap()],
        sources: vec![source.parse().unwrap()],
        token: Some(Token::new("hf_secret").unwrap()),
        ..ClientOptions::default()
    };
    let disk = Disk::Inline(Power::default());
    let client = Client::with_transport(options, Arc::new(roads), disk, 1);
    let id = hfast::RepoId::new("org/name").unwrap();
    let repo = hfast::Repo::new(hfast::RepoType::Model, id);
    let request = DownloadRequest::new(repo, Target::Cache(into.into()));
    let progress = Arc::new(Progress::default());
    let report = on_virtual_time(async {
        let plan = client.plan(&request, &progress).await.unwrap();
        let work = client.download(plan, &progress);
        tokio::time::timeout(LIMIT, work).await.unwrap().unwrap()
    });
    let notices = progress
        .take_events()
        .into_iter()
        .filter_map(|event| match event {
            Event::Notice(text) => Some(text),
            Event::FileDone { .. } | Event::FileFailed { .. } => None,
        });
    (report, notices.collect())
}

fn assert_right(report: &Report) {
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    for file in &repo().files {
        let path = report.path.join(file.path());
        hfast_testkit::cache_check::compare(&path, file).unwrap();
    }
}

#[test]
fn a_mirror_gives_bytes_and_sees_no_token() {
    let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
    let folder = tempfile::tempdir().unwrap();
    let roads = roads_at(&first, &second, RATE);
    let (report, _) = download(roads, "http://mirror.test", folder.path());
    assert_right(&report);
    let requests = second.requests();
    assert!(
        requests.iter().any(|r| r.path.starts_with("/cdn/")),
        "it was not used"
    );
    assert!(
        requests.iter().all(|r| !r.path.starts_with("/api/")),
        "it was believed"
    );
    assert!(requests.iter().all(|r| r.authorization.is_none()));
}

#[test]
fn a_source_that_has_something_else_does_no_harm() {
    let first = hub("http://cdn.test");
    let other = Repo::model("org/name").lfs("model.safetensors", Content::seeded(7, 5 << 20));
    for odd in [other.build(), Repo::model("org/other").build()] {
        let second = hub_of(odd, "http://storage.test");
        let folder = tempfile::tempdir().unwrap();
        let roads = roads_at(&first, &second, RATE);
        let (report, _) = download(roads, "http://mirror.test", folder.path());
        assert_right(&report);
    }
}

/// A ModelScope whose files are those of a Hub behind it.
struct ModelScope {
    inner: SimulatedLink,
    listing: String,
}

impl Transport for ModelScope {
    fn send(&self, mut request: Request) -> Boxed<'_, Result<Response, Failure>> {
        if request.url.host_str() == Some("ms.test") {
            assert!(!request.headers.contains_key("authorization"));
            let query = request.url.query_pairs();
            let path = query.into_iter().find(|(key, _)| key == "FilePath");
            let Some((_, path)) = path else {
                assert_eq!(request.url.path(), "/api/v1/models/else/where/repo/files");
                let body = Box::new(Whole(Some(self.listing.clone().into())));
                return Box::pin(async { Ok(answer(body)) });
            };
            let url = format!("http://mirror.test/org/name/resolve/main/{path}");
            request.url = url.parse().unwrap();
        }
        self.inner.send(request)
    }

    fn avoid(&self, _: std::net::SocketAddr) {}
}

struct Whole(Option<bytes::Bytes>);

impl hfast::transport::Body for Whole {
    fn chunk(&mut self) -> Boxed<'_, Result<Option<bytes::Bytes>, Failure>> {
        Box::pin(async { Ok(self.0.take()) })
    }
}

fn answer(body: Box<dyn hfast::transport::Body>) -> Response {
    Response {
        status: http::StatusCode::OK,
        headers: http::HeaderMap::new(),
        peer: None,
        kept: false,
        body,
    }
}

fn listing() -> String {
    let files = repo().files;
    let entries = files.iter().filter(|file| file.is_lfs()).map(|file| {
        serde_json::json!({
            "Path": file.path(), "Type": "blob", "Size": file.size(), "Sha256": file.etag(),
        })
    });
    let entries: Vec<_> = entries.collect();
    serde_json::json!({"Code": 200, "Data": {"Files": entries}, "Success": true}).to_string()
}

#[test]
fn modelscope_gives_what_has_the_same_digest() {
    let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
    let folder = tempfile::tempdir().unwrap();
    let roads = ModelScope {
        inner: roads_at(&first, &second, RATE),
        listing: listing(),
    };
    let (report, _) = download(roads, "modelscope:else/where@http://ms.test", folder.path());
    assert_right(&report);
    let names: Vec<_> = second.requests().iter().map(|r| r.path.clone()).collect();
    assert!(names.iter().any(|path| path.ends_with("model.safetensors")));
    assert!(names.iter().all(|path| !path.ends_with("config.json")));
}

#[test]
fn modelscope_that_makes_no_sense_is_left_out() {
    let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
    let folder = tempfile::tempdir().unwrap();
    let roads = ModelScope {
        inner: roads_at(&first, &second, RATE),
        listing: "<html>".to_owned(),
    };
    let source = "modelscope:else/where@http://ms.test";
    let (report, notices) = download(roads, source, folder.path());
    assert_right(&report);
    let left_out = notices.iter().find(|text| text.contains("is left out"));
    assert!(
        left_out.is_some_and(|text| text.contains("ms.test")),
        "{notices:?}"
    );
    assert!(second.requests().is_empty());
}

#[test]
fn a_folder_gives_what_has_the_right_digest_and_keeps_its_files() {
    let first = hub("http://cdn.test");
    first.add_fault(Fault::new(Match::cdn().path("vocab.bin"), What::Refuse));
    let (folder, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let files = repo().files;
    let named = |name: &str| files.iter().find(|file| file.path() == name).unwrap();
    let vocab = folder.path().join("vocab.bin");
    std::fs::write(
        &vocab,
        named("vocab.bin")
            .content()
            .read(0..named("vocab.bin").size()),
    )
    .unwrap();
    let model = named("model.safetensors");
    let wrong = model.content().with_flip(9).read(0..model.size());
    std::fs::write(folder.path().join("model.safetensors"), wrong).unwrap();
    let roads = roads_at(&first, &first, 4_000_000);
    let (report, _) = download(roads, folder.path().to_str().unwrap(), cache.path());
    assert_right(&report);
    assert_eq!(first.count("GET", "/vocab.bin"), 0, "it lies in the folder");
    // What people write to must not be what the cache has.
    std::fs::write(&vocab, "changed").unwrap();
    assert_right(&report);

    let roads = roads_at(&first, &first, 4_000_000);
    let again = tempfile::tempdir().unwrap();
    let before = first.requests().len();
    let (report, _) = download(roads, cache.path().to_str().unwrap(), again.path());
    assert_right(&report);
    let asked = first.requests().split_off(before);
    assert!(
        asked.iter().all(|r| r.path.starts_with("/api/")),
        "the other cache has it all"
    );
}
