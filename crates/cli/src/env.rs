//! The only reader of the environment. What the customary variables mean is written in the library.

use std::path::PathBuf;

use hfast::Error;
use hfast::environment::Environment;

/// Everything the program takes from its environment.
#[derive(Debug)]
pub(crate) struct Env {
    /// The customary variables of the official clients.
    pub(crate) hub: Environment,
    /// The user's home.
    pub(crate) home: Option<PathBuf>,
    /// `HFAST_CONFIG`: a file that must be there.
    pub(crate) config: Option<PathBuf>,
    /// Where the settings file is when no one named it; it need not be there.
    pub(crate) default_config: Option<PathBuf>,
    /// `TERM=dumb`: the cursor cannot be moved.
    pub(crate) dumb_terminal: bool,
}

impl Env {
    pub(crate) fn read() -> Result<Self, Error> {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let config_home = path("XDG_CONFIG_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(home.as_deref()?.join(".config")));
        Ok(Self {
            hub: Environment::read(text, home.as_deref())?,
            home,
            config: path("HFAST_CONFIG"),
            default_config: config_home.map(|home| home.join("hfast").join("config.toml")),
            dumb_terminal: text("TERM").is_some_and(|term| term == "dumb"),
        })
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
