//! The flags of `hf`: names and types, as `huggingface_hub` 2.4 has them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::dialect::said;
use crate::dialect::words::{Mode, Voice};
use crate::flags::{Format, OutputFlags, ProgressStyle};
use crate::settings::SettingFlags;

/// Hugging Face Hub command line, spoken by hfast
#[derive(Debug, Parser)]
#[command(name = "hf", version = said::HF, disable_version_flag = true, arg_required_else_help = true)]
pub(super) struct Hf {
    #[arg(short = 'v', long, hide = true, action = ArgAction::SetTrue)]
    pub(super) version: bool,

    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Download files from the Hub
    #[command(arg_required_else_help = true)]
    Download(Box<DownloadArgs>),
    /// Manage authentication (login, logout, etc.)
    #[command(subcommand, arg_required_else_help = true)]
    Auth(Auth),
    /// Manage local cache directory
    #[command(subcommand, arg_required_else_help = true)]
    Cache(Cache),
    /// Print the version that is spoken
    Version(Form),
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[derive(Args, Clone, Debug)]
pub(super) struct Form {
    /// auto, human, agent, json or quiet
    #[arg(long, value_enum, hide_possible_values = true)]
    pub(super) format: Option<FormName>,

    /// Same as --format json
    #[arg(long)]
    pub(super) json: bool,

    /// Same as --format quiet
    #[arg(short, long)]
    pub(super) quiet: bool,

    /// Do not cut tables to the terminal
    #[arg(long)]
    pub(super) no_truncate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormName {
    Auto,
    Human,
    Agent,
    Json,
    Quiet,
}

impl Form {
    pub(super) fn mode(&self) -> Mode {
        match self.format {
            _ if self.json => Mode::Json,
            _ if self.quiet => Mode::Quiet,
            Some(FormName::Agent) => Mode::Agent,
            Some(FormName::Json) => Mode::Json,
            Some(FormName::Quiet) => Mode::Quiet,
            Some(FormName::Auto | FormName::Human) | None => Mode::Human,
        }
    }

    /// Results are told by the voice; what else there is to say depends on the mode.
    pub(super) fn output(&self) -> OutputFlags {
        let progress = match self.mode() {
            Mode::Human => ProgressStyle::Auto,
            Mode::Agent | Mode::Json | Mode::Quiet => ProgressStyle::None,
        };
        OutputFlags {
            format: Some(Format::Quiet),
            progress: Some(progress),
            ..OutputFlags::default()
        }
    }

    pub(super) fn asked<'a>(&self, asked: SettingFlags<'a>) -> SettingFlags<'a> {
        SettingFlags {
            voice: Voice::Hf(self.mode()),
            is_wide: self.no_truncate,
            ..asked
        }
    }
}

#[derive(Args, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag that is there or not"
)]
pub(super) struct DownloadArgs {
    /// The ID of the repo (e.g. `username/repo-name`), or an hf:// URI
    pub(super) repo_id: String,

    /// Files to download; a name that ends in '/' is a folder
    pub(super) filenames: Vec<String>,

    /// model, dataset or space
    #[arg(long, visible_alias = "type")]
    pub(super) repo_type: Option<String>,

    /// A branch name, a tag, or a commit hash
    #[arg(long)]
    pub(super) revision: Option<String>,

    /// Glob patterns of files to include
    #[arg(long, action = ArgAction::Append)]
    pub(super) include: Vec<String>,

    /// Glob patterns of files to exclude
    #[arg(long, action = ArgAction::Append)]
    pub(super) exclude: Vec<String>,

    /// Directory where to save files
    #[arg(long)]
    pub(super) cache_dir: Option<PathBuf>,

    /// The files are placed under this directory
    #[arg(long, conflicts_with = "cache_dir")]
    pub(super) local_dir: Option<PathBuf>,

    /// Download files even if they are already cached
    #[arg(long, overrides_with = "no_force_download")]
    pub(super) force_download: bool,

    #[arg(long, hide = true)]
    pub(super) no_force_download: bool,

    /// Show what would be downloaded
    #[arg(long, overrides_with = "no_dry_run")]
    pub(super) dry_run: bool,

    #[arg(long, hide = true)]
    pub(super) no_dry_run: bool,

    /// A User Access Token
    #[arg(long)]
    pub(super) token: Option<String>,

    /// Files at once [default: 8]
    #[arg(long, value_parser = clap::value_parser!(u16).range(crate::flags::AT_ONCE))]
    pub(super) max_workers: Option<u16>,

    #[arg(long, hide = true)]
    pub(super) resume_download: bool,

    #[arg(long, hide = true)]
    pub(super) local_dir_use_symlinks: Option<String>,

    #[command(flatten)]
    pub(super) form: Form,
}

#[derive(Debug, Subcommand)]
pub(super) enum Auth {
    /// Login using a token from huggingface.co/settings/tokens
    Login {
        #[arg(long)]
        token: Option<String>,
        #[arg(long)]
        add_to_git_credential: bool,
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        form: Form,
    },
    /// Logout from a specific token, or from all
    Logout {
        #[arg(long)]
        token_name: Option<String>,
        #[command(flatten)]
        form: Form,
    },
    /// Switch between access tokens
    Switch {
        #[arg(long)]
        token_name: Option<String>,
        #[arg(long)]
        add_to_git_credential: bool,
        #[command(flatten)]
        form: Form,
    },
    /// List all stored access tokens
    #[command(visible_alias = "ls")]
    List(Form),
    /// Print the current access token to stdout
    Token(Form),
    /// Find out which account you are logged in as
    Whoami(Form),
}

#[derive(Debug, Subcommand)]
pub(super) enum Cache {
    /// List cached repositories or revisions
    #[command(visible_alias = "ls")]
    List {
        #[arg(long)]
        cache_dir: Option<PathBuf>,
        #[arg(long)]
        revisions: bool,
        #[arg(short, long)]
        filter: Vec<String>,
        /// KEY, KEY:asc or KEY:desc; KEY is accessed, modified, name or size
        #[arg(long)]
        sort: Option<String>,
        #[arg(long)]
        limit: Option<usize>,
        #[arg(long)]
        show_warnings: bool,
        #[command(flatten)]
        form: Form,
    },
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}
