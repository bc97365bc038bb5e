//! `hfast get` against a Hub on loopback: single files under their own names.

mod support;

use std::fs;

use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::hub::{Options, Token};
use support::{Home, Hub};

fn repo() -> Repo {
    Repo::dataset("org/name")
        .file("sub/data.csv", b"a,b\n")
        .lfs("big.bin", Content::weights(2, 200_000))
        .build()
}

#[test]
fn a_file_goes_into_the_current_folder() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let run = home.run(&[
        "get",
        "https://huggingface.co/datasets/org/name/blob/main/sub/data.csv",
    ]);
    snapshot!(run.all(), @r"
    exit 0
    --- stdout
    data.csv
    --- stderr
    1 file, 4B in [TIME] ([RATE]/s)
    ");
    assert_eq!(fs::read(home.path().join("data.csv")).unwrap(), b"a,b\n");
    let run = home.run(&[
        "get",
        "hf://datasets/org/name/sub/data.csv",
        "-P",
        "d",
        "-O",
        "x",
        "-q",
    ]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "d/x\n"));
}

#[test]
fn the_endpoint_of_the_address_is_asked_when_none_was_chosen() {
    let hub = Hub::serving(vec![repo()]);
    let url = format!(
        "{}/datasets/org/name/resolve/main/big.bin",
        hub.loopback.endpoint()
    );
    let home = Home::new();
    assert_eq!(home.run(&["get", &url, "-q"]).stdout, "big.bin\n");
    assert_eq!(
        fs::read(home.path().join("big.bin")).unwrap().len(),
        200_000
    );
}

#[test]
fn a_repository_goes_into_a_folder_with_its_name() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let url = "https://huggingface.co/datasets/org/name/tree/main/sub";
    let run = home.run(&["get", url, "-q"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "name\n"),
        "{}",
        run.stderr
    );
    assert!(home.path().join("name/sub/data.csv").exists());
    assert!(!home.path().join("name/big.bin").exists());
}

#[test]
fn a_checksum_is_checked() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let truth = Content::weights(2, 200_000).sha256();
    let get = |sum: &str| home.run(&["get", "hf://datasets/org/name/big.bin", "--sha256", sum]);
    snapshot!(get(&"0".repeat(64)).all(), @r"
    exit 8
    --- stdout
    --- stderr
    error: the Hub has another file there, with SHA-256 7e1e8725474264828272a99ea23ef0d3e7fc349d38fa75f4877025d947a4348c
    hint: check --sha256, or name the revision that it belongs to
    ");
    assert!(!home.path().join("big.bin").exists());
    assert_eq!(get(&truth).code, Some(0));
    assert!(home.path().join("big.bin").exists());
}

/// The Hub knows a small file by another kind of digest: its bytes must be read, here or there.
#[test]
fn a_wrong_checksum_is_told_with_the_right_one() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let url = "hf://datasets/org/name/sub/data.csv";
    let wrong = "0".repeat(64);
    let get = || home.run(&["get", url, "--sha256", &wrong, "--progress", "none"]);
    let fresh = get().all();
    snapshot!(fresh, @r"
    exit 8
    --- stdout
    --- stderr
    error: sub/data.csv: the bytes do not have the promised digest: expected 0000000000000000000000000000000000000000000000000000000000000000, found 5be08c9684a1d25efcee09318204824278b08bbfb4aef973ffefd0b9d7478313
    hint: check the digest if you gave it; else the source sends wrong bytes: try another --endpoint
    ");
    assert_eq!(home.run(&["get", url, "-q"]).code, Some(0));
    assert_eq!(get().all(), fresh, "with the file in its place");
    assert!(home.path().join("data.csv").exists());
}

#[test]
fn several_addresses_are_fetched_though_one_fails() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let urls = [
        "hf://datasets/org/name/none",
        "hf://datasets/org/name/sub/data.csv",
    ];
    snapshot!(home.run(&["get", urls[0], urls[1], "--json"]).all(), @r#"
    exit 3
    --- stdout
    [{"error":{"kind":"not_found","message":"datasets/org/name at main has no \"none\"","hint":"names are case-sensitive; `hfast download REPO --dry-run` lists what is there","exit_code":3}},{"path":"data.csv","commit":"6d7d8d461098926b19f8661307cb7b4498a546ac","files":1,"bytes":4,"received":4,"failed":[],"refused":[],"caveat":null}]
    --- stderr
    error: datasets/org/name at main has no "none"
    hint: names are case-sensitive; `hfast download REPO --dry-run` lists what is there
    "#);
    assert!(home.path().join("data.csv").exists());
}

#[test]
fn an_address_from_anywhere_does_not_get_the_token() {
    let options = Options {
        tokens: vec![Token::new("hf_secret")],
        ..Options::default()
    };
    let hub = Hub::with_options(vec![repo()], options);
    let url = format!(
        "{}/datasets/org/name/resolve/main/sub/data.csv",
        hub.loopback.endpoint()
    );
    let home = Home::new().with("HF_TOKEN", "hf_secret");
    snapshot!(home.run(&["get", &url, "--format", "quiet"]).all(), @r"
    exit 0
    --- stdout
    data.csv
    --- stderr
    no token is sent to http://[ADDRESS]: name it with --endpoint if it may see yours
    ");
    let sent = || {
        hub.hub()
            .requests()
            .iter()
            .any(|r| format!("{r:?}").contains("hf_secret"))
    };
    assert!(!sent());
}
