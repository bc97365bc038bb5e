//! A server that dies after the listing: it is met once, and not by each of many files.

use std::sync::Arc;
use std::time::Duration;

use hfast::ErrorKind;
use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{Clock, FakeHub, LfsRedirect, Options};

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
        let options = ClientOptions {
            endpoints: vec!["http://hub.test".parse().unwrap()],
            ..ClientOptions::default()
        };
        let roads = Arc::new(crate::roads(&hub, &hub));
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
            assert_eq!(report.failed.len(), FILES, "{name}");
            for (_, error) in &report.failed {
                assert_eq!(error.kind(), ErrorKind::Unreachable, "{name}: {error}");
            }
            let took = started.elapsed();
            assert!(took < Duration::from_secs(150), "{name}: {took:?}");
        });
    }
}
