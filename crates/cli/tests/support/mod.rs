//! Runs the real `hfast` in an empty home, beside a Hub on loopback. No test needs the internet.
#![allow(dead_code, reason = "not every test file uses all of it")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[cfg(unix)]
pub(crate) mod cache;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use hfast_testkit::corpus::Repo;
use hfast_testkit::hub::{FakeHub, Options};
use hfast_testkit::loopback::Loopback;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What differs from run to run: times, speeds, and whom the system names how.
pub(crate) const FILTERS: [(&str, &str); 3] = [
    (
        r"in [0-9.:]+m?s? \([0-9.]+[BKMG]/s\)",
        "in [TIME] ([RATE]/s)",
    ),
    (r"127\.0\.0\.1:\d+", "[ADDRESS]"),
    (r#""elapsed_ms":\d+"#, r#""elapsed_ms":0"#),
];

/// Compares with an inline snapshot, leaving out what differs from run to run.
#[macro_export]
macro_rules! snapshot {
    ($actual:expr, @$expected:literal) => {
        insta::with_settings!({ filters => $crate::support::FILTERS.to_vec() }, {
            insta::assert_snapshot!($actual, @$expected);
        });
    };
}

/// A home folder and the variables of a run.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            folder,
            variables: Vec::new(),
        }
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// The command, in the home folder, with nothing of the environment of the tests.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hfast"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.path())
            // What is learnt of networks stays here, too.
            .env("XDG_RUNTIME_DIR", self.path())
            .envs(self.variables.iter().cloned())
            .current_dir(self.path())
            .stdin(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::arg0(&mut command, "hfast");
        command
    }

    /// Runs it to its end by another name, as a link to it would have.
    #[cfg(unix)]
    pub(crate) fn run_as(&self, name: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        std::os::unix::process::CommandExt::arg0(&mut command, name);
        self.done(&command.output().unwrap())
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.done(&self.command(arguments).output().unwrap())
    }

    pub(crate) fn done(&self, output: &Output) -> Run {
        let home = self.path().to_string_lossy().into_owned();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&home, "[HOME]");
        Run {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// How a run ended, and what it said; `[HOME]` stands for the home folder.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Exit code and both streams, for snapshots.
    pub(crate) fn all(&self) -> String {
        let code = self
            .code
            .map_or_else(|| "by signal".to_owned(), |code| code.to_string());
        format!(
            "exit {code}\n--- stdout\n{}--- stderr\n{}",
            self.stdout, self.stderr
        )
    }
}

/// A Hub that is served as long as this lives.
pub(crate) struct Hub {
    pub(crate) loopback: Loopback,
    _runtime: Runtime,
}

impl Hub {
    pub(crate) fn serving(repos: Vec<Repo>) -> Self {
        Self::with_options(repos, Options::default())
    }

    pub(crate) fn with_options(repos: Vec<Repo>, options: Options) -> Self {
        let runtime = Runtime::new().unwrap();
        let hub = FakeHub::with_options(repos, options);
        let loopback = runtime.block_on(Loopback::start(hub)).unwrap();
        Self {
            loopback,
            _runtime: runtime,
        }
    }

    pub(crate) fn hub(&self) -> &FakeHub {
        self.loopback.hub()
    }

    /// A home in which this Hub is the Hub.
    pub(crate) fn home(&self) -> Home {
        Home::new().with("HF_ENDPOINT", &self.loopback.endpoint())
    }
}
