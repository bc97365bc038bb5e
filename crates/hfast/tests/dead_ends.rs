//! Ways that can never lead to a file: they are given up at once, and other sources are asked.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod support;

use std::time::{Duration, Instant};

use hfast::{Error, ErrorKind};
use hfast_testkit::faults::{Fault, Match, What};
use support::raw::{Raw, answer};
use support::{assert_arrives, download_to_cache, fetch, options, repo, serve, untrusted};

/// Where they lead, what kind of error that is, and what is said of it.
async fn dead_ends() -> [(String, ErrorKind, &'static str); 4] {
    let plain = Raw::start(|_, _| answer("400 Bad Request", &[], b"")).await;
    [
        (
            "file:///etc/passwd".to_owned(),
            ErrorKind::Protocol,
            "not http",
        ),
        (
            "ftp://127.0.0.1/model".to_owned(),
            ErrorKind::Protocol,
            "not http",
        ),
        (
            format!("https://{}/model", plain.host),
            ErrorKind::Unreachable,
            "does not speak TLS",
        ),
        (
            format!("https://{}/model", untrusted::start()),
            ErrorKind::Unreachable,
            "certificate",
        ),
    ]
}

fn redirect(location: &str) -> What {
    What::RedirectTo {
        code: 302,
        location: location.to_owned(),
    }
}

fn first_error(result: Result<hfast::client::Report, Error>) -> Error {
    result
        .and_then(|mut report| {
            report
                .failed
                .pop()
                .map_or(Ok(report), |(_, error)| Err(error))
        })
        .expect_err("there is nothing there")
}

#[tokio::test]
async fn a_way_that_leads_nowhere_is_an_error_at_once() {
    for (location, kind, why) in dead_ends().await {
        for when in [Match::api(), Match::resolve()] {
            let server = serve(vec![repo()]).await;
            server
                .hub()
                .add_fault(Fault::new(when, redirect(&location)));
            let cache = tempfile::tempdir().unwrap();
            let begun = Instant::now();
            let options = options(&server.endpoint());
            let error = first_error(download_to_cache(options, &repo(), cache.path()).await);
            assert!(
                begun.elapsed() < Duration::from_secs(5),
                "{location}: {error}"
            );
            assert_eq!(error.kind(), kind, "{location}: {error}");
            assert!(error.to_string().contains(why), "{location}: {error}");
            assert!(error.hint().is_some(), "{location}: {error}");
        }
    }
}

#[tokio::test]
async fn so_is_a_plain_address_that_leads_there() {
    for (location, kind, why) in dead_ends().await {
        let there = location.clone();
        let server = Raw::start(move |_, _| answer("302 Found", &[("Location", &there)], b""));
        let server = server.await;
        let folder = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let path = folder.path().join("out.bin");
        let error = first_error(fetch(&server.url(), None, &path).await);
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{location}: {error}"
        );
        assert_eq!(error.kind(), kind, "{location}: {error}");
        assert!(error.to_string().contains(why), "{location}: {error}");
    }
}

#[tokio::test]
async fn another_source_is_asked_where_one_leads_nowhere() {
    for (location, ..) in dead_ends().await {
        for when in [Match::api(), Match::resolve()] {
            let (first, second) = (serve(vec![repo()]).await, serve(vec![repo()]).await);
            first.hub().add_fault(Fault::new(when, redirect(&location)));
            let mut options = options(&first.endpoint());
            options.endpoints.push(second.endpoint().parse().unwrap());
            let begun = Instant::now();
            assert_arrives(options, &repo()).await;
            assert!(begun.elapsed() < Duration::from_secs(5), "{location}");
        }
    }
}
