//! What the trouble of some files means for the others: a server that dies after the listing is met
//! once, and not by each of many files; a few files that are broken cost no others.

use std::sync::Arc;
use std::time::Duration;

use hfast::ErrorKind;
use hfast::client::Report;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{Clock, FakeHub, LfsRedirect, Odd, Options};

use crate::link::{Beyond, SimulatedLink};

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
    crate::download(roads, &["http://hub.test"])
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

/// A Hub with a file of this size that comes, and one for which its answer is never any other than this.
fn with_a_broken_file(size: u64, what: What) -> FakeHub {
    let repo = Repo::model("org/name")
        .lfs("good.bin", Content::seeded(7, size))
        .lfs("broken.bin", Content::seeded(8, 3 << 20))
        .build();
    let hub = crate::hub_of(repo, "http://cdn.test");
    let when = Match::resolve().path("/broken.bin");
    hub.add_fault(Fault::new(when, what));
    hub
}

/// The link is not down, so nobody waits until it is back.
#[test]
fn a_file_whose_redirects_never_end_does_not_take_minutes() {
    let hub = with_a_broken_file(3 << 20, What::RedirectLoop);
    let (took, report) = download(crate::roads(&hub, &hub));
    assert_eq!((report.files, report.failed.len()), (1, 1));
    assert!(took < Duration::from_secs(100), "{took:?}");
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
    let (took, report) = download(SimulatedLink::new(hosts, 500_000).letting_in(2, Beyond::Reset));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(took > Duration::from_secs(150), "{took:?}");
}

/// One connection brings bytes, and what that one brought says nothing of the other.
#[test]
fn an_error_that_comes_at_once_is_not_asked_for_without_rest() {
    let hub = with_one_file(40 << 20, "http://cdn.test");
    let hosts = vec![("hub.test", hub.clone()), ("cdn.test", hub)];
    let link = SimulatedLink::new(hosts, 4_000_000).letting_in(1, Beyond::Status(500));
    let open = Arc::clone(&link.open);
    let (took, report) = crate::download_with(link, &["http://hub.test"], Some(2));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    let refused = u32::try_from(open.lock().unwrap().refused).unwrap();
    assert!(
        took > refused * Duration::from_millis(250),
        "{refused} in {took:?}"
    );
}

/// A Hub that has one file, whose bytes lie elsewhere.
fn with_one_file(size: u64, storage: &str) -> FakeHub {
    let content = Content::seeded(7, size);
    let repo = Repo::model("org/name").lfs("model.bin", content);
    crate::hub_of(repo.build(), storage)
}

/// How long a file takes of a server that has these faults, over so many connections of this rate.
fn timed((size, rate): (u64, u64), faults: &[Fault], connections: usize) -> Duration {
    let hub = with_one_file(size, "http://cdn.test");
    for fault in faults {
        hub.add_fault(fault.clone());
    }
    let roads = crate::roads_at(&hub, &hub, rate);
    let (took, report) = crate::download_with(roads, &["http://hub.test"], Some(connections));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    took
}

/// A file that needs a fraction of a second.
fn despite(fault: Fault, connections: usize) -> Duration {
    timed((8 << 20, 40_000_000), &[fault], connections)
}

/// A file that needs 32 s over one connection, and 8 over four.
fn slowly(faults: &[Fault]) -> Duration {
    timed((16 << 20, 500_000), faults, 4)
}

/// As after a change of the network: nothing comes over the connections that there are, and others work.
#[test]
fn what_a_probe_brings_shows_that_the_others_are_dead() {
    for connections in [1, 4] {
        let silent = What::StallAfter(100_000, None);
        let first = Match::cdn().times(connections);
        let connections = usize::try_from(connections).unwrap();
        let took = despite(Fault::new(first, silent), connections);
        assert!(took < Duration::from_secs(6), "{connections}: {took:?}");
    }
}

#[test]
fn the_question_where_the_bytes_are_is_asked_again_when_it_is_lost() {
    let silent = What::StallBeforeHeaders(None);
    let took = despite(Fault::new(Match::resolve().once(), silent), 4);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// The second question is one too many for it, and that says nothing of the first.
#[test]
fn what_a_second_question_is_refused_with_does_not_end_the_first() {
    let hub = with_one_file(1000, "http://cdn.test");
    let slow = What::StallBeforeHeaders(Some(Duration::from_secs(5)));
    hub.add_fault(Fault::new(Match::api().once(), slow));
    let busy = What::too_many_requests("400");
    hub.add_fault(Fault::new(Match::api().skip(1).once(), busy));
    let (_, report) = download(crate::roads(&hub, &hub));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
}

/// Its second question is refused, and the first one is under way.
#[test]
fn a_slow_server_that_answers_one_question_at_a_time_is_not_asked_a_third_time() {
    let hub = with_one_file(1000, "http://cdn.test");
    let slow = What::StallBeforeHeaders(Some(Duration::from_secs(12)));
    hub.add_fault(Fault::new(Match::api().once(), slow));
    hub.add_fault(Fault::new(
        Match::api().skip(1).once(),
        What::server_error(503, 0),
    ));
    let (took, report) = download(crate::roads(&hub, &hub));
    assert!(report.failed.is_empty(), "{:?}", report.failed);
    assert!(took < Duration::from_secs(14), "{took:?}");
    let questions = hub.requests();
    let questions = questions.iter().filter(|it| it.path.contains("/revision/"));
    assert_eq!(questions.count(), 2);
}

#[test]
fn a_question_that_is_lost_is_asked_again() {
    for (skip, times, at_most) in [(0, 1, 3), (1, 1, 3), (0, 2, 7), (1, 2, 7)] {
        for silent in [What::StallBeforeHeaders(None), What::StallAfter(10, None)] {
            let name = format!("{skip} {times} {silent:?}");
            let lost = Match::api().skip(skip).times(times);
            let took = despite(Fault::new(lost, silent), 4);
            assert!(took < Duration::from_secs(at_most), "{name}: {took:?}");
        }
    }
}

/// One of several servers behind a name may not serve ranges, or not yet.
#[test]
fn a_whole_file_in_place_of_a_range_is_an_accident_once_ranges_were_served() {
    for (skip, times) in [(3, 1), (5, 2)] {
        let whole = Match::cdn().skip(skip).times(times);
        let took = slowly(&[Fault::new(whole, What::IgnoreRange)]);
        assert!(took < Duration::from_secs(10), "{skip}, {times}: {took:?}");
    }
}

#[test]
fn ranges_are_asked_for_again_when_the_whole_file_breaks_off() {
    let whole = Fault::new(Match::cdn().times(4), What::IgnoreRange);
    let broken = Fault::new(Match::cdn().times(4), What::ResetAfter(1 << 20));
    let took = slowly(&[whole, broken]);
    assert!(took < Duration::from_secs(15), "{took:?}");
}

/// Over the two connections that are let in it takes 16 s.
#[test]
fn those_that_are_let_in_are_used_all_the_time() {
    for beyond in [Beyond::Reset, Beyond::Status(429), Beyond::Silence] {
        let hub = with_one_file(16 << 20, "http://cdn.test");
        let hosts = vec![("hub.test", hub.clone()), ("cdn.test", hub)];
        let link = SimulatedLink::new(hosts, 500_000).letting_in(2, beyond);
        let (took, report) = crate::download_with(link, &["http://hub.test"], None);
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert!(took < Duration::from_secs(24), "{beyond:?}: {took:?}");
    }
}

/// What serves ranges is dead, and what is alive serves none.
#[test]
fn a_source_without_ranges_is_enough_beside_a_dead_one() {
    for what in [
        What::Refuse,
        What::StallBeforeHeaders(None),
        What::server_error(500, 10),
    ] {
        let [dead, alive] = ["http://cdn.test", "http://storage.test"]
            .map(|storage| with_one_file(16 << 20, storage));
        dead.add_fault(Fault::new(Match::cdn(), what));
        alive.configure(|options| {
            options.odd.insert(Odd::IgnoreRanges);
        });
        let roads = crate::roads_at(&dead, &alive, 1_000_000);
        let endpoints = ["http://hub.test", "http://mirror.test"];
        let (took, report) = crate::download(roads, &endpoints);
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert!(took < Duration::from_secs(80), "{took:?}");
        let asked = alive.requests().len();
        assert!(asked < 150, "{asked}");
    }
}

#[test]
fn a_file_that_fails_beside_others_is_asked_for_with_rests() {
    let hub = with_a_broken_file(40 << 20, What::server_error(503, 10));
    let roads = crate::roads_at(&hub, &hub, 50_000);
    let (took, report) = crate::download_with(roads, &["http://hub.test"], Some(16));
    assert_eq!((report.files, report.failed.len()), (1, 1));
    assert!(took < Duration::from_secs(120), "{took:?}");
    let asked = hub.count("GET", "broken.bin");
    assert!(asked < 40, "{asked}");
}
