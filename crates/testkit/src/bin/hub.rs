//! Serves a fake Hub on loopback: for trying clients by hand and from scripts. The arguments are
//! few and read by hand; `--help` lists them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the endpoint is what this program has to say"
)]

use hfast_testkit::corpus::{BertSize, Content, Repo, many_files, tiny_bert};
use hfast_testkit::faults::{self, Fault};
use hfast_testkit::hub::{FakeHub, LfsRedirect, Token};
use hfast_testkit::loopback::Loopback;
use hfast_testkit::program;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
Serves a fake Hub.

usage: hfast-testhub [OPTIONS]

  --listen 127.0.0.1:PORT    where (a free port by default)
  --folder DIR               serve the files of a folder
  --bert tiny|demo           serve a generated model (the default, tiny)
  --random files=N,size=N    serve many generated files
  --large files=N,size=N     serve generated files in large storage
  --repo ORG/NAME            under this id
  --no-cdn                   serve large files without a redirect
  --token VALUE=NAME         know this token, by this name; may be repeated
  --seed N                   of everything generated
  --random-faults N          so many faults that pass by themselves
  --fault NAME[=VALUE][,kind=api|resolve|cdn][,path=TEXT][,skip=N][,every=N][,times=N]
                             may be repeated; NAME is one of refuse, reset, fin, stall, short, long (bytes),
                             stall-headers (seconds, none for ever), throttle, trickle (bytes per second),
                             status (code), retry-after (seconds or date), ignore-range, no-content-range,
                             flip (offset, none for each answer), portal, gzip, redirect (URL),
                             redirect-loop, expire, etag (text), etag-changes
  -h, --help                 print this
";

/// A file of a folder above this size is kept in large storage, as the Hub would have it.
const LARGE: u64 = 10 * 1024 * 1024;

enum Source {
    Folder(PathBuf),
    Bert(BertSize),
    Random { files: u32, size: u64 },
    Large { files: u32, size: u64 },
}

struct Arguments {
    listen: SocketAddr,
    source: Source,
    repo: Option<String>,
    no_cdn: bool,
    tokens: Vec<Token>,
    seed: u64,
    random_faults: u32,
    faults: Vec<Fault>,
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
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), String> {
    let repo = repository(&arguments)?;
    let (id, commit, size) = (repo.id.clone(), repo.commit.clone(), repo.total_size());
    let count = repo.files.len();
    let hub = FakeHub::new(vec![repo]);
    let mut all = faults::random(arguments.seed, arguments.random_faults);
    all.extend(arguments.faults);
    hub.set_faults(all);
    if arguments.no_cdn {
        hub.configure(|options| options.lfs_redirect = LfsRedirect::Never);
    }
    hub.configure(|options| options.tokens = arguments.tokens);
    let server = Loopback::start_at(hub, arguments.listen)
        .await
        .map_err(|e| e.to_string())?;
    println!("{}", server.endpoint());
    println!("{id} at {commit}: {count} files, {size} bytes");
    println!("storage at {}; Ctrl-C ends", server.cdn());
    tokio::signal::ctrl_c().await.map_err(|e| e.to_string())
}

fn parse(words: Vec<OsString>) -> Result<Arguments, String> {
    let mut parsed = Arguments {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        source: Source::Bert(BertSize::TINY),
        repo: None,
        no_cdn: false,
        tokens: Vec::new(),
        seed: 1,
        random_faults: 0,
        faults: Vec::new(),
    };
    let words: Result<Vec<_>, _> = words.into_iter().map(OsString::into_string).collect();
    let words = words.map_err(|word| format!("`{}` is not text", word.display()))?;
    let mut rest = words.into_iter();
    while let Some(name) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{name} wants a value"));
        match name.as_str() {
            "--no-cdn" => parsed.no_cdn = true,
            "--listen" => parsed.listen = number(&name, &value()?)?,
            "--folder" => parsed.source = Source::Folder(value()?.into()),
            "--bert" => parsed.source = Source::Bert(bert_size(&value()?)?),
            "--random" => {
                let (files, size) = files_and_size(&value()?)?;
                parsed.source = Source::Random { files, size };
            }
            "--large" => {
                let (files, size) = files_and_size(&value()?)?;
                parsed.source = Source::Large { files, size };
            }
            "--repo" => parsed.repo = Some(value()?),
            "--token" => parsed.tokens.push(token(&value()?)?),
            "--seed" => parsed.seed = number(&name, &value()?)?,
            "--random-faults" => parsed.random_faults = number(&name, &value()?)?,
            "--fault" => parsed.faults.push(faults::parse(&value()?)?),
            _ => return Err(format!("unknown argument `{name}`")),
        }
    }
    Ok(parsed)
}

fn token(text: &str) -> Result<Token, String> {
    let (value, name) = text.split_once('=').ok_or("--token wants VALUE=NAME")?;
    Ok(Token {
        name: name.to_owned(),
        ..Token::new(value)
    })
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value
        .parse()
        .map_err(|_| format!("{name} cannot be `{value}`"))
}

fn bert_size(value: &str) -> Result<BertSize, String> {
    match value {
        "tiny" => Ok(BertSize::TINY),
        "demo" => Ok(BertSize::DEMO),
        _ => Err(format!("--bert is tiny or demo, not `{value}`")),
    }
}

fn files_and_size(text: &str) -> Result<(u32, u64), String> {
    let mut found = (1, 1000);
    for pair in text.split(',') {
        match pair.split_once('=') {
            Some(("files", value)) => found.0 = number("files", value)?,
            Some(("size", value)) => found.1 = number("size", value)?,
            _ => return Err(format!("`{pair}` is neither files=N nor size=N")),
        }
    }
    Ok(found)
}

fn repository(arguments: &Arguments) -> Result<Repo, String> {
    let id = arguments.repo.as_deref().unwrap_or("test-org/test-repo");
    let mut repo = match &arguments.source {
        Source::Bert(size) => {
            let mut repo = tiny_bert(arguments.seed, *size);
            if let Some(id) = &arguments.repo {
                repo.id.clone_from(id);
            }
            repo
        }
        Source::Random { files, size } => many_files(id, arguments.seed, *files, *size),
        Source::Large { files, size } => {
            let seed = |number| arguments.seed.wrapping_add(u64::from(number));
            let named = (0..*files).map(|n| (format!("large-{n:05}.bin"), seed(n)));
            named
                .fold(Repo::model(id), |repo, (path, seed)| {
                    repo.lfs(&path, Content::seeded(seed, *size))
                })
                .build()
        }
        Source::Folder(folder) => from_folder(folder, id).map_err(|e| e.to_string())?,
    };
    repo.files.sort_by(|a, b| a.path().cmp(b.path()));
    Ok(repo)
}

/// The files of a folder, held in memory.
fn from_folder(folder: &Path, id: &str) -> std::io::Result<Repo> {
    let mut repo = Repo::model(id);
    let mut open = vec![folder.to_owned()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(here)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let content = Content::bytes(std::fs::read(&path)?);
            let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
            let name = name.replace('\\', "/");
            repo = if content.size() > LARGE {
                repo.lfs(&name, content)
            } else {
                repo.content(&name, content)
            };
        }
    }
    Ok(repo.build())
}
