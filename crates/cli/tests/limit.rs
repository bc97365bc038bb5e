//! `--limit-rate` with real processes: two of one user share it, and it is refused in one sentence
//! where it makes no sense.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod support;

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use hfast_testkit::corpus::{Content, Repo};
use support::{Home, Hub};

const SIZE: u64 = 6_000_000;
const RATE: u64 = 2_000_000;

fn hub() -> Hub {
    let repo = Repo::model("org/name").lfs("model.bin", Content::seeded(1, SIZE));
    Hub::serving(vec![repo.build()])
}

/// Begins a download into a cache of its own.
fn begin(home: &Home, runtime: &Path, limit: &str) -> Child {
    home.command(&["download", "org/name", "--limit-rate", limit])
        .env("XDG_RUNTIME_DIR", runtime)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("warn"), "{said}");
}

/// Seconds that so many downloads at once take, in all.
fn together(count: usize, limit: &str) -> f64 {
    let hub = hub();
    let runtime = tempfile::tempdir().unwrap();
    let homes: Vec<_> = (0..count).map(|_| hub.home()).collect();
    let begun = Instant::now();
    let start = |home| begin(home, runtime.path(), limit);
    let children: Vec<_> = homes.iter().map(start).collect();
    children.into_iter().for_each(end);
    begun.elapsed().as_secs_f64()
}

/// The time that so many downloads need at the rate, and what a busy machine may add to it.
fn assert_takes(count: u32, took: f64) {
    let size = f64::from(u32::try_from(SIZE).unwrap());
    let expected = f64::from(count) * size / f64::from(u32::try_from(RATE).unwrap());
    assert!(took > expected * 0.9, "{took} s, less than {expected} s");
    assert!(
        took < expected * 1.5 + 2.0,
        "{took} s, far more than {expected} s"
    );
}

#[test]
fn two_processes_share_one_limit() {
    assert_takes(1, together(1, "2M"));
    assert_takes(2, together(2, "2M"));
}

#[test]
fn two_processes_get_equal_shares() {
    let hub = hub();
    let runtime = tempfile::tempdir().unwrap();
    let (one, other) = (hub.home(), hub.home());
    let early = begin(&one, runtime.path(), "2M");
    let late = begin(&other, runtime.path(), "2M");
    let watched = |child: Child| {
        std::thread::spawn(move || {
            end(child);
            Instant::now()
        })
    };
    let (early, late) = (watched(early), watched(late));
    let (early, late) = (early.join().unwrap(), late.join().unwrap());
    let apart = early.max(late) - early.min(late);
    // Alone each would take three seconds, and one after the other they would end so far apart.
    assert!(apart < Duration::from_millis(1500), "{apart:?}");
}

#[test]
fn a_part_of_the_day_has_its_own_rate() {
    let took = together(1, "100K,00:00-24:00=full");
    assert!(took < 20.0, "{took} s: a minute at 100K");
}

#[cfg(unix)]
#[test]
fn a_process_that_was_killed_leaves_no_debt() {
    let hub = hub();
    let runtime = tempfile::tempdir().unwrap();
    let (one, other) = (hub.home(), hub.home());
    let mut killed = begin(&one, runtime.path(), "2M");
    let deadline = Instant::now() + Duration::from_secs(20);
    while hub.hub().sent_bytes() < 1_000_000 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let begun = Instant::now();
    end(begin(&other, runtime.path(), "2M"));
    assert_takes(1, begun.elapsed().as_secs_f64());
}

#[test]
fn the_variable_and_the_settings_file_limit_too() {
    let hub = hub();
    let runtime = tempfile::tempdir().unwrap();
    let run = |home: Home| {
        let begun = Instant::now();
        let mut command = home.command(&["download", "org/name"]);
        let output = command.env("XDG_RUNTIME_DIR", runtime.path()).output();
        assert!(output.unwrap().status.success());
        assert_takes(1, begun.elapsed().as_secs_f64());
    };
    run(hub.home().with("HFAST_LIMIT_RATE", "2M"));
    let home = hub.home();
    home.write(".config/hfast/config.toml", "limit-rate = '2M'");
    run(home);
}

/// What cannot be shared is said, and the limit holds all the same.
#[cfg(unix)]
#[test]
fn a_folder_that_is_not_ours_alone_is_not_used() {
    let hub = hub();
    let home = hub.home();
    let place = home.path().join("run");
    std::fs::create_dir(&place).unwrap();
    std::os::unix::fs::symlink("/nowhere", place.join("hfast")).unwrap();
    let begun = Instant::now();
    let mut command = home.command(&["download", "org/name", "-q", "--limit-rate", "2M"]);
    let output = command.env("XDG_RUNTIME_DIR", &place).output().unwrap();
    assert_takes(1, begun.elapsed().as_secs_f64());
    let run = home.done(&output);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let times = run.stderr.matches("holds for this process alone").count();
    assert_eq!(times, 1, "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_is_heard_while_the_limit_is_waited_for() {
    let hub = hub();
    let home = hub.home();
    let runtime = tempfile::tempdir().unwrap();
    let child = begin(&home, runtime.path(), "1K");
    let deadline = Instant::now() + Duration::from_secs(20);
    while hub.hub().sent_bytes() < 20_000 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    let begun = Instant::now();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_limit_that_makes_no_sense_is_refused() {
    let mut said = String::new();
    for limit in [
        "fast",
        "2",
        "10Mb/s",
        "2M,3M",
        "2M,23-7=full",
        "2M,23:00-23:00=full",
        "",
    ] {
        let run = Home::new().run(&["download", "org/name", "--limit-rate", limit]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{limit}");
        said += &run.stderr;
    }
    let home = Home::new().with("HFAST_LIMIT_RATE", "2X");
    said += &home.run(&["download", "org/name"]).stderr;
    let home = Home::new();
    home.write(".config/hfast/config.toml", "limit-rate = '2X'");
    said += &home.run(&["download", "org/name"]).stderr;
    snapshot!(said, @r#"
    error: --limit-rate: "fast" is not a rate
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: --limit-rate: "2" is less than 1K, a thousand bytes a second
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: --limit-rate: "10Mb/s" is not a rate: write 10M for bytes or 10Mbit for bits
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: --limit-rate: "2M,3M" has two rates for the whole day
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: --limit-rate: "23-7" is not a part of the day
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: --limit-rate: "23:00-23:00" ends where it begins
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: --limit-rate: "" is not a rate
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: HFAST_LIMIT_RATE: "2X" is not a rate
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    error: in the settings file: "2X" is not a rate
    hint: a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full
    "#);
}
