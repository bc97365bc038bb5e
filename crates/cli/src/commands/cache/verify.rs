//! `hfast cache verify`: whether what lies on the disk is right, and how it becomes right.

use std::sync::Arc;

use hfast::client::{AuditRequest, Target};
use hfast::hub::target::RepoTarget;
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind};

use crate::commands::download::revision;
use crate::commands::{Session, Stop};
use crate::exit;
use crate::flags::cache::VerifyFlags;
use crate::output::audit::Outcome;
use crate::settings::Settings;

pub(super) async fn run(flags: &VerifyFlags, session: &mut Session) -> Result<u8, Stop> {
    let named = flags.repo.as_deref();
    let named = named.map(|text| RepoTarget::parse(text, session.settings.repo_type));
    let named = named.transpose()?;
    let endpoint = named.as_ref().and_then(|named| named.endpoint.clone());
    let request = request(flags, named, &session.settings)?;
    let client = session.client(endpoint.as_ref())?;
    let progress = Arc::new(Progress::default());
    session.keeps_files = false;
    let looked = Box::pin(client.audit(&request, &progress));
    let audit = session.watch(&progress, looked).await?;
    let mut repaired = None;
    if flags.repair && !audit.is_right() {
        session.keeps_files = true;
        let progress = Arc::new(Progress::default());
        let work = Box::pin(client.repair(&request.target, &audit, &progress));
        repaired = Some(session.watch(&progress, work).await?);
    }
    let code = match &repaired {
        Some(repaired) => {
            let codes = repaired.iter().map(|it| match &it.outcome {
                Ok(report) => exit::code_of_report(report),
                Err(error) => exit::code(error.kind()),
            });
            codes.max().unwrap_or(exit::SUCCESS)
        }
        None if audit.is_right() => exit::SUCCESS,
        None => exit::code(ErrorKind::Integrity),
    };
    let outcome = Outcome {
        audit: &audit,
        repaired: repaired.as_deref(),
        repair: format!("{} --repair", session.resume),
    };
    session.output.audit(&outcome, code)?;
    Ok(code)
}

fn request(
    flags: &VerifyFlags,
    named: Option<RepoTarget>,
    settings: &Settings,
) -> Result<AuditRequest, Error> {
    let target = match (&flags.local_dir, &flags.cache_dir) {
        (Some(folder), _) => Target::LocalDir(settings.folder(folder)?),
        (None, Some(root)) => Target::Cache(settings.folder(root)?),
        (None, None) => Target::Cache(settings.folder(&settings.hub_cache)?),
    };
    let asked = flags.revision.as_deref();
    let (repo, revision) = match named {
        Some(named) if asked.is_some() || named.revision.is_some() => {
            (Some(named.repo), Some(revision(asked, named.revision)?))
        }
        named => (named.map(|named| named.repo), None),
    };
    Ok(AuditRequest {
        target,
        repo,
        revision,
    })
}
