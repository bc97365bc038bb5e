//! Pure: a repository at one commit, and the builder that makes it. What a file is worth to a
//! Hub (its oids, its pointer) is computed here, once, when first asked.

use super::Content;
use super::hex;
use bytes::Bytes;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The three kinds of repository that enter a download cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RepoKind {
    /// A model.
    Model,
    /// A dataset.
    Dataset,
    /// A space.
    Space,
}

impl RepoKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Model, Self::Dataset, Self::Space];

    /// The segment after `/api/`, which is also the prefix of the folder in a cache.
    pub fn segment(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
            Self::Space => "spaces",
        }
    }

    /// What stands before the id in a resolve URL: nothing for models.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
            Self::Space => "spaces/",
        }
    }
}

/// One file of a repository. Its path is free text: hostile names are wanted in tests.
#[derive(Debug, Clone)]
pub struct RepoFile {
    path: String,
    content: Content,
    lfs: bool,
    digests: Arc<Digests>,
}

#[derive(Debug, Default)]
struct Digests {
    sha256: OnceLock<String>,
    git_sha1: OnceLock<String>,
}

impl RepoFile {
    /// A file kept in git itself.
    pub fn plain(path: impl Into<String>, content: Content) -> Self {
        Self {
            path: path.into(),
            content,
            lfs: false,
            digests: Arc::default(),
        }
    }

    /// A file kept in large file storage, with a pointer in git.
    pub fn lfs(path: impl Into<String>, content: Content) -> Self {
        Self {
            lfs: true,
            ..Self::plain(path, content)
        }
    }

    /// Path inside the repository.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The bytes.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether git holds only a pointer to it.
    pub fn is_lfs(&self) -> bool {
        self.lfs
    }

    /// Length in bytes, of the content and not of the pointer.
    pub fn size(&self) -> u64 {
        self.content.size()
    }

    /// SHA-256 of the content.
    pub fn sha256(&self) -> &str {
        self.digests.sha256.get_or_init(|| self.content.sha256())
    }

    /// The SHA-256 if it was computed before.
    pub(crate) fn known_sha256(&self) -> Option<&str> {
        self.digests.sha256.get().map(String::as_str)
    }

    /// Id git would give the content.
    pub fn git_sha1(&self) -> &str {
        self.digests
            .git_sha1
            .get_or_init(|| self.content.git_sha1())
    }

    /// What the Hub calls the etag, without quotes; also the name of the blob in a cache.
    pub fn etag(&self) -> &str {
        if self.lfs {
            self.sha256()
        } else {
            self.git_sha1()
        }
    }

    /// The object git holds: the content, or the pointer to it.
    pub fn git_object(&self) -> Content {
        if !self.lfs {
            return self.content.clone();
        }
        let (oid, size) = (self.sha256(), self.size());
        let text =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n");
        Content::bytes(text)
    }

    /// The `oid` of a tree entry: for a file in large storage, that of its pointer.
    pub fn tree_oid(&self) -> String {
        if self.lfs {
            self.git_object().git_sha1()
        } else {
            self.git_sha1().to_owned()
        }
    }
}

/// A repository at one commit.
#[derive(Debug, Clone)]
pub struct Repo {
    /// Model, dataset or space.
    pub kind: RepoKind,
    /// `name` or `org/name`.
    pub id: String,
    /// The 40 hex digits of this commit.
    pub commit: String,
    /// Its files, sorted by path.
    pub files: Vec<RepoFile>,
    /// Full ref names (`refs/heads/main`) and the commits they point to.
    pub refs: BTreeMap<String, String>,
    /// Whether files are served only to tokens that were granted access.
    pub gated: bool,
    /// Whether it exists only for those who show a known token.
    pub private: bool,
}

impl Repo {
    /// Begins a model.
    pub fn model(id: &str) -> RepoBuilder {
        RepoBuilder::new(RepoKind::Model, id)
    }

    /// Begins a dataset.
    pub fn dataset(id: &str) -> RepoBuilder {
        RepoBuilder::new(RepoKind::Dataset, id)
    }

    /// Begins a space.
    pub fn space(id: &str) -> RepoBuilder {
        RepoBuilder::new(RepoKind::Space, id)
    }

    /// Begins a repository of a kind known only at run time.
    pub fn of_kind(kind: RepoKind, id: &str) -> RepoBuilder {
        RepoBuilder::new(kind, id)
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&RepoFile> {
        let found = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path));
        found.ok().and_then(|at| self.files.get(at))
    }

    /// Bytes of all files together.
    pub fn total_size(&self) -> u64 {
        self.files.iter().map(RepoFile::size).sum()
    }

    /// The name of its folder in a download cache.
    pub fn cache_folder(&self) -> String {
        format!("{}--{}", self.kind.segment(), self.id.replace('/', "--"))
    }

    /// The commit a branch, tag or full ref of this repository points to.
    pub fn commit_of(&self, revision: &str) -> Option<&str> {
        let name = if revision == "HEAD" { "main" } else { revision };
        [
            format!("refs/heads/{name}"),
            format!("refs/tags/{name}"),
            name.to_owned(),
        ]
        .iter()
        .find_map(|full| self.refs.get(full))
        .map(String::as_str)
        .or_else(|| (self.commit == name).then_some(self.commit.as_str()))
    }
}

/// Collects what a [`Repo`] is made of.
#[derive(Debug, Clone)]
pub struct RepoBuilder {
    repo: Repo,
    own_refs: Vec<String>,
}

impl RepoBuilder {
    fn new(kind: RepoKind, id: &str) -> Self {
        let repo = Repo {
            kind,
            id: id.to_owned(),
            commit: String::new(),
            files: Vec::new(),
            refs: BTreeMap::new(),
            gated: false,
            private: false,
        };
        Self {
            repo,
            own_refs: vec!["refs/heads/main".to_owned()],
        }
    }

    /// Adds a file held in git.
    #[must_use]
    pub fn file(self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.content(path, Content::Bytes(Bytes::copy_from_slice(bytes.as_ref())))
    }

    /// Adds a file held in git, of any content.
    #[must_use]
    pub fn content(self, path: &str, content: Content) -> Self {
        self.with(RepoFile::plain(path, content))
    }

    /// Adds a file held in large file storage.
    #[must_use]
    pub fn lfs(self, path: &str, content: Content) -> Self {
        self.with(RepoFile::lfs(path, content))
    }

    /// Adds a file made elsewhere, and the digests it has computed already.
    #[must_use]
    pub fn with(mut self, file: RepoFile) -> Self {
        self.repo.files.push(file);
        self
    }

    /// Sets the commit instead of deriving it from the files.
    #[must_use]
    pub fn commit(mut self, commit: &str) -> Self {
        commit.clone_into(&mut self.repo.commit);
        self
    }

    /// Adds a branch at this commit.
    #[must_use]
    pub fn branch(self, name: &str) -> Self {
        self.reference(&format!("refs/heads/{name}"))
    }

    /// Adds a tag at this commit.
    #[must_use]
    pub fn tag(self, name: &str) -> Self {
        self.reference(&format!("refs/tags/{name}"))
    }

    /// Adds a full ref (`refs/pr/1`, `refs/convert/parquet`) at this commit.
    #[must_use]
    pub fn reference(mut self, full_name: &str) -> Self {
        self.own_refs.push(full_name.to_owned());
        self
    }

    /// Adds a branch at another commit.
    #[must_use]
    pub fn branch_at(mut self, name: &str, commit: &str) -> Self {
        self.repo
            .refs
            .insert(format!("refs/heads/{name}"), commit.to_owned());
        self
    }

    /// Serves files only to tokens with a grant.
    #[must_use]
    pub fn gated(mut self) -> Self {
        self.repo.gated = true;
        self
    }

    /// Hides it from callers without a known token.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.repo.private = true;
        self
    }

    /// Sorts the files, settles the commit and the refs.
    pub fn build(mut self) -> Repo {
        self.repo.files.sort_by(|a, b| a.path.cmp(&b.path));
        if self.repo.commit.is_empty() {
            self.repo.commit = derived_commit(&self.repo);
        }
        for name in self.own_refs {
            self.repo
                .refs
                .entry(name)
                .or_insert_with(|| self.repo.commit.clone());
        }
        self.repo
    }
}

/// A commit from what the files are made of and not from their bytes, which may be many.
fn derived_commit(repo: &Repo) -> String {
    let mut context = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    context.update(repo.id.as_bytes());
    for file in &repo.files {
        context.update(format!("\0{}\0{:?}", file.path, file.content).as_bytes());
    }
    hex(&context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_lead_to_the_commit() {
        let repo = Repo::model("org/name")
            .file("a", "1")
            .tag("v1")
            .reference("refs/pr/1")
            .build();
        for revision in [
            "main",
            "HEAD",
            "v1",
            "refs/pr/1",
            "refs/heads/main",
            &repo.commit,
        ] {
            assert_eq!(
                repo.commit_of(revision),
                Some(repo.commit.as_str()),
                "{revision}"
            );
        }
        assert_eq!(repo.commit_of("absent"), None);
    }

    #[test]
    fn other_bytes_make_another_commit() {
        let commit = |text: &str| Repo::model("o/n").file("a", text).build().commit;
        assert_eq!(commit("x"), commit("x"));
        assert_ne!(commit("x"), commit("y"));
        assert_eq!(commit("x").len(), 40);
    }

    #[test]
    fn large_files_are_known_by_sha256_and_listed_by_their_pointer() {
        let file = RepoFile::lfs("w", Content::seeded(1, 10));
        assert_eq!(file.etag(), file.sha256());
        assert_ne!(file.tree_oid(), file.git_sha1());
        assert_eq!(file.git_object().size(), 128 - 1);
    }
}
