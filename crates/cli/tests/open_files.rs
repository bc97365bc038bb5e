//! A process that may open few files and sockets works with fewer connections, and nothing fails.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod support;

use std::process::Command;

use hfast_testkit::corpus::{Content, Repo};
use support::{Home, Hub, Run};

/// Large files with a storage of their own, and more small ones than there are open files.
fn hub() -> Hub {
    let mut repo = Repo::model("org/name");
    for n in 0..4 {
        repo = repo.lfs(&format!("large-{n}.bin"), Content::weights(n, 9_000_000));
    }
    for n in 0..60 {
        let content = Content::seeded(100 + n, 20_000);
        repo = repo.content(&format!("part/{n}.txt"), content);
    }
    Hub::serving(vec![repo.build()])
}

/// Runs the command under what `ulimit` is told.
fn under(limit: &str, home: &Home, arguments: &[&str]) -> Run {
    let hfast = home.command(arguments);
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")])
        .arg(hfast.get_program())
        .args(hfast.get_args())
        .env_clear()
        .envs(
            hfast
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(home.path());
    home.done(&shell.output().unwrap())
}

#[test]
fn few_open_files_are_enough() {
    let hub = hub();
    for limit in ["-n 24", "-n 40", "-n 100"] {
        for many in [&["-x", "256"][..], &[]] {
            for target in [&["--local-dir", "out"][..], &[]] {
                let asked = [&["download", "org/name", "-v"], many, target].concat();
                let run = under(limit, &hub.home(), &asked);
                assert_eq!(run.code, Some(0), "{limit} {asked:?}: {}", run.stderr);
                let told = run.stderr.matches("ulimit -n").count();
                assert_eq!(told, 1, "{limit} {asked:?}: {}", run.stderr);
            }
        }
    }
}

/// What the system would give for the asking is asked for.
#[test]
fn a_limit_that_may_be_raised_is_none() {
    let hub = hub();
    let asked = ["download", "org/name", "-x", "64", "-v"];
    let run = under("-Sn 24", &hub.home(), &asked);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("ulimit"), "{}", run.stderr);
}

#[test]
fn a_file_that_may_not_become_so_large_is_an_error_that_says_so() {
    let hub = hub();
    // In blocks of 512 or 1024 bytes.
    let run = under(
        "-f 4000",
        &hub.home(),
        &["download", "org/name", "--local-dir", "out"],
    );
    assert_eq!(run.code, Some(9), "{}", run.stderr);
    assert!(run.stderr.contains("ulimit -f"), "{}", run.stderr);
}
