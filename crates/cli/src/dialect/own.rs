//! The commands of hfast that both official tools ask for by flags of their own. Pure.

use crate::flags::auth::{
    AuthCommand, ListFlags, LoginFlags, LogoutFlags, SwitchFlags, WhoamiFlags,
};
use crate::flags::{NetworkFlags, OutputFlags};

/// The network as it is set, with a token where one was given.
pub(super) fn network(token: Option<String>) -> NetworkFlags {
    NetworkFlags {
        token,
        ..NetworkFlags::default()
    }
}

/// Logs in; `git`: git is told, too; `force`: also who is logged in.
pub(super) fn login(
    token: Option<String>,
    (git, force): (bool, bool),
    output: OutputFlags,
) -> AuthCommand {
    AuthCommand::Login(Box::new(LoginFlags {
        name: None,
        add_to_git_credential: git,
        force,
        network: network(token),
        output,
    }))
}

pub(super) fn logout(name: Option<String>, output: OutputFlags) -> AuthCommand {
    AuthCommand::Logout(Box::new(LogoutFlags {
        name,
        token_name: None,
        output,
    }))
}

pub(super) fn switch(name: Option<String>, git: bool, output: OutputFlags) -> AuthCommand {
    AuthCommand::Switch(Box::new(SwitchFlags {
        name,
        token_name: None,
        add_to_git_credential: git,
        output,
    }))
}

pub(super) fn list(output: OutputFlags) -> AuthCommand {
    AuthCommand::List(Box::new(ListFlags { output }))
}

pub(super) fn token(output: OutputFlags) -> AuthCommand {
    AuthCommand::Token(Box::new(ListFlags { output }))
}

pub(super) fn whoami(output: OutputFlags) -> AuthCommand {
    AuthCommand::Whoami(Box::new(WhoamiFlags {
        network: network(None),
        output,
    }))
}
