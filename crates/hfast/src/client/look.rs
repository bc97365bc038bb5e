//! What the disk alone can tell of a plan: which commit a branch was, and what is in it. All of it
//! blocks.

use std::path::PathBuf;

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
    /// It is complete and does not lie in the destination yet, and so is worth keeping there.
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
        let own = self.destination(request, commit).trees();
        let cache = self.cache_of(request).map(|folder| folder.trees(commit));
        let all = || own.iter().chain(&cache).flatten();
        if !all().any(|place| place.is_file())
            && let Some(plan) = self.plan_present_file(request, choice, commit, offline)
        {
            return Found::Plan(Box::new(plan));
        }
        let proved = |places: &Option<[PathBuf; 2]>| tree_cache::read(places.as_ref()?);
        let listed = |files| checked(files, Vec::new());
        let in_cache = || {
            let fresh = matches!(request.target, Target::LocalDir(_));
            proved(&cache).map(|files| Listing {
                // It is worth a copy where it can be found without the cache.
                fresh,
                ..listed(files)
            })
        };
        let unproved = || {
            let places: Vec<_> = all().map(|own| tree_cache::unproved(own)).collect();
            tree_cache::read(&places).map(listed)
        };
        let proved = proved(&own).map(listed).or_else(in_cache);
        let known = if offline {
            let found = proved.or_else(unproved);
            found.or_else(|| self.held(request, commit))
        } else {
            proved
        };
        known.map_or(Found::Nothing, Found::Listing)
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
