//! The suite against the fake Hub on loopback: in its plain form, in the forms a mirror may take,
//! and in forms it must find fault with.
#![allow(
    clippy::unwrap_used,
    reason = "what a test needs and has not got fails the test"
)]

use hfast_testkit::conformance::{Report, run, sample};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{CdnEtag, FakeHub, LfsRedirect, Odd, Options};
use hfast_testkit::loopback::Loopback;

async fn judged(change: impl FnOnce(&mut Options), faults: Vec<Fault>) -> Report {
    let repo = sample();
    let hub = FakeHub::new(vec![repo.clone()]);
    hub.configure(change);
    hub.set_faults(faults);
    let server = Loopback::start(hub).await.unwrap();
    run(&server.endpoint(), &repo).await.unwrap()
}

#[tokio::test]
async fn the_fake_hub_is_a_hub() {
    let report = judged(|_| (), Vec::new()).await;
    assert!(report.passed(), "\n{report}");
}

#[tokio::test]
async fn it_is_one_without_redirects_under_a_prefix_and_in_small_pages() {
    let report = judged(
        |options| {
            options.small_redirect = false;
            options.lfs_redirect = LfsRedirect::Never;
            options.path_prefix = "/hf".to_owned();
            options.page_size = 2;
        },
        Vec::new(),
    )
    .await;
    assert!(report.passed(), "\n{report}");
    let report = judged(|options| options.cdn_etag = CdnEtag::Sha256, Vec::new()).await;
    assert!(report.passed(), "\n{report}");
}

#[tokio::test]
async fn oddities_are_found() {
    let odd = |odd: Odd| judged(move |options| options.odd = [odd].into(), Vec::new());
    let describes = "HEAD of every file describes it";
    assert!(odd(Odd::NoRepoCommit).await.failed().contains(&describes));
    assert!(odd(Odd::NoEtag).await.failed().contains(&describes));
    assert!(
        odd(Odd::NoContentLength)
            .await
            .failed()
            .contains(&describes)
    );
    let ranges = "ranges: first, middle, last, open, clamped";
    assert!(odd(Odd::IgnoreRanges).await.failed().contains(&ranges));
    let tree = "tree: every file on pages of this host";
    assert!(odd(Odd::ListingWithoutLfs).await.failed().contains(&tree));
    assert!(odd(Odd::NoTree).await.failed().contains(&tree));
}

#[tokio::test]
async fn wrong_bytes_are_found() {
    let flip = Fault::new(Match::any(), What::FlipByte(3));
    let report = judged(|_| (), vec![flip]).await;
    assert!(
        report
            .failed()
            .contains(&"GET of every file gives its bytes")
    );
}
