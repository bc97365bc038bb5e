//! Ctrl-C and SIGTERM: the program ends at once, says how to go on, and that goes on.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod support;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use support::{Home, Hub, Run};

/// Starts a download that never ends, and stops it when the file is being fetched.
fn stopped(hub: &Hub, home: &Home, signal: &str, arguments: &[&str]) -> (Run, Duration) {
    let stall = What::StallAfter(1_000_000, None);
    hub.hub().set_faults(vec![Fault::new(Match::cdn(), stall)]);
    let child = home
        .command(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while hub.hub().sent_bytes() < 1_000_000 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    send(&child, signal);
    let output = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    hub.hub().set_faults(Vec::new());
    (home.done(&output), took)
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

fn hub() -> Hub {
    let repo = Repo::model("org/name").lfs("model.bin", Content::weights(1, 8_000_000));
    Hub::serving(vec![repo.build()])
}

#[test]
fn ctrl_c_says_how_to_go_on() {
    let hub = hub();
    let home = hub.home();
    let asked = [
        "download",
        "org/name",
        "--include",
        "*.bin",
        "--token",
        "hf_secret",
    ];
    let (run, took) = stopped(&hub, &home, "-INT", &asked);
    assert!(took < Duration::from_secs(1), "{took:?}");
    snapshot!(run.all(), @r#"
    exit 130
    --- stdout
    --- stderr
    interrupted: complete files and parts of large ones are kept; to go on: hfast download org/name --include '*.bin' --token "$HF_TOKEN"
    "#);
    let run = home.run(&["download", "org/name", "-q"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn sigterm_has_its_own_code() {
    let hub = hub();
    let home = hub.home();
    let (run, took) = stopped(&hub, &home, "-TERM", &["download", "org/name", "--json"]);
    assert!(took < Duration::from_secs(1), "{took:?}");
    snapshot!(run.all(), @r#"
    exit 143
    --- stdout
    {"error":{"kind":"cancelled","message":"terminated","hint":"hfast download org/name --json","exit_code":143}}
    --- stderr
    terminated: complete files and parts of large ones are kept; to go on: hfast download org/name --json
    "#);
}

/// A named pipe where a note should be is no note, and nobody waits for a writer.
#[test]
fn a_pipe_in_the_cache_is_not_waited_for() {
    let hub = hub();
    let home = hub.home();
    let refs = home
        .path()
        .join(".cache/huggingface/hub/models--org--name/refs");
    std::fs::create_dir_all(&refs).unwrap();
    let made = Command::new("mkfifo").arg(refs.join("main")).status();
    assert!(made.unwrap().success());
    let child = home
        .command(&["download", "org/name"])
        .env("HF_HUB_OFFLINE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = home.done(&child.wait_with_output().unwrap());
    snapshot!(run.all(), @r"
    exit 3
    --- stdout
    --- stderr
    error: org/name is not in the cache, and the network is switched off
    hint: unset HF_HUB_OFFLINE to download it
    ");
}
