//! The command line of `hfast cache`: names, types and help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{NetworkFlags, OutputFlags};

#[derive(Args, Debug)]
pub(crate) struct CacheFlags {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Read what was downloaded and compare it with what it should be; asks nobody
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(Box<VerifyFlags>),
}

#[derive(Args, Debug)]
pub(crate) struct VerifyFlags {
    #[arg(
        value_name = "REPO",
        help = "org/name, datasets/org/name, hf://… or a web address [default: all of the cache]"
    )]
    pub(crate) repo: Option<String>,

    /// What REPO is: model, dataset or space [default: model]
    #[arg(long, visible_alias = "type", value_name = "TYPE")]
    pub(crate) repo_type: Option<String>,

    /// Only this branch, tag, refs/pr/N or commit [default: all that are there]
    #[arg(long, requires = "repo", conflicts_with = "local_dir")]
    pub(crate) revision: Option<String>,

    /// Look at this cache instead of the official one
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    /// Look at this folder, which REPO was downloaded to
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "cache_dir",
        requires = "repo"
    )]
    pub(crate) local_dir: Option<PathBuf>,

    /// Make damaged files right again, fetching as little as can be
    #[arg(long)]
    pub(crate) repair: bool,

    /// Take bytes also from here: a mirror's URL, modelscope[:ORG/NAME] or a folder; repeatable
    #[arg(long, value_name = "SOURCE", requires = "repair")]
    pub(crate) source: Vec<String>,

    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

const VERIFY_EXAMPLES: &str = "\
Examples:
  hfast cache verify
  hfast cache verify org/name --repair
  hfast cache verify org/name --local-dir ./name --repair

Every file is read and hashed. Of a file that hfast wrote or has verified before, only the blocks
that are wrong are fetched again; of another, what lies before the first wrong byte as well. The
exit code is 8 while something is damaged.";
