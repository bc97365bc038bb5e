//! Ctrl-C and SIGTERM: the program ends at once, says how to go on, and that goes on.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod support;

use std::os::unix::fs::OpenOptionsExt;
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
    interrupted: what has arrived is kept; to go on: hfast download org/name --include '*.bin' --token "$HF_TOKEN"
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
    terminated: what has arrived is kept; to go on: hfast download org/name --json
    "#);
}

/// A named pipe stands for a disk that does not answer: whoever opens it to read waits for ever.
#[test]
fn ctrl_c_ends_a_plan_that_hangs_on_the_disk() {
    let hub = hub();
    let home = hub.home();
    let model = home.write("dir/model.bin", "");
    let sized = std::fs::File::create(model).unwrap();
    sized.set_len(8_000_000).unwrap();
    let metadata = home.write("dir/.cache/huggingface/download/model.bin.metadata", "");
    std::fs::remove_file(&metadata).unwrap();
    let made = Command::new("mkfifo").arg(&metadata).status().unwrap();
    assert!(made.success());
    let mut child = home
        .command(&["download", "org/name", "--local-dir", "dir"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    let open = || {
        let mut options = std::fs::File::options();
        let without_waiting = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        options.write(true).custom_flags(without_waiting);
        options.open(&metadata)
    };
    // Succeeds once somebody reads; as long as this is open, and silent, the reader waits.
    let mut pipe = open();
    while pipe.is_err() && Instant::now() < deadline {
        std::thread::yield_now();
        pipe = open();
    }
    let _silent = pipe.unwrap();
    let begun = Instant::now();
    send(&child, "-INT");
    while child.try_wait().unwrap().is_none() && begun.elapsed() < Duration::from_secs(5) {
        std::thread::yield_now();
    }
    let took = begun.elapsed();
    // One that hangs must not outlive the test.
    child.kill().unwrap();
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
