//! The command line as it is typed: names, types and help texts, and no decisions.
//!
//! What wins over what is decided in [`crate::settings`].

pub(crate) mod auth;
pub(crate) mod cache;
mod doctor;
mod download;
mod get;
pub(crate) mod shim;
mod sources;

use std::ops::RangeInclusive;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Deserialize;

pub(crate) use self::doctor::DoctorFlags;
pub(crate) use self::download::DownloadFlags;
pub(crate) use self::get::GetFlags;
pub(crate) use self::sources::SourcesFlags;
use crate::exit;

/// How many connections, or files, there may be at once: more than any server likes.
pub(crate) const AT_ONCE: RangeInclusive<i64> = 1..=256;

/// Download Hugging Face repositories over bad networks: resumed, verified, into the official cache
#[derive(Debug, Parser)]
#[command(name = "hfast", version, after_help = short_help(), after_long_help = long_help())]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// The command line, in which each command says itself what it prints.
pub(crate) fn definition() -> clap::Command {
    let prints = |command: clap::Command, [quiet, human]: [&'static str; 2]| {
        let format = format!(
            "What stdout gets: human ({human}), json (one document) or quiet (as -q) [default: human]"
        );
        let command = command.mut_arg("quiet", |flag| flag.help(quiet));
        command.mut_arg("format", |flag| flag.help(format))
    };
    let doctor = [
        "Print only what is wrong, what changes it, and the result",
        "a line for each check",
    ];
    let sources = ["Print the table alone", "a table"];
    let verify = ["Print only what is damaged or missing", "what was found"];
    Flags::command()
        .mut_subcommand("doctor", |command| prints(command, doctor))
        .mut_subcommand("sources", |command| prints(command, sources))
        .mut_subcommand("cache", |command| {
            command.mut_subcommand("verify", |command| prints(command, verify))
        })
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Download a repository or some of its files
    #[command(after_help = download::DOWNLOAD_EXAMPLES)]
    Download(Box<DownloadFlags>),
    /// Fetch files from the Hub, a mirror or any other web address, like `wget -c`
    #[command(after_help = get::GET_EXAMPLES)]
    Get(Box<GetFlags>),
    /// Show what each source of a repository has and how fast it is, in at most 20 seconds
    #[command(after_help = sources::SOURCES_EXAMPLES)]
    Sources(Box<SourcesFlags>),
    /// Find out what keeps downloads from working, in at most 20 seconds
    #[command(after_help = doctor::DOCTOR_EXAMPLES)]
    Doctor(Box<DoctorFlags>),
    /// Keep, list, switch and forget access tokens; ask whose one is
    Auth(auth::AuthFlags),
    /// List, verify, repair and delete what was downloaded
    Cache(cache::CacheFlags),
    /// Stand for hf and huggingface-cli: links by their names
    Shim(shim::ShimFlags),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell that will read the script
        shell: Shell,
    },
}

#[derive(Args, Debug, Default)]
pub(crate) struct ChoiceFlags {
    /// What REPO is: model, dataset or space [default: model]
    #[arg(long, visible_alias = "type", value_name = "TYPE")]
    pub(crate) repo_type: Option<String>,

    #[arg(long, help = "Branch, tag, refs/pr/N or commit [default: main]")]
    pub(crate) revision: Option<String>,

    /// Only files that match one of these patterns; repeatable
    #[arg(long, value_name = "GLOB", num_args(1..))]
    pub(crate) include: Vec<String>,

    /// No files that match one of these patterns; repeatable
    #[arg(long, value_name = "GLOB", num_args(1..))]
    pub(crate) exclude: Vec<String>,
}

#[derive(Args, Debug, Default)]
pub(crate) struct FurtherFlags {
    /// Take bytes also from here: a mirror's URL, modelscope[:ORG/NAME] or a folder; repeatable
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkFlags {
    #[arg(
        long,
        help = "Access token; the variable HF_TOKEN is safer: others can see command lines"
    )]
    pub(crate) token: Option<String>,

    /// Server to ask; may be repeated, the most wanted first
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint: Vec<String>,

    #[arg(long, help = "Ask https://hf-mirror.com first")]
    pub(crate) mirror: bool,

    /// Use N connections, over all files [default: as many as pay]
    #[arg(short = 'x', long, value_name = "N", value_parser = clap::value_parser!(u16).range(AT_ONCE))]
    pub(crate) max_connections: Option<u16>,

    /// Bytes per second for all hfast processes of this user, as 2M; by the clock:
    /// 2M,23:00-07:00=full
    #[arg(long, value_name = "RATE", value_delimiter = ',')]
    pub(crate) limit_rate: Vec<String>,
}

#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    /// Print nothing but the path, warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// What stdout gets: human (the path), json (one document) or quiet [default: human]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "FORMAT")]
    pub(crate) format: Option<Format>,

    /// Short for --format json
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,

    /// Progress on stderr: auto, bar, lines, json or none [default: auto]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "STYLE")]
    pub(crate) progress: Option<ProgressStyle>,

    /// Log to stderr what happens; twice for each request, three times for everything
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

impl NetworkFlags {
    /// Of a command that asks nobody.
    pub(crate) const NONE: &'static Self = &Self {
        token: None,
        endpoint: Vec::new(),
        mirror: false,
        max_connections: None,
        limit_rate: Vec::new(),
    };
}

/// What stdout gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Human,
    Json,
    Quiet,
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProgressStyle {
    #[default]
    Auto,
    Bar,
    Lines,
    Json,
    None,
}

impl OutputFlags {
    pub(crate) fn format(&self) -> Format {
        let implied = || match () {
            () if self.json => Format::Json,
            () if self.quiet => Format::Quiet,
            () => Format::default(),
        };
        self.format.unwrap_or_else(implied)
    }
}

const EXAMPLES: &str = "\
Examples:
  hfast download openai-community/gpt2
  hfast get https://huggingface.co/openai-community/gpt2/resolve/main/config.json
  hfast help download";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  hfast completions bash > ~/.local/share/bash-completion/completions/hfast
  hfast completions zsh > ~/.zfunc/_hfast
  hfast completions fish > ~/.config/fish/completions/hfast.fish";

const SETTINGS: &str = "\
Settings, the first that is found wins:
  flags            --endpoint, --token, --max-connections, --limit-rate, …
  variables        HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HTTPS_PROXY,
                   HFAST_LIMIT_RATE, …
  file             $XDG_CONFIG_HOME/hfast/config.toml or ~/.config/hfast/config.toml, or the file
                   that HFAST_CONFIG names; its keys: endpoints, sources, max-connections,
                   max-workers, limit-rate, progress";

fn short_help() -> String {
    format!("{EXAMPLES}\n\n`hfast --help` lists the exit codes and the settings.")
}

fn long_help() -> String {
    format!("{EXAMPLES}\n\n{SETTINGS}\n\n{}", exit::TABLE)
}
