//! `hfast download`: a repository, or some of its files, into the cache or a folder.

use std::sync::Arc;

use hfast::client::{Client, DownloadRequest, Target};
use hfast::hub::target::RepoTarget;
use hfast::hub::urls::Endpoint;
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind, Revision};

use super::{Session, Stop};
use crate::address::{checked, may_be_pattern, path_in};
use crate::exit;
use crate::flags::DownloadFlags;
use crate::output::Document;
use crate::settings::{SettingFlags, Settings};

/// The flags that settings come from.
pub(crate) fn asked(flags: &DownloadFlags) -> SettingFlags<'_> {
    SettingFlags {
        max_workers: flags.max_workers,
        source: &flags.further.source,
        ..SettingFlags::new(
            &flags.network,
            &flags.output,
            flags.choice.repo_type.as_deref(),
        )
    }
}

pub(crate) async fn run(flags: &DownloadFlags, session: &mut Session) -> Result<u8, Stop> {
    for line in obsolete(flags) {
        session.output.remark(line);
    }
    let (request, endpoint) = request(flags, &session.settings)?;
    let client = session.client(endpoint.as_ref())?;
    let progress = Arc::new(Progress::default());
    if flags.dry_run {
        let plan = session
            .watch(&progress, Box::pin(client.plan(&request, &progress)))
            .await?;
        session.output.dry_run(&plan)?;
        return Ok(exit::SUCCESS);
    }
    let work = Box::pin(carry_out(&client, &request, &progress));
    let report = session.watch(&progress, work).await?;
    session.output.left_aside(&progress);
    session
        .output
        .report(&report, progress.snapshot().elapsed)?;
    session.output.documents(&[Document::report(&report)])?;
    Ok(exit::code_of_report(&report))
}

async fn carry_out(
    client: &Client,
    request: &DownloadRequest,
    progress: &Arc<Progress>,
) -> Result<hfast::client::Report, Error> {
    let plan = client.plan(request, progress).await?;
    client.download(plan, progress).await
}

/// What is wanted, and the endpoint that the address named.
fn request(
    flags: &DownloadFlags,
    settings: &Settings,
) -> Result<(DownloadRequest, Option<Endpoint>), Error> {
    let named = RepoTarget::parse(&flags.repo, settings.repo_type)?;
    // An address names one file or folder exactly; what is typed beside it may be a pattern.
    let (patterns, exact): (Vec<_>, Vec<_>) = flags
        .files
        .iter()
        .cloned()
        .partition(|name| may_be_pattern(name));
    let files = path_in(&flags.repo, &named).into_iter().chain(exact);
    let target = match (&flags.local_dir, &flags.cache_dir) {
        (Some(folder), _) => Target::LocalDir(settings.folder(folder)?),
        (None, Some(root)) => Target::Cache(settings.folder(root)?),
        (None, None) => Target::Cache(settings.folder(&settings.hub_cache)?),
    };
    let request = DownloadRequest {
        revision: revision(flags.choice.revision.as_deref(), named.revision)?,
        repo: named.repo,
        files: files.map(checked).collect::<Result<_, _>>()?,
        names_or_patterns: patterns,
        include: flags.choice.include.clone(),
        exclude: flags.choice.exclude.clone(),
        target,
        force: flags.force_download,
    };
    Ok((request, named.endpoint))
}

pub(crate) fn revision(flag: Option<&str>, named: Option<Revision>) -> Result<Revision, Error> {
    match (flag.map(Revision::new).transpose()?, named) {
        (Some(flag), Some(named)) if flag != named => {
            let message = format!("the address names revision {named}, but --revision says {flag}");
            Err(Error::new(ErrorKind::Usage, message).with_hint("leave out one of the two"))
        }
        (Some(revision), _) | (None, Some(revision)) => Ok(revision),
        (None, None) => Ok(Revision::default()),
    }
}

/// What is accepted and does nothing.
fn obsolete(flags: &DownloadFlags) -> impl Iterator<Item = &'static str> {
    let resume = "--resume-download is not needed: downloads always go on where they stopped";
    let symlinks = "--local-dir-use-symlinks has no effect: --local-dir holds the files themselves";
    let lines = [
        flags.resume_download.then_some(resume),
        flags.local_dir_use_symlinks.is_some().then_some(symlinks),
    ];
    lines.into_iter().flatten()
}
