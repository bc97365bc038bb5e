//! The command line of `hfast download`: names, types and help texts.

use std::path::PathBuf;

use clap::Args;

use super::{AT_ONCE, ChoiceFlags, FurtherFlags, NetworkFlags, OutputFlags};

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

pub(super) const DOWNLOAD_EXAMPLES: &str = "\
Examples:
  hfast download openai-community/gpt2
  hfast download openai-community/gpt2 config.json onnx/
  hfast download datasets/rajpurkar/squad --revision refs/convert/parquet
  hfast download org/name --include '*.safetensors' '*.json' --exclude 'old/*'
  hfast download org/name --local-dir ./name --mirror
  hfast download org/name --dry-run

The path is printed on stdout, everything else on stderr. Whatever stops a download, the same
command goes on where it stopped.";
