//! Connections that are refused, or lead into nothing; proxies that are dead, or want a password.

use std::net::SocketAddr;

use hfast::doctor::{Check, Verdict};
use hfast_testkit::loopback::Loopback;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::support::raw::{Raw, answer};
use super::support::{repo, serve};
use super::{Patient, assert_fault, assert_warning, nobody, of};

fn address_of(hub: &Loopback) -> SocketAddr {
    let endpoint = hub.endpoint();
    endpoint.trim_start_matches("http://").parse().unwrap()
}

/// A listener whose queue is full: what knocks gets no answer. As long as the result lives.
async fn black_hole(address: &str) -> Option<(SocketAddr, TcpListener, Vec<TcpStream>)> {
    let address: SocketAddr = address.parse().unwrap();
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()
    } else {
        TcpSocket::new_v4()
    };
    let socket = socket.ok()?;
    socket.bind(address).ok()?;
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let patience = std::time::Duration::from_millis(300);
    while let Ok(Ok(stream)) = tokio::time::timeout(patience, TcpStream::connect(address)).await {
        waiting.push(stream);
        assert!(waiting.len() < 100, "its queue has no end");
    }
    Some((address, listener, waiting))
}

#[tokio::test]
async fn a_refused_connection_is_told() {
    let (address, _taken) = nobody();
    let report = Patient::new(&format!("http://{address}")).examined().await;
    assert_fault(
        &report,
        Check::Tcp,
        &["connection refused", "the server runs"],
    );
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_not_waited_for() {
    let hole = black_hole("127.0.0.1:0").await.unwrap();
    let report = Patient::new(&format!("http://{}", hole.0)).examined().await;
    assert_fault(&report, Check::Tcp, &["no connection: no answer after 4."]);
}

#[tokio::test]
async fn ipv6_that_leads_into_nothing_is_told_while_ipv4_works() {
    let hub = serve(vec![repo()]).await;
    let Some(hole) = black_hole("[::1]:0").await else {
        // This machine has no IPv6 at all. What is made of such a hole is tested beside the rules, too.
        return;
    };
    let addresses = [hole.0, address_of(&hub)];
    let report = Patient::new("http://hub.localhost")
        .at(&addresses)
        .examined()
        .await;
    assert_warning(
        &report,
        Check::Tcp,
        &["IPv6 leads into nothing", "/etc/gai.conf"],
    );
    assert!(
        of(&report, Check::Dns)
            .seen
            .contains("2 addresses (1 of IPv6)")
    );
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_with_its_variable() {
    let (proxy, _taken) = nobody();
    let mut patient = Patient::new("https://huggingface.co");
    patient.examination.http.https_proxy = Some(format!("http://me:geheim@{proxy}"));
    patient.examination.sources.https_proxy = Some("https_proxy".to_owned());
    let report = patient.examined().await;
    let words = [
        "connection refused",
        "https_proxy names it",
        "unset https_proxy",
        "NO_PROXY=huggingface.co",
    ];
    assert_fault(&report, Check::Proxy, &words);
    assert!(!format!("{report:?}").contains("geheim"), "{report:#?}");
    assert!(!format!("{report:?}").contains("me:"), "{report:#?}");
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_told() {
    let challenge = [("Proxy-Authenticate", "Basic realm=\"x\"")];
    let proxy =
        Raw::start(move |_, _| answer("407 Proxy Authentication Required", &challenge, b"")).await;
    for endpoint in ["https://hub.example.com", "http://hub.example.com"] {
        let mut patient = Patient::new(endpoint);
        patient.examination.http.all_proxy = Some(format!("http://{}", proxy.host));
        patient.examination.sources.all_proxy = Some("ALL_PROXY".to_owned());
        let report = patient.examined().await;
        let advice = format!("ALL_PROXY=http://USER:PASSWORD@{}", proxy.host);
        assert_fault(
            &report,
            Check::Proxy,
            &["user name and a password (407)", &advice],
        );
        assert_eq!(of(&report, Check::Dns).verdict, Verdict::Skipped);
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_the_host_is_told() {
    let proxy = Raw::start(|_, _| answer("403 Forbidden", &[], b"")).await;
    let mut patient = Patient::new("https://hub.example.com");
    patient.examination.http.https_proxy = Some(format!("http://{}", proxy.host));
    let report = patient.examined().await;
    assert_fault(
        &report,
        Check::Proxy,
        &["does not lead to hub.example.com", "HTTPS_PROXY"],
    );
}

#[tokio::test]
async fn a_host_of_ones_own_behind_a_proxy_is_told_how_to_go_around_it() {
    let hub = serve(vec![repo()]).await;
    let (proxy, _taken) = nobody();
    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.http.http_proxy = Some(format!("http://{proxy}"));
    let report = patient.examined().await;
    assert_fault(&report, Check::Proxy, &["NO_PROXY=127.0.0.1"]);

    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.http.http_proxy = Some(format!("http://{proxy}"));
    patient.examination.http.no_proxy = Some("127.0.0.1".to_owned());
    patient.examination.sources.http_proxy = Some("HTTP_PROXY".to_owned());
    patient.examination.sources.no_proxy = Some("NO_PROXY".to_owned());
    let report = patient.examined().await;
    assert_eq!(report.fault(), None, "{report:#?}");
    assert!(
        of(&report, Check::Proxy)
            .seen
            .contains("NO_PROXY leaves it out")
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_reserve_is_a_warning() {
    let hub = serve(vec![repo()]).await;
    let (dead, _taken) = nobody();
    let mut patient = Patient::new(&hub.endpoint());
    patient
        .examination
        .endpoints
        .push(format!("http://{dead}").parse().unwrap());
    let report = patient.examined().await;
    assert_eq!(report.fault(), None, "{report:#?}");
    assert_eq!(report.working, [hub.endpoint()]);
    let mut patient = Patient::new(&format!("http://{dead}"));
    patient
        .examination
        .endpoints
        .push(hub.endpoint().parse().unwrap());
    let report = patient.examined().await;
    assert_fault(&report, Check::Tcp, &["connection refused"]);
    assert!(
        report
            .summary()
            .ends_with(&format!("; {} works", hub.endpoint())),
        "{}",
        report.summary()
    );
}
