//! Ctrl-C and SIGTERM: the program ends at once, says how to go on, and that goes on.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod support;

use std::fs::OpenOptions;
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

/// A named pipe that nobody writes to is a disk that never answers.
#[test]
fn a_disk_that_hangs_does_not_keep_ctrl_c_from_working() {
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
    // Opens only when the child has opened it too, which then waits for what never comes.
    let mut pipe = OpenOptions::new();
    pipe.write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let deadline = Instant::now() + Duration::from_secs(20);
    let pipe = loop {
        match pipe.open(refs.join("main")) {
            Err(_) if Instant::now() < deadline => std::thread::yield_now(),
            opened => break opened.unwrap(),
        }
    };
    let begun = Instant::now();
    send(&child, "-INT");
    let run = home.done(&child.wait_with_output().unwrap());
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    drop(pipe);
    snapshot!(run.all(), @r#"
    exit 130
    --- stdout
    --- stderr
    interrupted: what has arrived is kept; to go on: hfast download org/name
    "#);
}
