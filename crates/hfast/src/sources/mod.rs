//! What each source of a repository has of it, and how fast it is: looked at in seconds, for people who
//! choose among sources.
//!
//! First everything is looked at (`look.rs`, `measure.rs`) and becomes values (`seen.rs`); then pure
//! rules (`judge.rs`) make a report of them. Nothing is kept on the disk, and nothing that is found here
//! changes a download, which judges for itself.

mod ask;
mod judge;
mod look;
mod measure;
mod report;
mod seen;
mod subject;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

pub use report::{Extent, Holdings, SourceKind, SourceReport, Speed, Survey};

use crate::client::{Client, DownloadRequest, Plan, PlannedFile};
use crate::error::{Error, ErrorKind};
use crate::hub::endpoints::Asking;
use crate::hub::listing::RemoteFile;
use crate::names::{Commit, Repo};
use crate::store::destination::Wanted;
use crate::transfer::progress::Progress;
use crate::transfer::provider::{Provider, Repository};
use crate::transport::retry::BRIEFLY;
use ask::{until, within};
use look::Looker;
use subject::subjects;

/// When each part of a survey ends at the latest, counted from its beginning: the listing, of which one
/// of 50 000 files takes that long; the questions who has what; the pieces of files. All of it stays
/// below the 20 seconds that are promised, with a second for the machine.
const LISTED: Duration = Duration::from_secs(9);
const ASKED: Duration = Duration::from_secs(13);
const MEASURED: Duration = Duration::from_secs(19);

/// Looks at every source that `client` has for the files of `request`, for at most 20 seconds. Where
/// they would go to does not matter, and whether they are there already. `progress` is told what is
/// looked at.
///
/// What the repository holds is asked of the endpoints. Each server is then asked for the first byte of
/// some of the files, at the commit of the first endpoint that answers, and judged by its answers as a
/// download judges it; `ModelScope` by its listing, a folder by names and sizes. At the end each source
/// gives a piece of the largest file that it has, one after another, since together they would measure
/// how they share the line. It takes no account of a rate limit: a piece has at most 4 MiB.
///
/// As in a download no source but the endpoints sees the token.
///
/// # Errors
/// [`ErrorKind::Usage`] when the client may not use the network, and whatever keeps the endpoints from
/// telling what the repository holds.
///
/// ```no_run
/// # async fn example() -> Result<(), hfast::Error> {
/// use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
/// use hfast::transfer::progress::Progress;
///
/// let client = Client::new(ClientOptions {
///     sources: vec!["modelscope".parse()?],
///     ..ClientOptions::default()
/// })?;
/// let repo = hfast::Repo::new(hfast::RepoType::Model, hfast::RepoId::new("org/name")?);
/// let request = DownloadRequest::new(repo, Target::Cache("cache".into()));
/// let survey = hfast::sources::survey(&client, &request, &Progress::default()).await?;
/// for source in &survey.sources {
///     println!("{}: {} of {}", source.name, source.holdings.have(), source.holdings.asked);
/// }
/// # Ok(()) }
/// ```
pub async fn survey(
    client: &Client,
    request: &DownloadRequest,
    progress: &Progress,
) -> Result<Survey, Error> {
    if client.options.offline {
        let error = Error::new(ErrorKind::Usage, "the network is switched off");
        return Err(error.with_hint("unset HF_HUB_OFFLINE to ask the sources"));
    }
    let begun = Instant::now();
    let (commits, further) = tokio::join!(
        look::commits(client, request, progress),
        look::further(client, request, (begun + LISTED, progress))
    );
    let (plan, commit) =
        Box::pin(plan(client, request, &commits, begun + LISTED, progress)).await?;
    let (subjects, extras) = subjects(&client.options, commits, further);
    let repository = Repository::new(
        Arc::clone(&client.hub),
        request.repo.clone(),
        commit.clone(),
    );
    repository.know_extras(extras);
    let wanted: Vec<_> = plan.files.into_iter().map(wanted).collect();
    let looker = Looker {
        client,
        repo: &request.repo,
        commit: &commit,
        provider: Provider::Repo(repository),
        sample: judge::sample(&wanted),
        wanted: wanted.into(),
        deadline: begun + ASKED,
    };
    let seen = Box::pin(looker.all(subjects, begun + MEASURED, progress)).await;
    let expected = (&request.revision, &commit);
    let report = |seen| judge::report(seen, &looker.wanted, expected);
    Ok(Survey {
        files: looker.wanted.len(),
        bytes: all_bytes(&looker.wanted),
        asked_of_servers: looker.sample.len(),
        sources: seen.into_iter().map(report).collect(),
        commit: commit.clone(),
        elapsed: begun.elapsed(),
    })
}

/// Of all files whose size is known; what a listing says of them has no bound.
fn all_bytes(files: &[crate::store::destination::Wanted]) -> u64 {
    let sizes = files.iter().filter_map(|file| file.size);
    sizes.fold(0, u64::saturating_add)
}

/// The commit of the first endpoint that knows one, and what is in it by those that answered.
async fn plan(
    client: &Client,
    request: &DownloadRequest,
    commits: &[Result<Commit, Error>],
    deadline: Instant,
    progress: &Progress,
) -> Result<(Plan, Commit), Error> {
    let Some(commit) = commits.iter().find_map(|commit| commit.as_ref().ok()) else {
        return Err(nobody_knows(&request.repo, commits));
    };
    let endpoints = client.options.endpoints.iter().zip(commits);
    let answered = endpoints.filter(|(_, commit)| commit.is_ok());
    let answered = look::only(
        client,
        answered.map(|(endpoint, _)| endpoint.clone()).collect(),
    );
    let asking = Asking {
        patience: BRIEFLY,
        progress,
    };
    let plan = answered.plan_anew(request, commit.clone(), asking);
    let plan = within(until(deadline), plan).await?;
    Ok((plan, commit.clone()))
}

/// A refusal says more than silence, and is told as a download tells it. Of silence it is told what follows:
/// what a folder has may be anything.
fn nobody_knows(repo: &Repo, commits: &[Result<Commit, Error>]) -> Error {
    let errors = || commits.iter().filter_map(|commit| commit.as_ref().err());
    let is_refusal =
        |error: &&Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AccessDenied);
    match errors().find(is_refusal).or_else(|| errors().next()) {
        Some(error) if is_refusal(&error) => {
            let told = Error::new(error.kind(), error.to_string());
            told.with_hint(error.hint().unwrap_or("see `hfast doctor`"))
        }
        Some(error) => {
            let text = format!(
                "no endpoint tells what {repo} holds, so no source can be compared with it: {error}"
            );
            Error::new(error.kind(), text).with_hint(
                "`hfast doctor` finds out why; --endpoint or --mirror name another server",
            )
        }
        None => Error::new(ErrorKind::Usage, "no endpoint to ask"),
    }
}

fn wanted(file: PlannedFile) -> Wanted {
    let RemoteFile {
        path,
        size,
        digest,
        xet,
    } = file.remote;
    Wanted {
        paths: vec![path],
        size,
        digest,
        validator: None,
        xet,
        elsewhere: Vec::new(),
        damaged: None,
    }
}
