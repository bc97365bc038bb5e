//! Contents that lie on the disk already, in another place than they are wanted: the official cache
//! for a local folder, and the official store of contents that repositories share.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::progress::Progress;
use hfast::{RepoId, RepoType};
use hfast_testkit::cache_check;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::hub::FakeHub;
use hfast_testkit::loopback::Loopback;

const LARGE: u64 = (3 << 20) + 5;

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs("model.bin", content())
        .lfs("copy.bin", content())
        .build()
}

struct Setting {
    hub: Loopback,
    folder: tempfile::TempDir,
}

impl Setting {
    async fn new() -> Self {
        Self {
            hub: Loopback::start(FakeHub::new(vec![repo()])).await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn blob(&self) -> PathBuf {
        let blobs = self.cache().join(repo().cache_folder()).join("blobs");
        blobs.join(content().sha256())
    }

    async fn download(&self, target: Target) -> Report {
        let options = ClientOptions {
            endpoints: vec![self.hub.endpoint().parse().unwrap()],
            cache: Some(self.cache()),
            ..ClientOptions::default()
        };
        let client = Client::new(options).unwrap();
        let repo = hfast::Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        let work = async {
            let plan = client
                .plan(&DownloadRequest::new(repo, target), &Progress::default())
                .await?;
            client.download(plan, &Arc::new(Progress::default())).await
        };
        let report = tokio::time::timeout(Duration::from_secs(60), work).await;
        let report = report.unwrap().unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        report
    }

    async fn to_local(&self, name: &str) -> Report {
        let folder = self.folder.path().join(name);
        let report = self.download(Target::LocalDir(folder.clone())).await;
        for file in &repo().files {
            cache_check::compare(&folder.join(file.path()), file).unwrap();
        }
        report
    }

    async fn to_cache(&self) -> Report {
        let report = self.download(Target::Cache(self.cache())).await;
        let verdict = cache_check::check(&self.cache(), &repo(), "main");
        assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
        assert_eq!(verdict.correct, repo().files.len());
        report
    }

    /// Makes a shared store by hand that holds `content`, and the listing that says which it is.
    async fn share(&self, content: &Content) -> PathBuf {
        let hash = "5e".repeat(32);
        let store = self.cache().join("blobs");
        let payload = store.join("5e").join(&hash);
        fs::create_dir_all(payload.parent().unwrap()).unwrap();
        fs::write(store.join(".huggingface-shared-blobs"), "1\n").unwrap();
        fs::write(&payload, content.read(0..LARGE)).unwrap();
        fs::set_permissions(&payload, fs::Permissions::from_mode(0o400)).unwrap();
        let client = ClientOptions {
            endpoints: vec![self.hub.endpoint().parse().unwrap()],
            ..ClientOptions::default()
        };
        let name = hfast::Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        let request = DownloadRequest::new(name, Target::Cache(self.cache()));
        let plan = Client::new(client)
            .unwrap()
            .plan(&request, &Progress::default())
            .await
            .unwrap();
        let entries: Vec<_> = plan.files.iter().map(|file| {
            let (path, digest) = (&file.remote.path, file.remote.digest.unwrap());
            let size = file.remote.size.unwrap();
            if file.remote.size == Some(LARGE) {
                format!(r#""{path}":{{"size":{size},"lfs_sha256":"{digest}","lfs_size":{size},"xet_hash":"{hash}"}}"#)
            } else {
                format!(r#""{path}":{{"size":{size},"blob_id":"{digest}"}}"#)
            }
        }).collect();
        let trees = self.cache().join(repo().cache_folder()).join("trees");
        fs::create_dir_all(&trees).unwrap();
        let listing = format!(
            r#"{{"format_version":1,"files":{{{}}}}}"#,
            entries.join(",")
        );
        fs::write(
            trees.join(format!("{}.json", plan.commit.unwrap())),
            listing,
        )
        .unwrap();
        payload
    }
}

fn content() -> Content {
    Content::seeded(1, LARGE)
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[1000] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_local_folder_gets_from_the_cache_what_is_there() {
    let setting = Setting::new().await;
    setting.to_cache().await;
    let report = setting.to_local("first").await;
    assert_eq!((report.received, report.files), (0, 3));
    let copy = setting.folder.path().join("first/model.bin");
    let (copy, blob) = (copy.metadata().unwrap(), setting.blob().metadata().unwrap());
    assert_ne!(copy.ino(), blob.ino(), "people write to files of a folder");

    flip(&setting.blob());
    let damaged = fs::read(setting.blob()).unwrap();
    let report = setting.to_local("second").await;
    assert_eq!(report.received, LARGE, "what is wrong is fetched");
    assert_eq!(
        fs::read(setting.blob()).unwrap(),
        damaged,
        "and is not touched"
    );
}

#[tokio::test]
async fn a_cache_gets_from_the_shared_store_what_is_there() {
    let setting = Setting::new().await;
    let payload = setting.share(&content()).await;
    let report = setting.to_cache().await;
    assert!(report.received < 100, "{} bytes", report.received);
    let mode = payload.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
    assert!(setting.blob().symlink_metadata().unwrap().is_file());
    // The official client deletes what nobody refers to by its own accounts.
    fs::remove_file(&payload).unwrap();
    assert_eq!(setting.to_cache().await.received, 0);
    let left = fs::read_dir(setting.blob().parent().unwrap()).unwrap();
    assert_eq!(left.count(), 2, "no temporary name stays");
}

#[tokio::test]
async fn a_local_folder_gets_its_own_copy_from_the_shared_store() {
    let setting = Setting::new().await;
    let payload = setting.share(&content()).await;
    fs::create_dir_all(setting.folder.path().join("x")).unwrap();
    let trees = setting.cache().join(repo().cache_folder()).join("trees");
    let there = setting.folder.path().join("x/.cache/huggingface/trees");
    fs::create_dir_all(there.parent().unwrap()).unwrap();
    fs::rename(trees, there).unwrap();
    let report = setting.to_local("x").await;
    assert!(report.received < 100, "{} bytes", report.received);
    let copy = setting.folder.path().join("x/model.bin");
    assert_ne!(
        copy.metadata().unwrap().ino(),
        payload.metadata().unwrap().ino()
    );
    let mode = copy.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o600, 0o600, "it can be written to like any other");
}

#[tokio::test]
async fn a_shared_store_that_lies_is_not_believed() {
    let setting = Setting::new().await;
    let wrong = content().with_flip(LARGE - 1);
    let payload = setting.share(&wrong).await;
    let report = setting.to_cache().await;
    assert!(report.received >= LARGE);
    assert_eq!(fs::read(&payload).unwrap(), wrong.read(0..LARGE));
}

#[tokio::test]
async fn a_listing_that_cannot_be_put_in_place_costs_no_download() {
    let setting = Setting::new().await;
    let kept = setting.cache().join(repo().cache_folder()).join(".hfast");
    let in_the_way = kept.join(format!("{}.json", repo().commit));
    fs::create_dir_all(&in_the_way).unwrap();
    setting.to_cache().await;
    assert!(in_the_way.is_dir());
    let blobs = fs::read_dir(setting.blob().parent().unwrap()).unwrap();
    let names = blobs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let notes: Vec<_> = names.filter(|name| name.starts_with("note-")).collect();
    assert!(notes.is_empty(), "{notes:?}");
}
