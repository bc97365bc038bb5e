//! How verified content gets its final names in a destination, and what is noted and swept beside it.

use std::collections::HashSet;
use std::path::Path;

use super::destination::{Destination, Naming, Wanted};
use super::durable::Folders;
use super::growing::Growing;
use super::journal::Identity;
use super::layout::{RepoFolder, link_target};
use super::owner::Owner;
use super::partial::Partial;
use super::place::{self, create_parents, create_parents_below};
use super::resume::leftovers;
use super::takeover::sweep;
use super::{adopt, blocks, local_dir};
use crate::error::Error;
use crate::hub::listing::RemoteFile;
use crate::names::{Digest, Repo, Revision};
use crate::repo_path::RepoPath;

/// Verified content that is to be published.
pub(crate) enum Content<'a> {
    Partial(&'a Partial),
    Growing(&'a Growing),
    Bytes(&'a [u8]),
}

impl Destination {
    /// Prepares the folders that every publication needs.
    pub(crate) fn prepare(&self) -> Result<(), Error> {
        match self {
            Self::LocalDir { root, .. } => local_dir::prepare(root),
            Self::Cache { folder, commit, .. } => {
                create_parents(&self.partials().join("x"))?;
                // Without this folder the official tools do not take it for a repository.
                let inside = RepoFolder::in_snapshot(commit, "x");
                create_parents_below(&folder.path(), &inside).map(|_| ())
            }
            Self::File { .. } => create_parents(&self.partials().join("x")),
        }
    }

    /// Gives verified content its final names.
    pub(crate) fn publish(
        &self,
        wanted: &Wanted,
        digest: &Digest,
        content: &Content<'_>,
    ) -> Result<(), Error> {
        let first = wanted
            .paths
            .first()
            .map(|path| self.final_path(path))
            .unwrap_or_default();
        match self {
            Self::Cache { folder, naming, .. } => {
                let blob = folder.blob(digest);
                self.move_in(wanted, content, &blob)?;
                wanted
                    .paths
                    .iter()
                    .try_for_each(|path| self.name_blob(&blob, path, digest, *naming))
            }
            Self::LocalDir { root, .. } => {
                create_parents_below(root, wanted.name())?;
                self.move_in(wanted, content, &first)?;
                self.spread(&first, wanted)
            }
            Self::File { .. } => {
                self.move_in(wanted, content, &first)?;
                self.spread(&first, wanted)
            }
        }
    }

    /// The temporary name of a small content is that of a partial file, so that what a kill leaves
    /// of it is found and swept with the others.
    fn move_in(&self, wanted: &Wanted, content: &Content<'_>, to: &Path) -> Result<(), Error> {
        match content {
            Content::Partial(partial) => self.move_partial(partial, to),
            Content::Growing(growing) => place::rename(growing.seal()?, to),
            Content::Bytes(bytes) => {
                let name = Owner::of_new_file().file_name(&self.stem(wanted));
                let temporary = self.partials().join(name);
                let written = place::write_flushed(&temporary, |file| file.write_all(bytes));
                let aside = place::Aside::new(temporary);
                written.and_then(|()| aside.place(to))
            }
        }
    }

    /// Gives an unfinished file its final name. What its journal knows is kept: it tells one day which
    /// part of the file the disk has spoilt.
    fn move_partial(&self, partial: &Partial, to: &Path) -> Result<(), Error> {
        let blocks = blocks::of_partial(partial);
        place::rename(partial.seal()?, to)?;
        match (&partial.identity, blocks) {
            (Identity::Content(digest), Ok(blocks)) => {
                self.note_blocks(digest, partial.size, &blocks);
            }
            (Identity::Content(_), Err(error)) => tracing::debug!("no blocks are noted: {error}"),
            (Identity::Validator(_), _) => {}
        }
        Ok(())
    }

    /// Puts a file that is known to be right under all its names, with their metadata.
    pub(super) fn spread(&self, right: &Path, wanted: &Wanted) -> Result<(), Error> {
        for path in &wanted.paths {
            let to = match self {
                Self::Cache { .. } => continue,
                Self::LocalDir { root, .. } => create_parents_below(root, path.as_str())?,
                Self::File { path } => path.clone(),
            };
            if to != right {
                place::copy(right, &to, &self.partials())?;
            }
            if !self.has_of_its_own(path, adopt::CONTROL) {
                adopt::remove_control(&to, wanted.size.unwrap_or_default());
            }
            if let (Self::LocalDir { root, commit }, Some(digest)) = (self, wanted.digest) {
                local_dir::write_metadata(root, path, commit, &digest)?;
            }
        }
        Ok(())
    }

    /// Whether a file of this name and ending is one of the repository.
    fn has_of_its_own(&self, path: &RepoPath, ending: &str) -> bool {
        let Self::LocalDir { root, .. } = self else {
            return false;
        };
        RepoPath::new(&format!("{path}{ending}"))
            .is_ok_and(|path| local_dir::read_metadata(root, &path).is_some())
    }

    pub(super) fn name_blob(
        &self,
        blob: &Path,
        path: &RepoPath,
        digest: &Digest,
        naming: Naming,
    ) -> Result<(), Error> {
        let Self::Cache { folder, commit, .. } = self else {
            return Ok(());
        };
        let name = create_parents_below(
            &folder.path(),
            &RepoFolder::in_snapshot(commit, path.as_str()),
        )?;
        match naming {
            Naming::Links => place::link(&link_target(path, digest), &name, &folder.blobs()),
            Naming::HardLinks => place::hard_link(blob, &name, &folder.blobs()),
            Naming::Copies => place::copy(blob, &name, &folder.blobs()),
        }
    }

    /// Deletes what dead processes were about to give a final name.
    pub(crate) fn sweep_temporary(&self) {
        self.sweep_if(place::is_temporary);
    }

    /// Deletes what dead processes left under stems that are done with.
    fn sweep_if(&self, is_done: impl Fn(&str) -> bool) {
        let all = leftovers(&self.partials()).into_iter();
        let done = all.filter(|(stem, _)| is_done(stem));
        done.for_each(|(_, path)| sweep(&path));
    }

    /// Makes the names in `named` durable and, where all of `whole` is there, moves the ref. Sweeps
    /// what dead processes left of contents that have their final names.
    pub(crate) fn finish(
        &self,
        whole: Option<&Repo>,
        revision: &Revision,
        named: &Folders,
    ) -> Result<(), Error> {
        named.flush()?;
        self.sweep_if(|stem| place::is_temporary(stem) || self.has_blob(stem));
        let Some(repo) = whole.filter(|_| revision.as_commit().is_none()) else {
            return Ok(());
        };
        match self {
            Self::Cache { folder, commit, .. } => folder.write_reference(revision, commit),
            Self::LocalDir { root, commit } => {
                local_dir::note_reference(root, repo, revision, commit);
                Ok(())
            }
            Self::File { .. } => Ok(()),
        }
    }

    /// Brings what is noted beside files that are in their places up to date: what dead processes left
    /// of them goes, and in a local folder they are of this commit now. It saves work later, and so
    /// is not worth an error.
    pub(crate) fn tidy<'a>(&self, present: impl Iterator<Item = &'a RemoteFile> + Clone) {
        let left = leftovers(&self.partials());
        if !left.is_empty() {
            let stems = present
                .clone()
                .map(|file| self.stem_of(&file.path, file.digest));
            let stems: HashSet<String> = stems.collect();
            let done = left.iter().filter(|(stem, _)| stems.contains(stem));
            done.for_each(|(_, path)| sweep(path));
        }
        if let Self::LocalDir { root, commit } = self {
            present.for_each(|file| local_dir::refresh_metadata(root, &file.path, commit));
        }
    }

    fn has_blob(&self, stem: &str) -> bool {
        match self {
            Self::Cache { folder, .. } => folder.blobs().join(stem).exists(),
            Self::LocalDir { .. } | Self::File { .. } => false,
        }
    }
}
