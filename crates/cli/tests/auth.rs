//! `hfast auth`: what it keeps in the files of the official clients, what it prints, and how it ends.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::{Options, Token};
use support::{Home, Hub, Run};

const FIRST: &str = "hf_firstofthetwotokens_one";
const SECOND: &str = "hf_secondofthetwotokens_two";

fn hub() -> Hub {
    let named = |value: &str, name: &str| Token {
        name: name.to_owned(),
        ..Token::new(value)
    };
    let options = Options {
        tokens: vec![named(FIRST, "laptop"), named(SECOND, "a [work] #2")],
        ..Options::default()
    };
    Hub::with_options(Vec::new(), options)
}

/// Runs it with `text` on standard input.
fn piped(home: &Home, arguments: &[&str], text: &str) -> Run {
    let mut command = home.command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // Whoever does not read it has gone.
    drop(pipe.write_all(text.as_bytes()));
    drop(pipe);
    home.done(&child.wait_with_output().unwrap())
}

fn kept(home: &Home, name: &str) -> String {
    let path = home.path().join(".cache/huggingface").join(name);
    fs::read_to_string(path).unwrap_or_else(|_| "(none)".to_owned())
}

#[cfg(unix)]
fn mode(home: &Home, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    let path = home.path().join(".cache/huggingface").join(name);
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn tokens_are_kept_listed_switched_and_forgotten() {
    let hub = hub();
    let home = hub.home();
    let run = piped(&home, &["auth", "login"], &format!("{FIRST}\n"));
    snapshot!(run.all(), @r#"
    exit 0
    --- stdout
    logged in as tester
    token "laptop" (read) is in use, and kept in [HOME]/.cache/huggingface/token
    --- stderr
    reading the token from standard input
    "#);
    let run = piped(&home, &["auth", "login", "--json"], SECOND);
    snapshot!(run.all(), @r#"
    exit 0
    --- stdout
    {"user":"tester","token_name":"a [work] #2","role":"read","path":"[HOME]/.cache/huggingface/token"}
    --- stderr
    reading the token from standard input
    "#);
    assert_eq!(kept(&home, "token"), SECOND);
    assert_eq!(
        kept(&home, "stored_tokens"),
        format!("[a [work] #2]\nhf_token = {SECOND}\n\n[laptop]\nhf_token = {FIRST}\n\n")
    );
    #[cfg(unix)]
    for (name, expected) in [("token", 0o600), ("stored_tokens", 0o600), ("", 0o700)] {
        assert_eq!(mode(&home, name), expected, "{name}");
    }
    snapshot!(home.run(&["auth", "list"]).all(), @r"
    exit 0
    --- stdout
    * a [work] #2  hf_****_two
      laptop       hf_****_one
    --- stderr
    ");
    snapshot!(home.run(&["auth", "switch", "laptop"]).all(), @r#"
    exit 0
    --- stdout
    token "laptop" is in use
    --- stderr
    "#);
    snapshot!(home.run(&["auth", "whoami"]).all(), @r"
    exit 0
    --- stdout
    tester
      token: laptop, read, from the file [HOME]/.cache/huggingface/token
      endpoint: http://[ADDRESS]
    --- stderr
    ");
    assert_eq!(home.run(&["auth", "token"]).stdout, format!("{FIRST}\n"));
}

#[test]
fn what_is_forgotten_is_gone() {
    let hub = hub();
    let home = hub.home();
    for token in [SECOND, FIRST] {
        piped(&home, &["auth", "login"], token);
    }
    snapshot!(home.run(&["auth", "logout", "laptop"]).all(), @r#"
    exit 0
    --- stdout
    forgot the token "laptop"; it was in use
    --- stderr
    "#);
    assert_eq!(kept(&home, "token"), "(none)");
    snapshot!(home.run(&["auth", "ls", "--json"]).all(), @r#"
    exit 0
    --- stdout
    [{"name":"a [work] #2","token":"hf_****_two","in_use":false,"expires":null}]
    --- stderr
    "#);
    snapshot!(home.run(&["auth", "whoami"]).all(), @r"
    exit 4
    --- stdout
    --- stderr
    error: nobody is logged in: there is no token
    hint: `hfast auth login` keeps one; or set HF_TOKEN
    ");
    assert_eq!(home.run(&["auth", "logout"]).stdout, "forgot all tokens\n");
    assert_eq!(kept(&home, "stored_tokens"), "(none)");
    let run = home.run(&["auth", "logout"]);
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "there was no token to forget\n")
    );
}

#[test]
fn a_token_that_makes_no_sense_is_not_kept() {
    let hub = hub();
    for (text, said) in [
        ("", "error: standard input holds no token\n"),
        (
            "hf_a\nhf_b\n",
            "error: standard input holds more than a token\n",
        ),
        (
            "hf geheim",
            "error: the access token has a character that no token has\n",
        ),
        (
            "api_org_geheim",
            "error: this is the token of an organisation",
        ),
    ] {
        let home = hub.home();
        let run = piped(&home, &["auth", "login"], text);
        assert_eq!(run.code, Some(2), "{text:?}");
        assert!(run.stderr.contains(said), "{text:?}: {}", run.stderr);
        assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
        assert_eq!(kept(&home, "token"), "(none)");
    }
    let home = hub.home().with("HF_HUB_OFFLINE", "1");
    let run = piped(&home, &["auth", "login"], FIRST);
    assert_eq!(run.code, Some(6), "{}", run.stderr);
    assert!(
        run.stderr.contains("unset HF_HUB_OFFLINE"),
        "{}",
        run.stderr
    );
    assert_eq!(kept(&home, "token"), "(none)");
    assert_eq!(hub.hub().requests().len(), 0, "nobody was asked");
    let home = hub.home();
    snapshot!(piped(&home, &["auth", "login"], "hf_mistyped").all(), @r"
    exit 4
    --- stdout
    --- stderr
    reading the token from standard input
    error: [ADDRESS] does not accept the token: mistyped, deleted or expired
    hint: make another at https://huggingface.co/settings/tokens
    ");
    assert_eq!(kept(&home, "token"), "(none)");
}

#[test]
fn a_token_that_was_typed_where_none_belongs_is_not_repeated() {
    let home = Home::new();
    for (name, line) in [
        ("hfast", &["auth", "login", "hf_geheim"][..]),
        ("hf", &["auth", "login", "hf_geheim"]),
        ("hf", &["hf_geheim"]),
        ("huggingface-cli", &["login", "--tokn=hf_geheim"]),
    ] {
        let run = home.run_as(name, line);
        assert_eq!(run.code, Some(2), "{name} {line:?}");
        assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
    }
}

#[test]
fn git_is_told_and_forgets_and_is_not_waited_for_in_vain() {
    let hub = hub();
    let home = hub.home().with("PATH", "/usr/local/bin:/usr/bin:/bin");
    let store = home.path().join("credentials");
    let login = ["auth", "login", "--add-to-git-credential"];
    let run = piped(&home, &login, FIRST);
    assert_eq!(run.code, Some(2), "there is no helper: {}", run.stderr);
    let helper = format!("store --file={}", store.display());
    home.write(
        ".gitconfig",
        &format!("[credential]\n\thelper = {helper}\n"),
    );
    assert_eq!(piped(&home, &login, FIRST).code, Some(0));
    let kept = fs::read_to_string(&store).unwrap();
    assert!(
        kept.contains(&format!("hf_user:{FIRST}@127.0.0.1")),
        "{kept}"
    );
    assert_eq!(home.run(&["auth", "logout"]).code, Some(0));
    assert_eq!(fs::read_to_string(&store).unwrap(), "");
    piped(&home, &["auth", "login"], FIRST);
    home.write(
        ".gitconfig",
        "[credential]\n\thelper = \"!f() { sleep 40; }; f\"\n",
    );
    let begun = std::time::Instant::now();
    let run = home.run(&["auth", "logout"]);
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (Some(0), "forgot all tokens\n")
    );
    assert!(run.stderr.contains("did not end in 10 s"), "{}", run.stderr);
}

#[test]
fn what_wins_over_a_kept_token_is_told() {
    let hub = hub();
    let home = hub.home().with("HF_TOKEN", SECOND);
    let run = piped(&home, &["auth", "login", "--name", "mine"], FIRST);
    snapshot!(run.all(), @r#"
    exit 0
    --- stdout
    logged in as tester
    token "mine" (read) is in use, and kept in [HOME]/.cache/huggingface/token
    --- stderr
    reading the token from standard input
    note: HF_TOKEN is set and wins over it: unset HF_TOKEN to use what is kept
    "#);
    let run = home.run(&["auth", "list"]);
    assert!(run.stdout.starts_with("  mine"), "{}", run.stdout);
    assert!(
        run.stderr.starts_with("note: HF_TOKEN is set"),
        "{}",
        run.stderr
    );
    assert_eq!(home.run(&["auth", "token"]).stdout, format!("{SECOND}\n"));
    let run = home.run(&["auth", "logout"]);
    assert!(run.stderr.contains("unset HF_TOKEN"), "{}", run.stderr);
}

#[test]
fn a_server_that_knows_no_users_is_passed_over() {
    let (first, second) = (hub(), hub());
    let fault = Fault::new(Match::any().path("whoami"), What::server_error(404, 0));
    first.hub().add_fault(fault);
    let (at, there) = (first.loopback.endpoint(), second.loopback.endpoint());
    let home = Home::new();
    let both = ["auth", "login", "--endpoint", &at, "--endpoint", &there];
    assert_eq!(piped(&home, &both, FIRST).code, Some(0));
    let home = Home::new();
    snapshot!(piped(&home, &both[..4], FIRST).all(), @r"
    exit 7
    --- stdout
    --- stderr
    reading the token from standard input
    error: [ADDRESS] does not say whose a token is: it answers 404
    hint: ask a Hub that knows its users: --endpoint https://huggingface.co
    ");
}

#[test]
fn names_that_are_not_there_are_told_with_those_that_are() {
    let hub = hub();
    let home = hub.home();
    piped(&home, &["auth", "login"], FIRST);
    snapshot!(home.run(&["auth", "switch", "lapdog"]).all(), @r#"
    exit 2
    --- stdout
    --- stderr
    error: no token of the name "lapdog" is in [HOME]/.cache/huggingface/stored_tokens
    hint: there are: laptop
    "#);
    snapshot!(home.run(&["auth", "switch"]).all(), @r"
    exit 2
    --- stdout
    --- stderr
    error: which token?
    hint: name one: hfast auth switch laptop
    ");
    home.write(".cache/huggingface/stored_tokens", "[laptop]\nhf_geheim\n");
    let run = piped(&home, &["auth", "login"], SECOND);
    snapshot!(run.all(), @r"
    exit 2
    --- stdout
    --- stderr
    reading the token from standard input
    error: [HOME]/.cache/huggingface/stored_tokens: line 2 makes no sense: it has no `=`
    hint: mend the line, or move the file away and log in again
    ");
    assert_eq!(kept(&home, "token"), FIRST, "nothing half done");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_one_clear_sentence() {
    let hub = hub();
    let home = hub.home();
    home.write(".cache/huggingface", "a file");
    let run = piped(&home, &["auth", "login"], FIRST);
    assert_eq!(run.code, Some(9), "{}", run.stderr);
    assert_eq!(run.stderr.matches("error:").count(), 1, "{}", run.stderr);
}
