//! Where things lie in the official cache: names only. Pure.

use std::path::{Path, PathBuf};

use crate::names::{Commit, Digest, Repo, RepoId, RepoType, Revision};
use crate::repo_path::RepoPath;

/// The folder of one repository in the official cache.
///
/// ```text
/// <root>/.locks/<repo folder>/<etag>.lock
/// <root>/<repo folder>/blobs/<etag>                    the content
/// <root>/<repo folder>/blobs/<etag>.<owner>.hfast      ours, unfinished
/// <root>/<repo folder>/refs/<revision>                 40 digits, no newline
/// <root>/<repo folder>/snapshots/<commit>/<path>       relative link to ../../blobs/<etag>
/// <root>/<repo folder>/trees/<commit>.json             a listing, written by the official client
/// <root>/<repo folder>/.hfast/<commit>.json            a listing, written by us
/// <root>/<repo folder>/.hfast/<commit>.unproved.json   the same before its files have proved right
/// <root>/<repo folder>/.hfast/blocks/<etag>            checksums of the blocks of a content
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RepoFolder {
    root: PathBuf,
    name: String,
}

impl RepoFolder {
    pub(crate) fn new(root: &Path, repo: &Repo) -> Self {
        Self {
            root: root.to_owned(),
            name: folder_name(repo),
        }
    }

    /// The repository whose folder has this name, if it is such a folder's.
    pub(crate) fn repo(name: &str) -> Option<Repo> {
        let (kind, id) = name.split_once("--")?;
        let kind = RepoType::ALL.into_iter().find(|k| k.plural() == kind)?;
        // No id has two dashes in a row.
        let id = RepoId::new(&id.replacen("--", "/", 1)).ok()?;
        Some(Repo::new(kind, id))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.root.join(&self.name)
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.path().join("blobs")
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.to_string())
    }

    /// Where the locks of its contents are.
    pub(crate) fn locks(&self) -> PathBuf {
        self.root.join(".locks").join(&self.name)
    }

    pub(crate) fn lock(&self, digest: &Digest) -> PathBuf {
        self.locks().join(format!("{digest}.lock"))
    }

    pub(crate) fn snapshot(&self, commit: &Commit) -> PathBuf {
        self.path().join("snapshots").join(commit.as_str())
    }

    /// Where a file of a commit lies, below the folder of the repository.
    pub(crate) fn in_snapshot(commit: &Commit, path: &str) -> String {
        format!("snapshots/{commit}/{path}")
    }

    pub(crate) fn reference(&self, revision: &Revision) -> PathBuf {
        self.path().join("refs").join(revision.as_str())
    }

    pub(crate) fn not_there(&self, commit: &Commit, path: &RepoPath) -> PathBuf {
        self.path()
            .join(".no_exist")
            .join(commit.as_str())
            .join(path.as_str())
    }

    /// Where a complete listing of `commit` lies: the official clients', then ours.
    pub(crate) fn trees(&self, commit: &Commit) -> [PathBuf; 2] {
        let name = format!("{commit}.json");
        [
            self.path().join("trees").join(&name),
            self.path().join(".hfast").join(&name),
        ]
    }
}

/// The name of a repository's folder.
pub(crate) fn folder_name(repo: &Repo) -> String {
    let id = repo.id.as_str().replace('/', "--");
    format!("{}--{id}", repo.kind.plural())
}

/// The content of the link at `snapshots/<commit>/<path>`: one `..` for each folder on the way up.
pub(crate) fn link_target(path: &RepoPath, digest: &Digest) -> PathBuf {
    let depth = path.as_str().matches('/').count() + 2;
    std::iter::repeat_n("..", depth)
        .collect::<PathBuf>()
        .join("blobs")
        .join(digest.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_tells_its_repository() {
        for (name, kind, id) in [
            ("models--gpt2", RepoType::Model, "gpt2"),
            ("datasets--org--na-me", RepoType::Dataset, "org/na-me"),
        ] {
            let repo = Repo::new(kind, RepoId::new(id).unwrap());
            assert_eq!(RepoFolder::repo(name), Some(repo.clone()));
            assert_eq!(folder_name(&repo), name);
        }
        for other in [
            "models",
            ".locks",
            "blobs",
            "models--a--b--c",
            "things--a--b",
        ] {
            assert_eq!(RepoFolder::repo(other), None, "{other}");
        }
    }

    #[test]
    fn names_are_those_of_the_official_client() {
        let repo = Repo::new(RepoType::Dataset, RepoId::new("org/name").unwrap());
        let folder = RepoFolder::new(Path::new("/c"), &repo);
        let digest = Digest::from_hex(&"ab".repeat(20)).unwrap();
        let hex = "ab".repeat(20);
        assert_eq!(
            folder.blob(&digest),
            Path::new("/c/datasets--org--name/blobs").join(&hex)
        );
        assert_eq!(
            folder.lock(&digest),
            Path::new("/c/.locks/datasets--org--name").join(format!("{hex}.lock"))
        );
        let pr = Revision::new("refs/pr/1").unwrap();
        assert_eq!(
            folder.reference(&pr),
            Path::new("/c/datasets--org--name/refs/refs/pr/1")
        );
        let path = RepoPath::new("a/b.txt").unwrap();
        assert_eq!(
            link_target(&path, &digest),
            Path::new("../../../blobs").join(&hex)
        );
    }
}
