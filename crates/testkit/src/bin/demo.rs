//! The demonstration: a download over a bad link, killed half way, taken up again, and checked
//! file by file by a judge that shares no code with the program it watches.
#![allow(clippy::print_stdout, reason = "a demonstration talks")]

use hfast_testkit::cache_check;
use hfast_testkit::corpus::{BertSize, Repo, tiny_bert};
use hfast_testkit::faults::{Fault, Match, What};
use hfast_testkit::hub::FakeHub;
use hfast_testkit::loopback::Loopback;
use hfast_testkit::program;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

const HELP: &str = "\
Shows a download over a bad link that is killed half way, taken up again, and checked.

usage: hfast-demo [OPTIONS] [PROGRAM]

  PROGRAM       the hfast to watch (the one beside this program by default)
  --keep DIR    keep what was downloaded
  --rate N      bytes per second of each connection (900000 by default)
  -h, --help    print this
";

/// Bytes per second of each connection: with eight of them the whole takes about twenty seconds.
const RATE: u64 = 900_000;
/// Longest the demonstration may take before it is called a failure.
const PATIENCE: Duration = Duration::from_secs(300);

struct Arguments {
    program: PathBuf,
    keep: Option<PathBuf>,
    rate: u64,
}

struct Traffic {
    requests: usize,
    bytes: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match program::arguments(HELP, parse) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("demo: FAILED: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let temporary = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = arguments
        .keep
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    let cache = folder.join("hub");
    let repo = tiny_bert(1, BertSize::DEMO);
    let hub = FakeHub::new(vec![repo.clone()]);
    hub.set_faults(bad_link(arguments.rate));
    let server = Loopback::start(hub.clone())
        .await
        .map_err(|error| error.to_string())?;
    say(&format!(
        "a Hub at {} serves {}: {} files, {}",
        server.endpoint(),
        repo.id,
        repo.files.len(),
        megabytes(repo.total_size())
    ));
    say(&format!(
        "the link gives each connection {}/s, resets some of them and silences others",
        megabytes(arguments.rate)
    ));
    let mut command = command(
        &arguments.program,
        &repo,
        &server.endpoint(),
        &cache,
        &folder,
    );
    let begun = Instant::now();
    let first = until_half(&mut command, &hub, repo.total_size()).await?;
    let status = to_the_end(&mut command).await?;
    let total = Traffic {
        requests: hub.requests().len(),
        bytes: hub.sent_bytes(),
    };
    say(&format!(
        "finished with {status} after {:.1} s in all",
        begun.elapsed().as_secs_f64()
    ));
    // The first is the pace of the link, which everything suffers.
    let struck: u32 = hub.faults_struck().into_iter().skip(1).sum();
    say(&format!("{struck} misfortunes struck on the way"));
    report(&repo, &first, &total);
    judge(&repo, &cache)?;
    if !status.success() {
        return Err(format!("the second run ended with {status}"));
    }
    if arguments.keep.is_some() {
        say(&format!("kept in {}", folder.display()));
    }
    say("everything is as it should be");
    Ok(())
}

fn parse(words: Vec<OsString>) -> Result<Arguments, String> {
    let mut program = None;
    let mut keep = None;
    let mut rate = RATE;
    let mut rest = words.into_iter();
    while let Some(word) = rest.next() {
        if word == "--keep" {
            keep = Some(PathBuf::from(rest.next().ok_or("--keep wants a folder")?));
        } else if word == "--rate" {
            let value = rest.next().and_then(|value| value.to_str()?.parse().ok());
            rate = value.ok_or("--rate wants bytes per second of each connection")?;
        } else if program.is_none() && !word.to_string_lossy().starts_with('-') {
            program = Some(PathBuf::from(word));
        } else {
            return Err(format!("unknown argument `{}`", word.display()));
        }
    }
    let sibling = || {
        let name = format!("hfast{}", std::env::consts::EXE_SUFFIX);
        std::env::current_exe().map(|own| own.with_file_name(name))
    };
    let program = program
        .map_or_else(sibling, Ok)
        .map_err(|error| error.to_string())?;
    // The child runs elsewhere only by its caches, so both paths must hold from anywhere.
    let absolute = |path: PathBuf| std::path::absolute(path).map_err(|error| error.to_string());
    let program = absolute(program)?;
    if !program.is_file() {
        return Err(format!("there is no program at {}", program.display()));
    }
    Ok(Arguments {
        program,
        keep: keep.map(absolute).transpose()?,
        rate,
    })
}

/// A slow link that breaks now and then and goes silent now and then; all of it passes.
fn bad_link(rate: u64) -> Vec<Fault> {
    let pause = Some(Duration::from_secs(4));
    vec![
        Fault::new(Match::any(), What::Throttle(rate)),
        Fault::new(
            Match::cdn().skip(2).every(3).times(6),
            What::ResetAfter(2_500_000),
        ),
        Fault::new(
            Match::cdn().skip(1).every(5).times(3),
            What::StallAfter(1_500_000, pause),
        ),
        Fault::new(
            Match::cdn().skip(4).every(6).times(2),
            What::FinAfter(700_000),
        ),
        Fault::new(
            Match::resolve().skip(5).times(2),
            What::server_error(503, 2000),
        ),
    ]
}

fn command(program: &Path, repo: &Repo, endpoint: &str, cache: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["download", &repo.id]);
    // The program of this project takes the endpoint as a flag; others read it from the
    // environment, so that they can be shown beside it.
    let own = program
        .file_stem()
        .is_some_and(|name| name.to_string_lossy().starts_with("hfast"));
    if own {
        command.args(["--endpoint", endpoint]);
    }
    command.arg("--cache-dir").arg(cache);
    command
        .env("HF_ENDPOINT", endpoint)
        .env("HF_HUB_DISABLE_XET", "1")
        .env("HF_HOME", home);
    // A token of the person watching has no business at a made-up Hub, nor has a proxy.
    for name in [
        "HF_TOKEN",
        "HF_HUB_OFFLINE",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs the command until half of the bytes were sent, then kills it without warning.
async fn until_half(command: &mut Command, hub: &FakeHub, size: u64) -> Result<Traffic, String> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    say(&format!("first run: {}", words.join(" ")));
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    while hub.sent_bytes() < size / 2 {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!(
                "the first run ended with {status} before half was sent"
            ));
        }
        if Instant::now() > deadline {
            end(&mut child);
            return Err("half of the bytes were not asked for in time".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    end(&mut child);
    let traffic = Traffic {
        requests: hub.requests().len(),
        bytes: hub.sent_bytes(),
    };
    println!();
    say(&format!(
        "killed it (SIGKILL) after {} were sent",
        megabytes(traffic.bytes)
    ));
    Ok(traffic)
}

/// Runs the same command again until it exits by itself.
async fn to_the_end(command: &mut Command) -> Result<ExitStatus, String> {
    say("second run: the same command");
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            println!();
            return Ok(status);
        }
        if Instant::now() > deadline {
            end(&mut child);
            return Err("the second run did not end in time".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Kills a child; one that is gone already is as good.
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn report(repo: &Repo, first: &Traffic, total: &Traffic) {
    let size = repo.total_size();
    say(&format!(
        "first run: {} requests, {} sent; second run: {} requests, {} sent",
        first.requests,
        megabytes(first.bytes),
        total.requests - first.requests,
        megabytes(total.bytes - first.bytes)
    ));
    let percent = total.bytes * 1000 / size.max(1);
    say(&format!(
        "{} sent in all for a repository of {} ({}.{} %)",
        megabytes(total.bytes),
        megabytes(size),
        percent / 10,
        percent % 10
    ));
}

/// Compares what is on disk with what should be there.
fn judge(repo: &Repo, cache: &Path) -> Result<(), String> {
    let verdict = cache_check::check(cache, repo, "main");
    for problem in &verdict.problems {
        say(&format!("wrong: {problem}"));
    }
    say(&format!(
        "{} of {} files are right",
        verdict.correct,
        repo.files.len()
    ));
    if !verdict.problems.is_empty() {
        return Err(format!("{} problems in the cache", verdict.problems.len()));
    }
    say(&format!(
        "an offline reader finds refs/main -> {}",
        verdict.snapshot.display()
    ));
    Ok(())
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

fn say(line: &str) {
    println!("demo: {line}");
}
