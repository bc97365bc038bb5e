//! The only reader of the environment. What the customary variables mean is written in the library.

use std::cell::RefCell;
use std::env::VarError;
use std::ffi::OsString;
use std::path::PathBuf;

use hfast::doctor::Sources;
use hfast::environment::Environment;
use hfast::{Error, ErrorKind};

/// Everything the program takes from its environment.
#[derive(Debug)]
pub(crate) struct Env {
    /// The customary variables of the official clients.
    pub(crate) hub: Environment,
    /// Which of them are set.
    pub(crate) sources: Sources,
    /// The user's home.
    pub(crate) home: Option<PathBuf>,
    /// `HFAST_CONFIG`: a file that must be there.
    pub(crate) config: Option<PathBuf>,
    /// Where the settings file is when no one named it; it need not be there.
    pub(crate) default_config: Option<PathBuf>,
    /// `HFAST_LIMIT_RATE`, not parsed yet.
    pub(crate) limit_rate: Option<String>,
    /// `XDG_RUNTIME_DIR`: where processes of this user on this machine find each other.
    pub(crate) runtime: Option<PathBuf>,
    /// `PATH`.
    pub(crate) path: Option<OsString>,
    /// `TERM=dumb`: the cursor cannot be moved.
    pub(crate) dumb_terminal: bool,
}

/// Whether nobody said `NO_COLOR`, for what is printed before the rest of the environment is known.
pub(crate) fn is_coloured() -> bool {
    !matches!(text("NO_COLOR"), Ok(value) if !value.is_empty())
}

impl Env {
    pub(crate) fn read() -> Result<Self, Error> {
        // A path that is left out silently would put hundreds of gigabytes elsewhere.
        let garbled = RefCell::new(None);
        let text = |name: &str| match text(name) {
            Err(VarError::NotUnicode(_)) => {
                garbled.borrow_mut().get_or_insert_with(|| name.to_owned());
                None
            }
            found => found.ok(),
        };
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        let config_home = path("XDG_CONFIG_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(home.as_deref()?.join(".config")));
        let env = Self {
            hub: Environment::read(text, home.as_deref())?,
            sources: Sources::of_variables(text),
            home,
            config: path("HFAST_CONFIG"),
            default_config: config_home.map(|home| home.join("hfast").join("config.toml")),
            limit_rate: text("HFAST_LIMIT_RATE").filter(|text| !text.trim().is_empty()),
            runtime: path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute()),
            path: path("PATH").map(PathBuf::into_os_string),
            dumb_terminal: text("TERM").is_some_and(|term| term == "dumb"),
        };
        match garbled.into_inner() {
            Some(name) => Err(Error::new(
                ErrorKind::Usage,
                format!("the variable {name} is not UTF-8"),
            )),
            None => Ok(env),
        }
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn text(name: &str) -> Result<String, VarError> {
    std::env::var(name)
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
