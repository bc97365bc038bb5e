//! The command line of `hfast get`: names, types and help texts.

use std::path::PathBuf;

use clap::Args;

use super::{NetworkFlags, OutputFlags};

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

pub(super) const GET_EXAMPLES: &str = "\
Examples:
  hfast get https://huggingface.co/org/name/resolve/main/model.safetensors
  hfast get https://huggingface.co/org/name/tree/main -P models
  hfast get hf://datasets/org/name/data.csv --mirror
  hfast get https://example.org/big.iso -O image.iso --sha256 9f86d081884c7d65…

A file goes into the current folder under its own name, a repository into a folder with its name.
Whatever stops it, the same command goes on where it stopped.";
