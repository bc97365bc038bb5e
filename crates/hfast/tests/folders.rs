//! Folders that are named as sources: what lies there comes as what is fetched does, piece by piece.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hfast::client::{Client, ClientOptions, Report, Target};
use hfast::transfer::progress::{Progress, Snapshot};
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::loopback::Loopback;
use support::{assert_right, options, request, serve};

const SIZE: u64 = (96 << 20) + 7;

fn content() -> Content {
    Content::seeded(1, SIZE)
}

fn repo() -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{}")
        .lfs("model.bin", content())
        .build()
}

struct Setting {
    hub: Loopback,
    root: tempfile::TempDir,
}

impl Setting {
    async fn new() -> Self {
        Self {
            hub: serve(vec![repo()]).await,
            root: tempfile::tempdir().unwrap(),
        }
    }

    fn cache(&self) -> PathBuf {
        self.root.path().join("cache")
    }

    /// A folder that has the large file, or what is taken for it.
    fn folder(&self, name: &str, content: &Content) -> PathBuf {
        let folder = self.root.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("model.bin"), content.read(0..SIZE)).unwrap();
        folder
    }

    /// Downloads until `stop` says so.
    async fn download(
        &self,
        folders: &[&Path],
        mut stop: impl FnMut(&Snapshot) -> bool,
    ) -> Option<Report> {
        let sources = folders.iter().map(|folder| folder.to_str().unwrap());
        let client = Client::new(ClientOptions {
            sources: sources.map(|source| source.parse().unwrap()).collect(),
            ..options(&self.hub.endpoint())
        })
        .unwrap();
        let asked = request(&repo(), Target::Cache(self.cache()));
        let plan = client.plan(&asked, &Progress::default()).await.unwrap();
        let progress = Arc::new(Progress::default());
        let seen = async {
            while !stop(&progress.snapshot()) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let work = tokio::time::timeout(Duration::from_secs(100), client.download(plan, &progress));
        tokio::select! {
            report = work => Some(report.unwrap().unwrap()),
            () = seen => None,
        }
    }

    /// Stops a download in the middle, and tells how many bytes of the file were there.
    async fn stopped(&self, folder: &Path) -> u64 {
        let mut done = 0;
        let folders = [folder];
        let stopped = self.download(&folders, |now| {
            done = now.files.iter().map(|file| file.done).max().unwrap_or(0);
            done >= 16 << 20
        });
        assert!(stopped.await.is_none(), "it was not stopped");
        assert!(done < SIZE, "nothing was seen on its way");
        done
    }

    async fn whole(&self, folders: &[&Path]) -> Report {
        let report = self.download(folders, |_| false).await.unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
        assert_right(&self.cache(), &repo());
        report
    }
}

#[tokio::test]
async fn what_a_folder_has_given_is_counted_and_kept_when_the_download_is_stopped() {
    let setting = Setting::new().await;
    let folder = setting.folder("folder", &content());
    let done = setting.stopped(&folder).await;
    fs::remove_dir_all(&folder).unwrap();
    let received = setting.whole(&[]).await.received;
    assert!(received <= SIZE - done + 10, "{received} for {done}");
}

#[tokio::test]
async fn a_copy_that_was_stopped_goes_on_where_it_was() {
    let setting = Setting::new().await;
    let folder = setting.folder("folder", &content());
    setting.stopped(&folder).await;
    // What was copied is not read again: there is nothing any more where it was.
    let path = folder.join("model.bin");
    let mut bytes = fs::read(&path).unwrap();
    bytes[..16 << 20].fill(0);
    fs::write(&path, bytes).unwrap();
    assert!(setting.whole(&[&folder]).await.received < 10);
}

#[tokio::test]
async fn what_is_wrong_in_one_folder_comes_from_the_next() {
    let setting = Setting::new().await;
    let wrong = setting.folder("wrong", &content().with_flip(SIZE - 1));
    let right = setting.folder("right", &content());
    let received = setting.whole(&[&wrong, &right]).await.received;
    assert!(received < 10, "{received}");
    let kept = fs::read(wrong.join("model.bin")).unwrap();
    assert_eq!(kept[..], content().with_flip(SIZE - 1).read(0..SIZE)[..]);
}

#[tokio::test]
async fn what_is_wrong_in_every_folder_is_fetched() {
    let setting = Setting::new().await;
    let wrong = setting.folder("wrong", &Content::seeded(2, SIZE));
    let received = setting.whole(&[&wrong]).await.received;
    assert!((SIZE..SIZE + 10).contains(&received), "{received}");
}

#[tokio::test]
async fn what_a_stopped_run_took_from_a_wrong_folder_spoils_nothing() {
    let setting = Setting::new().await;
    let wrong = setting.folder("wrong", &Content::seeded(2, SIZE));
    setting.stopped(&wrong).await;
    let received = setting.whole(&[&wrong]).await.received;
    // The folder is asked once more for what came from nobody knows where.
    assert!(received < SIZE + (64 << 20), "{received}");
}
