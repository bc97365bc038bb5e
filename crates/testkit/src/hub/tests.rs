//! Tests of the fake Hub: what it answers, without any socket.

use super::*;
use crate::corpus::Content;
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .file("sub/a b.txt", b"text")
        .lfs("model.bin", Content::seeded(7, 1000))
        .tag("v1")
        .build()
}

fn hub(change: impl FnOnce(&mut Options)) -> FakeHub {
    let hub = FakeHub::new(vec![repo()]);
    hub.configure(change);
    hub
}

fn get(hub: &FakeHub, path: &str) -> Response {
    hub.respond(&Request::new("GET", "hub.test", path))
}

fn json_of(response: &Response) -> Value {
    serde_json::from_slice(&response.body.read()).unwrap()
}

#[test]
fn a_large_file_is_redirected_and_served_until_the_url_expires() {
    let now = Arc::new(AtomicU64::new(1000));
    let clock = now.clone();
    let hub = hub(|o| {
        o.lfs_redirect = LfsRedirect::To("http://cdn.test".into());
        o.signed_url_ttl = Duration::from_secs(60);
        o.clock = Clock::new(move || clock.load(Ordering::Relaxed));
    });
    let response = get(&hub, "/org/name/resolve/main/model.bin");
    assert_eq!(response.status, 302);
    assert_eq!(response.text("x-linked-size"), Some("1000"));
    let location = response
        .text("location")
        .unwrap()
        .strip_prefix("http://cdn.test")
        .unwrap();
    let at_cdn = |path: &str| hub.respond(&Request::new("GET", "cdn.test", path));
    assert_eq!(
        at_cdn(location).body.read(),
        Content::seeded(7, 1000).read(0..1000)
    );
    assert_eq!(at_cdn(&location.replace("sig=", "sig=0")).status, 403);
    assert_eq!(at_cdn("/api/models/org/name").status, 404);
    now.store(1060, Ordering::Relaxed);
    assert_eq!(at_cdn(location).status, 403);
}

#[test]
fn a_small_file_is_redirected_within_the_hub() {
    let hub = hub(|o| o.path_prefix = "/hf".into());
    let response = get(&hub, "/hf/org/name/resolve/main/sub/a%20b.txt");
    assert_eq!(response.status, 307);
    let location = response.text("location").unwrap();
    assert!(
        location.starts_with("/hf/api/resolve-cache/models/org/name/"),
        "{location}"
    );
    let response = get(&hub, location);
    assert_eq!(response.body.read(), "text");
    assert_eq!(response.text("etag"), response.text("x-linked-etag"));
}

#[test]
fn a_stale_validator_voids_the_range() {
    let hub = hub(|o| o.small_redirect = false);
    let ask = |validator: &str| {
        let request = Request::new("GET", "hub.test", "/org/name/resolve/main/model.bin");
        hub.respond(
            &request
                .header("range", "bytes=10-")
                .header("if-range", validator),
        )
        .status
    };
    let etag = format!("\"{}\"", repo().file("model.bin").unwrap().etag());
    assert_eq!(ask(&etag), 206);
    assert_eq!(ask("\"other\""), 200);
}

#[test]
fn pages_of_the_tree_lead_to_each_other() {
    let hub = hub(|o| o.page_size = 2);
    let mut url = "/api/models/org/name/tree/main?recursive=true&expand=false".to_owned();
    let mut paths = Vec::new();
    loop {
        let response = get(&hub, &url);
        let entries = json_of(&response);
        paths.extend(
            entries
                .as_array()
                .unwrap()
                .iter()
                .map(|e| e["path"].as_str().unwrap().to_owned()),
        );
        let Some(link) = response.text("link") else {
            break;
        };
        let next = link.strip_prefix("<http://hub.test").unwrap();
        next.strip_suffix(">; rel=\"next\"")
            .unwrap()
            .clone_into(&mut url);
    }
    assert_eq!(paths, ["config.json", "model.bin", "sub", "sub/a b.txt"]);
}

#[test]
fn errors_carry_their_codes() {
    let hub = hub(|_| ());
    let code = |path: &str| get(&hub, path).text("x-error-code").unwrap().to_owned();
    assert_eq!(code("/org/none/resolve/main/x"), "RepoNotFound");
    assert_eq!(code("/org/name/resolve/none/x"), "RevisionNotFound");
    assert_eq!(code("/org/name/resolve/main/none"), "EntryNotFound");
    assert_eq!(code("/api/models/org/name/tree/main/none"), "EntryNotFound");
}

#[test]
fn gated_and_private_files_need_their_tokens() {
    let gated = Repo::model("org/gated").file("a", b"1").gated().build();
    let private = Repo::model("org/private").file("a", b"1").private().build();
    let hub = FakeHub::new(vec![gated, private]);
    let poor = Token {
        gated_access: false,
        ..Token::new("poor")
    };
    hub.configure(|o| {
        o.tokens = vec![Token::new("good"), poor];
        o.small_redirect = false;
    });
    let status = |id: &str, token: &str| {
        let path = format!("/org/{id}/resolve/main/a");
        let request = Request::new("HEAD", "hub.test", &path);
        let bearer = format!("Bearer {token}");
        let request = if token.is_empty() {
            request
        } else {
            request.header("authorization", &bearer)
        };
        hub.respond(&request).status
    };
    assert_eq!(
        ["", "bad", "poor", "good"].map(|t| status("gated", t)),
        [401, 401, 403, 200]
    );
    assert_eq!(
        ["", "bad", "good"].map(|t| status("private", t)),
        [401, 401, 200]
    );
    assert_eq!(get(&hub, "/api/models/org/gated").status, 200);
}

#[test]
fn a_push_moves_main_and_keeps_the_old_commit() {
    let hub = hub(|o| o.small_redirect = false);
    let old = repo().commit;
    hub.push(
        Repo::model("org/name")
            .file("config.json", b"{\"new\":1}")
            .build(),
    );
    let body = |rev: &str| {
        get(&hub, &format!("/org/name/resolve/{rev}/config.json"))
            .body
            .read()
    };
    assert_eq!(body("main"), "{\"new\":1}");
    assert_eq!(body(&old), "{}");
    assert_eq!(body("v1"), "{}");
}

#[test]
fn hostile_listings_and_headers_can_be_scripted() {
    let hub = hub(|o| o.small_redirect = false);
    hub.override_tree_json(
        RepoKind::Model,
        "org/name",
        vec![json!({ "path": "../../etc" })],
    );
    let tree = get(&hub, "/api/models/org/name/tree/main");
    assert_eq!(json_of(&tree)[0]["path"], "../../etc");
    hub.override_header("/resolve/", "ETag", Some("../../../up"));
    hub.override_header("/resolve/", "X-Repo-Commit", None);
    let request = Request::new("HEAD", "hub.test", "/org/name/resolve/main/config.json");
    let response = hub.exchange(&request).response;
    assert_eq!(response.text("etag"), Some("../../../up"));
    assert_eq!(response.text("x-repo-commit"), None);
}

#[test]
fn the_log_counts_what_the_carrier_sent() {
    let hub = hub(|_| ());
    let exchange = hub.exchange(&Request::new("GET", "hub.test", "/api/models/org/name"));
    exchange.meter.add(5);
    assert_eq!(hub.requests()[0].sent_bytes, 5);
    assert_eq!((hub.sent_bytes(), hub.count("GET", "/api/")), (5, 1));
    hub.clear();
    assert_eq!((hub.sent_bytes(), hub.requests().len()), (0, 0));
}
