//! The command line of `hfast doctor`: names, types and help texts.

use std::path::PathBuf;

use clap::Args;

use super::{NetworkFlags, OutputFlags};

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

pub(super) const DOCTOR_EXAMPLES: &str = "\
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
