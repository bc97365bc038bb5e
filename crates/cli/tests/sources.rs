//! `hfast sources`: what it prints, in which form, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;

use hfast_testkit::corpus::{Content, Repo};
use support::{Home, Hub};

/// What differs from run to run.
const MEASURED: [(&str, &str); 6] = [
    (r"127\.0\.0\.1:\d+", "[ADDRESS]"),
    (
        r" +\d+(\.\d+)?(ms|s|us) +(\d[0-9.]*[BKMG]/s|-)",
        " [TIME] [RATE]",
    ),
    (r"HAS +FIRST BYTE +RATE +", "HAS FIRST BYTE RATE "),
    (r"SOURCE +", "SOURCE "),
    (r" {2,}", "  "),
    (
        r#""(elapsed_ms|first_byte_ms|bytes_per_second)":(\d+|null)"#,
        r#""$1":0"#,
    ),
];

macro_rules! surveyed {
    ($actual:expr, @$expected:literal) => {
        insta::with_settings!({ filters => MEASURED.to_vec() }, {
            insta::assert_snapshot!($actual, @$expected);
        });
    };
}

fn serving() -> (Hub, Home) {
    let repo = Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs("model.bin", Content::seeded(1, 3_000_000))
        .build();
    let hub = Hub::serving(vec![repo]);
    let home = hub.home();
    fs::create_dir(home.path().join("part")).unwrap();
    home.write("part/config.json", "{}");
    (hub, home)
}

#[test]
fn each_source_has_a_line() {
    let (_hub, home) = serving();
    let sources = [
        "--source",
        "part",
        "--source",
        "http://127.0.0.1:9",
        "--progress",
        "none",
    ];
    let run = home.run(&[&["sources", "org/name"], sources.as_slice()].concat());
    surveyed!(run.all(), @r"
    exit 0
    --- stdout
    org/name at main: commit 8b663aa85cf3, 2 files, 3.0M
    SOURCE HAS FIRST BYTE RATE REMARK
    http://[ADDRESS]  2 of 2 [TIME] [RATE]  bytes from http://[ADDRESS]
    part  1 of 2 [TIME] [RATE]  lacks model.bin; digests are judged on use
    http://[ADDRESS]  0 of 1 asked  -  -  [ADDRESS]: connection refused
    rates are those of one connection, one source after the other
    everything is at http://[ADDRESS]
    --- stderr
    ");
}

#[test]
fn each_step_is_told() {
    let (_hub, home) = serving();
    let run = home.run(&[
        "sources", "org/name", "--source", "part", "--source", "a", "--source", "b", "--source",
        "c",
    ]);
    let asked = |line: &&str| line.starts_with("asking ");
    assert_eq!(
        run.stderr.lines().filter(asked).count(),
        6,
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("more like these"), "{}", run.stderr);
}

#[test]
fn programs_get_one_document() {
    let (_hub, home) = serving();
    let run = home.run(&[
        "sources",
        "org/name",
        "--source",
        "part",
        "--json",
        "--progress",
        "none",
    ]);
    surveyed!(run.all(), @r#"
    exit 0
    --- stdout
    {"repo":"org/name","revision":"main","commit":"8b663aa85cf3dc1f5ec61ea0056c78f320b2b021","files":2,"bytes":3000002,"asked_of_servers":2,"exit_code":0,"elapsed_ms":0,"sources":[{"source":"http://[ADDRESS]","kind":"endpoint","has":"all","commit":"8b663aa85cf3dc1f5ec61ea0056c78f320b2b021","asked":2,"same":2,"by_size":0,"other":0,"missing":0,"unanswered":0,"bytes":3000002,"first_byte_ms":0,"bytes_per_second":0,"bytes_from":"http://[ADDRESS]","error":null,"remarks":[]},{"source":"part","kind":"folder","has":"part","commit":null,"asked":2,"same":0,"by_size":1,"other":0,"missing":1,"unanswered":0,"bytes":2,"first_byte_ms":0,"bytes_per_second":0,"bytes_from":null,"error":"not_found","remarks":["lacks model.bin","digests are judged on use"]}]}
    --- stderr
    "#);
}

#[test]
fn the_exit_code_says_that_no_source_has_everything() {
    let run = Home::new().run(&[
        "sources",
        "org/name",
        "--endpoint",
        "http://127.0.0.1:9",
        "--progress",
        "none",
    ]);
    surveyed!(run.all(), @r"
    exit 6
    --- stdout
    --- stderr
    error: no endpoint tells what org/name holds, so no source can be compared with it: [ADDRESS]: connection refused
    hint: `hfast doctor` finds out why; --endpoint or --mirror name another server
    ");
    let offline = Home::new().with("HF_HUB_OFFLINE", "1");
    surveyed!(offline.run(&["sources", "org/name"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: the network is switched off
    hint: unset HF_HUB_OFFLINE to ask the sources
    ");
}
