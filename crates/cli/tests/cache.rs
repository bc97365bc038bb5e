//! `hfast cache verify`: what it finds, prints and repairs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use support::{Home, Hub};

/// Where a block ends is up to the network.
const BLOCKS: [(&str, &str); 3] = [
    (r#""(wrong_bytes|received)":[1-9]\d*"#, r#""$1":[SOME]"#),
    (r"[0-9.]+[BKM] of 3.0M are", "[SOME] of 3.0M are"),
    (r"[0-9.]+[BKM] fetched", "[SOME] fetched"),
];

macro_rules! audited {
    ($actual:expr, @$expected:literal) => {
        insta::with_settings!({ filters => BLOCKS.to_vec() }, {
            insta::assert_snapshot!($actual, @$expected);
        });
    };
}

const BLOB: &str = "model.bin";

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs(BLOB, Content::seeded(1, 3_000_000))
        .build()
}

fn downloaded() -> (Hub, Home) {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    assert!(
        home.run(&["download", "org/name", "--revision", "main"])
            .all()
            .starts_with("exit 0")
    );
    (hub, home)
}

/// The same in the folder `d`.
fn downloaded_to_a_folder() -> (Hub, Home) {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let get = ["download", "org/name", "--local-dir", "d", "-q"];
    assert_eq!(home.run(&get).code, Some(0));
    (hub, home)
}

fn model(home: &Home) -> PathBuf {
    let blobs = home
        .path()
        .join(".cache/huggingface/hub/models--org--name/blobs");
    let names = fs::read_dir(blobs)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let largest = names.max_by_key(|path| path.metadata().unwrap().len());
    largest.unwrap()
}

fn spoil(home: &Home) {
    let file = fs::File::options().write(true).open(model(home)).unwrap();
    file.write_all_at(b"spoilt", 2_000_000).unwrap();
}

#[test]
fn what_is_damaged_is_told_and_repaired_with_few_bytes() {
    let (_hub, home) = downloaded();
    audited!(home.run(&["cache", "verify"]).all(), @r"
    exit 0
    --- stdout
    2 files right, 3.0M read; nothing is damaged
    --- stderr
    ");
    spoil(&home);
    audited!(home.run(&["cache", "verify", "org/name"]).all(), @r"
    exit 8
    --- stdout
    damaged: org/name model.bin: [SOME] of 3.0M are wrong
    1 file right, 1 damaged, 3.0M read; to repair: hfast cache verify org/name --repair
    --- stderr
    ");
    audited!(home.run(&["cache", "verify", "org/name", "--repair"]).all(), @r"
    exit 0
    --- stdout
    damaged: org/name model.bin: [SOME] of 3.0M are wrong; repaired
    1 file right, 1 damaged, 1 of 1 repaired, 3.0M read, [SOME] fetched
    --- stderr
    ");
    audited!(home.run(&["cache", "verify", "-q"]).all(), @r"
    exit 0
    --- stdout
    --- stderr
    ");
}

#[test]
fn programs_are_told_the_same() {
    let (_hub, home) = downloaded();
    spoil(&home);
    audited!(home.run(&["cache", "verify", "--json"]).all(), @r#"
    exit 8
    --- stdout
    {"right":1,"bytes":3000002,"damaged":[{"repo":"org/name","repo_type":"model","commit":"8b663aa85cf3dc1f5ec61ea0056c78f320b2b021","path":"model.bin","file":"[HOME]/.cache/huggingface/hub/models--org--name/blobs/12c4ad4096a573c38320419ae1e1769955ad31c4c3e38a59fecdd2fab59f7bff","size":3000000,"wrong_bytes":[SOME],"repaired":false}],"missing":[],"unknown":[],"absent":[],"received":0,"failed":[],"exit_code":8}
    --- stderr
    "#);
    audited!(home.run(&["cache", "verify", "--json", "--repair"]).all(), @r#"
    exit 0
    --- stdout
    {"right":1,"bytes":3000002,"damaged":[{"repo":"org/name","repo_type":"model","commit":"8b663aa85cf3dc1f5ec61ea0056c78f320b2b021","path":"model.bin","file":"[HOME]/.cache/huggingface/hub/models--org--name/blobs/12c4ad4096a573c38320419ae1e1769955ad31c4c3e38a59fecdd2fab59f7bff","size":3000000,"wrong_bytes":[SOME],"repaired":true}],"missing":[],"unknown":[],"absent":[],"received":[SOME],"failed":[],"exit_code":0}
    --- stderr
    "#);
}

#[test]
fn what_is_gone_is_told_and_fetched_again() {
    let (_hub, home) = downloaded();
    fs::remove_file(model(&home)).unwrap();
    audited!(home.run(&["cache", "verify"]).all(), @r"
    exit 8
    --- stdout
    missing: org/name model.bin: it was downloaded, and is not there any more
    1 file right, 1 missing, 2B read; to repair: hfast cache verify --repair
    --- stderr
    ");
    audited!(home.run(&["cache", "verify", "--json", "--repair"]).all(), @r#"
    exit 0
    --- stdout
    {"right":1,"bytes":2,"damaged":[],"missing":[{"repo":"org/name","repo_type":"model","commit":"8b663aa85cf3dc1f5ec61ea0056c78f320b2b021","path":"model.bin","repaired":true}],"unknown":[],"absent":[],"received":[SOME],"failed":[],"exit_code":0}
    --- stderr
    "#);
    audited!(home.run(&["cache", "verify", "-q"]).all(), @r"
    exit 0
    --- stdout
    --- stderr
    ");
}

#[test]
fn what_is_there_is_told_to_who_asks_for_another_revision() {
    let (_hub, home) = downloaded();
    audited!(home.run(&["cache", "verify", "org/name", "--revision", "v7"]).all(), @r"
    exit 3
    --- stdout
    --- stderr
    error: nothing of org/name at v7 was downloaded to [HOME]/.cache/huggingface/hub
    hint: what is there of it: main, 8b663aa85cf3dc1f5ec61ea0056c78f320b2b021
    ");
}

#[test]
fn a_file_that_is_gone_from_a_folder_is_told() {
    let (_hub, home) = downloaded_to_a_folder();
    fs::remove_file(home.path().join("d/config.json")).unwrap();
    audited!(home.run(&["cache", "verify", "org/name", "--local-dir", "d"]).all(), @r"
    exit 8
    --- stdout
    missing: org/name config.json: it was downloaded, and is not there any more
    1 file right, 1 missing, 3.0M read; to repair: hfast cache verify org/name --local-dir d --repair
    --- stderr
    ");
    audited!(home.run(&["cache", "verify", "org/name", "--local-dir", "."]).all(), @r"
    exit 3
    --- stdout
    --- stderr
    error: nothing of org/name was downloaded to [HOME]
    hint: check the name, --cache-dir and --local-dir
    ");
}

#[test]
fn what_did_not_come_yet_is_not_called_complete() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let some = ["download", "org/name", "config.json", "-q"];
    assert_eq!(home.run(&some).code, Some(0));
    audited!(home.run(&["cache", "verify"]).all(), @r"
    exit 0
    --- stdout
    not here: 1 of 2 files of org/name at 8b663aa8 (3.0M): not asked for, or not there yet
    1 file right, 2B read; nothing of it is damaged; 1 file not here
    --- stderr
    ");
    audited!(home.run(&["cache", "verify", "--json"]).all(), @r#"
    exit 0
    --- stdout
    {"right":1,"bytes":2,"damaged":[],"missing":[],"unknown":[],"absent":[{"repo":"org/name","repo_type":"model","commit":"8b663aa85cf3dc1f5ec61ea0056c78f320b2b021","files":1,"bytes":3000000,"of":2}],"received":0,"failed":[],"exit_code":0}
    --- stderr
    "#);
    let all = ["download", "org/name", "--local-dir", "d", "-q"];
    hub.hub()
        .add_fault(Fault::new(Match::cdn(), What::FlipByte(5)));
    assert_ne!(home.run(&all).code, Some(0));
    audited!(home.run(&["cache", "verify", "org/name", "--local-dir", "d"]).all(), @r"
    exit 0
    --- stdout
    not here: 1 of 2 files of org/name at 8b663aa8 (3.0M): not asked for, or not there yet
    1 file right, 2B read; nothing of it is damaged; 1 file not here
    --- stderr
    ");
}

#[test]
fn what_was_added_to_a_file_of_a_folder_is_left_alone() {
    let (_hub, home) = downloaded_to_a_folder();
    let file = home.path().join("d/model.bin");
    let mut edited = fs::read(&file).unwrap();
    edited.push(b'x');
    fs::write(&file, &edited).unwrap();
    let verify = [
        "cache",
        "verify",
        "org/name",
        "--local-dir",
        "d",
        "--repair",
    ];
    assert_eq!(home.run(&verify).code, Some(0));
    assert_eq!(fs::read(&file).unwrap(), edited);
}

#[test]
fn nothing_to_look_at_is_an_error() {
    audited!(Home::new().run(&["cache", "verify", "org/other"]).all(), @r"
    exit 3
    --- stdout
    --- stderr
    error: nothing of org/other was downloaded to [HOME]/.cache/huggingface/hub
    hint: check the name, --cache-dir and --local-dir
    ");
    audited!(Home::new().run(&["cache", "verify", "--local-dir", "x"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: the following required arguments were not provided: <REPO>
    hint: `hfast cache verify --help` explains the command line
    ");
}
