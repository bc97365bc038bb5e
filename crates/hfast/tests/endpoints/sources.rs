//! Two endpoints, of which the first has its troubles: what one file met, the next one knows.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hfast::Error;
use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::{Event, Progress};
use hfast_testkit::corpus::RepoKind;
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{FakeHub, LfsRedirect, Logged, Odd, RouteKind};
use tokio::time::{Instant, sleep};

use crate::{LIMIT, hub, on_virtual_time};

/// Two endpoints with the same content and storage of their own, and a client of both.
pub(crate) struct World {
    pub(crate) first: FakeHub,
    pub(crate) second: FakeHub,
    client: Client,
    progress: Arc<Progress>,
}

pub(crate) const BOTH: [&str; 2] = ["http://hub.test", "http://mirror.test"];

impl World {
    fn new() -> Self {
        Self::of(&BOTH, crate::RATE)
    }

    /// A client of these endpoints, to which each connection carries so many bytes per second.
    pub(crate) fn of(endpoints: &[&str], rate: u64) -> Self {
        let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
        let roads = crate::roads_at(&first, &second, rate);
        let options = ClientOptions {
            endpoints: endpoints.iter().map(|text| text.parse().unwrap()).collect(),
            max_files: 1,
            ..ClientOptions::default()
        };
        Self {
            first,
            second,
            client: Client::with_transport(
                options,
                Arc::new(roads),
                Disk::Inline(Power::default()),
                1,
            ),
            progress: Arc::new(Progress::default()),
        }
    }

    /// The report, or what the first file that failed met.
    pub(crate) async fn attempt(&self, folder: &Path, files: &[&str]) -> Result<Report, Error> {
        let repo = hfast::Repo::new(
            hfast::RepoType::Model,
            hfast::RepoId::new("org/name").unwrap(),
        );
        let mut request = DownloadRequest::new(repo, Target::Cache(folder.to_owned()));
        request.files = files.iter().map(ToString::to_string).collect();
        let work = async {
            let plan = self.client.plan(&request, &Progress::default()).await?;
            self.client.download(plan, &self.progress).await
        };
        let mut report = tokio::time::timeout(LIMIT, work).await.unwrap()?;
        report
            .failed
            .pop()
            .map_or(Ok(report), |(_, error)| Err(error))
    }

    pub(crate) async fn download(&self, folder: &Path, files: &[&str]) -> Report {
        self.attempt(folder, files).await.unwrap()
    }

    pub(crate) fn notices(&self) -> Vec<String> {
        let events = self.progress.take_events().into_iter();
        let text = |event| match event {
            Event::Notice(text) => Some(text),
            Event::FileDone { .. } | Event::FileFailed { .. } => None,
        };
        events.filter_map(text).collect()
    }
}

const LARGE: [&str; 2] = ["model.safetensors", "vocab.bin"];

#[test]
fn a_dead_source_costs_no_time_where_there_is_another() {
    let silent = What::StallBeforeHeaders(None);
    for dead in [Match::resolve(), Match::cdn()] {
        let world = World::new();
        world
            .first
            .add_fault(Fault::new(dead.clone(), silent.clone()));
        let folder = tempfile::tempdir().unwrap();
        on_virtual_time(async {
            let started = Instant::now();
            world.download(folder.path(), &LARGE).await;
            // Nobody waits for it: the other one brings all.
            let took = started.elapsed();
            assert!(took < Duration::from_secs(5), "{dead:?}: {took:?}");
        });
    }
}

#[test]
fn an_endpoint_that_was_down_gets_another_chance() {
    let world = World::of(&BOTH, 2_000);
    let silent = What::StallBeforeHeaders(None);
    world
        .first
        .add_fault(Fault::new(Match::resolve().path("vocab.bin"), silent));
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    on_virtual_time(async {
        world.download(folders[0].path(), &["vocab.bin"]).await;
        world.first.clear();
        world.download(folders[1].path(), &["config.json"]).await;
        assert_eq!(world.first.requests().len(), 0, "it failed just now");
        sleep(Duration::from_secs(300)).await;
        world.download(folders[2].path(), &["config.json"]).await;
        assert!(
            world.first.count("GET", "config.json") > 0,
            "that is long ago"
        );
    });
}

#[test]
fn a_file_that_an_endpoint_lacks_says_nothing_of_its_health() {
    let world = World::new();
    let missing = What::Status {
        code: 404,
        headers: vec![("X-Error-Code".into(), "EntryNotFound".into())],
        body: "".into(),
    };
    let model = Match::resolve().path("model.safetensors");
    world.first.add_fault(Fault::new(model, missing));
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        world.download(folder.path(), &["model.safetensors"]).await;
        assert!(world.second.count("GET", "model.safetensors") > 0);
        world.download(folder.path(), &["vocab.bin"]).await;
        assert!(world.first.count("GET", "vocab.bin") > 0);
    });
}

#[test]
fn a_mirror_that_sends_the_bytes_to_a_dead_host_is_named_once() {
    let world = World::of(&BOTH, 40_000);
    let silent = What::StallBeforeHeaders(None);
    world.first.add_fault(Fault::new(Match::cdn(), silent));
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        world.download(folder.path(), &LARGE).await;
        let notices = world.notices();
        let said = notices.iter().filter(|text| text.contains("cdn.test"));
        let said: Vec<_> = said.collect();
        let expected = "hub.test sends the bytes to cdn.test, which fails: no answer in time";
        assert_eq!(said, [expected], "{notices:?}");
        assert!(
            notices
                .iter()
                .any(|text| text.contains("trying mirror.test instead"))
        );
    });
}

/// Listings that tell no size, and servers that tell none either.
fn hide_sizes(world: &World) {
    let config = crate::repo()
        .file("config.json")
        .unwrap()
        .git_sha1()
        .to_owned();
    let entry = serde_json::json!({"type": "file", "path": "config.json", "oid": config});
    for hub in [&world.first, &world.second] {
        hub.override_tree_json(RepoKind::Model, "org/name", vec![entry.clone()]);
        hub.configure(|options| {
            let odd = [Odd::NoContentLength, Odd::NoEtag, Odd::IgnoreRanges];
            options.odd.extend(odd);
        });
    }
}

#[test]
fn a_file_of_unknown_size_is_asked_of_the_next_source_after_a_refusal() {
    let world = World::new();
    hide_sizes(&world);
    let missing = What::server_error(404, 10);
    let config = Match::resolve().path("config.json");
    world.first.add_fault(Fault::new(config.clone(), missing));
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        let report = world.download(folder.path(), &["config.json"]).await;
        assert_eq!(std::fs::read(report.path).unwrap(), b"{}");
        assert!(world.second.count("GET", "config.json") > 0);
    });

    let world = World::new();
    hide_sizes(&world);
    world
        .first
        .add_fault(Fault::new(config.clone(), What::server_error(403, 10)));
    world
        .second
        .add_fault(Fault::new(config, What::server_error(404, 10)));
    on_virtual_time(async {
        let folder = tempfile::tempdir().unwrap();
        let error = world.attempt(folder.path(), &["config.json"]).await;
        let error = error.unwrap_err().kind();
        assert_eq!(
            error,
            hfast::ErrorKind::AccessDenied,
            "the first refusal counts"
        );
    });
}

#[test]
fn a_file_of_unknown_size_is_asked_of_each_source_before_one_that_lies_is_asked_again() {
    let endpoints = ["http://mirror.test", "http://twin.test", "http://hub.test"];
    let world = World::of(&endpoints, crate::RATE);
    hide_sizes(&world);
    let config = Match::resolve().path("config.json");
    world.second.add_fault(Fault::new(config, What::FlipEach));
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        let report = world.download(folder.path(), &["config.json"]).await;
        assert_eq!(std::fs::read(report.path).unwrap(), b"{}");
        let whole = |r: &Logged| r.method == "GET" && r.range.is_none();
        let mut requests = world.second.requests();
        requests.retain(|r| whole(r) && r.path.starts_with("/org/name/resolve/"));
        assert_eq!(requests.len(), 2, "once by each of its names");
    });
}

#[test]
fn a_single_connection_goes_where_more_comes() {
    let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
    first.add_fault(Fault::new(Match::cdn(), What::Throttle(100_000)));
    let roads = crate::roads(&first, &second);
    let (took, report) = crate::download_with(roads, &BOTH, Some(1));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    // One piece of the first takes 21 s, all of it 270.
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_source_without_ranges_does_not_slow_down_the_next_one() {
    let world = World::new();
    world.first.configure(|options| {
        options.odd.insert(Odd::IgnoreRanges);
    });
    let broken = Fault::new(Match::cdn(), What::ResetAfter(100));
    world.first.add_fault(broken);
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        world.download(folder.path(), &["model.safetensors"]).await;
        let requests = world.second.requests().into_iter();
        let ranges = requests.filter(|r| r.kind == RouteKind::Cdn && r.range.is_some());
        assert!(ranges.count() > 1, "one connection for all of it");
    });
}

/// Endpoints that serve bytes themselves, under addresses that they forget.
fn forgetful(endpoints: &[&str], times: u32) -> (World, Fault) {
    let world = World::of(endpoints, crate::RATE);
    for hub in [&world.first, &world.second] {
        hub.configure(|options| options.lfs_redirect = LfsRedirect::Never);
    }
    let model = Match::resolve().path("model.safetensors").ranged();
    let refused = What::server_error(403, 10);
    (world, Fault::new(model.skip(1).times(times), refused))
}

#[test]
fn an_address_of_the_source_itself_is_asked_for_again_before_a_refusal_counts() {
    let (world, fault) = forgetful(&BOTH[..1], 1);
    world.first.add_fault(fault);
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        world.download(folder.path(), &["model.safetensors"]).await;
    });

    let (world, fault) = forgetful(&BOTH, u32::MAX);
    world.first.add_fault(fault.clone());
    world.second.add_fault(fault);
    let folder = tempfile::tempdir().unwrap();
    on_virtual_time(async {
        let started = Instant::now();
        let error = world.attempt(folder.path(), &["model.safetensors"]).await;
        assert_eq!(error.unwrap_err().kind(), hfast::ErrorKind::AccessDenied);
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "a refusal is final"
        );
    });
}
