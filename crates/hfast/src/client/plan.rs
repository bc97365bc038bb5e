//! From a request to a plan: which commit, which files, which of them are there.
//!
//! What the disk alone can tell is found in `look.rs`.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::choose::Choice;
use super::look::{Found, Listing, checked};
use super::{Client, DownloadRequest, JobContext, Plan, PlannedFile, Target};
use crate::error::{Error, ErrorKind};
use crate::hub::endpoints::Asking;
use crate::hub::listing::RemoteFile;
use crate::hub::urls::Blobs;
use crate::names::{Commit, Repo, Revision};
use crate::store::destination::Destination;
use crate::store::layout::RepoFolder;
use crate::transfer::progress::Progress;
use crate::transfer::provider::{Provider, Repository};
use crate::transport::retry::{BRIEFLY, FOR_QUESTIONS};

impl Client {
    /// Asks what is in the repository and looks at what is already on disk. Writes nothing but, in
    /// an existing cache, the official note that a file asked for by name does not exist. `progress`
    /// is told why it takes long, if it does.
    ///
    /// Where no server can be reached and all that is wanted lies here as it was when the branch was
    /// last asked for, that is the plan, and it says so in [`Plan::caveat`].
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for patterns and names that cannot be, [`ErrorKind::NotFound`] for a
    /// repository, revision or named file that is not there and for patterns that nothing matches,
    /// and whatever asking can meet.
    pub async fn plan(
        &self,
        request: &DownloadRequest,
        progress: &Progress,
    ) -> Result<Plan, Error> {
        let choice = Choice::new(request)?;
        let commit = match self.commit(request, progress).await? {
            Answer::Is(commit) => commit,
            Answer::Was(commit, error) => {
                if let Some(plan) = self.last_known(request, commit, &error).await? {
                    return Ok(plan);
                }
                let asking = Asking {
                    patience: FOR_QUESTIONS,
                    progress,
                };
                self.ask_commit(request, asking).await?
            }
        };
        // What lies on the disk is looked at in two goes, before and after asking.
        let (client, request) = (self.clone(), request.clone());
        let offline = self.options.offline;
        let look = self.disk.run(move || {
            client.destination(&request, &commit).check()?;
            let found = client.find(&request, &choice, &commit, offline);
            Ok((request, choice, commit, found))
        });
        let (request, choice, commit, found) = look.await?;
        let listing = match found {
            Found::Plan(plan) => return Ok(*plan),
            Found::Listing(listing) => listing,
            Found::Nothing => {
                let asking = Asking {
                    patience: FOR_QUESTIONS,
                    progress,
                };
                self.listing(&request.repo, &commit, asking).await?
            }
        };
        let client = self.clone();
        self.disk
            .run(move || client.choose(&request, choice, commit, listing))
            .await
    }

    /// The plan for a commit by what the endpoints say now, whatever lies on the disk.
    pub(crate) async fn plan_anew(
        &self,
        request: &DownloadRequest,
        commit: Commit,
        asking: Asking<'_>,
    ) -> Result<Plan, Error> {
        let choice = Choice::new(request)?;
        let listing = self.listing(&request.repo, &commit, asking).await?;
        let request = DownloadRequest {
            // Nothing is looked up there, and nothing is noted.
            target: Target::LocalDir(PathBuf::new()),
            force: true,
            ..request.clone()
        };
        let client = self.clone();
        self.disk
            .run(move || client.choose(&request, choice, commit, listing))
            .await
    }

    /// The commit that is wanted.
    async fn commit(
        &self,
        request: &DownloadRequest,
        progress: &Progress,
    ) -> Result<Answer, Error> {
        if let Some(commit) = request.revision.as_commit() {
            return Ok(Answer::Is(commit));
        }
        let (client, wanted) = (self.clone(), request.clone());
        let look = self.disk.run(move || Ok(client.known_commit(&wanted)));
        let known = look.await?;
        if self.options.offline {
            return known.map(Answer::Is).ok_or_else(|| offline(&request.repo));
        }
        let asking = Asking {
            patience: if known.is_some() {
                BRIEFLY
            } else {
                FOR_QUESTIONS
            },
            progress,
        };
        match (self.ask_commit(request, asking).await, known) {
            // Nobody that is a Hub has said anything of it.
            (Err(error), Some(known))
                if matches!(
                    error.kind(),
                    ErrorKind::Unreachable | ErrorKind::RateLimited | ErrorKind::Protocol
                ) =>
            {
                Ok(Answer::Was(known, error))
            }
            (asked, _) => asked.map(Answer::Is),
        }
    }

    async fn ask_commit(
        &self,
        request: &DownloadRequest,
        asking: Asking<'_>,
    ) -> Result<Commit, Error> {
        let (repo, revision) = (&request.repo, &request.revision);
        let info = self.hub.info(repo, revision, Blobs::Without, asking);
        Ok(info.await?.commit)
    }

    /// What was wanted of the commit that the branch was when it was last asked for, if all of it is
    /// there.
    async fn last_known(
        &self,
        request: &DownloadRequest,
        commit: Commit,
        error: &Error,
    ) -> Result<Option<Plan>, Error> {
        let choice = Choice::new(request)?;
        let (client, request) = (self.clone(), request.clone());
        let look = self.disk.run(move || {
            client.destination(&request, &commit).check()?;
            Ok(match client.find(&request, &choice, &commit, true) {
                Found::Plan(plan) => Some(*plan),
                // What lies there without a listing may be a part of what was wanted.
                Found::Listing(listing) if listing.complete => {
                    let plan = client.choose(&request, choice, commit, listing).ok();
                    plan.filter(Plan::lies_here)
                }
                Found::Listing(_) | Found::Nothing => None,
            })
        });
        let mut plan = look.await?;
        if let Some(plan) = &mut plan {
            plan.job.offline = true;
            let was = format!("{error}: this is what lay here when it was last asked for");
            let more = plan.caveat.take();
            plan.caveat = Some(more.map_or(was.clone(), |more| format!("{was}; {more}")));
        }
        Ok(plan)
    }

    /// The plan that follows from a listing. Blocks.
    fn choose(
        &self,
        request: &DownloadRequest,
        mut choice: Choice,
        commit: Commit,
        listing: Listing,
    ) -> Result<Plan, Error> {
        choice.settle(&listing.files, &listing.refused);
        if let Some(name) = choice.missing(&listing.files, &listing.refused) {
            if !listing.complete {
                return Err(offline(&format!("{name:?} of {}", request.repo)));
            }
            if request.files.iter().any(|file| file == name)
                && let Target::Cache(root) = &request.target
            {
                RepoFolder::new(root, &request.repo).note_absent(&commit, name);
            }
            return Err(no_such_file(request, name));
        }
        let selects = choice.selects();
        let complete = listing.complete;
        let plan = self.assemble(request, &choice, commit, listing);
        if plan.files.is_empty() && plan.refused.is_empty() {
            if !complete {
                return Err(offline(&request.repo));
            }
            if selects {
                return Err(no_match(request));
            }
        }
        check_places(request, &plan)?;
        Ok(plan)
    }

    pub(super) fn assemble(
        &self,
        request: &DownloadRequest,
        choice: &Choice,
        commit: Commit,
        listing: Listing,
    ) -> Plan {
        let destination = self.destination(request, &commit);
        let files_in_repo = listing.files.len() + listing.refused.len();
        let worth_keeping = listing.fresh && listing.refused.is_empty();
        let (chosen, rest): (Vec<_>, Vec<_>) = listing
            .files
            .into_iter()
            .partition(|file| choice.keeps(file.path.as_str()));
        let single = choice.single().and_then(|_| chosen.first());
        let path = single.map_or_else(
            || destination.root(),
            |file| destination.final_path(&file.path),
        );
        let planned = |remote: RemoteFile| {
            let present = !request.force && destination.has(&remote);
            PlannedFile { remote, present }
        };
        let files = chosen.into_iter().map(planned).collect();
        let refused = listing
            .refused
            .into_iter()
            .filter(|refused| choice.keeps(&refused.name))
            .collect();
        let repository =
            Repository::new(Arc::clone(&self.hub), request.repo.clone(), commit.clone());
        let cache = self.cache_of(request);
        let is_cache = matches!(request.target, Target::Cache(_));
        let job = JobContext {
            provider: Arc::new(Provider::Repo(repository)),
            revision: request.revision.clone(),
            repo: Some(request.repo.clone()),
            force: request.force,
            damaged: HashMap::new(),
            rest: worth_keeping.then_some(rest),
            offline: self.options.offline,
            own_names: HashSet::new(),
            cache: cache.map(|folder| (folder, (!is_cache).then(|| commit.clone()))),
            path,
            destination,
        };
        let caveat = "no listing of this commit is in the cache: these are the files that lie \
                      there; whether more belong to it is not known";
        Plan {
            commit: Some(commit),
            files,
            refused,
            files_in_repo,
            caveat: (!listing.complete).then(|| caveat.to_owned()),
            job,
        }
    }

    pub(super) fn destination(&self, request: &DownloadRequest, commit: &Commit) -> Destination {
        let commit = commit.clone();
        match &request.target {
            Target::Cache(root) => Destination::Cache {
                folder: RepoFolder::new(root, &request.repo),
                commit,
                naming: self.options.naming(),
            },
            Target::LocalDir(root) => Destination::LocalDir {
                root: root.clone(),
                commit,
            },
            Target::File(path) => Destination::File { path: path.clone() },
        }
    }

    async fn listing(
        &self,
        repo: &Repo,
        commit: &Commit,
        asking: Asking<'_>,
    ) -> Result<Listing, Error> {
        if self.options.offline {
            return Err(offline(repo));
        }
        let error = match self.hub.list(repo, commit, asking).await {
            // A repository without any file is rare, and an endpoint without a real tree less so.
            Ok((files, refused)) if files.is_empty() && refused.is_empty() => None,
            Ok((files, refused)) => {
                return Ok(Listing {
                    files,
                    refused,
                    fresh: true,
                    complete: true,
                });
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Protocol) => {
                Some(error)
            }
            Err(error) => return Err(error),
        };
        // An endpoint without the tree may still tell the files on the repository's page.
        tracing::info!("{repo}: no listing ({error:?}); asking for the siblings");
        let revision = Revision::new(commit.as_str())?;
        let info = self.hub.info(repo, &revision, Blobs::With, asking).await;
        let info = info.map_err(|told| error.unwrap_or(told))?;
        Ok(checked(info.siblings, info.refused))
    }
}

/// What a revision was found to be.
enum Answer {
    Is(Commit),
    /// What it was when it was last asked for, and why it cannot be asked now.
    Was(Commit, Error),
}

pub(super) fn offline(what: &impl fmt::Display) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("{what} is not in the cache, and the network is switched off"),
    )
    .with_hint("unset HF_HUB_OFFLINE to download it")
}

/// One file has one place; several would be written over each other.
fn check_places(request: &DownloadRequest, plan: &Plan) -> Result<(), Error> {
    match &request.target {
        Target::File(path) if plan.files.len() > 1 => {
            let count = plan.files.len();
            let text = format!("{count} files cannot all be saved as {}", path.display());
            Err(Error::new(ErrorKind::Usage, text)
                .with_hint("ask for one of them, or for a folder"))
        }
        _ => Ok(()),
    }
}

fn no_match(request: &DownloadRequest) -> Error {
    let text = format!(
        "no file of {} at {} matches",
        request.repo, request.revision
    );
    Error::new(ErrorKind::NotFound, text)
        .with_hint("patterns see the whole path, and case counts; without any, all files are meant")
}

fn no_such_file(request: &DownloadRequest, name: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("{} at {} has no {name:?}", request.repo, request.revision),
    )
    .with_hint("names are case-sensitive; `hfast download REPO --dry-run` lists what is there")
}
