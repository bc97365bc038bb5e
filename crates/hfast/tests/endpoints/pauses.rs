//! Pauses that servers ask for: the same rule for questions, for addresses and for bytes.

use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::disk::{Disk, Power};
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind};
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{FakeHub, LfsRedirect, Odd};

use crate::link::SimulatedLink;
use crate::{LIMIT, RATE, hub, on_virtual_time};

const FILE: &str = "vocab.bin";

/// Who asks when the pause is asked for.
#[derive(Clone, Copy, Debug)]
enum Asking {
    Commit,
    Address,
    UnknownSize,
    Bytes,
}

const ALL: [Asking; 4] = [
    Asking::Commit,
    Asking::Address,
    Asking::UnknownSize,
    Asking::Bytes,
];

/// Meets 429 with this `Retry-After` for ever, and returns the error and when it came.
fn paused(asking: Asking, retry_after: &str) -> (Error, Duration) {
    let hub = hub("http://cdn.test");
    let who = match asking {
        Asking::Commit => Match::api(),
        Asking::Address => Match::resolve(),
        Asking::UnknownSize => Match::resolve().unranged().method("GET"),
        Asking::Bytes => Match::cdn(),
    };
    if let Asking::UnknownSize = asking {
        hub.configure(|options| {
            let odd = [Odd::NoContentLength, Odd::NoRepoCommit, Odd::IgnoreRanges];
            options.odd.extend(odd);
            options.lfs_redirect = LfsRedirect::Never;
        });
    }
    hub.add_fault(Fault::new(who, What::too_many_requests(retry_after)));
    on_virtual_time(async {
        let started = tokio::time::Instant::now();
        let ended = tokio::time::timeout(LIMIT, attempt(asking, hub)).await;
        let result = ended.unwrap_or_else(|_| panic!("{asking:?}: it does not end"));
        (result.unwrap_err(), started.elapsed())
    })
}

async fn attempt(asking: Asking, hub: FakeHub) -> Result<(), Error> {
    let options = ClientOptions {
        endpoints: vec!["http://hub.test".parse().unwrap()],
        ..ClientOptions::default()
    };
    let roads = Arc::new(crate::roads(&hub, &hub));
    let client = Client::with_transport(options, roads, Disk::Inline(Power::default()), 1);
    let folder = tempfile::tempdir().unwrap();
    let plan = match asking {
        Asking::Commit | Asking::Bytes => {
            let id = hfast::RepoId::new("org/name")?;
            let repo = hfast::Repo::new(hfast::RepoType::Model, id);
            let mut request = DownloadRequest::new(repo, Target::Cache(folder.path().into()));
            request.files = vec![FILE.to_owned()];
            client.plan(&request, &Progress::default()).await?
        }
        Asking::Address | Asking::UnknownSize => {
            let url = format!("http://hub.test/org/name/resolve/main/{FILE}");
            client.plan_url(&url.parse().unwrap(), None, folder.path().join("out"))?
        }
    };
    let mut report = client
        .download(plan, &Arc::new(Progress::default()))
        .await?;
    report.failed.pop().map_or(Ok(()), |(_, error)| Err(error))
}

#[test]
fn a_pause_of_more_than_five_minutes_is_an_error_that_says_the_time() {
    for asking in ALL {
        let (error, took) = paused(asking, "1000");
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{asking:?}: {error}");
        assert!(error.to_string().contains("1000 s"), "{asking:?}: {error}");
        assert!(took < Duration::from_secs(5), "{asking:?}: {took:?}");
    }
}

#[test]
fn short_pauses_without_end_are_told_as_what_they_are() {
    for asking in ALL {
        let (error, took) = paused(asking, "20");
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{asking:?}: {error}");
        assert!(took < Duration::from_secs(400), "{asking:?}: {took:?}");
    }
}

#[test]
fn pauses_without_an_answer_between_them_add_up() {
    for asking in ALL {
        let (error, took) = paused(asking, "290");
        assert_eq!(error.kind(), ErrorKind::RateLimited, "{asking:?}: {error}");
        assert!(took >= Duration::from_secs(290), "{asking:?}: {took:?}");
        assert!(took < Duration::from_secs(310), "{asking:?}: {took:?}");
    }
}

#[test]
fn a_pause_of_the_storage_holds_those_who_come_by_way_of_the_hub() {
    let hub = hub("http://cdn.test");
    let what = What::too_many_requests("60");
    hub.add_fault(Fault::new(Match::cdn().times(1), what));
    on_virtual_time(async {
        let started = tokio::time::Instant::now();
        attempt(Asking::Bytes, hub).await.unwrap();
        assert!(started.elapsed() >= Duration::from_secs(60));
    });
}

/// Downloads from two endpoints, and says how long it took.
fn with_two(roads: SimulatedLink) -> (Duration, Report) {
    crate::download(roads, &["http://hub.test", "http://mirror.test"])
}

/// How long a download takes whose first endpoint makes a pause, while the second could serve.
fn with_a_second(pauses: &[Match]) -> Duration {
    let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
    for when in pauses {
        first.add_fault(Fault::new(when.clone(), What::too_many_requests("290")));
    }
    first.configure(|options| options.page_size = 1);
    let (took, report) = with_two(crate::roads(&first, &second));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    took
}

#[test]
fn a_pause_at_one_source_is_no_pause_at_another() {
    let once = |when: Match, skip| when.skip(skip).times(1);
    for pauses in [
        &[Match::resolve(), Match::cdn()][..],
        // While others are on their way to the same host, or to its storage.
        &[once(Match::resolve(), 0)],
        &[once(Match::resolve(), 2)],
        &[once(Match::cdn(), 0)],
        &[once(Match::cdn(), 2)],
        // Which commit it is, and the second page of the listing.
        &[once(Match::api(), 0)],
        &[once(Match::api(), 2)],
        &[Match::api().skip(2)],
    ] {
        let took = with_a_second(pauses);
        assert!(took < Duration::from_secs(30), "{pauses:?}: {took:?}");
    }
}

/// Ports tell servers apart that run on one machine, whether the pause is one of the mirror itself or of
/// the storage behind it.
#[test]
fn a_pause_at_one_port_is_no_pause_at_another() {
    for when in [Match::api(), Match::resolve(), Match::cdn()] {
        let (first, second) = (hub("http://near.test:83"), hub("http://near.test:84"));
        first.add_fault(Fault::new(when.clone(), What::too_many_requests("290")));
        let hosts = [
            ("near.test:81", &first),
            ("near.test:82", &second),
            ("near.test:83", &first),
            ("near.test:84", &second),
        ];
        let hosts = hosts.map(|(name, hub)| (name, hub.clone())).to_vec();
        let roads = SimulatedLink::new(hosts, RATE);
        let endpoints = ["http://near.test:81", "http://near.test:82"];
        let (took, report) = crate::download(roads, &endpoints);
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert!(took < Duration::from_secs(30), "{when:?}: {took:?}");
    }
}

/// Both endpoints lead to one storage, as the Hub and its mirrors do: it is waited for, and neither
/// endpoint is asked again and again meanwhile.
#[test]
fn a_pause_of_the_storage_of_both_is_waited_for() {
    let (first, second) = (hub("http://cdn.test"), hub("http://cdn.test"));
    first.add_fault(Fault::new(
        Match::cdn().times(1),
        What::too_many_requests("200"),
    ));
    let hosts = [
        ("hub.test", &first),
        ("mirror.test", &second),
        ("cdn.test", &first),
    ];
    let hosts = hosts.map(|(name, hub)| (name, hub.clone())).to_vec();
    let roads = SimulatedLink::new(hosts, RATE);
    let (took, report) = with_two(roads);
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(took > Duration::from_secs(199), "{took:?}");
    let addresses = first.count("GET", "/resolve/") + second.count("GET", "/resolve/");
    assert!(addresses < 20, "{addresses} requests");
}

#[test]
fn a_pause_of_both_endpoints_is_waited_for() {
    let (first, second) = (hub("http://cdn.test"), hub("http://storage.test"));
    for (hub, pause) in [(&first, "100"), (&second, "60")] {
        hub.configure(|options| options.page_size = 1);
        let when = Match::api().skip(1).times(1);
        hub.add_fault(Fault::new(when, What::too_many_requests(pause)));
    }
    let (took, report) = with_two(crate::roads(&first, &second));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let bounds = Duration::from_secs(59)..Duration::from_secs(90);
    assert!(bounds.contains(&took), "{took:?}");
}

/// A pause for every second request costs more than the bytes, unless there are few requests.
#[test]
fn where_requests_cost_pauses_there_are_few() {
    let size = 128 << 20;
    let repo = Repo::model("org/name").lfs("model.bin", Content::seeded(7, size));
    let hub = crate::hub_of(repo.build(), "http://cdn.test");
    hub.add_fault(Fault::new(
        Match::cdn().every(2),
        What::too_many_requests("2"),
    ));
    let mut roads = crate::roads(&hub, &hub);
    roads.delay = Duration::from_millis(1);
    let open = Arc::clone(&roads.open);
    let (took, report) = crate::download(roads, &["http://hub.test"]);
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let asked = hub.count("GET", "/cdn");
    let most = open.lock().unwrap().most;
    // One connection would bring it in 34 s.
    assert!(
        took < Duration::from_secs(40),
        "{took:?}, {asked} requests, {most} connections"
    );
    assert!(asked <= 40, "{asked} requests in {took:?}");
}
