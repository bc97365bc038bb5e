//! Each fault that an examination tells from the others, brought about on real sockets and disks.
//!
//! What the rules make of what is seen, in all its cases, is tested beside them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod answers;
mod bytes;
mod certificates;
mod disk;
mod names;
mod secure;
#[path = "../support/mod.rs"]
mod support;
mod ways;

use std::net::SocketAddr;
use std::time::Duration;

use hfast::doctor::{Check, Examination, Finding, Report, Sources, Verdict, examine};
use hfast::transfer::progress::Progress;
use hfast::transport::http::HttpOptions;
use hfast::transport::lookup::Lookup;
use hfast::{Repo, RepoId, RepoType, Revision};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// What the command promises.
const LIMIT: Duration = Duration::from_secs(20);

/// An examination of one endpoint, and of a folder that is as it should be.
pub(crate) struct Patient {
    pub(crate) examination: Examination,
    folder: TempDir,
}

impl Patient {
    pub(crate) fn new(endpoint: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        let examination = Examination {
            endpoints: vec![endpoint.parse().unwrap()],
            repo: Some((repo, Revision::default())),
            token: None,
            http: HttpOptions::default(),
            folder: folder.path().to_owned(),
            symlinks: true,
            offline: false,
            sources: Sources {
                endpoints: Some("--endpoint".to_owned()),
                token: Some("HF_TOKEN".to_owned()),
                ..Sources::default()
            },
            lookup: Lookup::default(),
        };
        Self {
            examination,
            folder,
        }
    }

    /// Every name has these addresses.
    #[must_use]
    pub(crate) fn at(mut self, addresses: &[SocketAddr]) -> Self {
        let addresses = addresses.to_vec();
        self.examination.lookup = Lookup::new(move |_| {
            let addresses = addresses.clone();
            async move { Ok(addresses) }
        });
        self
    }

    /// These certificates, which are PEM, are trusted too.
    #[must_use]
    pub(crate) fn trusting(mut self, pem: &[u8]) -> Self {
        self.examination.http.extra_certificates = pem.to_vec();
        self
    }

    pub(crate) async fn examined(self) -> Report {
        let report = examine(self.examination, &Progress::default()).await;
        assert!(report.elapsed < LIMIT, "{report:#?}");
        drop(self.folder);
        report
    }
}

/// An address where nobody listens, and nobody else will as long as the socket lives: other tests get
/// their ports at the same time.
pub(crate) fn nobody() -> (SocketAddr, TcpSocket) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

/// The finding of this check.
#[track_caller]
pub(crate) fn of(report: &Report, check: Check) -> &Finding {
    let found = report
        .findings
        .iter()
        .find(|finding| finding.check == check);
    found.unwrap_or_else(|| panic!("nothing is said of {check:?}: {report:#?}"))
}

/// This check alone is at fault; each of `words` is in what was seen or in the advice.
#[track_caller]
pub(crate) fn assert_fault(report: &Report, check: Check, words: &[&str]) {
    let fault = report
        .fault()
        .unwrap_or_else(|| panic!("no fault: {report:#?}"));
    assert_eq!(fault.check, check, "{report:#?}");
    assert!(
        fault.kind.is_some() && !fault.advice.is_empty(),
        "{fault:#?}"
    );
    let summary = report.summary();
    assert!(summary.contains(check.described()), "{summary}");
    let faults = report
        .findings
        .iter()
        .filter(|f| f.verdict == Verdict::Fault);
    assert_eq!(faults.count(), 1, "{report:#?}");
    assert_words(fault, words);
}

/// This is no fault, but a warning that says so.
#[track_caller]
pub(crate) fn assert_warning(report: &Report, check: Check, words: &[&str]) {
    let finding = of(report, check);
    assert_eq!(finding.verdict, Verdict::Warning, "{report:#?}");
    assert_eq!(report.fault(), None, "{report:#?}");
    assert_words(finding, words);
}

#[track_caller]
fn assert_words(finding: &Finding, words: &[&str]) {
    let said = format!("{}\n{}", finding.seen, finding.advice.join("\n"));
    for word in words {
        assert!(said.contains(word), "no {word:?} in {finding:#?}");
    }
}
