//! What the disk alone can tell of a plan: which commit a branch was, and what is in it. All of it
//! blocks.

use super::choose::Choice;
use super::{Client, DownloadRequest, Plan, Target};
use crate::hub::listing::{self, RefusedName, RemoteFile, TreePage};
use crate::names::Commit;
use crate::repo_path::RepoPath;
use crate::store::destination::Destination;
use crate::store::layout::RepoFolder;
use crate::store::{local_dir, snapshot, tree_cache};

/// A listing of a commit.
pub(super) struct Listing {
    pub(super) files: Vec<RemoteFile>,
    pub(super) refused: Vec<RefusedName>,
    /// It was asked for just now and is complete, and so is worth keeping.
    pub(super) fresh: bool,
    /// What it lacks is not in the repository. Else it is what the cache happens to hold.
    pub(super) complete: bool,
}

/// What is found on the disk before anything is asked.
pub(super) enum Found {
    /// All that is wanted is there.
    Plan(Box<Plan>),
    Listing(Listing),
    Nothing,
}

impl Client {
    /// The commit that the revision was when it was last asked for.
    pub(super) fn known_commit(&self, request: &DownloadRequest) -> Option<Commit> {
        let (repo, revision) = (&request.repo, &request.revision);
        let own = match &request.target {
            Target::LocalDir(root) => local_dir::read_reference(root, repo, revision),
            Target::Cache(_) | Target::File(_) => None,
        };
        own.or_else(|| self.cache_of(request)?.read_reference(revision))
    }

    /// The repository in the cache that is the target, or in the official one beside it.
    pub(super) fn cache_of(&self, request: &DownloadRequest) -> Option<RepoFolder> {
        let root = match &request.target {
            Target::Cache(root) => Some(root),
            Target::LocalDir(_) | Target::File(_) => self.options.cache.as_ref(),
        };
        root.map(|root| RepoFolder::new(root, &request.repo))
    }

    /// What is on the disk of the plan. Without a network also a listing counts that has not proved
    /// right, and what a cache holds.
    pub(super) fn find(
        &self,
        request: &DownloadRequest,
        choice: &Choice,
        commit: &Commit,
        offline: bool,
    ) -> Found {
        let cache = self.cache_of(request);
        let places = [
            self.destination(request, commit).trees(),
            cache.map(|folder| folder.trees(commit)),
        ];
        let mut places: Vec<_> = places.into_iter().flatten().flatten().collect();
        if !places.iter().any(|place| place.is_file())
            && let Some(plan) = self.plan_present_file(request, choice, commit, offline)
        {
            return Found::Plan(Box::new(plan));
        }
        if offline {
            let unproved: Vec<_> = places.iter().map(|own| tree_cache::unproved(own)).collect();
            places.extend(unproved);
        }
        let known = tree_cache::read(&places).map(|files| checked(files, Vec::new()));
        known
            .or_else(|| self.held(request, commit).filter(|_| offline))
            .map_or(Found::Nothing, Found::Listing)
    }

    /// One file of a pinned commit that is in its place needs no listing, and so no request.
    fn plan_present_file(
        &self,
        request: &DownloadRequest,
        choice: &Choice,
        commit: &Commit,
        offline: bool,
    ) -> Option<Plan> {
        let pinned = offline || request.revision.as_commit().is_some();
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
        let listing = Listing {
            files: vec![file],
            refused: Vec::new(),
            fresh: false,
            complete: true,
        };
        (usable && is_there).then(|| self.assemble(request, choice, commit.clone(), listing))
    }

    /// What a cache holds of a commit of which it has no listing: the older official clients left
    /// none.
    fn held(&self, request: &DownloadRequest, commit: &Commit) -> Option<Listing> {
        match self.destination(request, commit) {
            Destination::Cache { folder, commit, .. } => Some(Listing {
                files: snapshot::files(&folder.snapshot(&commit)),
                refused: Vec::new(),
                fresh: false,
                complete: false,
            }),
            Destination::LocalDir { .. } | Destination::File { .. } => None,
        }
    }
}

/// A listing from another place than the tree, by the same rules for names that collide.
pub(super) fn checked(files: Vec<RemoteFile>, refused: Vec<RefusedName>) -> Listing {
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
