//! From a request to a plan: which commit, which files, which of them are there.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use super::choose::Choice;
use super::{Client, DownloadRequest, JobContext, Plan, PlannedFile, Target};
use crate::error::{Error, ErrorKind};
use crate::hub::listing::{self, RefusedName, RemoteFile, TreePage};
use crate::hub::urls::Blobs;
use crate::names::{Commit, Digest, Repo, Revision};
use crate::repo_path::RepoPath;
use crate::store::destination::Destination;
use crate::store::layout::RepoFolder;
use crate::store::{snapshot, tree_cache};
use crate::transfer::provider::{Provider, Repository};

/// A listing of a commit.
struct Listing {
    files: Vec<RemoteFile>,
    refused: Vec<RefusedName>,
    /// It was asked for just now and is complete, and so is worth keeping.
    fresh: bool,
    /// What it lacks is not in the repository. Else it is what the cache happens to hold.
    complete: bool,
}

/// What is found on the disk before anything is asked.
enum Found {
    /// All that is wanted is there.
    Plan(Box<Plan>),
    Listing(Listing),
    Nothing,
}

impl Client {
    /// Asks what is in the repository and looks at what is already on disk. Writes nothing but, in
    /// an existing cache, the official note that a file asked for by name does not exist.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for patterns and names that cannot be, [`ErrorKind::NotFound`] for a
    /// repository, revision or named file that is not there, and whatever asking can meet.
    pub async fn plan(&self, request: &DownloadRequest) -> Result<Plan, Error> {
        let choice = Choice::new(request)?;
        let folder = match &request.target {
            Target::Cache(root) => Some(RepoFolder::new(root, &request.repo)),
            Target::LocalDir(_) | Target::File(_) => None,
        };
        let commit = self.commit(request, folder.clone()).await?;
        // What lies on the disk is looked at in two goes, before and after asking.
        let (client, request) = (self.clone(), request.clone());
        let look = self.disk.run(move || {
            client.destination(&request, &commit).check()?;
            let found = client.find(&request, &choice, &commit);
            Ok((request, choice, commit, found))
        });
        let (request, choice, commit, found) = look.await?;
        let listing = match found {
            Found::Plan(plan) => return Ok(*plan),
            Found::Listing(listing) => listing,
            Found::Nothing => self.listing(&request.repo, &commit).await?,
        };
        let client = self.clone();
        let look = self.disk.run(move || {
            let mut choice = choice;
            choice.settle(&listing.files, &listing.refused);
            if let Some(name) = choice.missing(&listing.files, &listing.refused) {
                if !listing.complete {
                    return Err(offline(&format!("{name:?} of {}", request.repo)));
                }
                let is_name = request.files.iter().any(|file| file == name);
                if let Some(folder) = folder.as_ref().filter(|_| is_name) {
                    folder.note_absent(&commit, name);
                }
                return Err(no_such_file(&request, name));
            }
            let mut names = listing.files.iter().map(|file| file.path.as_str());
            if !listing.complete && !names.any(|name| choice.keeps(name)) {
                return Err(offline(&request.repo));
            }
            let plan = client.assemble(&request, &choice, commit, listing);
            check_places(&request, &plan)?;
            Ok(plan)
        });
        look.await
    }

    /// What the disk alone can tell of the plan. Blocks.
    fn find(&self, request: &DownloadRequest, choice: &Choice, commit: &Commit) -> Found {
        let trees = self.destination(request, commit).trees();
        let lies_there = |places: &[PathBuf; 2]| places.iter().any(|place| place.is_file());
        if !trees.as_ref().is_some_and(lies_there)
            && let Some(plan) = self.plan_present_file(request, choice, commit)
        {
            return Found::Plan(Box::new(plan));
        }
        let known = trees.and_then(|places| tree_cache::read(&places));
        let known = known.map(|files| checked(files, Vec::new()));
        known
            .or_else(|| self.held(request, commit))
            .map_or(Found::Nothing, Found::Listing)
    }

    /// One file of a pinned commit that is in its place needs no listing, and so no request.
    fn plan_present_file(
        &self,
        request: &DownloadRequest,
        choice: &Choice,
        commit: &Commit,
    ) -> Option<Plan> {
        let pinned = self.options.offline || request.revision.as_commit().is_some();
        let path = RepoPath::new(choice.single()?).ok()?;
        let destination = self.destination(request, commit);
        let size = destination.size_of(&path)?;
        let file = RemoteFile {
            path,
            size: Some(size),
            digest: None,
            xet: None,
        };
        let usable = pinned && !request.force && choice.keeps(file.path.as_str());
        let is_there = matches!(destination, Destination::Cache { .. }) && destination.has(&file);
        let files = vec![file];
        let listing = Listing {
            files,
            refused: Vec::new(),
            fresh: false,
            complete: true,
        };
        (usable && is_there).then(|| self.assemble(request, choice, commit.clone(), listing))
    }

    fn assemble(
        &self,
        request: &DownloadRequest,
        choice: &Choice,
        commit: Commit,
        listing: Listing,
    ) -> Plan {
        let destination = self.destination(request, &commit);
        let files_in_repo = listing.files.len() + listing.refused.len();
        let complete = listing.fresh && listing.refused.is_empty();
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
        let (root, elsewhere) = match &request.target {
            Target::Cache(root) => (Some(root), None),
            Target::LocalDir(_) | Target::File(_) => {
                (self.options.cache.as_ref(), Some(commit.clone()))
            }
        };
        let cache = root.map(|root| (RepoFolder::new(root, &request.repo), elsewhere));
        let job = JobContext {
            provider: Arc::new(Provider::Repo(repository)),
            revision: request.revision.clone(),
            force: request.force,
            rest: complete.then_some(rest),
            own_names: HashSet::new(),
            cache,
            path,
            destination,
        };
        Plan {
            commit: Some(commit),
            files,
            refused,
            files_in_repo,
            complete: listing.complete,
            job,
        }
    }

    fn destination(&self, request: &DownloadRequest, commit: &Commit) -> Destination {
        let commit = commit.clone();
        match &request.target {
            Target::Cache(root) => Destination::Cache {
                folder: RepoFolder::new(root, &request.repo),
                commit,
                links: self.options.symlinks,
            },
            Target::LocalDir(root) => Destination::LocalDir {
                root: root.clone(),
                commit,
            },
            Target::File(path) => Destination::File { path: path.clone() },
        }
    }

    async fn commit(
        &self,
        request: &DownloadRequest,
        folder: Option<RepoFolder>,
    ) -> Result<Commit, Error> {
        if let Some(commit) = request.revision.as_commit() {
            return Ok(commit);
        }
        if self.options.offline {
            let revision = request.revision.clone();
            let look = move || Ok(folder.and_then(|folder| folder.read_reference(&revision)));
            let known = self.disk.run(look).await?;
            return known.ok_or_else(|| offline(&request.repo));
        }
        Ok(self
            .hub
            .info(&request.repo, &request.revision, Blobs::Without)
            .await?
            .commit)
    }

    async fn listing(&self, repo: &Repo, commit: &Commit) -> Result<Listing, Error> {
        if self.options.offline {
            return Err(offline(repo));
        }
        let error = match self.hub.list(repo, commit).await {
            Ok((files, refused)) => {
                return Ok(Listing {
                    files,
                    refused,
                    fresh: true,
                    complete: true,
                });
            }
            Err(error) => error,
        };
        if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Protocol) {
            return Err(error);
        }
        // An endpoint without the tree may still tell the files on the repository's page.
        tracing::info!("{repo}: no listing ({error}); asking for the siblings");
        let revision = Revision::new(commit.as_str())?;
        let info = self
            .hub
            .info(repo, &revision, Blobs::With)
            .await
            .map_err(|_| error)?;
        Ok(checked(info.siblings, info.refused))
    }

    /// Offline, what a cache holds of a commit of which it has no listing: the older official
    /// clients left none.
    fn held(&self, request: &DownloadRequest, commit: &Commit) -> Option<Listing> {
        let destination = self.destination(request, commit);
        let Destination::Cache { folder, commit, .. } = destination else {
            return None;
        };
        self.options.offline.then(|| Listing {
            files: snapshot::files(&folder.snapshot(&commit)),
            refused: Vec::new(),
            fresh: false,
            complete: false,
        })
    }

    /// Plans the download of one plain URL, which need not be a Hub's, to the file `output`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when `output` cannot be a file's name.
    pub fn plan_url(
        &self,
        url: &Url,
        sha256: Option<Digest>,
        output: PathBuf,
    ) -> Result<Plan, Error> {
        let destination = Destination::File {
            path: output.clone(),
        };
        let name = output
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let path = RepoPath::new(name).map_err(|fault| {
            Error::new(
                ErrorKind::Usage,
                format!("cannot save as {name:?}: {fault}"),
            )
        })?;
        let provider = Provider::Url {
            hub: Arc::clone(&self.hub),
            url: url.clone(),
        };
        let remote = RemoteFile {
            path,
            size: None,
            digest: sha256,
            xet: None,
        };
        let job = JobContext {
            provider: Arc::new(provider),
            destination,
            revision: Revision::default(),
            force: false,
            rest: None,
            own_names: HashSet::new(),
            cache: None,
            path: output,
        };
        let files = vec![PlannedFile {
            remote,
            present: false,
        }];
        Ok(Plan {
            commit: None,
            files,
            refused: Vec::new(),
            files_in_repo: 1,
            complete: true,
            job,
        })
    }
}

/// A listing from another place than the tree, by the same rules for names that collide.
fn checked(files: Vec<RemoteFile>, refused: Vec<RefusedName>) -> Listing {
    let mut listing = listing::Listing::default();
    listing.push(TreePage { files, refused });
    let (files, refused) = listing.into_parts();
    Listing {
        files,
        refused,
        fresh: false,
        complete: true,
    }
}

fn offline(what: &impl fmt::Display) -> Error {
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

fn no_such_file(request: &DownloadRequest, name: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!(
            "{} at {} has no file {name:?}",
            request.repo, request.revision
        ),
    )
    .with_hint("names are case-sensitive; --dry-run lists what is there")
}
