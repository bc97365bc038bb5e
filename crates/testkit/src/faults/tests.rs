//! Tests of faults: when they strike, and what is left of the response.

use super::*;
use crate::corpus::{Content, Repo};
use crate::hub::{CutHow, Exchange, FakeHub};

fn hub() -> FakeHub {
    let repo = Repo::model("o/n")
        .lfs("file", Content::seeded(1, 100))
        .build();
    FakeHub::new(vec![repo])
}

fn ask(hub: &FakeHub, range: Option<&str>) -> Exchange {
    let request = Request::new("GET", "hub.test", "/o/n/resolve/main/file");
    hub.exchange(
        &range
            .iter()
            .fold(request, |request, range| request.header("range", range)),
    )
}

fn with(what: What) -> FakeHub {
    let hub = hub();
    hub.add_fault(Fault::new(Match::resolve(), what));
    hub
}

#[test]
fn a_fault_skips_strikes_and_ends() {
    let hub = hub();
    hub.add_fault(Fault::new(
        Match::resolve().skip(1).every(2).times(2),
        What::Refuse,
    ));
    let refused: Vec<bool> = (0..7).map(|_| ask(&hub, None).delivery.refuse).collect();
    assert_eq!(refused, [false, true, false, true, false, false, false]);
    assert_eq!(hub.faults_applied(), 2);
}

#[test]
fn a_cut_behind_the_end_is_kept_for_a_longer_body() {
    let hub = hub();
    hub.add_fault(Fault::new(Match::any().once(), What::ResetAfter(50)));
    assert_eq!(ask(&hub, Some("bytes=0-49")).delivery.cut, None);
    let cut = ask(&hub, None).delivery.cut.unwrap();
    assert_eq!((cut.after, cut.how), (50, CutHow::Reset));
}

#[test]
fn lengths_lie_as_they_are_told_to() {
    let of = |what| {
        let response = ask(&with(what), None).response;
        (
            response.body.len(),
            response.text("content-length").map(str::to_owned),
        )
    };
    assert_eq!(of(What::ShortBody(10)), (90, Some("90".into())));
    assert_eq!(of(What::LongBody(10)), (110, None));
    assert_eq!(of(What::LyingContentLength(-10)), (100, Some("90".into())));
}

#[test]
fn ranges_are_ignored_shifted_or_unnamed() {
    let of = |what| ask(&with(what), Some("bytes=10-19")).response;
    let ignored = of(What::IgnoreRange);
    assert_eq!((ignored.status, ignored.body.len()), (200, 100));
    let shifted = of(What::WrongContentRange {
        start: 5,
        total: -1,
    });
    assert_eq!(shifted.text("content-range"), Some("bytes 15-24/99"));
    assert_eq!(of(What::MissingContentRange).text("content-range"), None);
}

#[test]
fn a_flip_is_at_an_offset_of_the_file() {
    let body = ask(&with(What::FlipByte(15)), Some("bytes=10-19"))
        .response
        .body
        .read();
    let truth = Content::seeded(1, 100).read(10..20);
    let wrong: Vec<usize> = (0..10).filter(|&at| body[at] != truth[at]).collect();
    assert_eq!(wrong, [5]);
}

#[test]
fn a_head_never_gets_a_body() {
    for what in [
        What::CaptivePortal,
        What::server_error(500, 1000),
        What::IgnoreRange,
    ] {
        let hub = with(what);
        let request = Request::new("HEAD", "hub.test", "/o/n/resolve/main/file");
        let response = hub.exchange(&request.header("range", "bytes=0-1")).response;
        assert!(response.body.is_empty() && response.headers.contains_key("content-length"));
    }
}

#[test]
fn an_etag_that_changes_is_never_the_same() {
    let hub = with(What::EtagChanges);
    let etag = || ask(&hub, None).response.text("etag").unwrap().to_owned();
    assert_ne!(etag(), etag());
}
