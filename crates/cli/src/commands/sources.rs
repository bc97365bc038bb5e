//! `hfast sources`: what each source of a repository has, and how fast it is.

use hfast::Error;
use hfast::client::{DownloadRequest, Target};
use hfast::hub::target::RepoTarget;
use hfast::hub::urls::Endpoint;
use hfast::sources::survey;
use hfast::transfer::progress::Progress;

use super::download::revision;
use super::{Session, Stop};
use crate::address::{checked, path_in};
use crate::exit;
use crate::flags::SourcesFlags;
use crate::settings::Settings;

pub(crate) async fn run(flags: &SourcesFlags, session: &mut Session) -> Result<u8, Stop> {
    session.keeps_files = false;
    session.output.tell_each_step();
    let (request, endpoint) = request(flags, &session.settings)?;
    let client = session.client(endpoint.as_ref())?;
    let progress = Progress::default();
    let work = Box::pin(survey(&client, &request, &progress));
    let survey = session.watch(&progress, work).await?;
    let code = survey.fault().map_or(exit::SUCCESS, exit::code);
    session.output.survey(&request, &survey, code)?;
    Ok(code)
}

/// What a download of the same would want, and the endpoint that the address named.
fn request(
    flags: &SourcesFlags,
    settings: &Settings,
) -> Result<(DownloadRequest, Option<Endpoint>), Error> {
    let named = RepoTarget::parse(&flags.repo, settings.repo_type)?;
    let file = path_in(&flags.repo, &named).map(checked).transpose()?;
    let choice = &flags.choice;
    let revision = revision(choice.revision.as_deref(), named.revision)?;
    let cache = Target::Cache(settings.hub_cache.clone());
    let request = DownloadRequest {
        revision,
        files: file.into_iter().collect(),
        include: choice.include.clone(),
        exclude: choice.exclude.clone(),
        ..DownloadRequest::new(named.repo, cache)
    };
    Ok((request, named.endpoint))
}
