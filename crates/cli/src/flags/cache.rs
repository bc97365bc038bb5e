//! The command line of `hfast cache`: names, types and help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{NetworkFlags, OutputFlags};

#[derive(Args, Debug)]
pub(crate) struct CacheFlags {
    #[command(subcommand)]
    pub(crate) command: CacheCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// List the repositories of the cache, or their revisions
    #[command(visible_alias = "list", after_help = LS_EXAMPLES)]
    Ls(Box<LsFlags>),
    /// Delete repositories or revisions
    #[command(visible_alias = "delete", after_help = RM_EXAMPLES)]
    Rm(Box<RmFlags>),
    /// Delete what nobody needs: revisions that no branch or tag is, contents that no revision has
    #[command(after_help = PRUNE_EXAMPLES)]
    Prune(Box<PruneFlags>),
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

#[derive(Args, Debug)]
pub(crate) struct LsFlags {
    /// One line for each revision
    #[arg(long)]
    pub(crate) revisions: bool,

    /// Only those for which this holds, as size>1G, accessed>30d, modified<7d, type=dataset or
    /// refs=main; repeatable
    #[arg(short, long, value_name = "EXPR")]
    pub(crate) filter: Vec<String>,

    /// By name, size, accessed or modified; the first of these is the one with the most or the
    /// newest [default: name]
    #[arg(long, value_enum, hide_possible_values = true, value_name = "KEY")]
    pub(crate) sort: Option<SortKey>,

    /// The other way round
    #[arg(short, long)]
    pub(crate) reverse: bool,

    /// Not more than so many lines
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,

    /// Look at this cache instead of the official one
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SortKey {
    #[default]
    Name,
    Size,
    Accessed,
    Modified,
}

#[derive(Args, Debug)]
pub(crate) struct RmFlags {
    #[arg(
        value_name = "TARGET",
        help = "org/name, datasets/org/name, hf://…, or a commit (8 digits are enough) [default: asks]"
    )]
    pub(crate) targets: Vec<String>,

    /// What TARGET is: model, dataset or space [default: model]
    #[arg(long, visible_alias = "type", value_name = "TYPE")]
    pub(crate) repo_type: Option<String>,

    #[command(flatten)]
    pub(crate) deletion: DeletionFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct PruneFlags {
    /// Also files that are not complete, which a download would go on with
    #[arg(long)]
    pub(crate) unfinished: bool,

    #[command(flatten)]
    pub(crate) deletion: DeletionFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// What every command has that deletes something.
#[derive(Args, Debug)]
pub(crate) struct DeletionFlags {
    /// Show what would be deleted, and delete nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Also what another program has open
    #[arg(long)]
    pub(crate) force: bool,

    /// Delete from this cache instead of the official one
    #[arg(long, value_name = "DIR")]
    pub(crate) cache_dir: Option<PathBuf>,
}

const LS_EXAMPLES: &str = "\
Examples:
  hfast cache ls
  hfast cache ls --sort size --limit 10
  hfast cache ls --filter 'accessed>30d' --filter 'size>1G'
  hfast cache ls --revisions --json

Sizes are powers of 1000: K, M, G, T. Times are s, m, h, d, w, mo and y. When a file was read last is
known as well as the file system notes it.";

const RM_EXAMPLES: &str = "\
Examples:
  hfast cache rm
  hfast cache rm org/name datasets/org/name --dry-run
  hfast cache rm 8b663aa8 --yes
  hfast cache rm $(hfast cache ls -q --filter 'accessed>1y') --yes

Without TARGET a terminal shows a list to choose from. What is being downloaded stays, and so does
what another program has open, as far as the system tells.";

const PRUNE_EXAMPLES: &str = "\
Examples:
  hfast cache prune --dry-run
  hfast cache prune --unfinished --yes

A revision that was downloaded by its commit has no branch or tag, and goes.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  hfast cache verify
  hfast cache verify org/name --repair
  hfast cache verify org/name --local-dir ./name --repair

Every file is read and hashed. Of a file that hfast wrote or has verified before, only the blocks
that are wrong are fetched again; of another, what lies before the first wrong byte as well. The
exit code is 8 while something is damaged.";
