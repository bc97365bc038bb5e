//! Names without an answer, with a late one, and with a false one.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hfast::doctor::{Check, Verdict};
use hfast::transport::lookup::Lookup;

use super::support::{repo, serve};
use super::{Patient, assert_fault, assert_warning, nobody, of};

/// A Hub under a name in place of an address.
async fn served() -> (hfast_testkit::loopback::Loopback, SocketAddr) {
    let hub = serve(vec![repo()]).await;
    let address = hub.endpoint();
    let address = address.trim_start_matches("http://").parse().unwrap();
    (hub, address)
}

#[tokio::test]
async fn a_name_that_is_not_known_is_told_with_the_ways_around() {
    let mut patient = Patient::new("https://huggingface.co");
    patient.examination.sources.endpoints = None;
    patient.examination.lookup =
        Lookup::new(|_| async { Err(io::Error::other("Name or service not known")) });
    let report = patient.examined().await;
    let words = [
        "could not be resolved: name or service not known",
        "--mirror",
        "HF_ENDPOINT=https://hf-mirror.com",
        "endpoints = [\"https://hf-mirror.com\", \"https://huggingface.co\"]",
        "/etc/resolv.conf",
        "HTTPS_PROXY=",
    ];
    assert_fault(&report, Check::Dns, &words);
    for check in [Check::Tcp, Check::Tls, Check::Endpoint] {
        assert_eq!(of(&report, check).verdict, Verdict::Skipped, "{check:?}");
    }
    assert!(report.working.is_empty());
}

#[tokio::test]
async fn each_endpoint_is_told_with_what_chose_it() {
    let mut patient = Patient::new("http://hub.example.com");
    let mirror = "https://hf-mirror.com".parse().unwrap();
    patient.examination.endpoints.insert(0, mirror);
    patient.examination.sources.endpoints = Some("HF_ENDPOINT".to_owned());
    patient.examination.sources.mirror = Some("--mirror".to_owned());
    patient.examination.lookup =
        Lookup::new(|_| async { Err(io::Error::other("Name or service not known")) });
    let report = patient.examined().await;
    let told = format!("{report:?}");
    for words in [
        "(hf-mirror.com comes from --mirror)",
        "(hub.example.com comes from HF_ENDPOINT)",
    ] {
        assert!(told.contains(words), "{words}: {report:#?}");
    }
}

#[tokio::test]
async fn a_name_server_that_is_silent_is_not_waited_for() {
    let mut patient = Patient::new("https://hub.example.com");
    patient.examination.lookup = Lookup::new(|_| std::future::pending());
    let report = patient.examined().await;
    assert_fault(&report, Check::Dns, &["no answer after 4."]);
    assert!(
        report.elapsed < Duration::from_secs(10),
        "{:?}",
        report.elapsed
    );
}

#[tokio::test]
async fn a_late_answer_is_a_warning() {
    let (_hub, address) = served().await;
    let mut patient = Patient::new("http://hub.localhost");
    patient.examination.lookup = Lookup::new(move |_| async move {
        tokio::time::sleep(Duration::from_millis(1200)).await;
        Ok(vec![address])
    });
    let report = patient.examined().await;
    assert_warning(
        &report,
        Check::Dns,
        &["1 address, but only after 1.", "/etc/resolv.conf"],
    );
}

#[tokio::test]
async fn an_address_that_a_public_name_cannot_have_is_told() {
    let (address, _taken) = nobody();
    let report = Patient::new("https://huggingface.co")
        .at(&[address])
        .examined()
        .await;
    let fault = report.fault().unwrap();
    assert_eq!(fault.check, Check::Dns, "{report:#?}");
    assert!(
        fault.seen.contains("127.0.0.1, this machine itself"),
        "{fault:#?}"
    );
    assert!(fault.advice.iter().any(|line| line.contains("/etc/hosts")));
    assert!(
        fault
            .advice
            .iter()
            .any(|line| line.contains("HTTPS_PROXY=socks5h://"))
    );
}

#[tokio::test]
async fn a_name_that_is_as_it_should_be_is_told_so() {
    let (_hub, address) = served().await;
    let report = Patient::new("http://hub.localhost")
        .at(&[address])
        .examined()
        .await;
    assert_eq!(of(&report, Check::Dns).verdict, Verdict::Ok, "{report:#?}");
    assert_eq!(report.fault(), None, "{report:#?}");
    assert!(
        report.summary().starts_with("nothing is at fault"),
        "{}",
        report.summary()
    );
}
