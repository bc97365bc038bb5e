//! What the tests of repair share: a repository of which all is on the disk, and ways to spoil it.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hfast::client::{Audit, AuditRequest, Client, ClientOptions, Report, Target};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::loopback::Loopback;

use super::{download, options, request, serve};

pub(crate) const MIB: u64 = 1 << 20;

/// What a block has at most, in which one wrong bit is found.
pub(crate) const BLOCK: u64 = 8 * MIB;

pub(crate) fn repo(size: u64) -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{\"a\": 1}")
        .lfs("model.bin", Content::seeded(1, size))
        .build()
}

pub(crate) struct Setting {
    pub(crate) hub: Loopback,
    pub(crate) repo: Repo,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) target: Target,
}

impl Setting {
    /// A repository of which all is in the cache.
    pub(crate) async fn cached(size: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Cache(folder.path().to_owned());
        Self::with(folder, target, size, options).await
    }

    /// A repository of which all is in a local folder.
    pub(crate) async fn in_folder(size: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::LocalDir(folder.path().to_owned());
        Self::with(folder, target, size, options).await
    }

    pub(crate) async fn with(
        folder: tempfile::TempDir,
        target: Target,
        size: u64,
        options: impl Fn(&str) -> ClientOptions,
    ) -> Self {
        let repo = repo(size);
        let hub = serve(vec![repo.clone()]).await;
        let setting = Self {
            hub,
            repo,
            folder,
            target,
        };
        let request = request(&setting.repo, setting.target.clone());
        download(options(&setting.hub.endpoint()), &request)
            .await
            .unwrap();
        setting
    }

    pub(crate) fn model(&self) -> PathBuf {
        match &self.target {
            Target::Cache(root) => {
                let blobs = root.join(self.repo.cache_folder()).join("blobs");
                let name = fs::read_dir(blobs).unwrap().map(|e| e.unwrap().path());
                name.max_by_key(|path| path.metadata().unwrap().len())
                    .unwrap()
            }
            Target::LocalDir(root) => root.join("model.bin"),
            Target::File(_) => unreachable!(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(options(&self.hub.endpoint())).unwrap()
    }

    pub(crate) async fn audit(&self) -> Audit {
        let request = AuditRequest {
            target: self.target.clone(),
            repo: Some(request(&self.repo, self.target.clone()).repo),
            revision: None,
        };
        let progress = Arc::new(Progress::default());
        self.client().audit(&request, &progress).await.unwrap()
    }

    pub(crate) async fn repair(&self, audit: &Audit) -> Report {
        let progress = Arc::new(Progress::default());
        let client = self.client();
        let reports = client.repair(&self.target, audit, &progress);
        let mut reports = reports.await.unwrap();
        assert_eq!(reports.len(), 1);
        let report = reports.remove(0).outcome.unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        report
    }

    /// Nothing is noted, as of files that other tools wrote.
    pub(crate) fn forget_blocks(&self) {
        let state = match &self.target {
            Target::Cache(root) => root.join(self.repo.cache_folder()).join(".hfast"),
            Target::LocalDir(root) => root.join(".cache/huggingface/hfast"),
            Target::File(_) => unreachable!(),
        };
        fs::remove_dir_all(state.join("blocks")).unwrap();
    }
}

pub(crate) fn flip(path: &Path, at: u64) {
    use std::os::unix::fs::FileExt;
    let modified = path.metadata().unwrap().modified().unwrap();
    let file = fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
    // The disk that spoils a bit tells nobody.
    file.set_modified(modified).unwrap();
}
