//! The way of the bytes: storages that are dead, refuse, lie, drip, or give too much.

use std::time::Duration;

use hfast::ErrorKind;
use hfast::doctor::{Check, Verdict};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::LfsRedirect;
use hfast_testkit::loopback::Loopback;

use super::support::{repo, serve};
use super::{Patient, assert_fault, assert_warning, of};

async fn with(what: What) -> Loopback {
    let hub = serve(vec![repo()]).await;
    hub.hub().add_fault(Fault::new(Match::cdn(), what));
    hub
}

#[tokio::test]
async fn bytes_that_come_are_told_with_their_host_and_speed() {
    let hub = serve(vec![repo()]).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    let data = of(&report, Check::Data);
    assert_eq!(data.verdict, Verdict::Ok, "{report:#?}");
    assert_eq!(data.subject, hub.cdn());
    assert!(
        data.seen.starts_with("1.0 MB of model.safetensors in "),
        "{data:#?}"
    );
    let text = format!("{report:?}");
    assert!(!text.contains('?') && !text.contains("Signature"), "{text}");
    assert!(hub.hub().sent_bytes() < 2 << 20, "more than a piece");
}

#[tokio::test]
async fn a_storage_that_cannot_be_reached_is_told_apart_from_its_endpoint() {
    let hub = serve(vec![repo()]).await;
    hub.hub().configure(|options| {
        options.lfs_redirect = LfsRedirect::To("http://127.0.0.1:9".to_owned());
    });
    let report = Patient::new(&hub.endpoint()).examined().await;
    let words = [
        "sends the bytes to this host",
        "connection refused",
        "no connection to 127.0.0.1:9",
    ];
    assert_fault(&report, Check::Data, &words);
    assert_eq!(report.fault().unwrap().subject, "http://127.0.0.1:9");
    assert_eq!(of(&report, Check::Endpoint).verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_mirror_that_sends_one_back_to_the_hub_is_told() {
    let hub = serve(vec![repo()]).await;
    let address = hub.endpoint();
    let address = address.trim_start_matches("http://").parse().unwrap();
    hub.hub().configure(|options| {
        options.lfs_redirect = LfsRedirect::To("https://huggingface.co".to_owned());
    });
    // The name of the Hub leads to something that does not speak TLS.
    let report = Patient::new(&hub.endpoint())
        .at(&[address])
        .examined()
        .await;
    assert_fault(
        &report,
        Check::Data,
        &["this mirror sends you back to the Hub"],
    );
    assert_eq!(report.fault().unwrap().subject, "https://huggingface.co");
}

#[tokio::test]
async fn a_storage_that_refuses_is_told() {
    let hub = with(What::ExpireSignedUrls).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(
        &report,
        Check::Data,
        &["refuses the address that the endpoint signed", "clock"],
    );
}

#[tokio::test]
async fn a_storage_that_lies_about_its_bytes_is_told() {
    let hub = with(What::WrongContentRange { start: 5, total: 0 }).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(
        &report,
        Check::Data,
        &["claims to send others (Content-Range)"],
    );
    assert_eq!(report.fault().unwrap().kind, Some(ErrorKind::Protocol));
}

#[tokio::test]
async fn a_storage_that_knows_no_parts_is_told() {
    let hub = with(What::IgnoreRange).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_warning(
        &report,
        Check::Data,
        &["whole files where parts are asked for"],
    );
}

#[tokio::test]
async fn a_login_page_in_place_of_a_file_is_told() {
    let hub = with(What::CaptivePortal).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(
        &report,
        Check::Data,
        &["a web page in place of model.safetensors"],
    );
}

#[tokio::test]
async fn bytes_that_are_promised_and_do_not_come_are_told() {
    let hub = with(What::StallAfter(0, None)).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(&report, Check::Data, &["it promises bytes, and none come"]);
}

#[tokio::test]
async fn bytes_that_come_slowly_are_told() {
    let hub = with(What::Throttle(20_000)).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_warning(&report, Check::Data, &["bytes come, but slowly", "-x 32"]);
}

#[tokio::test]
async fn a_storage_that_is_silent_is_not_waited_for() {
    let hub = with(What::StallBeforeHeaders(None)).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(&report, Check::Data, &["no answer in time"]);
    assert!(
        report.elapsed < Duration::from_secs(12),
        "{:?}",
        report.elapsed
    );
}

#[tokio::test]
async fn a_server_that_is_slow_in_everything_is_not_waited_for_beyond_the_time() {
    let hub = serve(vec![repo()]).await;
    let late = What::StallBeforeHeaders(Some(Duration::from_millis(3500)));
    hub.hub().add_fault(Fault::new(Match::any(), late));
    hub.hub()
        .add_fault(Fault::new(Match::any().path("/tree/"), What::Trickle(1)));
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(&report, Check::Data, &["no answer in time"]);
    assert_eq!(of(&report, Check::Endpoint).verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_xet_host_that_cannot_be_reached_is_only_a_warning() {
    let hub = serve(vec![repo()]).await;
    let link = "<http://127.0.0.1:9/v1/reconstructions/x>; rel=\"xet-reconstruction-info\"";
    hub.hub().override_header("/resolve/", "Link", Some(link));
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_warning(
        &report,
        Check::Xet,
        &["no connection to 127.0.0.1:9", "HF_HUB_DISABLE_XET=1"],
    );
}
