//! The command line as it is typed: names, types and help texts, and no decisions.
//!
//! What wins over what is decided in [`crate::settings`].

pub(crate) mod cache;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use serde::Deserialize;

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
    #[command(after_help = DOWNLOAD_EXAMPLES)]
    Download(Box<DownloadFlags>),
    /// Fetch files from the Hub, a mirror or any other web address, like `wget -c`
    #[command(after_help = GET_EXAMPLES)]
    Get(Box<GetFlags>),
    /// Show what each source of a repository has and how fast it is, in at most 20 seconds
    #[command(after_help = SOURCES_EXAMPLES)]
    Sources(Box<SourcesFlags>),
    /// Find out what keeps downloads from working, in at most 20 seconds
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(Box<DoctorFlags>),
    /// Look at what was downloaded: verify, repair
    Cache(cache::CacheFlags),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell that will read the script
        shell: Shell,
    },
}

#[derive(Args, Debug)]
pub(crate) struct DownloadFlags {
    #[arg(
        value_name = "REPO",
        help = "org/name, datasets/org/name, hf://… or a web address"
    )]
    pub(crate) repo: String,

    #[arg(
        value_name = "FILE",
        help = "Files or, with a '/' at the end, folders; none means all"
    )]
    pub(crate) files: Vec<String>,

    #[command(flatten)]
    pub(crate) choice: ChoiceFlags,

    /// Keep the files in this cache instead of the official one
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Put the files into this folder under their own names
    #[arg(long, value_name = "DIR", conflicts_with = "cache_dir")]
    pub(crate) local_dir: Option<PathBuf>,

    /// Fetch again what is already there
    #[arg(long)]
    pub(crate) force_download: bool,

    /// Show what would be downloaded, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) further: FurtherFlags,

    /// Large files at once [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(AT_ONCE))]
    pub(crate) max_workers: Option<u16>,

    #[arg(long, hide = true)]
    pub(crate) resume_download: bool,

    #[arg(long, hide = true, value_name = "VALUE")]
    pub(crate) local_dir_use_symlinks: Option<String>,

    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct GetFlags {
    #[arg(value_name = "URL", required = true)]
    #[arg(help = "Addresses of the Hub or a mirror, hf://…, or any other http(s) addresses")]
    pub(crate) urls: Vec<String>,

    /// Name of the file to write (with one URL only)
    #[arg(short = 'O', long = "output", value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Folder to write into instead of the current one
    #[arg(short = 'P', long, value_name = "DIR")]
    pub(crate) directory_prefix: Option<PathBuf>,

    /// What URL means: model, dataset or space, where it does not say so itself
    #[arg(long, visible_alias = "type", value_name = "TYPE")]
    pub(crate) repo_type: Option<String>,

    /// SHA-256 that the file must have, in hexadecimal (with one URL only)
    #[arg(long, value_name = "HEX")]
    pub(crate) sha256: Option<String>,

    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct DoctorFlags {
    #[arg(
        value_name = "REPO",
        help = "A repository to try: org/name, datasets/org/name, hf://… or a web address"
    )]
    pub(crate) repo: Option<String>,

    /// What REPO is: model, dataset or space [default: model]
    #[arg(long, visible_alias = "type", value_name = "TYPE")]
    pub(crate) repo_type: Option<String>,

    #[arg(long, help = "Branch, tag, refs/pr/N or commit [default: main]")]
    pub(crate) revision: Option<String>,

    /// Try this cache instead of the official one
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Try this folder instead of the cache
    #[arg(long, value_name = "DIR", conflicts_with = "cache_dir")]
    pub(crate) local_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct SourcesFlags {
    #[arg(
        value_name = "REPO",
        help = "org/name, datasets/org/name, hf://… or a web address"
    )]
    pub(crate) repo: String,

    #[command(flatten)]
    pub(crate) choice: ChoiceFlags,

    #[command(flatten)]
    pub(crate) further: FurtherFlags,

    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
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

#[derive(Args, Debug)]
pub(crate) struct FurtherFlags {
    /// Take bytes also from here: a mirror's URL, modelscope[:ORG/NAME] or a folder; repeatable
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Vec<String>,
}

#[derive(Args, Debug)]
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

#[derive(Args, Debug)]
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

const DOWNLOAD_EXAMPLES: &str = "\
Examples:
  hfast download openai-community/gpt2
  hfast download openai-community/gpt2 config.json onnx/
  hfast download datasets/rajpurkar/squad --revision refs/convert/parquet
  hfast download org/name --include '*.safetensors' '*.json' --exclude 'old/*'
  hfast download org/name --local-dir ./name --mirror
  hfast download org/name --dry-run

The path is printed on stdout, everything else on stderr. Whatever stops a download, the same
command goes on where it stopped.";

const GET_EXAMPLES: &str = "\
Examples:
  hfast get https://huggingface.co/org/name/resolve/main/model.safetensors
  hfast get https://huggingface.co/org/name/tree/main -P models
  hfast get hf://datasets/org/name/data.csv --mirror
  hfast get https://example.org/big.iso -O image.iso --sha256 9f86d081884c7d65…

A file goes into the current folder under its own name, a repository into a folder with its name.
Whatever stops it, the same command goes on where it stopped.";

const SOURCES_EXAMPLES: &str = "\
Examples:
  hfast sources org/name --source modelscope --source /mnt/usb/name
  hfast sources org/name --mirror --include '*.safetensors'
  hfast sources org/name --source https://mirror.example --json

It asks the sources that a download would use: endpoints and --source, by flag, variable or settings
file. The table is on stdout; no token and no signed address is in it. A few MiB are fetched from
each and thrown away, whatever --limit-rate says. The exit code is 0 if one source has everything,
else that of what is wrong with the first one.";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  hfast doctor
  hfast doctor org/name
  hfast doctor --mirror
  hfast doctor org/name --json > report.json

It looks at the proxy, names, connections, the clock, TLS, the endpoints, the token, the way of the
bytes and the disk, with the settings that a download has, and says which flag, variable or line
changes what is wrong. Without REPO it tries openai-community/gpt2. The report is on stdout; no
token, password or signed address is in it. The exit code is that of the failure that a download
would meet, or 0.";

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
