//! What is had when nobody can be asked: offline by wish, or because no server answers.

mod support;

use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::faults::{Fault, Match, What};
use support::{Home, Hub};

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs("model.bin", Content::weights(1, 3_000_000))
        .build()
}

/// The same home with nobody behind its endpoint.
fn alone(hub: Hub, home: Home) -> Home {
    drop(hub);
    home
}

#[test]
fn a_complete_cache_serves_while_no_server_answers() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let path = home.run(&["download", "org/name", "-q"]).stdout;
    let folder = home
        .run(&["download", "org/name", "-q", "--local-dir", "d"])
        .stdout;
    let home = alone(hub, home);
    for (words, want) in [
        (&["download", "org/name"][..], &path),
        (&["download", "org/name", "--local-dir", "d"], &folder),
    ] {
        let run = home.run(words);
        assert_eq!((run.code, &run.stdout), (Some(0), want), "{}", run.stderr);
        let said = "connection refused: this is what lay here when it was last asked for";
        assert!(run.stderr.contains(said), "{}", run.stderr);
    }
    // A folder that is new, and a file, come from the cache.
    for words in [
        &["download", "org/name", "--local-dir", "e"][..],
        &["get", "hf://org/name/model.bin"],
    ] {
        let run = home.run(words);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(
            run.stderr.contains("when it was last asked for"),
            "{}",
            run.stderr
        );
    }
}

/// What an older official client left when it was killed: a branch, and no listing.
#[test]
fn a_part_of_a_repository_does_not_pass_for_all_of_it() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    assert_eq!(
        home.run(&["download", "org/name", "config.json", "-q"])
            .code,
        Some(0)
    );
    let cache = home.path().join(".cache/huggingface/hub/models--org--name");
    std::fs::remove_dir_all(cache.join(".hfast")).unwrap();
    let run = alone(hub, home).run(&["download", "org/name", "-q"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(6), ""),
        "{}",
        run.stderr
    );
}

#[test]
fn a_complete_cache_serves_while_the_hub_wants_to_be_left_alone() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let path = home.run(&["download", "org/name", "-q"]).stdout;
    hub.hub()
        .add_fault(Fault::new(Match::api(), What::too_many_requests("290")));
    let run = home.run(&["download", "org/name", "-q"]);
    assert_eq!((run.code, &run.stdout), (Some(0), &path), "{}", run.stderr);
    assert!(
        run.stderr.contains("when it was last asked for"),
        "{}",
        run.stderr
    );
}

#[test]
fn offline_a_folder_or_a_file_is_filled_from_the_cache() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    assert_eq!(home.run(&["download", "org/name", "-q"]).code, Some(0));
    let home = alone(hub, home).with("HF_HUB_OFFLINE", "1");
    let run = home.run(&["get", "hf://org/name/model.bin", "-q"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "model.bin\n"),
        "{}",
        run.stderr
    );
    let run = home.run(&["download", "org/name", "-q", "--local-dir", "d"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "[HOME]/d\n"),
        "{}",
        run.stderr
    );
    // And again from the folder alone.
    std::fs::remove_dir_all(home.path().join(".cache")).unwrap();
    let run = home.run(&["download", "org/name", "-q", "--local-dir", "d"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "[HOME]/d\n"),
        "{}",
        run.stderr
    );
}

#[test]
fn offline_a_download_that_was_not_finished_is_not_taken_for_whole() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let refused = What::server_error(404, 10);
    hub.hub()
        .add_fault(Fault::new(Match::resolve().path("model.bin"), refused));
    let run = home.run(&["download", "org/name", "-q"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let commit = repo().commit;
    let home = alone(hub, home).with("HF_HUB_OFFLINE", "1");
    let run = home.run(&["download", "org/name", "-q", "--revision", &commit]);
    snapshot!(run.all(), @r"
    exit 3
    --- stdout
    --- stderr
    error: not all files are here, and the network is switched off
    hint: unset HF_HUB_OFFLINE to download the rest
    ");
    let run = home.run(&[
        "download",
        "org/name",
        "config.json",
        "-q",
        "--revision",
        &commit,
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_plain_address_is_tried_again_with_a_word_and_no_endpoint_is_advised() {
    let run = Home::new().run(&["get", "http://127.0.0.1:9/x.bin", "--progress", "lines"]);
    assert_eq!(run.code, Some(6));
    // The others are the progress.
    let said = run.stderr.lines().filter(|line| !line.starts_with(' '));
    snapshot!(said.collect::<Vec<_>>().join("\n"), @r"
    [ADDRESS]: connection refused; trying again
    error: x.bin: [ADDRESS]: connection refused
    hint: check the address and the network; the same command goes on where it stopped
    ");
}
