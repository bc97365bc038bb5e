//! What the command line is taken to mean: names or patterns, whose server, which place; and that
//! nothing is called a success that is none.

mod support;

use std::fs;
use std::process::Command;

use hfast_testkit::corpus::Repo;
use support::{Home, Hub};

fn repo() -> Repo {
    Repo::model("org/name")
        .file("a[1].txt", b"with brackets")
        .file("a1.txt", b"without")
        .file("sub/b.json", b"{}")
        .build()
}

#[test]
fn a_name_with_brackets_is_that_file() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let page = "https://huggingface.co/org/name/blob/main/a%5B1%5D.txt";
    assert_eq!(home.run(&["get", page, "-q"]).stdout, "a[1].txt\n");
    assert_eq!(
        fs::read(home.path().join("a[1].txt")).unwrap(),
        b"with brackets"
    );
    let run = home.run(&["download", "org/name", "a[1].txt", "-q"]);
    assert!(run.stdout.ends_with("/a[1].txt\n"), "{}", run.stdout);
    let run = home.run(&["download", "org/name", "a[0-9].txt", "--json"]);
    assert!(
        run.stdout.contains(r#""files":1,"bytes":7,"#),
        "{}",
        run.stdout
    );
}

#[test]
fn what_matches_nothing_is_an_error_and_no_path() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    for (words, said) in [
        (&["*.bin"][..], r#"org/name at main has no "*.bin""#),
        (&["a1.txt", "none/"], r#"org/name at main has no "none/""#),
        (
            &["--include", "*.bin"],
            "no file of org/name at main matches",
        ),
        (&["--exclude", "*"], "no file of org/name at main matches"),
    ] {
        let run = home.run(&[&["download", "org/name", "-q"], words].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(3), ""), "{words:?}");
        assert!(
            run.stderr.starts_with(&format!("error: {said}\nhint: ")),
            "{}",
            run.stderr
        );
    }
    // As in the official clients, a file that is named is meant, whatever the patterns say.
    let run = home.run(&[
        "download",
        "org/name",
        "a1.txt",
        "--include",
        "*.json",
        "-q",
    ]);
    assert!(run.stdout.ends_with("/a1.txt\n"), "{}", run.stdout);
}

#[test]
fn only_files_are_replaced_by_files() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    let pipe = home.path().join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    std::os::unix::fs::symlink("elsewhere", home.path().join("link")).unwrap();
    let long = "n".repeat(256);
    for (place, fault) in [
        ("pipe", "pipe is not a file that could be replaced"),
        ("link", "link is not a file that could be replaced"),
        (&long, "is too long a name"),
    ] {
        let run = home.run(&["get", "hf://org/name/a1.txt", "-O", place]);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains(fault), "{}", run.stderr);
    }
    assert!(!pipe.metadata().unwrap().is_file() && !home.path().join("elsewhere").exists());
}

#[test]
fn a_server_that_an_address_names_is_asked_itself() {
    let named = Hub::serving(vec![repo()]);
    let other = Hub::serving(vec![
        Repo::model("org/name")
            .file("a1.txt", b"of the other")
            .build(),
    ]);
    let home = other.home();
    let url = format!("{}/org/name/resolve/main/a1.txt", named.loopback.endpoint());
    assert_eq!(home.run(&["get", &url, "-q"]).code, Some(0));
    assert_eq!(fs::read(home.path().join("a1.txt")).unwrap(), b"without");
    // A flag of this very command overrides it.
    let endpoint = other.loopback.endpoint();
    let run = home.run(&["get", &url, "-q", "-O", "x", "--endpoint", &endpoint]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(fs::read(home.path().join("x")).unwrap(), b"of the other");
}

#[test]
fn a_proxy_is_named_when_it_fails_and_refused_when_it_is_none() {
    let hub = Hub::serving(vec![repo()]);
    let run = hub
        .home()
        .with("http_proxy", "junk://127.0.0.2:1")
        .run(&["download", "org/name"]);
    snapshot!(run.all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: the address of the proxy cannot be read
    hint: write it as http://host:port or socks5h://host:port
    ");
    let home = hub
        .home()
        .with("http_proxy", "http://me:geheim@127.0.0.2:1");
    let run = home.run(&["download", "org/name", "--progress", "none"]);
    assert_eq!(run.code, Some(6));
    assert!(
        run.stderr
            .contains("the proxy 127.0.0.2:1: connection refused"),
        "{}",
        run.stderr
    );
    assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
}

#[test]
fn a_home_is_found_and_a_place_is_told_in_full() {
    let hub = Hub::serving(vec![repo()]);
    let home = hub.home();
    for place in ["~/here", "here"] {
        let run = home.run(&["download", "org/name", "-q", "--local-dir", place]);
        assert_eq!(run.stdout, "[HOME]/here\n");
    }
    assert!(!home.path().join("~").exists());
    let none = Home::new().run(&["download", "org/name", "--local-dir", "", "-q"]);
    assert_eq!(none.code, Some(2), "{}", none.stderr);
}
