//! What an examination found, as values: one finding for each thing that was looked at, and the one
//! that is at fault. Pure.

use std::time::Duration;

use crate::error::ErrorKind;
use crate::hub::token::Token;
use crate::text::printable;

/// What was looked at, in the order in which one thing rests on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The settings themselves.
    Settings,
    /// The way through a proxy.
    Proxy,
    /// The addresses of a name.
    Dns,
    /// Connections to these addresses.
    Tcp,
    /// The clock of this machine.
    Clock,
    /// The handshake and the certificate.
    Tls,
    /// Whether a Hub answers.
    Endpoint,
    /// How often it may still be asked.
    RateLimit,
    /// The access token.
    Token,
    /// The repository, and whether it may be read.
    Repository,
    /// The list of its files.
    Listing,
    /// The headers of a file.
    Headers,
    /// The bytes of a file, and the host they come from.
    Data,
    /// The host of the xet protocol.
    Xet,
    /// The disk that files go to.
    Cache,
}

impl Check {
    /// A short name, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Proxy => "proxy",
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Clock => "clock",
            Self::Tls => "tls",
            Self::Endpoint => "endpoint",
            Self::RateLimit => "rate-limit",
            Self::Token => "token",
            Self::Repository => "repository",
            Self::Listing => "listing",
            Self::Headers => "headers",
            Self::Data => "data",
            Self::Xet => "xet",
            Self::Cache => "cache",
        }
    }

    /// What people call it.
    pub fn described(self) -> &'static str {
        match self {
            Self::Settings => "the settings",
            Self::Proxy => "the proxy",
            Self::Dns => "DNS (the addresses of a name)",
            Self::Tcp => "TCP (the connection)",
            Self::Clock => "the clock",
            Self::Tls => "TLS (handshake and certificate)",
            Self::Endpoint => "the endpoint",
            Self::RateLimit => "the rate limit",
            Self::Token => "the access token",
            Self::Repository => "the repository",
            Self::Listing => "the list of files",
            Self::Headers => "the headers of files",
            Self::Data => "the data path",
            Self::Xet => "the xet host",
            Self::Cache => "the disk",
        }
    }
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Downloads work, but worse than they could, or not all of them.
    Warning,
    /// It keeps downloads from working.
    Fault,
    /// It was not looked at, or there is nothing to see.
    Skipped,
}

impl Verdict {
    /// A short name, which does not change.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
            Self::Skipped => "skipped",
        }
    }
}

/// One thing that was looked at. Its texts are single lines that may be shown to anybody: they hold
/// no token, no password and no query of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// The endpoint on whose account it was; `None` for what belongs to this machine.
    pub endpoint: Option<String>,
    /// The host, the folder or the repository in question.
    pub subject: String,
    /// How it is.
    pub verdict: Verdict,
    /// What kind of failure a download would meet; only for faults.
    pub kind: Option<ErrorKind>,
    /// What was seen.
    pub seen: String,
    /// What to do, one way in each line.
    pub advice: Vec<String>,
    /// More of what was seen, for reports.
    pub details: Vec<String>,
}

impl Finding {
    fn new(check: Check, subject: &str, verdict: Verdict, seen: impl Into<String>) -> Self {
        Self {
            check,
            endpoint: None,
            subject: subject.to_owned(),
            verdict,
            kind: None,
            seen: seen.into(),
            advice: Vec::new(),
            details: Vec::new(),
        }
    }

    pub(super) fn ok(check: Check, subject: &str, seen: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Ok, seen)
    }

    pub(super) fn warning(check: Check, subject: &str, seen: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Warning, seen)
    }

    pub(super) fn skipped(check: Check, subject: &str, seen: impl Into<String>) -> Self {
        Self::new(check, subject, Verdict::Skipped, seen)
    }

    pub(super) fn fault(
        check: Check,
        kind: ErrorKind,
        subject: &str,
        seen: impl Into<String>,
    ) -> Self {
        Self {
            kind: Some(kind),
            ..Self::new(check, subject, Verdict::Fault, seen)
        }
    }

    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    pub(super) fn advise_all(mut self, advice: impl IntoIterator<Item = String>) -> Self {
        self.advice.extend(advice);
        self
    }

    pub(super) fn detail(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// No longer a fault, since downloads do not need it.
    pub(super) fn lessened(mut self) -> Self {
        if self.verdict == Verdict::Fault {
            self.verdict = Verdict::Warning;
            self.kind = None;
        }
        self
    }

    /// The same with nothing in it that could be secret or drive a terminal. Servers repeat what they
    /// were sent.
    fn safe(mut self, token: Option<&Token>) -> Self {
        let texts = [&mut self.subject, &mut self.seen];
        let lists = self.advice.iter_mut().chain(&mut self.details);
        for text in texts.into_iter().chain(lists) {
            let masked = token.map_or_else(|| text.clone(), |token| token.masked_in(text));
            *text = printable(&masked);
        }
        self
    }
}

/// The findings, in the order in which one thing rests on another, for one endpoint after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// All of them.
    pub findings: Vec<Finding>,
    /// The endpoints through which a download would work, most wanted first.
    pub working: Vec<String>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Report {
    pub(super) fn new(
        findings: Vec<Finding>,
        working: Vec<String>,
        token: Option<&Token>,
        elapsed: Duration,
    ) -> Self {
        let findings = findings.into_iter().map(|finding| finding.safe(token));
        Self {
            findings: findings.collect(),
            working,
            elapsed,
        }
    }

    /// What is at fault: the first fault, since the later ones may follow from it.
    pub fn fault(&self) -> Option<&Finding> {
        let mut all = self.findings.iter();
        all.find(|finding| finding.verdict == Verdict::Fault)
    }

    /// The result in one sentence.
    pub fn summary(&self) -> String {
        let Some(fault) = self.fault() else {
            let warnings = self.findings.iter();
            let warnings = warnings.filter(|f| f.verdict == Verdict::Warning).count();
            let but = match warnings {
                0 => String::new(),
                1 => "; 1 warning".to_owned(),
                many => format!("; {many} warnings"),
            };
            let through = match self.working.as_slice() {
                [] => String::new(),
                names => format!(" through {}", names.join(" and ")),
            };
            return format!("nothing is at fault: downloads should work{through}{but}");
        };
        let works = self
            .working
            .first()
            .filter(|name| fault.endpoint.as_ref().is_some_and(|own| own != *name))
            .map_or_else(String::new, |name| format!("; {name} works"));
        format!(
            "at fault: {}, {}: {}{works}",
            fault.check.described(),
            fault.subject,
            fault.seen
        )
    }
}
