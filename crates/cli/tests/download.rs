//! `hfast download` against a Hub on loopback: what is printed where, and what lies on disk.

mod support;

use std::fs;

use hfast_testkit::corpus::{Content, Repo};
use support::{Home, Hub};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn hub() -> Hub {
    let repo = Repo::model("org/name")
        .file("config.json", b"{}\n")
        .file("sub/vocab.txt", b"a\nb\n")
        .lfs("model.bin", Content::weights(1, 3_000_000))
        .commit(COMMIT)
        .build();
    Hub::serving(vec![repo])
}

#[test]
fn the_path_alone_is_on_stdout() {
    let hub = hub();
    let home = hub.home();
    snapshot!(home.run(&["download", "org/name"]).all(), @r"
    exit 0
    --- stdout
    [HOME]/.cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef0123456789abcdef01234567
    --- stderr
    3 files, 3.0M in [TIME] ([RATE]/s)
    ");
    snapshot!(home.run(&["download", "org/name"]).all(), @r"
    exit 0
    --- stdout
    [HOME]/.cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef0123456789abcdef01234567
    --- stderr
    3 files, 3.0M: all of it was there already
    ");
    snapshot!(home.run(&["download", "org/name", "config.json", "--quiet"]).all(), @r"
    exit 0
    --- stdout
    [HOME]/.cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef0123456789abcdef01234567/config.json
    --- stderr
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let hub = hub();
    for detail in ["-v", "-vv", "-vvv"] {
        let home = hub.home();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = home.command(&["download", "org/name", detail]);
        let output = command.stderr(full).output().unwrap();
        assert_eq!(home.done(&output).code, Some(0), "{detail}");
    }
}

#[test]
fn a_local_folder_holds_the_files_that_were_asked_for() {
    let hub = hub();
    let home = hub.home();
    let run = home.run(&["download", "org/name", "sub/", "--local-dir", "here", "-q"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "[HOME]/here\n"));
    assert_eq!(
        fs::read(home.path().join("here/sub/vocab.txt")).unwrap(),
        b"a\nb\n"
    );
    assert!(!home.path().join("here/config.json").exists());
}

#[test]
fn patterns_may_follow_one_flag_or_several() {
    let hub = hub();
    let dry = |arguments: &[&str]| {
        let asked = [&["download", "org/name", "--dry-run", "-q"], arguments].concat();
        hub.home().run(&asked).stdout
    };
    assert_eq!(
        dry(&["--include", "*.json", "*.txt"]),
        "config.json\nsub/vocab.txt\n"
    );
    assert_eq!(
        dry(&[
            "--include",
            "*.json",
            "--include",
            "*.txt",
            "--exclude",
            "sub/*"
        ]),
        "config.json\n"
    );
}

#[test]
fn a_report_is_one_document() {
    let hub = hub();
    snapshot!(hub.home().run(&["download", "org/name", "--json"]).all(), @r#"
    exit 0
    --- stdout
    {"path":"[HOME]/.cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef0123456789abcdef01234567","commit":"0123456789abcdef0123456789abcdef01234567","files":3,"bytes":3000007,"received":3000007,"failed":[],"refused":[],"caveat":null}
    --- stderr
    "#);
}

#[test]
fn the_log_tells_each_request_and_no_secret() {
    let hub = hub();
    let home = hub.home().with("HF_TOKEN", "hf_secret");
    let run = home.run(&["download", "org/name", "-vv", "--progress", "none"]);
    let requests = run.stderr.lines().filter(|line| line.contains(" GET http"));
    assert_eq!(
        requests.count(),
        hub.hub().requests().len(),
        "{}",
        run.stderr
    );
    let names = ["/resolve/", ": 302 Found after ", ": 200 OK after "];
    assert!(
        names.iter().all(|name| run.stderr.contains(name)),
        "{}",
        run.stderr
    );
    let secrets = ["hf_secret", "Signature", "?"];
    assert!(
        !secrets.iter().any(|secret| run.stderr.contains(secret)),
        "{}",
        run.stderr
    );
}

#[test]
fn a_dry_run_writes_nothing() {
    let hub = hub();
    let home = hub.home();
    snapshot!(home.run(&["download", "org/name", "--dry-run"]).all(), @r"
    exit 0
    --- stdout
    [dry-run] Will download 3 files (out of 3) totalling 3.0M.
    FILE           SIZE
    config.json    3B
    model.bin      3.0M
    sub/vocab.txt  4B
    --- stderr
    ");
    snapshot!(home.run(&["download", "org/name", "--dry-run", "--json"]).all(), @r#"
    exit 0
    --- stdout
    [{"file":"config.json","size":3,"will_download":true},{"file":"model.bin","size":3000000,"will_download":true},{"file":"sub/vocab.txt","size":4,"will_download":true}]
    --- stderr
    "#);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    home.run(&["download", "org/name", "model.bin"]);
    snapshot!(home.run(&["download", "org/name", "--dry-run"]).all(), @r"
    exit 0
    --- stdout
    [dry-run] Will download 2 files (out of 3) totalling 7B.
    FILE           SIZE
    config.json    3B
    model.bin      -
    sub/vocab.txt  4B
    --- stderr
    ");
}

#[test]
fn events_are_lines_of_json() {
    let hub = hub();
    let run = hub
        .home()
        .run(&["download", "org/name", "model.bin", "--progress", "json"]);
    let events: Vec<serde_json::Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert!(names.contains(&"file_done"), "{names:?}");
    let [.., last_numbers, end] = events.as_slice() else {
        panic!("{names:?}")
    };
    assert_eq!(last_numbers["done_bytes"], 3_000_000);
    assert_eq!(end, &serde_json::json!({ "event": "end", "exit_code": 0 }));
}

#[test]
fn flags_win_over_variables_and_those_over_the_file() {
    let hub = hub();
    let dead = "http://127.0.0.1:9";
    let endpoint = hub.loopback.endpoint();
    let home = Home::new().with("HF_ENDPOINT", dead);
    home.write(
        ".config/hfast/config.toml",
        &format!("endpoints = ['{dead}/file']"),
    );
    let run = home.run(&[
        "download",
        "org/name",
        "config.json",
        "-q",
        "--endpoint",
        &endpoint,
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let home = hub.home();
    home.write(
        ".config/hfast/config.toml",
        &format!("endpoints = ['{dead}']"),
    );
    assert_eq!(
        home.run(&["download", "org/name", "config.json", "-q"])
            .code,
        Some(0)
    );
    let home = Home::new();
    home.write(
        ".config/hfast/config.toml",
        &format!("endpoints = ['{endpoint}']"),
    );
    assert_eq!(
        home.run(&["download", "org/name", "config.json", "-q"])
            .code,
        Some(0)
    );
}

#[test]
fn flags_of_older_clients_are_explained() {
    let hub = hub();
    let old = ["--resume-download", "--local-dir-use-symlinks", "False"];
    let asked = [&["download", "org/name", "config.json"][..], &old].concat();
    snapshot!(hub.home().run(&asked).all(), @r"
    exit 0
    --- stdout
    [HOME]/.cache/huggingface/hub/models--org--name/snapshots/0123456789abcdef0123456789abcdef01234567/config.json
    --- stderr
    --resume-download is not needed: downloads always go on where they stopped
    --local-dir-use-symlinks has no effect: --local-dir holds the files themselves
    1 file, 3B in [TIME] ([RATE]/s)
    ");
    let run = hub.home().run(&[asked.as_slice(), &["-q"]].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}

#[test]
fn the_end_says_which_source_was_left_aside() {
    let hub = hub();
    let asked = |how: &'static str| {
        let dead = "modelscope@http://127.0.0.1:9";
        let words = [
            "download",
            "org/name",
            "--source",
            dead,
            "--progress",
            "none",
        ];
        let words = [words.as_slice(), &["config.json", how]].concat();
        hub.home().run(&words).stderr
    };
    snapshot!(asked("--max-workers=8"), @r"
    note: modelscope@http://[ADDRESS] is left out: [ADDRESS]: connection refused
    1 file, 3B in [TIME] ([RATE]/s)
    ");
    assert_eq!(asked("-q"), "");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let hub = hub();
    let home = hub.home();
    let mut command = home.command(&["download", "org/name", "--dry-run"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let run = home.done(&command.stdout(writer).output().unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
}
