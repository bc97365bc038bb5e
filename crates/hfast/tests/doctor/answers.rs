//! What an endpoint answers: pages of a login, refusals, redirects, limits.

use hfast::ErrorKind;
use hfast::doctor::{Check, Verdict};
use hfast::hub::token::Token;
use hfast_testkit::corpus::Repo;
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{FakeHub, Odd, Options, Token as Known};
use hfast_testkit::loopback::Loopback;

use super::support::{repo, serve};
use super::{Patient, assert_fault, assert_warning, of};

const SECRET: &str = "hf_averysecrettokenindeed";

async fn with(fault: Fault) -> Loopback {
    let hub = serve(vec![repo()]).await;
    hub.hub().add_fault(fault);
    hub
}

fn header(name: &str, value: Option<&str>) -> What {
    What::SetHeader {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    }
}

fn redirect(location: &str) -> What {
    What::RedirectTo {
        code: 308,
        location: location.to_owned(),
    }
}

#[tokio::test]
async fn a_login_page_is_told_from_a_hub() {
    let hub = with(Fault::new(Match::any(), What::CaptivePortal)).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(
        &report,
        Check::Endpoint,
        &["a web page", "login page", "in a browser"],
    );
    assert_eq!(report.fault().unwrap().kind, Some(ErrorKind::Protocol));
}

#[tokio::test]
async fn a_server_that_is_no_hub_is_told() {
    let hub = serve(vec![repo()]).await;
    hub.hub()
        .override_json("/api/", &serde_json::json!({ "hello": "world" }));
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(&report, Check::Endpoint, &["something that no Hub says"]);
}

#[tokio::test]
async fn a_server_that_is_out_of_order_is_told() {
    let hub = with(Fault::new(Match::api(), What::server_error(503, 100))).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(&report, Check::Endpoint, &["it answers 503"]);
}

#[tokio::test]
async fn a_line_that_fails_once_is_not_called_dead() {
    let hub = with(Fault::new(Match::any().once(), What::Refuse)).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_warning(&report, Check::Endpoint, &["only at the second attempt"]);
}

#[tokio::test]
async fn a_mirror_that_sends_one_back_to_a_dead_host_is_told() {
    let hub = with(Fault::new(
        Match::api(),
        redirect("http://127.0.0.1:9/api/models/org/name"),
    ))
    .await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    let words = [
        "sends every question on to http://127.0.0.1:9",
        "connection refused",
        "only redirects",
    ];
    assert_fault(&report, Check::Endpoint, &words);
}

#[tokio::test]
async fn a_mirror_that_sends_one_elsewhere_is_told() {
    let real = serve(vec![repo()]).await;
    let target = format!("{}/api/models/org/name/revision/main", real.endpoint());
    let hub = with(Fault::new(Match::api(), redirect(&target)).clone()).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    let advice = format!("--endpoint {}", real.endpoint());
    let found = report
        .findings
        .iter()
        .find(|f| f.check == Check::Endpoint)
        .unwrap();
    assert_eq!(found.verdict, Verdict::Warning, "{report:#?}");
    assert!(
        found.seen.contains("by way of") && found.advice[0].contains(&advice),
        "{found:#?}"
    );
}

#[tokio::test]
async fn too_many_questions_are_told_with_the_pause() {
    let hub = with(Fault::new(Match::api(), What::too_many_requests("120"))).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(
        &report,
        Check::RateLimit,
        &["(429), and to come back after 120", "HF_TOKEN"],
    );
    assert_eq!(report.fault().unwrap().kind, Some(ErrorKind::RateLimited));
    assert_eq!(hub.hub().requests().len(), 1, "it was left alone");
}

#[tokio::test]
async fn what_is_left_of_a_limit_is_told() {
    for (value, verdict) in [
        ("\"api\";r=499;t=300", Verdict::Ok),
        ("\"api\";r=3;t=300", Verdict::Warning),
        ("\"api\";r=0;t=300", Verdict::Fault),
    ] {
        let hub = with(Fault::new(Match::api(), header("RateLimit", Some(value)))).await;
        let report = Patient::new(&hub.endpoint()).examined().await;
        let found = of(&report, Check::RateLimit);
        assert_eq!(found.verdict, verdict, "{report:#?}");
        assert!(
            found.seen.ends_with("questions are left for 300 s"),
            "{found:#?}"
        );
    }
}

#[tokio::test]
async fn missing_headers_are_told() {
    let hub = with(Fault::new(Match::resolve(), header("X-Repo-Commit", None))).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_warning(
        &report,
        Check::Headers,
        &["X-Repo-Commit", "official clients"],
    );

    let odd = [Odd::NoEtag, Odd::NoTree].into_iter().collect();
    let options = Options {
        odd,
        ..Options::default()
    };
    let hub = Loopback::start(FakeHub::with_options(vec![repo()], options))
        .await
        .unwrap();
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_warning(&report, Check::Headers, &["ETag"]);
    let lists = report
        .findings
        .iter()
        .any(|f| f.seen.contains("no list of files"));
    assert!(lists, "{report:#?}");
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told() {
    let hub = serve(vec![Repo::model("other/name").file("a", b"a").build()]).await;
    let report = Patient::new(&hub.endpoint()).examined().await;
    assert_fault(
        &report,
        Check::Repository,
        &["was not found", "check spelling"],
    );
    assert_eq!(report.fault().unwrap().kind, Some(ErrorKind::NotFound));

    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.repo = None;
    let report = patient.examined().await;
    assert_warning(
        &report,
        Check::Repository,
        &["openai-community/gpt2", "hfast doctor org/name"],
    );
}

/// A Hub that knows one token, with a gated repository.
async fn gated(access: bool) -> Loopback {
    let mut repo = repo();
    repo.gated = true;
    let known = Known {
        gated_access: access,
        ..Known::new(SECRET)
    };
    let options = Options {
        tokens: vec![known],
        ..Options::default()
    };
    Loopback::start(FakeHub::with_options(vec![repo], options))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_gated_repository_is_told_as_such() {
    let hub = gated(false).await;
    for (token, words) in [
        (None, ["is gated", "pass a token"]),
        (Some(SECRET), ["is gated", "wait for approval"]),
    ] {
        let mut patient = Patient::new(&hub.endpoint());
        patient.examination.token = token.map(|token| Token::new(token).unwrap());
        let report = patient.examined().await;
        let fault = report.fault().unwrap();
        assert_eq!(fault.check, Check::Repository, "{report:#?}");
        assert_eq!(fault.kind, Some(ErrorKind::AccessDenied));
        assert!(
            fault.seen.contains(words[0]) && fault.advice[0].contains(words[1]),
            "{fault:#?}"
        );
    }
}

#[tokio::test]
async fn a_token_that_is_accepted_is_told_by_its_source() {
    let hub = gated(true).await;
    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.token = Some(Token::new(SECRET).unwrap());
    let report = patient.examined().await;
    assert_eq!(report.fault(), None, "{report:#?}");
    assert_eq!(
        of(&report, Check::Token).seen,
        "from HF_TOKEN, and accepted"
    );
    assert!(!format!("{report:?}").contains(SECRET));
}

#[tokio::test]
async fn a_token_that_is_not_accepted_is_told_by_its_source() {
    let hub = gated(true).await;
    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.token = Some(Token::new("hf_expired").unwrap());
    let report = patient.examined().await;
    let fault = report.fault().unwrap();
    assert_eq!(fault.check, Check::Token, "{report:#?}");
    assert!(
        fault
            .seen
            .starts_with("HF_TOKEN holds a token that is not accepted"),
        "{fault:#?}"
    );
    assert!(
        fault
            .advice
            .iter()
            .any(|line| line.contains("unset HF_TOKEN")),
        "{fault:#?}"
    );
    assert_eq!(fault.kind, Some(ErrorKind::AccessDenied));
}

#[tokio::test]
async fn a_server_that_repeats_the_token_does_not_get_it_printed() {
    let echo = What::Status {
        code: 403,
        headers: vec![(
            "X-Error-Message".to_owned(),
            format!("no access for {SECRET}"),
        )],
        body: "".into(),
    };
    let hub = with(Fault::new(Match::api(), echo)).await;
    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.token = Some(Token::new(SECRET).unwrap());
    let report = patient.examined().await;
    assert!(report.fault().is_some(), "{report:#?}");
    assert!(
        !format!("{report:?}{}", report.summary()).contains(SECRET),
        "{report:#?}"
    );
}
