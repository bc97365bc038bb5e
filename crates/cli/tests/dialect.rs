//! By the names of the official tools the program speaks as they do. What they themselves say to the same lines is
//! compared in `tests/official`.
#![cfg(unix)]

mod support;

use hfast_testkit::corpus::Repo;
use hfast_testkit::hub::{Options, Token};
use support::{Home, Hub};

fn hub() -> Hub {
    let repo = Repo::model("org/name")
        .file("config.json", b"{}")
        .file("notes.txt", b"text")
        .build();
    let options = Options {
        tokens: vec![Token::new("hf_a_token_of_the_tests")],
        ..Options::default()
    };
    Hub::with_options(vec![repo], options)
}

fn home(hub: &Hub) -> Home {
    hub.home().with("NO_COLOR", "1").with("COLUMNS", "80")
}

#[test]
fn hf_says_what_it_downloaded() {
    let hub = hub();
    let home = home(&hub);
    let hf = |line: &[&str]| home.run_as("/usr/bin/hf", line);
    let run = hf(&["download", "org/name", "config.json", "--json"]);
    snapshot!(run.all(), @r#"
    exit 0
    --- stdout
    {"path": "[HOME]/.cache/huggingface/hub/models--org--name/snapshots/c5b046c9644e93e78492241810c9aa9bda571125/config.json"}
    --- stderr
    "#);
    let run = hf(&["download", "org/name", "--dry-run"]);
    snapshot!(run.all(), @r"
    exit 0
    --- stdout
    [dry-run] Will download 1 files (out of 2) totalling 4.0.
    FILE        SIZE
    ----------- ----
    config.json -   
    notes.txt   4.0 
    --- stderr
    ");
    let run = hf(&["download", "org/name", "nope.txt"]);
    snapshot!(run.all(), @r#"
    exit 1
    --- stdout
    --- stderr
    Error: org/name at main has no "nope.txt"
    Hint: names are case-sensitive; `hfast download REPO --dry-run` lists what is there
    "#);
    assert_eq!(hf(&["download", "--nope"]).code, Some(2));
    assert_eq!(hf(&["download"]).code, Some(0));
}

#[test]
fn patterns_may_follow_one_flag_as_they_did_before() {
    let hub = hub();
    let home = home(&hub);
    let dry = |line: &str| {
        let line: Vec<_> = line.split(' ').collect();
        home.run_as("hf", &line).stdout
    };
    let both = "config.json\nnotes.txt\n";
    assert_eq!(
        dry("download org/name --include *.json *.txt --dry-run -q"),
        both
    );
    assert_eq!(
        dry("download org/name --exclude *.json .git* --dry-run -q"),
        "notes.txt\n"
    );
    assert_eq!(
        dry("download org/name --include *.json notes.txt --dry-run -q"),
        "notes.txt\n"
    );
    assert_eq!(
        dry("download --include *.json org/name --dry-run -q"),
        "config.json\n"
    );
}

#[test]
fn what_hf_has_and_hfast_has_not_is_told() {
    let home = Home::new();
    snapshot!(home.run_as("hf", &["upload", "org/name", "."]).all(), @r"
    exit 1
    --- stdout
    --- stderr
    Error: `hf upload` is not a command of hfast, which goes by the name of hf here.
    Hint: the official tool has it: pip install huggingface_hub
    ");
    snapshot!(home.run_as("hf", &["cache", "prune"]).all(), @r"
    exit 1
    --- stdout
    --- stderr
    Error: `hf cache prune` is not spoken by hfast yet.
    Hint: `hfast cache prune` does it
    ");
    snapshot!(home.run_as("hf", &["uplaod"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    Error: No such command 'uplaod'.
    ");
    snapshot!(home.run_as("huggingface-cli", &["tag", "org/name"]).all(), @r"
    exit 1
    --- stdout
    --- stderr
    Error: `huggingface-cli tag` is not a command of hfast, which goes by the name of huggingface-cli here.
    Hint: the official tool has it: pip install huggingface_hub
    ");
}

#[test]
fn huggingface_cli_greets_and_prints_the_path_last() {
    let hub = hub();
    let home = home(&hub);
    let cli = |line: &[&str]| home.run_as("huggingface-cli", line);
    let run = cli(&[
        "download",
        "org/name",
        "--include",
        "*.json",
        "*.txt",
        "--quiet",
    ]);
    snapshot!(run.all(), @r"
    exit 0
    --- stdout
    ⚠️  Warning: 'huggingface-cli download' is deprecated. Use 'hf download' instead.
    [HOME]/.cache/huggingface/hub/models--org--name/snapshots/c5b046c9644e93e78492241810c9aa9bda571125
    --- stderr
    ");
    snapshot!(cli(&["whoami"]).all(), @r"
    exit 0
    --- stdout
    ⚠️  Warning: 'huggingface-cli whoami' is deprecated. Use 'hf auth whoami' instead.
    Not logged in
    --- stderr
    ");
    let run = cli(&["login", "--token", "hf_a_token_of_the_tests"]);
    snapshot!(run.all(), @r"
    exit 0
    --- stdout
    ⚠️  Warning: 'huggingface-cli login' is deprecated. Use 'hf auth login' instead.
    --- stderr
    Token is valid (permission: read).
    The token `test` has been saved to [HOME]/.cache/huggingface/stored_tokens
    Your token has been saved to [HOME]/.cache/huggingface/token
    Login successful.
    The current active token is: `test`
    ");
    snapshot!(cli(&["whoami"]).all(), @r"
    exit 0
    --- stdout
    ⚠️  Warning: 'huggingface-cli whoami' is deprecated. Use 'hf auth whoami' instead.
    tester
    Authenticated through private endpoint: http://[ADDRESS]
    --- stderr
    ");
}
