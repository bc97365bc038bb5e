//! The command line of `hfast sources`: names, types and help texts.

use clap::Args;

use super::{ChoiceFlags, FurtherFlags, NetworkFlags, OutputFlags};

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

pub(super) const SOURCES_EXAMPLES: &str = "\
Examples:
  hfast sources org/name --source modelscope --source /mnt/usb/name
  hfast sources org/name --mirror --include '*.safetensors'
  hfast sources org/name --source https://mirror.example --json

It asks the sources that a download would use: endpoints and --source, by flag, variable or settings
file. The table is on stdout; no token and no signed address is in it. A few MiB are fetched from
each and thrown away, whatever --limit-rate says. The exit code is 0 if one source has everything,
else that of what is wrong with the first one.";
