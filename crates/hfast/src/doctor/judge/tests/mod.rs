//! The rules, on values: a healthy endpoint, and what is said when one thing of it is changed.

mod answers;
mod way;

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, HeaderName, StatusCode};
use url::Url;

use super::*;
use crate::doctor::Sources;
use crate::doctor::seen::{Answered, Answers, HostSeen, Page, Piece};
use crate::hub::token::Token;
use crate::repo_path::RepoPath;
use crate::store::survey::{Locks, Survey, Tried};
use crate::transport::certificate::Described;
use crate::transport::connect::{Miss, Reach, Step};
use crate::transport::http::HttpOptions;
use crate::transport::lookup::Lookup;
use crate::transport::trace::Hop;
use crate::transport::witness::{Flaw, Presented};
use crate::transport::{Failure, FailureKind};

const DAY: u64 = 86_400;
/// The clock of these tests, in days since 1970: the first of July 2024.
const TODAY: u64 = 19_905;
const DATE: &str = "Mon, 01 Jul 2024 00:00:10 GMT";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn at(days: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(days * DAY)
}

fn step<T>(outcome: Result<T, Miss>, millis: u64) -> Step<T> {
    Step {
        took: Duration::from_millis(millis),
        outcome,
    }
}

fn reach(addresses: &[&str]) -> Reach {
    let addresses: Vec<SocketAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Reach {
        lookup: step(Ok(addresses.clone()), 20),
        connects: addresses.iter().map(|a| (*a, step(Ok(()), 30))).collect(),
    }
}

fn presented(flaw: Option<Flaw>) -> Presented {
    let certificate = Described {
        names: vec!["huggingface.co".to_owned()],
        issuer: "Amazon (Amazon RSA 2048 M02)".to_owned(),
        self_issued: false,
        from: at(TODAY - 100),
        until: at(TODAY + 100),
    };
    Presented {
        certificate: Some(certificate),
        above: vec!["Amazon Root".to_owned()],
        flaw,
    }
}

fn host(name: &str) -> HostSeen {
    HostSeen {
        name: name.to_owned(),
        secure: true,
        proxy: None,
        reach: Some(reach(&["13.35.1.1:443", "[2600:9000::1]:443"])),
        presented: Some(presented(None)),
    }
}

fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = list.iter();
    pairs
        .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
        .collect()
}

fn answered(url: &str, status: u16, list: &[(&'static str, &str)], body: &str) -> Answered {
    let url = Url::parse(url).unwrap();
    let status = StatusCode::from_u16(status).unwrap();
    let hop = Hop {
        url: url.clone(),
        took: Duration::from_millis(50),
        at: at(TODAY),
        outcome: Ok((status, headers(list))),
    };
    let page = Page {
        url,
        status,
        headers: headers(list),
        trusted: true,
        body: body.as_bytes().to_vec(),
        took: Duration::from_millis(10),
        broke: None,
    };
    Answered {
        hops: vec![hop],
        end: Ok(page),
    }
}

fn failed(url: &str, kind: FailureKind, why: &str) -> Answered {
    let url = Url::parse(url).unwrap();
    let failure = Failure::new(kind, why).at(url.host_str().unwrap());
    let hop = Hop {
        url,
        took: Duration::from_millis(50),
        at: at(TODAY),
        outcome: Err(failure.clone()),
    };
    Answered {
        hops: vec![hop],
        end: Err(failure),
    }
}

const INFO: &str = "https://huggingface.co/api/models/org/name/revision/main";

fn info() -> Answered {
    let body = format!("{{\"sha\":\"{COMMIT}\"}}");
    answered(INFO, 200, &[("date", DATE)], &body)
}

fn healthy() -> EndpointSeen {
    let resolved = [
        ("x-repo-commit", COMMIT),
        ("x-linked-size", "2000"),
        ("x-linked-etag", &"a".repeat(64)),
        ("content-range", "bytes 0-999/2000"),
    ];
    let url = "https://cdn.hf.co/x?Signature=geheim";
    let piece = Piece {
        path: RepoPath::new("model.bin").unwrap(),
        size: 2000,
        wanted: 1000,
        answered: answered(url, 206, &resolved, &"b".repeat(1000)),
    };
    EndpointSeen {
        endpoint: crate::hub::urls::Endpoint::hub(),
        host: host("huggingface.co"),
        answers: Answers {
            info: info(),
            whoami: None,
            listing: Some(answered(INFO, 200, &[], "[]")),
            piece: Some(piece),
            storage: Some(host("cdn.hf.co")),
            xet: Some(host("cas.hf.co")),
        },
        plain: None,
    }
}

fn examination() -> Examination {
    Examination {
        endpoints: vec![crate::hub::urls::Endpoint::hub()],
        repo: None,
        token: None,
        http: HttpOptions::default(),
        folder: "/cache".into(),
        symlinks: true,
        offline: false,
        sources: Sources::default(),
        lookup: Lookup::default(),
    }
}

fn survey() -> Survey {
    Survey {
        nearest: "/cache".into(),
        kind: Some("ext4"),
        free: Some(100 << 30),
        tried: Ok(Tried {
            symlinks: true,
            hard_links: true,
            locks: Locks::Work,
            case_sensitive: true,
            written: Ok((64 << 20, Duration::from_millis(300))),
        }),
    }
}

fn judged(examination: &Examination, seen: EndpointSeen) -> Vec<Finding> {
    let seen = Seen {
        endpoints: Ok(vec![seen]),
        disk: Some(survey()),
    };
    judge(examination, &seen).0
}

/// What is said when `change` was made to a healthy endpoint: the first fault, or else the first
/// warning, as `verdict check: what was seen`.
fn said(change: impl FnOnce(&mut EndpointSeen)) -> String {
    said_with(|_| {}, change)
}

fn said_with(set: impl FnOnce(&mut Examination), change: impl FnOnce(&mut EndpointSeen)) -> String {
    let (mut examination, mut seen) = (examination(), healthy());
    set(&mut examination);
    change(&mut seen);
    let findings = judged(&examination, seen);
    let text = format!("{findings:?}");
    assert!(!text.contains("geheim"), "{text}");
    let worst = [Verdict::Fault, Verdict::Warning];
    let found = worst.iter().find_map(|verdict| {
        let mut all = findings.iter();
        all.find(|finding| finding.verdict == *verdict)
    });
    found.map_or_else(
        || "all is well".to_owned(),
        |f| {
            assert!(!f.advice.is_empty(), "{f:?}");
            format!("{} {}: {}", f.verdict.name(), f.check.name(), f.seen)
        },
    )
}

fn silent(kind: FailureKind) -> impl FnOnce(&mut EndpointSeen) {
    move |seen| seen.answers.info = failed(INFO, kind, "connection reset")
}
