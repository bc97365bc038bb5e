//! Every way to fail has its exit code, and says in three lines what failed and what to do.

mod support;

use hfast_testkit::corpus::{Content, Repo, RepoKind};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{Options, Token};
use support::{Home, Hub, Run};

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}\n")
        .lfs("model.bin", Content::weights(1, 100_000))
        .build()
}

fn told(run: &Run) -> String {
    assert!(run.stderr.lines().count() <= 3, "{}", run.stderr);
    run.all()
}

#[test]
fn what_does_not_exist() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    snapshot!(told(&home.run(&["download", "org/other"])), @r"
    exit 3
    --- stdout
    --- stderr
    error: model org/other was not found on [ADDRESS]; the server says: Repository not found
    hint: check spelling and type (model, dataset or space); if it is private, pass a token
    ");
    snapshot!(told(&home.run(&["download", "org/name", "--revision", "v9"])), @r#"
    exit 3
    --- stdout
    --- stderr
    error: org/name has no revision "v9"; the server says: Invalid rev id: v9
    hint: check the spelling; most repositories have only 'main'
    "#);
    snapshot!(told(&home.run(&["download", "org/name", "none.json"])), @r#"
    exit 3
    --- stdout
    --- stderr
    error: org/name at main has no "none.json"
    hint: names are case-sensitive; `hfast download REPO --dry-run` lists what is there
    "#);
}

#[test]
fn what_needs_a_permission() {
    let options = Options {
        tokens: vec![
            Token {
                gated_access: false,
                ..Token::new("hf_new")
            },
            Token::new("hf_ok"),
        ],
        ..Options::default()
    };
    let gated = Repo::model("org/gated")
        .lfs("model.bin", Content::weights(1, 1000))
        .gated();
    let hub = Hub::with_options(vec![gated.build()], options);
    snapshot!(hub.home().run(&["download", "org/gated", "model.bin"]).all(), @r"
    exit 4
    --- stdout
    --- stderr
    error: org/gated is gated; the server says: Access to models org/gated is restricted.
    hint: ask for access at http://[ADDRESS]/org/gated, then log in or pass a token
    ");
    let home = hub.home().with("HF_TOKEN", "hf_new");
    snapshot!(home.run(&["download", "org/gated", "model.bin"]).all(), @r"
    exit 4
    --- stdout
    --- stderr
    error: org/gated is gated; the server says: Access to models org/gated is restricted.
    hint: ask for access at http://[ADDRESS]/org/gated and wait for approval
    ");
    let home = hub.home();
    home.write(".cache/huggingface/token", "hf_ok\n");
    assert_eq!(
        home.run(&["download", "org/gated", "model.bin"]).code,
        Some(0)
    );
}

#[test]
fn a_server_that_asks_for_an_hour() {
    let hub = Hub::serving(vec![repo()]);
    hub.hub()
        .add_fault(Fault::new(Match::any(), What::too_many_requests("3600")));
    snapshot!(told(&hub.home().run(&["download", "org/name", "--progress", "none"])), @r"
    exit 5
    --- stdout
    --- stderr
    error: [ADDRESS] asks to wait 3600 s
    hint: log in or pass a token for a higher limit, try another --endpoint, or come back later
    ");
}

#[test]
fn a_port_that_nobody_listens_on() {
    let home = Home::new().with("HF_ENDPOINT", "http://127.0.0.1:9");
    snapshot!(told(&home.run(&["download", "org/name", "--progress", "none"])), @r"
    exit 6
    --- stdout
    --- stderr
    error: [ADDRESS]: connection refused
    hint: `hfast doctor` finds out why; --endpoint or --mirror name another server; the same command goes on where it stopped
    ");
}

#[test]
fn a_portal_that_answers_for_the_hub() {
    let hub = Hub::serving(vec![repo()]);
    hub.hub()
        .add_fault(Fault::new(Match::any(), What::CaptivePortal));
    snapshot!(told(&hub.home().run(&["download", "org/name", "--progress", "none"])), @r"
    exit 7
    --- stdout
    --- stderr
    error: this is not the Hub: [ADDRESS] answered with something else than a listing
    hint: are you behind a login page or an odd mirror? open the address in a browser, or choose another endpoint
    ");
}

#[test]
fn bytes_that_are_not_those_that_were_promised() {
    let hub = Hub::serving(vec![repo()]);
    hub.hub()
        .add_fault(Fault::new(Match::cdn(), What::FlipByte(5)));
    let home = hub.home();
    let one = home.run(&["download", "org/name", "model.bin", "--progress", "none"]);
    snapshot!(told(&one), @r"
    exit 8
    --- stdout
    --- stderr
    error: model.bin: the bytes do not have the promised digest: expected 90061439567fc92c8b800e2b2ddab348a512b8d10d80a1fbf31a95cca97d06d7, found f53890bb43e6d27a5c0e5867b20bc8965a18317fc0ecf1799c9bf915915d16b3
    hint: check the digest if you gave it; else the source sends wrong bytes: try another --endpoint
    ");
    let some = home.run(&[
        "download",
        "org/name",
        "--local-dir",
        "d",
        "--progress",
        "none",
    ]);
    snapshot!(some.all(), @r"
    exit 8
    --- stdout
    --- stderr
    error: 1 of 2 files failed
      model.bin: the bytes do not have the promised digest: expected 90061439567fc92c8b800e2b2ddab348a512b8d10d80a1fbf31a95cca97d06d7, found f53890bb43e6d27a5c0e5867b20bc8965a18317fc0ecf1799c9bf915915d16b3
    hint: check the digest if you gave it; else the source sends wrong bytes: try another --endpoint
    ");
}

#[test]
fn a_disk_that_refuses() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    home.write("file", "");
    let run = home.run(&[
        "download",
        "org/name",
        "--local-dir",
        "file/below",
        "--progress",
        "none",
    ]);
    snapshot!(told(&run), @r"
    exit 9
    --- stdout
    --- stderr
    error: cannot create the folder [HOME]/file/below: not a directory
    hint: a file stands where a folder should be, or the reverse: move it away
    ");
}

#[test]
fn names_that_are_not_safe() {
    let hub = Hub::serving(vec![repo()]);
    let entry =
        |path: &str| serde_json::json!({ "type": "file", "path": path, "size": 3, "oid": "" });
    let entries = vec![entry("config.json"), entry("../\u{1b}[2Jevil")];
    hub.hub()
        .override_tree_json(RepoKind::Model, "org/name", entries);
    snapshot!(hub.home().run(&["download", "org/name"]).all(), @r"
    exit 11
    --- stdout
    [HOME]/.cache/huggingface/hub/models--org--name/snapshots/bd6f8964f9acc4fcd8e217f3058ad4b5d93ae47e
    --- stderr
    warning: 1 file refused, for these names are not safe:
      ../\u{1b}[2Jevil: it leaves its folder
    1 file, 3B in [TIME] ([RATE]/s)
    ");
}
