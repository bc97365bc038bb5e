//! The command line of `huggingface-cli` of `huggingface_hub` 0.36, as far as hfast has what it asks for.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::words::{Voice, Words};
use super::{not_here, refused, said};
use crate::commands::{auth, cache, download};
use crate::env;
use crate::flags::auth::{
    AuthCommand, ListFlags, LoginFlags, LogoutFlags, SwitchFlags, WhoamiFlags,
};
use crate::flags::cache::{CacheCommand, LsFlags};
use crate::flags::{
    ChoiceFlags, DownloadFlags, Format, FurtherFlags, NetworkFlags, OutputFlags, ProgressStyle,
};
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
            let flags = own(*flags);
            let (network, output) = (&flags.network, &flags.output);
            let asked = SettingFlags {
                max_workers: flags.max_workers,
                ..SettingFlags::new(network, output, flags.choice.repo_type.as_deref())
            };
            start(spoken(asked), words, async |session| {
                download::run(&flags, session).await
            })
        }
        Command::Login(flags) => authenticated("login", "auth login", &login(flags), words),
        Command::Logout { token_name } => {
            authenticated("logout", "auth logout", &logout(token_name), words)
        }
        Command::Whoami => authenticated("whoami", "auth whoami", &whoami(), words),
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
            let told = said::version(&speech());
            u8::from(stdout::line(&told.join("\n")).is_err())
        }
        Command::Other(other) => {
            let command = other
                .first()
                .map(|word| word.to_string_lossy())
                .unwrap_or_default();
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
        Auth::Logout { token_name } => ("auth logout", logout(token_name)),
        Auth::Whoami => ("auth whoami", whoami()),
        Auth::Switch {
            token_name,
            add_to_git_credential,
        } => {
            let flags = SwitchFlags {
                name: token_name,
                token_name: None,
                add_to_git_credential,
                output: output(false),
            };
            ("auth switch", AuthCommand::Switch(Box::new(flags)))
        }
        Auth::List => {
            let flags = ListFlags {
                output: output(false),
            };
            ("auth list", AuthCommand::List(Box::new(flags)))
        }
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

fn speech() -> Words {
    Words {
        voice: Voice::Legacy,
        colour: env::is_coloured(),
        columns: None,
    }
}

fn greet(old: &str, new: &str) {
    // Were there nobody to read it, the result says so.
    drop(stdout::line(&said::deprecated(&speech(), old, new)));
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

fn network(token: Option<String>) -> NetworkFlags {
    NetworkFlags {
        token,
        ..NetworkFlags::default()
    }
}

fn authenticated(old: &str, new: &str, command: &AuthCommand, words: &[OsString]) -> u8 {
    greet(old, new);
    start(spoken(auth::asked(command)), words, async |session| {
        auth::run(command, session).await
    })
}

fn login(flags: Login) -> AuthCommand {
    AuthCommand::Login(Box::new(LoginFlags {
        name: None,
        add_to_git_credential: flags.add_to_git_credential,
        force: false,
        network: network(flags.token),
        output: output(false),
    }))
}

fn logout(token_name: Option<String>) -> AuthCommand {
    AuthCommand::Logout(Box::new(LogoutFlags {
        name: token_name,
        token_name: None,
        output: output(false),
    }))
}

fn whoami() -> AuthCommand {
    AuthCommand::Whoami(Box::new(WhoamiFlags {
        network: network(None),
        output: output(false),
    }))
}

/// The flags in our words.
fn own(flags: DownloadArgs) -> DownloadFlags {
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
        network: network(flags.token),
        output: output(flags.quiet),
    }
}
