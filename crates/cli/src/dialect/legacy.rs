//! The command line of `huggingface-cli` of `huggingface_hub` 0.36, as far as hfast has what it asks for.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::words::Voice;
use super::{first, not_here, own, refused, said, speech};
use crate::commands::{auth, cache, download};
use crate::flags::auth::AuthCommand;
use crate::flags::cache::{CacheCommand, LsFlags};
use crate::flags::{ChoiceFlags, DownloadFlags, Format, FurtherFlags, OutputFlags, ProgressStyle};
use crate::misuse::without_tokens;
use crate::output::{print_line, stdout};
use crate::settings::SettingFlags;
use crate::start;

/// What the official tool has and hfast has not, under this name.
const ELSEWHERE: [&str; 9] = [
    "upload",
    "upload-large-folder",
    "repo",
    "repo-files",
    "env",
    "delete-cache",
    "tag",
    "lfs-enable-largefiles",
    "lfs-multipart-upload",
];

/// Hugging Face Hub command line, spoken by hfast
#[derive(Debug, Parser)]
#[command(name = "huggingface-cli", arg_required_else_help = true)]
struct Legacy {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Download files from the Hub
    Download(Box<DownloadArgs>),
    /// Log in using a token from huggingface.co/settings/tokens
    Login(Login),
    /// Log out
    Logout {
        #[arg(long)]
        token_name: Option<String>,
    },
    /// Find out which huggingface.co account you are logged in as
    Whoami,
    /// Other authentication related commands
    #[command(subcommand)]
    Auth(Auth),
    /// Scan cache directory
    ScanCache {
        #[arg(long)]
        dir: Option<PathBuf>,
        #[arg(short, long, action = clap::ArgAction::Count)]
        verbose: u8,
    },
    /// Print information about the huggingface-cli version
    Version,
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[derive(Args, Debug)]
struct Login {
    #[arg(long)]
    token: Option<String>,
    #[arg(long)]
    add_to_git_credential: bool,
}

#[derive(Debug, Subcommand)]
enum Auth {
    Login(Login),
    Logout {
        #[arg(long)]
        token_name: Option<String>,
    },
    Whoami,
    Switch {
        #[arg(long)]
        token_name: Option<String>,
        #[arg(long)]
        add_to_git_credential: bool,
    },
    List,
}

#[derive(Args, Debug)]
struct DownloadArgs {
    repo_id: String,
    filenames: Vec<String>,
    /// model, dataset or space
    #[arg(long)]
    repo_type: Option<String>,
    #[arg(long)]
    revision: Option<String>,
    #[arg(long, num_args(0..))]
    include: Vec<String>,
    #[arg(long, num_args(0..))]
    exclude: Vec<String>,
    #[arg(long)]
    cache_dir: Option<PathBuf>,
    #[arg(long)]
    local_dir: Option<PathBuf>,
    /// Deprecated and ignored
    #[arg(long)]
    local_dir_use_symlinks: Option<String>,
    #[arg(long)]
    force_download: bool,
    /// Deprecated and ignored
    #[arg(long)]
    resume_download: bool,
    #[arg(long)]
    token: Option<String>,
    /// Print nothing but the path
    #[arg(long)]
    quiet: bool,
    /// Files at once [default: 8]
    #[arg(long, value_parser = clap::value_parser!(u16).range(crate::flags::AT_ONCE))]
    max_workers: Option<u16>,
}

pub(super) fn run(words: &[OsString]) -> u8 {
    match Legacy::try_parse_from(words) {
        Ok(legacy) => carry_out(legacy.command, words),
        Err(refusal) => refused(&refusal, words),
    }
}

fn carry_out(command: Command, words: &[OsString]) -> u8 {
    match command {
        Command::Download(flags) => {
            greet("download", "download");
            let flags = downloaded(*flags);
            start(spoken(download::asked(&flags)), words, async |session| {
                download::run(&flags, session).await
            })
        }
        Command::Login(flags) => authenticated("login", "auth login", &login(flags), words),
        Command::Logout { token_name } => authenticated(
            "logout",
            "auth logout",
            &own::logout(token_name, output(false)),
            words,
        ),
        Command::Whoami => {
            authenticated("whoami", "auth whoami", &own::whoami(output(false)), words)
        }
        Command::Auth(command) => {
            let (name, command) = named(command);
            authenticated(name, name, &command, words)
        }
        Command::ScanCache { dir, verbose } => {
            greet("scan-cache", "cache scan");
            let command = CacheCommand::Ls(Box::new(LsFlags {
                revisions: verbose > 0,
                filter: Vec::new(),
                sort: None,
                reverse: false,
                limit: None,
                cache_dir: dir,
                output: output(false),
            }));
            start(spoken(cache::asked(&command)), words, async |session| {
                cache::run(&command, session).await
            })
        }
        Command::Version => {
            greet("version", "version");
            let told = said::version(&speech(Voice::Legacy));
            u8::from(stdout::line(&told.join("\n")).is_err())
        }
        Command::Other(other) => {
            let command = first(&other);
            if ELSEWHERE.contains(&command.as_ref()) {
                return not_here("huggingface-cli", &command);
            }
            let text = format!("huggingface-cli: error: invalid choice: '{command}'");
            print_line(&without_tokens(&text, words));
            2
        }
    }
}

/// The name of the command, and what it is in our words.
fn named(command: Auth) -> (&'static str, AuthCommand) {
    match command {
        Auth::Login(flags) => ("auth login", login(flags)),
        Auth::Logout { token_name } => ("auth logout", own::logout(token_name, output(false))),
        Auth::Whoami => ("auth whoami", own::whoami(output(false))),
        Auth::Switch {
            token_name,
            add_to_git_credential,
        } => {
            let git = add_to_git_credential;
            ("auth switch", own::switch(token_name, git, output(false)))
        }
        Auth::List => ("auth list", own::list(output(false))),
    }
}

/// Its results go to stdout behind the line that says that it is deprecated, and tables are not cut.
fn spoken(asked: SettingFlags<'_>) -> SettingFlags<'_> {
    SettingFlags {
        voice: Voice::Legacy,
        is_wide: true,
        ..asked
    }
}

fn greet(old: &str, new: &str) {
    // Were there nobody to read it, the result says so.
    drop(stdout::line(&said::deprecated(
        &speech(Voice::Legacy),
        old,
        new,
    )));
}

fn output(quiet: bool) -> OutputFlags {
    let progress = if quiet {
        ProgressStyle::None
    } else {
        ProgressStyle::Auto
    };
    OutputFlags {
        format: Some(Format::Quiet),
        progress: Some(progress),
        ..OutputFlags::default()
    }
}

fn authenticated(old: &str, new: &str, command: &AuthCommand, words: &[OsString]) -> u8 {
    greet(old, new);
    start(spoken(auth::asked(command)), words, async |session| {
        auth::run(command, session).await
    })
}

fn login(flags: Login) -> AuthCommand {
    own::login(
        flags.token,
        (flags.add_to_git_credential, false),
        output(false),
    )
}

/// The flags in our words.
fn downloaded(flags: DownloadArgs) -> DownloadFlags {
    DownloadFlags {
        repo: flags.repo_id,
        files: flags.filenames,
        choice: ChoiceFlags {
            repo_type: flags.repo_type,
            revision: flags.revision,
            include: flags.include,
            exclude: flags.exclude,
        },
        cache_dir: flags.cache_dir,
        local_dir: flags.local_dir,
        force_download: flags.force_download,
        dry_run: false,
        further: FurtherFlags::default(),
        max_workers: flags.max_workers,
        resume_download: flags.resume_download,
        local_dir_use_symlinks: flags.local_dir_use_symlinks,
        network: own::network(flags.token),
        output: output(flags.quiet),
    }
}
