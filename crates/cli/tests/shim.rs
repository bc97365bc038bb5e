//! `hfast shim`: real links by the names of the official tools.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::process::Command;

use support::Home;

#[test]
fn links_are_made_used_and_taken_away() {
    let home = Home::new().with("PATH", "/nowhere");
    let run = home.run(&["shim", "install", "bin"]);
    let program = env!("CARGO_BIN_EXE_hfast");
    let expected = format!("[HOME]/bin/hf -> {program}\n[HOME]/bin/huggingface-cli -> {program}\n");
    assert_eq!(
        (run.code, run.stdout.as_str(), run.stderr.as_str()),
        (Some(0), &*expected, "")
    );
    // Once more, they are there already.
    assert_eq!(home.run(&["shim", "install", "bin"]).code, Some(0));
    let mut hf = Command::new(home.path().join("bin/hf"));
    let output = hf.args(["version", "-q"]).output().unwrap();
    assert_eq!(home.done(&output).stdout, "2.4.0\n");
    let run = home.run(&["shim", "remove", "bin", "-q"]);
    assert_eq!(run.stdout, "[HOME]/bin/hf\n[HOME]/bin/huggingface-cli\n");
    assert_eq!(fs::read_dir(home.path().join("bin")).unwrap().count(), 0);
    let run = home.run(&["shim", "remove", "bin"]);
    assert_eq!(run.stdout, "there was nothing to remove\n");
}

#[test]
fn what_is_not_ours_stays_and_what_comes_before_is_told() {
    let home = Home::new();
    let path = format!("{0}/first:{0}/bin", home.path().display());
    let home = home.with("PATH", &path);
    home.write("bin/huggingface-cli", "theirs");
    home.write("first/hf", "theirs too");
    snapshot!(home.run(&["shim", "install", "bin"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: [HOME]/bin/huggingface-cli is there already, and is not a link to hfast
    hint: choose a folder that comes earlier in your PATH, or --force replaces it
    ");
    assert!(!home.path().join("bin/hf").exists(), "nothing half done");
    let run = home.run(&["shim", "install", "bin", "--name", "hf", "-q"]);
    snapshot!(run.all(), @r"
    exit 0
    --- stdout
    [HOME]/bin/hf
    --- stderr
    note: [HOME]/first/hf comes before [HOME]/bin/hf in your PATH
    ");
    assert_eq!(home.run(&["shim", "remove", "bin"]).code, Some(2));
    let theirs = fs::read_to_string(home.path().join("bin/huggingface-cli")).unwrap();
    assert_eq!(theirs, "theirs");
    assert_eq!(
        home.run(&["shim", "install", "bin", "--force"]).code,
        Some(0)
    );
}
