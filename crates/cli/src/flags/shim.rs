//! The command line of `hfast shim`: names, types and help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::OutputFlags;

#[derive(Args, Debug)]
pub(crate) struct ShimFlags {
    #[command(subcommand)]
    pub(crate) command: ShimCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ShimCommand {
    /// Make links to hfast by the names of the official tools
    #[command(after_help = EXAMPLES)]
    Install(Box<LinkFlags>),
    /// Take them away again
    Remove(Box<LinkFlags>),
}

impl ShimCommand {
    pub(crate) fn flags(&self) -> &LinkFlags {
        match self {
            Self::Install(flags) | Self::Remove(flags) => flags,
        }
    }
}

#[derive(Args, Debug)]
pub(crate) struct LinkFlags {
    #[arg(
        value_name = "DIR",
        help = "A folder in your PATH, before that of the official tools"
    )]
    pub(crate) folder: PathBuf,

    /// Only this name: hf or huggingface-cli; repeatable [default: both]
    #[arg(
        long = "name",
        value_enum,
        hide_possible_values = true,
        value_name = "NAME"
    )]
    pub(crate) names: Vec<Names>,

    /// Replace, or take away, what has the name and is not a link to hfast
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

/// The tools that hfast can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Names {
    Hf,
    HuggingfaceCli,
}

impl Names {
    pub(crate) const ALL: [Self; 2] = [Self::Hf, Self::HuggingfaceCli];

    pub(crate) fn file(self) -> String {
        let name = match self {
            Self::Hf => "hf",
            Self::HuggingfaceCli => "huggingface-cli",
        };
        format!("{name}{}", std::env::consts::EXE_SUFFIX)
    }
}

const EXAMPLES: &str = "\
Examples:
  hfast shim install ~/.local/bin
  hfast shim install ./bin --name huggingface-cli
  hfast shim remove ~/.local/bin

By such a name hfast reads the flags of that tool and prints what it prints: `hf` as of 2.4,
`huggingface-cli` as of 0.36. What it does not speak says what does it.";
