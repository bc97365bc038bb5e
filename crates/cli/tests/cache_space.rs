//! `hfast cache ls`, `rm` and `prune`: what they list and delete, what they leave, and how they end.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use support::Home;
use support::cache::{HUB, NEW, OLD, at, blobs, home, link_one, names};

#[test]
fn what_is_there_is_listed() {
    let home = home();
    snapshot!(home.run(&["cache", "ls"]).all(), @r"
    exit 0
    --- stdout
    REPOSITORY         SIZE  ACCESSED  MODIFIED  REFS
    datasets/org/data  500B  just now  just now  main
    org/name           1.0M  just now  just now  main refs/pr/1
    --- stderr
    2 repositories, 3 revisions, 1.0M in [HOME]/.cache/huggingface/hub
    ");
    let run = home.run(&["cache", "ls", "--revisions", "--sort", "size", "-q"]);
    assert_eq!(run.stdout, format!("{NEW}\n{OLD}\n{OLD}\n"));
    let only = |filter: &str| home.run(&["cache", "ls", "-q", "--filter", filter]).stdout;
    assert_eq!(only("size>1K"), "org/name\n");
    assert_eq!(only("type=dataset"), "datasets/org/data\n");
    assert_eq!(only("refs=refs/pr/1"), "org/name\n");
    assert_eq!(only("accessed>1h"), "");
    let run = home.run(&["cache", "ls", "--json", "--filter", "type=dataset"]);
    let rows: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(rows[0]["repo"], "org/data");
    assert_eq!(rows[0]["type"], "dataset");
    assert_eq!(rows[0]["size"], 500);
    assert_eq!(rows[0]["revisions"][0]["refs"][0], "main");
    let run = home.run(&["cache", "ls", "--filter", "size~1"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
}

#[test]
fn an_empty_cache_and_odd_things_in_it_are_told() {
    let home = Home::new();
    snapshot!(home.run(&["cache", "ls"]).all(), @r"
    exit 0
    --- stdout
    --- stderr
    nothing is in [HOME]/.cache/huggingface/hub
    ");
    assert_eq!(home.run(&["cache", "ls", "--json"]).stdout, "[]\n");
    home.write(&format!("{HUB}/models"), "");
    snapshot!(home.run(&["cache", "ls"]).all(), @r"
    exit 0
    --- stdout
    --- stderr
    passed over: [HOME]/.cache/huggingface/hub/models: it is not the folder of a repository
    nothing is in [HOME]/.cache/huggingface/hub
    ");
}

#[test]
fn a_revision_goes_with_what_it_alone_has() {
    let home = home();
    let before = names(&home, "models--org--name");
    snapshot!(home.run(&["cache", "rm", "11111111", "--dry-run"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: several commits begin with 11111111
    hint: write more of its digits, or hf://ORG/NAME@COMMIT
    ");
    let target = format!("hf://org/name@{OLD}");
    snapshot!(home.run(&["cache", "rm", &target, "--dry-run"]).all(), @r"
    exit 0
    --- stdout
    org/name 111111111111
    would free 2.0K: 1 revision
    --- stderr
    ");
    let run = home.run(&["cache", "rm", &target]);
    assert_eq!(run.code, Some(2), "nobody can be asked: {}", run.stderr);
    assert_eq!(names(&home, "models--org--name"), before);
    let run = home.run(&["cache", "rm", &target, "--yes", "--json"]);
    snapshot!(run.all(), @r#"
    exit 0
    --- stdout
    {"dry_run":false,"repos":[],"revisions":[{"repo":"org/name","commit":"1111111111111111111111111111111111111111","refs":[]}],"unfinished":0,"shared":0,"freed":2000,"kept":[]}
    --- stderr
    "#);
    let expected = [
        "blobs/both",
        "blobs/new",
        "refs/main",
        "refs/refs/pr/1",
        &format!("snapshots/{NEW}/a/w.bin"),
        &format!("snapshots/{NEW}/c.json"),
    ];
    assert_eq!(names(&home, "models--org--name"), expected);
    // The last one takes the repository with it.
    assert_eq!(home.run(&["cache", "rm", "22222222", "-y"]).code, Some(0));
    assert!(!at(&home, "models--org--name").exists());
    let run = home.run(&["cache", "rm", "dataset/org/data", "-y", "-q"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "datasets/org/data\n")
    );
    let run = home.run(&["cache", "rm", "org/name", "-y"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
}

#[test]
fn what_is_in_use_stays() {
    let home = home();
    let config = at(&home, &format!("models--org--name/snapshots/{NEW}/c.json"));
    let mut reader = Command::new("sleep")
        .arg("60")
        .stdin(Stdio::from(File::open(&config).unwrap()))
        .spawn()
        .unwrap();
    let run = home.run(&["cache", "rm", "org/name", "org/name", "-y"]);
    if cfg!(target_os = "linux") {
        assert_eq!(run.code, Some(9), "{}", run.stderr);
        let said = "kept: org/name: sleep (process ";
        assert!(run.stderr.starts_with(said), "{}", run.stderr);
        assert_eq!(run.stdout, "nothing was deleted\n");
        assert!(config.exists());
    }
    assert_eq!(
        home.run(&["cache", "rm", "org/name", "-y", "--force"]).code,
        Some(0)
    );
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert!(!config.exists());
    // An official client that downloads has the lock of the content.
    let part = "datasets--org--data/blobs/more.12345678.incomplete";
    home.write(&format!("{HUB}/{part}"), "part");
    let lock = home.write(&format!("{HUB}/.locks/datasets--org--data/more.lock"), "");
    let lock = File::open(lock).unwrap();
    lock.lock().unwrap();
    let run = home.run(&["cache", "rm", "datasets/org/data", "-y"]);
    assert_eq!(run.code, Some(9), "{}", run.stderr);
    assert!(
        run.stderr.contains("somebody is downloading it"),
        "{}",
        run.stderr
    );
    // Before its first bytes nothing else tells of it.
    fs::remove_file(at(
        &home,
        "datasets--org--data/blobs/more.12345678.incomplete",
    ))
    .unwrap();
    assert_eq!(
        home.run(&["cache", "rm", "datasets/org/data", "-y"]).code,
        Some(9)
    );
    drop(lock);
    assert_eq!(
        home.run(&["cache", "rm", "datasets/org/data", "-y"]).code,
        Some(0)
    );
}

#[test]
fn what_nobody_needs_is_pruned() {
    let home = home();
    let model = "models--org--name";
    let forgotten = home.write(&format!("{HUB}/{model}/blobs/forgotten"), &"x".repeat(700));
    let long_ago = SystemTime::now() - Duration::from_secs(86_400);
    File::options()
        .write(true)
        .open(forgotten)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    home.write(&format!("{HUB}/{model}/blobs/just-came"), "x");
    let before = names(&home, model);
    snapshot!(home.run(&["cache", "prune", "--dry-run"]).all(), @r"
    exit 0
    --- stdout
    org/name 111111111111
    would free 2.7K: 1 revision
    --- stderr
    ");
    assert_eq!(names(&home, model), before);
    assert_eq!(home.run(&["cache", "prune", "--yes"]).code, Some(0));
    assert_eq!(blobs(&home, model), ["both", "just-came", "new"]);
    assert_eq!(
        home.run(&["cache", "prune"]).stdout,
        "there is nothing to delete\n"
    );
}

#[test]
fn what_a_download_would_go_on_with_is_pruned_on_demand_only() {
    let home = home();
    let model = "models--org--name";
    home.write(
        &format!("{HUB}/{model}/blobs/part.12345678.incomplete"),
        "part",
    );
    let data = "datasets--org--data";
    fs::remove_file(at(&home, &format!("{data}/refs/main"))).unwrap();
    home.write(&format!("{HUB}/{data}/.hfast/{OLD}.unproved.json"), "{}");
    let before = (names(&home, model), names(&home, data));
    assert_eq!(
        home.run(&["cache", "prune", "-y"]).stdout,
        "there is nothing to delete\n"
    );
    assert_eq!((names(&home, model), names(&home, data)), before);
    let run = home.run(&["cache", "prune", "--unfinished", "-y"]);
    let counts = "1 repository, 2 revisions, 1 unfinished file\n";
    assert!(run.stdout.ends_with(counts), "{}", run.all());
    assert_eq!(blobs(&home, model), ["both", "new"]);
    assert!(!at(&home, data).exists());
}

#[test]
fn what_is_not_understood_goes_as_a_whole_only() {
    for (name, text) in [
        (format!("snapshots/not-a-commit/{OLD}"), ""),
        ("refs/odd".to_owned(), "not a commit"),
    ] {
        let home = home();
        home.write(&format!("{HUB}/models--org--name/{name}"), text);
        let before = names(&home, "models--org--name");
        let target = format!("hf://org/name@{OLD}");
        let run = home.run(&["cache", "rm", &target, "-y"]);
        assert_eq!(run.code, Some(9), "{}", run.stderr);
        assert!(run.stderr.contains("as a whole only"), "{}", run.stderr);
        assert_eq!(names(&home, "models--org--name"), before);
        assert_eq!(home.run(&["cache", "rm", "org/name", "-y"]).code, Some(0));
        assert!(!at(&home, "models--org--name").exists());
    }
}

#[test]
fn no_link_is_followed_out_of_the_cache() {
    let home = home();
    let elsewhere = home.path().join("elsewhere");
    fs::rename(at(&home, "models--org--name"), &elsewhere).unwrap();
    symlink(&elsewhere, at(&home, "models--org--name")).unwrap();
    let run = home.run(&["cache", "rm", "org/name", "-y"]);
    assert_eq!(run.code, Some(9), "{}", run.stderr);
    assert!(
        run.stderr.contains("is a link, which is not followed"),
        "{}",
        run.stderr
    );
    assert!(elsewhere.join("refs/main").exists());
    // A store of another cache is not ours, either.
    let home = support::cache::home();
    let other = Home::new();
    let hash = "cd".repeat(32);
    let shared = other.write(&format!("{HUB}/blobs/cd/{hash}"), "x");
    other.write(&format!("{HUB}/blobs/.huggingface-shared-blobs"), "1\n");
    other.write(
        &format!("{HUB}/blobs/cd/{hash}.refs"),
        "models--a--b/blobs/x\n",
    );
    symlink(at(&other, "blobs"), at(&home, "blobs")).unwrap();
    assert_eq!(home.run(&["cache", "prune", "-y"]).code, Some(0));
    assert!(shared.exists());
}

#[test]
fn what_a_stopped_removal_had_moved_aside_goes_with_the_next() {
    let home = home();
    // Of a process of another machine, which is silent.
    let aside = "removed-0123456789abcdef.00000000-1-1-1.hfast";
    home.write(&format!("{HUB}/{aside}/blobs/x"), "x");
    assert_eq!(home.run(&["cache", "prune", "-y"]).code, Some(0));
    assert!(at(&home, aside).exists(), "it may live");
    let long_ago = SystemTime::now() - Duration::from_secs(86_400);
    let folder = File::open(at(&home, aside)).unwrap();
    folder.set_modified(long_ago).unwrap();
    assert_eq!(
        home.run(&["cache", "prune", "-y"]).stdout,
        "there is nothing to delete\n"
    );
    assert!(!at(&home, aside).exists());
}

#[test]
fn hard_links_are_names_of_contents_too() {
    let home = home();
    let model = "models--org--name";
    for (commit, name, blob) in [
        (OLD, "a/w.bin", "both"),
        (NEW, "a/w.bin", "both"),
        (OLD, "c.json", "old"),
        (NEW, "c.json", "new"),
    ] {
        let name = at(&home, &format!("{model}/snapshots/{commit}/{name}"));
        fs::remove_file(&name).unwrap();
        fs::hard_link(at(&home, &format!("{model}/blobs/{blob}")), name).unwrap();
    }
    let ls = home.run(&["cache", "ls", "--json", "--filter", "type=model"]);
    assert!(ls.stdout.contains("\"size\":1032000,"), "{}", ls.stdout);
    assert_eq!(home.run(&["cache", "prune", "-y"]).code, Some(0));
    assert_eq!(blobs(&home, model), ["both", "new"]);
}

#[test]
fn what_repositories_share_goes_with_the_last_of_them() {
    let home = home();
    let hash = "ab".repeat(32);
    let shared = format!("{HUB}/blobs/ab/{hash}");
    home.write(&format!("{HUB}/blobs/.huggingface-shared-blobs"), "1\n");
    home.write(&shared, &"x".repeat(9_000));
    let repos = ["models--org--one", "models--org--two"];
    let lines = repos.map(|repo| format!("{repo}/blobs/shared\n")).concat();
    home.write(&format!("{shared}.refs"), &lines);
    for repo in repos {
        fs::create_dir_all(at(&home, &format!("{repo}/blobs"))).unwrap();
        let link = at(&home, &format!("{repo}/blobs/shared"));
        symlink(format!("../../blobs/ab/{hash}"), link).unwrap();
        link_one(&home, repo);
    }
    let ls = home.run(&["cache", "ls", "--filter", "size>5K", "--json"]);
    let rows: serde_json::Value = serde_json::from_str(&ls.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 3, "{}", ls.stdout);
    let run = home.run(&["cache", "rm", "org/one", "-y"]);
    assert_eq!(run.stdout, "org/one\nfreed 0B: 1 repository, 1 revision\n");
    assert!(home.path().join(&shared).exists());
    // What the link of one leads to is what another program has open.
    if cfg!(target_os = "linux") {
        let content = File::open(at(&home, "models--org--two/blobs/shared")).unwrap();
        let mut reader = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(content))
            .spawn()
            .unwrap();
        let run = home.run(&["cache", "rm", "org/two", "-y"]);
        reader.kill().unwrap();
        reader.wait().unwrap();
        assert_eq!(run.code, Some(9), "{}", run.stderr);
    }
    // A kind of repository that is not known here may refer to it as well.
    let refs = home.path().join(&shared).with_extension("refs");
    fs::create_dir_all(at(&home, "kernels--org--k/blobs")).unwrap();
    symlink(
        format!("../../blobs/ab/{hash}"),
        at(&home, "kernels--org--k/blobs/shared"),
    )
    .unwrap();
    fs::write(&refs, format!("{lines}kernels--org--k/blobs/shared\n")).unwrap();
    assert_eq!(home.run(&["cache", "prune", "-y"]).code, Some(0));
    assert!(home.path().join(&shared).exists());
    fs::remove_dir_all(at(&home, "kernels--org--k")).unwrap();
    let run = home.run(&["cache", "rm", "org/two", "-y"]);
    let freed = "org/two\nfreed 9.0K: 1 repository, 1 revision, 1 shared file\n";
    assert_eq!(run.stdout, freed);
    assert!(!home.path().join(&shared).exists());
}
