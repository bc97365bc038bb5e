//! What `hfast doctor` prints: a line for each thing that was looked at, what to do below it, and the
//! result in one sentence; or one JSON document. Pure.
//!
//! The field names are part of the interface. Only ASCII beside the names, as elsewhere.

use hfast::doctor::{Finding, Report, Verdict};
use serde::Serialize;

use super::text::{padded, printable};

/// As wide as the widest mark, and the longest name of a check.
const MARK: usize = 7;
const NAME: usize = 10;

/// The lines for people; with `quiet` only those that something follows from.
pub(crate) fn lines(report: &Report, quiet: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let mut endpoint = None;
    let several = {
        let mut names: Vec<_> = report
            .findings
            .iter()
            .filter_map(|f| f.endpoint.as_ref())
            .collect();
        names.dedup();
        names.len() > 1
    };
    for finding in &report.findings {
        let counts = matches!(finding.verdict, Verdict::Warning | Verdict::Fault);
        if quiet && !counts {
            continue;
        }
        if several && finding.endpoint != endpoint {
            let heading = finding.endpoint.as_deref().unwrap_or("this machine");
            lines.push(format!("{heading}:"));
            endpoint.clone_from(&finding.endpoint);
        }
        lines.push(line(finding));
        let wanted = counts || finding.verdict == Verdict::Ok;
        let advice = finding.advice.iter().filter(|_| wanted);
        lines.extend(
            advice.map(|text| format!("{:width$}-> {}", "", printable(text), width = MARK + 2)),
        );
    }
    lines.push(report.summary());
    lines
}

fn line(finding: &Finding) -> String {
    let mark = match finding.verdict {
        Verdict::Ok => "ok",
        Verdict::Warning => "warning",
        Verdict::Fault => "FAULT",
        Verdict::Skipped => "-",
    };
    format!(
        "{}  {}  {}: {}",
        padded(mark, MARK),
        padded(finding.check.name(), NAME),
        printable(&finding.subject),
        printable(&finding.seen)
    )
}

/// The whole report.
#[derive(Serialize)]
pub(crate) struct ReportJson<'a> {
    /// The version of hfast.
    hfast: &'static str,
    /// Operating system and processor.
    system: String,
    /// The worst of all: `ok`, `warning` or `fault`.
    verdict: &'static str,
    /// The check that is at fault.
    fault: Option<&'static str>,
    summary: String,
    exit_code: u8,
    elapsed_ms: u64,
    /// The endpoints that work.
    working: &'a [String],
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    check: &'static str,
    endpoint: Option<&'a str>,
    subject: &'a str,
    verdict: &'static str,
    seen: &'a str,
    advice: &'a [String],
    details: &'a [String],
}

pub(crate) fn document(report: &Report, exit_code: u8) -> ReportJson<'_> {
    let is = |verdict: Verdict| report.findings.iter().any(|f| f.verdict == verdict);
    let worst = [Verdict::Fault, Verdict::Warning]
        .into_iter()
        .find(|v| is(*v));
    let findings = report.findings.iter().map(|finding| FindingJson {
        check: finding.check.name(),
        endpoint: finding.endpoint.as_deref(),
        subject: &finding.subject,
        verdict: finding.verdict.name(),
        seen: &finding.seen,
        advice: &finding.advice,
        details: &finding.details,
    });
    ReportJson {
        hfast: env!("CARGO_PKG_VERSION"),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        verdict: worst.unwrap_or(Verdict::Ok).name(),
        fault: report.fault().map(|fault| fault.check.name()),
        summary: report.summary(),
        exit_code,
        elapsed_ms: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
        working: &report.working,
        findings: findings.collect(),
    }
}
