//! `hfast doctor`: what keeps downloads from working, and what changes it.

use hfast::Error;
use hfast::doctor::{Examination, examine};
use hfast::hub::target::RepoTarget;
use hfast::hub::urls::Endpoint;
use hfast::transfer::progress::Progress;
use hfast::transport::lookup::Lookup;

use super::download::revision;
use super::{Session, Stop};
use crate::exit;
use crate::flags::DoctorFlags;

pub(crate) async fn run(flags: &DoctorFlags, session: &mut Session) -> Result<u8, Stop> {
    session.keeps_files = false;
    session.output.tell_each_step();
    let examination = examination(flags, session)?;
    let progress = Progress::default();
    let work = Box::pin(async { Ok(examine(examination, &progress).await) });
    let report = session.watch(&progress, work).await?;
    let fault = report.fault().and_then(|fault| fault.kind);
    let code = fault.map_or(exit::SUCCESS, exit::code);
    session.output.examination(&report, code)?;
    Ok(code)
}

/// The settings that a download of the same repository would have.
fn examination(flags: &DoctorFlags, session: &Session) -> Result<Examination, Error> {
    let settings = &session.settings;
    let named = flags.repo.as_deref();
    let named = named.map(|text| RepoTarget::parse(text, settings.repo_type));
    let named = named.transpose()?;
    let endpoint: Option<Endpoint> = named.as_ref().and_then(|named| named.endpoint.clone());
    let options = session.options(endpoint.as_ref());
    let repo = match named {
        Some(named) => Some((
            named.repo,
            revision(flags.revision.as_deref(), named.revision)?,
        )),
        None => None,
    };
    let mut sources = settings.sources.clone();
    let folder = match (&flags.local_dir, &flags.cache_dir) {
        (Some(folder), _) => {
            sources.folder = Some("--local-dir".to_owned());
            folder
        }
        (None, Some(folder)) => {
            sources.folder = Some("--cache-dir".to_owned());
            folder
        }
        (None, None) => &settings.hub_cache,
    };
    Ok(Examination {
        endpoints: options.endpoints,
        repo,
        token: options.token,
        http: options.http,
        folder: settings.folder(folder)?,
        symlinks: options.symlinks && flags.local_dir.is_none(),
        offline: options.offline,
        sources,
        lookup: Lookup::default(),
    })
}
