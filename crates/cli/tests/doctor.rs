//! `hfast doctor`: what it prints, in which form, and how it ends.

mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{Options, Token};
use support::{Home, Hub};

const SECRET: &str = "hf_averysecrettokenindeed";

/// What differs from run to run.
const MEASURED: [(&str, &str); 5] = [
    // What the disk of the tests is like is no affair of theirs.
    (r"(?m)^\w+ +cache .*\n( +-> .*\n)*", "[DISK]\n"),
    (r"; 1 warning\b", ""),
    (r"127\.0\.0\.1:\d+", "[ADDRESS]"),
    (r"(in|after) \d+(\.\d)? m?s\b", "$1 [TIME]"),
    // Said only where it took long enough to tell.
    (r", (\d+\.\d [kMGT]B|\d+ bytes)/s over one connection", ""),
];

macro_rules! snapshot_of_doctor {
    ($actual:expr, @$expected:literal) => {
        insta::with_settings!({ filters => MEASURED.to_vec() }, {
            insta::assert_snapshot!($actual, @$expected);
        });
    };
}

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs("model.bin", Content::seeded(1, 3_000_000))
        .build()
}

#[test]
fn what_works_is_told_line_by_line() {
    let hub = Hub::serving(vec![repo()]);
    let run = hub.home().run(&["doctor", "org/name"]);
    snapshot_of_doctor!(run.all(), @r"
    exit 0
    --- stdout
    ok       proxy       127.0.0.1: none is set
    -        dns         127.0.0.1: an address, and no name
    ok       tcp         [ADDRESS]: connected in [TIME]
    -        tls         [ADDRESS]: not used: the endpoint begins with http://
    ok       endpoint    http://[ADDRESS]: a Hub answers in [TIME]
    -        token       [ADDRESS]: none is set: public repositories need none
    ok       repository  org/name: main is commit 8b663aa85cf3
    ok       headers     [ADDRESS]: all that clients need to know of a file is there
    ok       data        http://[ADDRESS]: 1.0 MB of model.bin in [TIME]
    [DISK]
    nothing is at fault: downloads should work through http://[ADDRESS]
    --- stderr
    checking [HOME]/.cache/huggingface/hub: room, links, locks, speed
    checking http://[ADDRESS]: name, connection, certificate, answers
    checking http://[ADDRESS]: 1048576 bytes of model.bin
    ");
    let run = hub.home().run(&["doctor", "org/name", "-q"]);
    let last = format!(
        "nothing is at fault: downloads should work through {}",
        hub.loopback.endpoint()
    );
    assert!(
        run.stdout.contains(&last) && !run.stdout.contains("endpoint"),
        "{}",
        run.stdout
    );
    assert_eq!(run.stderr, "");
}

#[test]
fn what_is_at_fault_is_told_with_the_way_out() {
    let hub = Hub::serving(vec![repo()]);
    hub.hub()
        .add_fault(Fault::new(Match::any(), What::CaptivePortal));
    let run = hub.home().run(&["doctor", "org/name"]);
    snapshot_of_doctor!(run.all(), @r"
    exit 7
    --- stdout
    ok       proxy       127.0.0.1: none is set
    -        dns         127.0.0.1: an address, and no name
    ok       tcp         [ADDRESS]: connected in [TIME]
    -        tls         [ADDRESS]: not used: the endpoint begins with http://
    FAULT    endpoint    http://[ADDRESS]: [ADDRESS] answers with a web page: a login page of the network, or no Hub
             -> open http://[ADDRESS]/api/models/org/name/revision/main in a browser: log in there, if it is a login page
             -> name another server: --endpoint https://huggingface.co ([ADDRESS] comes from HF_ENDPOINT)
    -        token       [ADDRESS]: none is set: public repositories need none
    [DISK]
    at fault: the endpoint, http://[ADDRESS]: [ADDRESS] answers with a web page: a login page of the network, or no Hub
    --- stderr
    checking [HOME]/.cache/huggingface/hub: room, links, locks, speed
    checking http://[ADDRESS]: name, connection, certificate, answers
    ");
}

#[test]
fn the_report_is_one_document_without_secrets() {
    let mut repo = repo();
    repo.gated = true;
    let options = Options {
        tokens: vec![Token::new(SECRET)],
        ..Options::default()
    };
    let hub = Hub::with_options(vec![repo], options);
    let home = hub.home().with("HF_TOKEN", SECRET);
    let run = home.run(&["doctor", "org/name", "--json"]);
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET));
    // The storage was reached by an address that was signed.
    assert!(
        run.stdout.contains("/cdn/") && !run.stdout.contains('?'),
        "{}",
        run.stdout
    );
    let lines: Vec<&str> = run.stdout.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("{}", run.stdout)
    };
    assert!(
        line.starts_with("{\"hfast\":\"") && line.ends_with('}'),
        "{line}"
    );
    for part in [
        "\"verdict\":\"ok\"",
        "\"fault\":null",
        "\"exit_code\":0",
        "\"check\":\"token\"",
        "\"seen\":\"from HF_TOKEN, and accepted\"",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
}

#[test]
fn a_password_in_the_address_of_a_proxy_is_not_told() {
    // Nobody listens there, and nobody else will as long as the socket lives.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let home = Home::new().with("https_proxy", &format!("http://thisisme:geheim@{address}"));
    for form in [&["doctor"][..], &["doctor", "--json"], &["doctor", "-vvv"]] {
        let run = home.run(form);
        assert_eq!(run.code, Some(6), "{}", run.stdout);
        assert!(run.stdout.contains("https_proxy"), "{}", run.stdout);
        for secret in ["geheim", "thisisme"] {
            assert!(!run.stdout.contains(secret), "{}", run.stdout);
            assert!(!run.stderr.contains(secret), "{}", run.stderr);
        }
    }
}

#[test]
fn a_token_that_is_not_accepted_is_told_by_where_it_came_from() {
    let options = Options {
        tokens: vec![Token::new(SECRET)],
        ..Options::default()
    };
    let hub = Hub::with_options(vec![repo()], options);
    let home = hub.home();
    home.write(".cache/huggingface/token", "hf_an_old_one");
    for (run, source) in [
        (
            home.run(&["doctor", "org/name"]),
            "the file [HOME]/.cache/huggingface/token",
        ),
        (
            home.run(&["doctor", "org/name", "--token", "hf_x"]),
            "--token",
        ),
        (
            hub.home()
                .with("HF_TOKEN", "hf_y")
                .run(&["doctor", "org/name"]),
            "HF_TOKEN",
        ),
    ] {
        assert_eq!(run.code, Some(4), "{}", run.stdout);
        let said = format!("{source} holds a token that is not accepted");
        assert!(run.stdout.contains(&said), "{}", run.stdout);
        let end = run.stdout.lines().last().unwrap_or_default();
        assert!(end.starts_with("at fault: the access token"), "{end}");
    }
}

#[test]
fn each_kind_of_fault_has_the_code_that_a_download_would_have() {
    let status = |code: u16, error: &str| What::Status {
        code,
        headers: vec![("X-Error-Code".to_owned(), error.to_owned())],
        body: "".into(),
    };
    for (what, code) in [
        (status(404, "RepoNotFound"), 3),
        (status(403, "GatedRepo"), 4),
        (What::too_many_requests("900"), 5),
        (What::server_error(500, 9), 6),
        (What::CaptivePortal, 7),
    ] {
        let hub = Hub::serving(vec![repo()]);
        hub.hub().add_fault(Fault::new(Match::any(), what));
        let run = hub.home().run(&["doctor", "org/name", "--json"]);
        assert_eq!(run.code, Some(code), "{}", run.stdout);
        assert!(
            run.stdout.contains(&format!("\"exit_code\":{code}")),
            "{}",
            run.stdout
        );
    }
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    home.write("file", "");
    let run = home.run(&["doctor", "org/name", "--cache-dir", "file/x"]);
    assert_eq!(run.code, Some(9), "{}", run.stdout);
    assert!(run.stdout.contains("--cache-dir"), "{}", run.stdout);
    let run = hub.home().with("HF_HUB_OFFLINE", "1").run(&["doctor"]);
    assert_eq!(run.code, Some(2), "{}", run.stdout);
    assert!(
        run.stdout.contains("unset HF_HUB_OFFLINE"),
        "{}",
        run.stdout
    );
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_at_once() {
    // Somebody who accepts and says nothing.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let home = Home::new();
    let mut child = home
        .command(&["doctor", "--endpoint", &endpoint])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    // It says at once what it looks at.
    let first = said.next().unwrap().unwrap();
    assert!(first.contains("room, links, locks, speed"), "{first}");
    let begun = Instant::now();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let ended = child.wait().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(ended.code(), Some(130));
    let left = std::fs::read_dir(home.path()).unwrap();
    assert_eq!(left.count(), 0, "the disk is as it was");
    let last = said.last().unwrap().unwrap();
    let want = format!("interrupted: to go on: hfast doctor --endpoint {endpoint}");
    assert_eq!(last, want);
}

#[test]
fn it_ends_within_its_time_whatever_is_silent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let begun = Instant::now();
    let endpoint = format!("https://{address}");
    let run = Home::new().run(&["doctor", "--endpoint", &endpoint, "--mirror", "-q"]);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(run.code, Some(6), "{}", run.stdout);
    let silent = "break as soon as the name of the host is sent (no answer in time)";
    assert!(run.stdout.contains(silent), "{}", run.stdout);
}
