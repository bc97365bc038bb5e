//! The small files of the official cache that say what is known of a repository: which commit a
//! revision is, and which files do not exist.

use std::path::Path;

use super::durable::Folders;
use super::layout::RepoFolder;
use super::place::{create_parents, read_small, write_note};
use crate::error::Error;
use crate::names::{Commit, Revision};
use crate::repo_path::RepoPath;

impl RepoFolder {
    /// The commit that `revision` was when it was last asked for.
    pub(crate) fn read_reference(&self, revision: &Revision) -> Option<Commit> {
        read_small(&self.reference(revision))?.trim().parse().ok()
    }

    /// Writes the ref as the official clients do, 40 digits and no newline, and makes it durable.
    pub(crate) fn write_reference(
        &self,
        revision: &Revision,
        commit: &Commit,
    ) -> Result<(), Error> {
        if self.read_reference(revision).as_ref() == Some(commit) {
            return Ok(());
        }
        let reference = self.reference(revision);
        create_parents(&reference)?;
        write_note(&self.blobs(), &reference, commit.as_str().as_bytes())?;
        let folder = reference.parent().map(Path::to_owned);
        Folders::between(folder.as_slice(), &self.path()).flush()
    }

    /// Notes in an existing cache that a file does not exist at a commit. The note saves a question
    /// later, and so is not worth an error now.
    pub(crate) fn note_absent(&self, commit: &Commit, name: &str) {
        let Some(path) = RepoPath::new(name).ok().filter(|_| self.path().is_dir()) else {
            return;
        };
        let note = self.not_there(commit, &path);
        let write = || {
            if note.exists() {
                Ok(())
            } else {
                write_note(&self.blobs(), &note, b"")
            }
        };
        if let Err(error) = create_parents(&note).and_then(|()| write()) {
            tracing::debug!("cannot note that {name} does not exist: {error}");
        }
    }
}
