//! Certificates that are not what they should be: of somebody in between, of somebody else, of another
//! time; and handshakes that are cut before there is any.

use hfast::doctor::{Check, Verdict};
use hfast_testkit::faults::{Fault, Match, What};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::secure::{Authority, self_signed, tunnel};
use super::support::raw::{Raw, answer};
use super::support::{repo, serve};
use super::{Patient, assert_fault, of};

const HUB: &str = "https://huggingface.co";
const ALWAYS: (i32, i32) = (2020, 2090);

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_trusted_is_told_with_its_issuer() {
    let hub = serve(vec![repo()]).await;
    let authority = Authority::new("Fine Certificates", "Fine CA 1");
    let address = authority.serve("huggingface.co", ALWAYS, &hub.endpoint());
    let patient = Patient::new(HUB).at(&[address]).trusting(&authority.pem);
    let report = patient.examined().await;
    let tls = of(&report, Check::Tls);
    assert_eq!(tls.verdict, Verdict::Ok, "{report:#?}");
    assert!(
        tls.seen
            .contains("issued by Fine Certificates (Fine CA 1), valid until 01 Jan 2090"),
        "{tls:#?}"
    );
    // All goes well, at an address that the Hub does not have.
    assert_eq!(report.fault(), None, "{report:#?}");
    let dns = of(&report, Check::Dns);
    assert_eq!(dns.verdict, Verdict::Warning, "{report:#?}");
    assert_eq!(report.working, [HUB]);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_intercepts_is_named_and_gets_no_token() {
    let hub = serve(vec![repo()]).await;
    let authority = Authority::new("Acme Corporation", "Acme Inspection CA");
    let address = authority.serve("hub.example.com", ALWAYS, &hub.endpoint());
    let mut patient = Patient::new("https://hub.example.com").at(&[address]);
    patient.examination.token = Some(hfast::hub::token::Token::new("hf_secret").unwrap());
    // The name leads to this machine: that is not what is at fault here.
    patient.examination.endpoints = vec!["https://hub.localhost".parse().unwrap()];
    let report = patient.examined().await;
    let words = [
        "issued by Acme Corporation (Acme Inspection CA), whom this system does not trust",
        "intercepts TLS",
        "REQUESTS_CA_BUNDLE=",
    ];
    assert_fault(&report, Check::Tls, &words);
    assert!(hub.hub().requests().is_empty(), "it heard something");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_intercepts_is_told_with_its_variable() {
    let hub = serve(vec![repo()]).await;
    let authority = Authority::new("Acme Corporation", "Acme Inspection CA");
    let address = authority.serve("hub.example.com", ALWAYS, &hub.endpoint());
    let proxy = format!("http://{}", tunnel(address));
    let mut patient = Patient::new("https://hub.example.com");
    patient.examination.http.https_proxy = Some(proxy.clone());
    let report = patient.examined().await;
    let words = [
        "issued by Acme Corporation",
        "unset HTTPS_PROXY",
        "NO_PROXY=hub.example.com",
    ];
    assert_fault(&report, Check::Tls, &words);
    assert_eq!(of(&report, Check::Proxy).verdict, Verdict::Ok);

    // And once its certificate is trusted, all goes well.
    let mut patient = Patient::new("https://hub.example.com").trusting(&authority.pem);
    patient.examination.http.https_proxy = Some(proxy);
    let report = patient.examined().await;
    assert_eq!(report.fault(), None, "{report:#?}");
    assert_eq!(of(&report, Check::Tls).verdict, Verdict::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_vouches_for_itself_is_told() {
    let address = self_signed("hub.localhost");
    let report = Patient::new("https://hub.localhost")
        .at(&[address])
        .examined()
        .await;
    assert_fault(
        &report,
        Check::Tls,
        &["nobody vouches for it", "REQUESTS_CA_BUNDLE="],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_server_of_somebody_else_means_that_names_are_poisoned() {
    let authority = Authority::new("Fine Certificates", "Fine CA 1");
    let address = authority.serve("www.example.net", ALWAYS, "127.0.0.1:9");
    let patient = Patient::new("https://hub.localhost")
        .at(&[address])
        .trusting(&authority.pem);
    let report = patient.examined().await;
    let fault = report.fault().unwrap();
    assert_eq!(fault.check, Check::Dns, "{report:#?}");
    assert!(
        fault.seen.contains("a server that is www.example.net"),
        "{fault:#?}"
    );
    assert!(
        of(&report, Check::Tls)
            .seen
            .contains("is for www.example.net, and not for this host")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_not_blamed_on_a_clock_that_is_right() {
    let authority = Authority::new("Fine Certificates", "Fine CA 1");
    let address = authority.serve("hub.localhost", (2020, 2021), "127.0.0.1:9");
    let patient = Patient::new("https://hub.localhost")
        .at(&[address])
        .trusting(&authority.pem);
    let report = patient.examined().await;
    assert_fault(
        &report,
        Check::Tls,
        &["the certificate has expired on 01 Jan 2021"],
    );
    assert_eq!(of(&report, Check::Clock).verdict, Verdict::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_the_future_is_blamed_on_the_clock() {
    let authority = Authority::new("Fine Certificates", "Fine CA 1");
    let address = authority.serve("127.0.0.1", (2080, 2090), "127.0.0.1:9");
    let patient = Patient::new(&format!("https://{address}")).trusting(&authority.pem);
    let report = patient.examined().await;
    let fault = report.fault().unwrap();
    assert_eq!(fault.check, Check::Clock, "{report:#?}");
    assert!(
        fault.seen.contains("behind") && fault.advice[0].contains("timedatectl"),
        "{fault:#?}"
    );
    assert!(
        of(&report, Check::Tls)
            .seen
            .contains("holds only from 01 Jan 2080 on")
    );
}

#[tokio::test]
async fn a_date_that_is_far_away_is_told() {
    let hub = serve(vec![repo()]).await;
    let date = What::SetHeader {
        name: "Date".to_owned(),
        value: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
    };
    hub.hub().add_fault(Fault::new(Match::any(), date));
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(&report, Check::Clock, &["days ahead", "timedatectl"]);
}

#[tokio::test]
async fn a_connection_that_is_cut_at_the_name_is_told_from_a_dead_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                // The first words of the handshake hold the name in clear.
                let heard = stream.read(&mut [0; 16]).await;
                stream.set_zero_linger().unwrap();
                drop((heard, stream));
            });
        }
    });
    let report = Patient::new("https://hub.localhost")
        .at(&[address])
        .examined()
        .await;
    assert_fault(
        &report,
        Check::Tls,
        &[
            "break as soon as the name of the host is sent",
            "--endpoint",
        ],
    );
    assert_eq!(of(&report, Check::Tcp).verdict, Verdict::Ok);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told() {
    let raw = Raw::start(|_, _| answer("400 Bad Request", &[], b"")).await;
    let report = Patient::new(&format!("https://{}", raw.host))
        .examined()
        .await;
    let way = format!("--endpoint http://{}", raw.host);
    assert_fault(&report, Check::Tls, &["does not speak TLS", &way]);
}
