//! The command under test: starting it, what it left behind, and what it reported.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A lab of a test: its name, which no other lab on this machine has.
pub(crate) struct Named {
    pub(crate) name: String,
}

/// An experiment that ended.
pub(crate) struct Ran {
    pub(crate) status: u8,
    pub(crate) said: String,
    report: Option<Value>,
}

impl Named {
    pub(crate) fn new(case: &str) -> Self {
        let name = format!("nlt{}-{case}", std::process::id());
        Self { name }
    }

    /// `netlab VERB --name NAME`, to which words can be added.
    pub(crate) fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netlab"));
        command.args([verb, "--name", &self.name]);
        command
    }

    pub(crate) fn output(&self, verb: &str, words: &[&str]) -> Output {
        self.command(verb).args(words).output().unwrap()
    }

    /// Runs an experiment, and checks that nothing is left of it.
    pub(crate) fn run(&self, words: &[&str]) -> Ran {
        let folder = tempfile::tempdir().unwrap();
        let json = folder.path().join("report.json");
        let path = json.to_str().unwrap();
        let output = self.output("run", &[words, &["--json", path]].concat());
        self.assert_gone();
        let report = std::fs::read_to_string(&json).ok();
        Ran {
            status: u8::try_from(output.status.code().expect("an exit status")).unwrap(),
            said: String::from_utf8(output.stderr).unwrap(),
            report: report.map(|text| serde_json::from_str(&text).unwrap()),
        }
    }

    /// Runs a download of so many bytes from `host` over a profile with changed settings.
    pub(crate) fn download(&self, profile: &str, changes: &[&str], host: &str, bytes: u64) -> Ran {
        let own = std::env::current_exe().unwrap();
        let own = own.to_str().unwrap();
        let server = format!("exec {own} serve {bytes}");
        let client = format!("{own} fetch {host} {bytes}");
        let ends = ["--server-cmd", &server, "--client-cmd", &client];
        let fixed = [
            "--profile",
            profile,
            "--wait-port",
            "8000",
            "--time-limit",
            "60",
        ];
        self.run(&[&fixed[..], &ends[..], changes].concat())
    }

    /// Whether there is a namespace of this lab.
    pub(crate) fn exists(&self) -> bool {
        ["client", "server"].iter().any(|end| {
            let space = format!("netlab-{}-{end}", self.name);
            Path::new("/run/netns").join(&space).exists()
                || Path::new("/etc/netns").join(&space).exists()
        })
    }

    /// Checks that neither namespaces nor files are left.
    pub(crate) fn assert_gone(&self) {
        assert!(!self.exists(), "namespaces of {} are left", self.name);
        let folder = Path::new("/run/netlab");
        for entry in folder.read_dir().unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            let own = format!("{}.", self.name);
            assert!(!file.starts_with(&own), "{file} is left");
        }
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // Also after a test that failed half-way.
        let _ = self.command("down").output();
    }
}

impl Ran {
    /// A number of the report, by its JSON pointer.
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        let report = self.report.as_ref().expect("a report");
        let number = report.pointer(pointer).and_then(Value::as_f64);
        number.unwrap_or_else(|| panic!("no {pointer} in {report}"))
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        let report = self.report.as_ref().expect("a report");
        let text = report.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no {pointer} in {report}"))
    }
}
