//! From what was seen to what is at fault. Pure: each file below judges one part.
//!
//! What rests on something broken is not blamed: it counts as not looked at.

mod address;
mod answer;
mod cache;
mod clock;
mod data;
mod name;
mod proxy;
#[cfg(test)]
mod tests;
mod tls;
mod token;
mod ways;
mod words;

use super::finding::{Check, Finding, Verdict};
use super::seen::{EndpointSeen, Seen};
use super::{DEFAULT_REPO, Examination};
use crate::error::{Error, ErrorKind};
use crate::names::{Repo, Revision};

/// What the rules know beside what was seen of one endpoint.
struct Context<'a> {
    examination: &'a Examination,
    repo: &'a Repo,
    revision: &'a Revision,
    /// Nobody named the repository.
    is_default: bool,
}

/// The findings in their order, and the endpoints through which a download would work.
pub(super) fn judge(examination: &Examination, seen: &Seen) -> (Vec<Finding>, Vec<String>) {
    let mut findings = Vec::new();
    let mut working: Vec<String> = Vec::new();
    let repo = examination.repo();
    match (&seen.endpoints, &repo) {
        _ if examination.offline => findings.push(offline(examination)),
        (Err(error), _) => findings.push(unusable(error)),
        (Ok(_), None) => {}
        (Ok(endpoints), Some((repo, revision))) => {
            let context = Context {
                examination,
                repo,
                revision,
                is_default: examination.repo.is_none(),
            };
            for seen in endpoints {
                let own = endpoint(seen, &context);
                let works = own.iter().all(|f| f.verdict != Verdict::Fault);
                let name = seen.endpoint.to_string();
                // Behind one that works, it is a reserve.
                let lessened = !working.is_empty();
                findings.extend(own.into_iter().map(|finding| Finding {
                    endpoint: Some(name.clone()),
                    ..if lessened {
                        finding.lessened()
                    } else {
                        finding
                    }
                }));
                working.extend(works.then_some(name));
            }
        }
    }
    findings.push(cache::judge(examination, seen.disk.as_ref()));
    (findings, working)
}

/// All that is said about one endpoint.
fn endpoint(seen: &EndpointSeen, context: &Context<'_>) -> Vec<Finding> {
    let mut findings = vec![proxy::judge(seen, context)];
    findings.push(name::judge(seen, context));
    findings.push(ways::judge(seen, context));
    findings.extend(clock::judge(seen));
    findings.push(tls::judge(seen, context));
    let is_broken = |all: &[Finding]| all.iter().any(|f| f.verdict == Verdict::Fault);
    findings.extend(answer::judge(seen, context, is_broken(&findings)));
    findings.push(token::judge(seen, context));
    if !is_broken(&findings) {
        findings.extend(answer::repository(seen, context));
    }
    findings.extend(data::judge(seen, context));
    findings
}

fn offline(examination: &Examination) -> Finding {
    let setting = examination.sources.offline.as_deref();
    let setting = setting.unwrap_or("HF_HUB_OFFLINE");
    let seen = format!("{setting} switches the network off: no server is asked for anything");
    Finding::fault(Check::Settings, ErrorKind::Usage, "network", seen)
        .advise(format!("unset {setting}"))
}

fn unusable(error: &Error) -> Finding {
    let cause = std::error::Error::source(error);
    let cause = cause.map_or_else(String::new, |cause| format!(": {cause}"));
    let seen = format!("{error}{cause}");
    let finding = Finding::fault(Check::Settings, error.kind(), "network", &seen);
    if seen.contains("No CA certificates") {
        return finding
            .advise("install the package ca-certificates of this system")
            .advise("or name a file of certificates: SSL_CERT_FILE=/path/to/certificates.pem");
    }
    finding.advise_all(error.hint().map(str::to_owned))
}

/// What a person would call it: the repository that was named, or the usual one.
fn named(context: &Context<'_>) -> String {
    if context.is_default {
        format!("{} (none was named)", context.repo)
    } else {
        context.repo.to_string()
    }
}
