//! The command line of `hfast auth`: names, types and help texts.

use clap::{Args, Subcommand};

use super::{NetworkFlags, OutputFlags};

#[derive(Args, Debug)]
pub(crate) struct AuthFlags {
    #[command(subcommand)]
    pub(crate) command: AuthCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuthCommand {
    /// Keep an access token where all programs that use the Hub find it
    #[command(after_help = LOGIN_EXAMPLES)]
    Login(Box<LoginFlags>),
    /// Forget one token that was kept, or all of them
    #[command(after_help = LOGOUT_EXAMPLES)]
    Logout(Box<LogoutFlags>),
    /// Ask the Hub whose the token in use is
    Whoami(Box<WhoamiFlags>),
    /// List the tokens that are kept; the one in use has a star
    #[command(visible_alias = "ls")]
    List(Box<ListFlags>),
    /// Use another of the tokens that are kept
    Switch(Box<SwitchFlags>),
    /// Print the token in use
    #[command(after_help = TOKEN_EXAMPLES)]
    Token(Box<ListFlags>),
}

#[derive(Args, Debug)]
pub(crate) struct LoginFlags {
    /// Keep it under this name [default: the one that it has on the Hub]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Tell the token to git as well, by its credential helper
    #[arg(long)]
    pub(crate) add_to_git_credential: bool,

    #[arg(long, hide = true)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct LogoutFlags {
    #[arg(
        value_name = "NAME",
        help = "Forget this one alone [default: all of them]"
    )]
    pub(crate) name: Option<String>,

    #[arg(long, hide = true, value_name = "NAME", conflicts_with = "name")]
    pub(crate) token_name: Option<String>,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct WhoamiFlags {
    #[command(flatten)]
    pub(crate) network: NetworkFlags,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct ListFlags {
    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

#[derive(Args, Debug)]
pub(crate) struct SwitchFlags {
    #[arg(
        value_name = "NAME",
        help = "The name of the token, as `hfast auth list` has it"
    )]
    pub(crate) name: Option<String>,

    #[arg(long, hide = true, value_name = "NAME", conflicts_with = "name")]
    pub(crate) token_name: Option<String>,

    /// Tell the token to git as well, by its credential helper
    #[arg(long)]
    pub(crate) add_to_git_credential: bool,

    #[command(flatten)]
    pub(crate) output: OutputFlags,
}

const LOGIN_EXAMPLES: &str = "\
Examples:
  hfast auth login
  hfast auth login < token.txt
  hfast auth login --endpoint https://hub.example --name work

The token is asked for, and not shown, or read from standard input. The first endpoint that knows
its users is asked whose it is before it is kept, in the two files of the official clients, which
only you can read. Tokens are made at https://huggingface.co/settings/tokens.";

const LOGOUT_EXAMPLES: &str = "\
Examples:
  hfast auth logout laptop
  hfast auth logout

The token itself stays valid: whoever has a copy can use it until you delete it at
https://huggingface.co/settings/tokens.";

const TOKEN_EXAMPLES: &str = "\
Examples:
  export HF_TOKEN=$(hfast auth token)";
