//! The programs of the test kit explain themselves and refuse what they do not know.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::process::{Command, Output};

const PROGRAMS: [&str; 2] = [
    env!("CARGO_BIN_EXE_hfast-demo"),
    env!("CARGO_BIN_EXE_hfast-testhub"),
];

fn run(program: &str, words: &[&str]) -> Output {
    Command::new(program).args(words).output().unwrap()
}

#[test]
fn help_is_printed_wherever_it_is_asked_for() {
    for program in PROGRAMS {
        for words in [&["--help"][..], &["-h"], &["--rate", "--help"]] {
            let output = run(program, words);
            assert!(output.status.success() && output.stderr.is_empty());
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(text.contains("usage: hfast-") && text.contains("--help"));
        }
    }
}

#[test]
fn what_is_not_known_is_refused() {
    for program in PROGRAMS {
        for words in [&["--nothing"][..], &["--keep"], &["a", "b"], &["/nowhere"]] {
            let output = run(program, words);
            assert_eq!(output.status.code(), Some(2), "{program} {words:?}");
            assert!(output.stdout.is_empty(), "{program} {words:?}");
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(
                text.starts_with("error: ") && text.lines().count() == 1,
                "{text}"
            );
        }
    }
}
