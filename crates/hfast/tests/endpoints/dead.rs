//! What the trouble of some files means for the others: a server that dies after the listing is met
//! once, and not by each of many files; a few files that are broken cost no others.

use std::sync::Arc;
use std::time::Duration;

use hfast::ErrorKind;
use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{Clock, FakeHub, LfsRedirect, Options};

use crate::link::SimulatedLink;
use crate::{LIMIT, on_virtual_time};

const FILES: usize = 60;

fn hub(size: u64) -> FakeHub {
    let files = (0..FILES).fold(Repo::model("org/name"), |repo, n| {
        let content = Content::seeded(u64::try_from(n).unwrap(), size);
        repo.lfs(&format!("{n}.bin"), content)
    });
    let options = Options {
        lfs_redirect: LfsRedirect::To("http://cdn.test".to_owned()),
        clock: Clock::new(|| 4_000_000_000),
        ..Options::default()
    };
    FakeHub::with_options(vec![files.build()], options)
}

/// Downloads everything, and says how long it took and what is missing.
fn download(roads: SimulatedLink) -> (Duration, Report) {
    let options = ClientOptions {
        endpoints: vec!["http://hub.test".parse().unwrap()],
        ..ClientOptions::default()
    };
    let roads = Arc::new(roads);
    let client = Client::with_transport(options, roads, Disk::Inline(Power::default()), 1);
    let folder = tempfile::tempdir().unwrap();
    let id = hfast::RepoId::new("org/name").unwrap();
    let repo = hfast::Repo::new(hfast::RepoType::Model, id);
    let request = DownloadRequest::new(repo, Target::Cache(folder.path().into()));
    on_virtual_time(async {
        let started = tokio::time::Instant::now();
        let progress = Arc::new(Progress::default());
        let plan = client.plan(&request, &progress).await.unwrap();
        let work = client.download(plan, &progress);
        let report = tokio::time::timeout(LIMIT, work).await.unwrap().unwrap();
        (started.elapsed(), report)
    })
}

#[test]
fn a_dead_server_costs_its_patience_once_for_all_files() {
    for (size, what) in [
        (1000, What::Refuse),
        (1000, What::StallBeforeHeaders(None)),
        (1000, What::server_error(500, 10)),
        (3 << 20, What::Refuse),
        (3 << 20, What::StallBeforeHeaders(None)),
    ] {
        let hub = hub(size);
        let name = format!("{size} {what:?}");
        hub.add_fault(Fault::new(Match::cdn(), what));
        let (took, report) = download(crate::roads(&hub, &hub));
        assert_eq!(report.failed.len(), FILES, "{name}");
        for (_, error) in &report.failed {
            assert_eq!(error.kind(), ErrorKind::Unreachable, "{name}: {error}");
        }
        assert!(took < Duration::from_secs(150), "{name}: {took:?}");
    }
}

#[test]
fn broken_files_cost_no_others() {
    const BROKEN: usize = 24;
    for size in [1000, 3 << 20] {
        let hub = hub(size);
        for n in 0..BROKEN {
            let when = Match::resolve().path(&format!("/{n}.bin"));
            hub.add_fault(Fault::new(when, What::server_error(502, 10)));
        }
        let (_, report) = download(crate::roads(&hub, &hub));
        assert_eq!(report.failed.len(), BROKEN);
        assert_eq!(report.files, FILES - BROKEN);
    }
}

/// Those that are let in need longer for the whole than the patience with a file lasts.
#[test]
fn a_server_that_lets_few_connections_in_is_not_a_dead_one() {
    let hub = hub(3 << 20);
    let hosts = vec![("hub.test", hub.clone()), ("cdn.test", hub)];
    let (took, report) = download(SimulatedLink::new(hosts, 500_000).letting_in(2));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(took > Duration::from_secs(150), "{took:?}");
}
