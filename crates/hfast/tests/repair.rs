//! What the disk has spoilt is found, and made right again with few bytes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hfast::ErrorKind;
use hfast::client::{Audit, AuditRequest, Client, ClientOptions, Report, Target};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::{Content, Repo};
use hfast_testkit::loopback::Loopback;
use support::{assert_right, download, options, request, serve};

const MIB: u64 = 1 << 20;

/// What a block has at most, in which one wrong bit is found.
const BLOCK: u64 = 8 * MIB;

fn repo(size: u64) -> Repo {
    Repo::model("org/name")
        .file("config.json", b"{\"a\": 1}")
        .lfs("model.bin", Content::seeded(1, size))
        .build()
}

struct Setting {
    hub: Loopback,
    repo: Repo,
    folder: tempfile::TempDir,
    target: Target,
}

impl Setting {
    /// A repository of which all is in the cache.
    async fn cached(size: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::Cache(folder.path().to_owned());
        Self::new(folder, target, size).await
    }

    async fn new(folder: tempfile::TempDir, target: Target, size: u64) -> Self {
        Self::with(folder, target, size, options).await
    }

    async fn with(
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

    fn model(&self) -> PathBuf {
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

    fn client(&self) -> Client {
        Client::new(options(&self.hub.endpoint())).unwrap()
    }

    async fn audit(&self) -> Audit {
        let request = AuditRequest {
            target: self.target.clone(),
            repo: Some(request(&self.repo, self.target.clone()).repo),
            revision: None,
        };
        let progress = Arc::new(Progress::default());
        self.client().audit(&request, &progress).await.unwrap()
    }

    async fn repair(&self, audit: &Audit) -> Report {
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
    fn forget_blocks(&self) {
        let state = match &self.target {
            Target::Cache(root) => root.join(self.repo.cache_folder()).join(".hfast"),
            Target::LocalDir(root) => root.join(".cache/huggingface/hfast"),
            Target::File(_) => unreachable!(),
        };
        fs::remove_dir_all(state.join("blocks")).unwrap();
    }
}

fn flip(path: &Path, at: u64) {
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

#[tokio::test]
async fn one_wrong_bit_costs_one_block() {
    let setting = Setting::cached(40 * MIB + 3).await;
    assert_eq!(setting.audit().await.right, 2);
    flip(&setting.model(), 17 * MIB);
    let audit = setting.audit().await;
    let [damaged] = audit.damaged.as_slice() else {
        panic!("{audit:?}");
    };
    assert_eq!((audit.right, damaged.path.as_str()), (1, "model.bin"));
    assert!(
        damaged.wrong.is_some_and(|wrong| wrong <= BLOCK),
        "{audit:?}"
    );
    let report = setting.repair(&audit).await;
    assert!(
        (1..=BLOCK).contains(&report.received),
        "{}",
        report.received
    );
    assert_right(setting.folder.path(), &setting.repo);
    assert!(setting.audit().await.damaged.is_empty());
}

#[tokio::test]
async fn without_notes_one_wrong_bit_costs_what_lies_before_it_and_no_more_than_64_mib_behind() {
    let setting = Setting::cached(70 * MIB).await;
    setting.forget_blocks();
    flip(&setting.model(), 3 * MIB);
    let audit = setting.audit().await;
    assert_eq!(audit.damaged[0].wrong, None);
    let report = setting.repair(&audit).await;
    assert_eq!(report.received, 64 * MIB);
    assert_right(setting.folder.path(), &setting.repo);
    // What did not come again was in memory still when the file got its name back.
    flip(&setting.model(), 69 * MIB);
    let audit = setting.audit().await;
    assert_eq!(setting.repair(&audit).await.received, MIB);
    assert_right(setting.folder.path(), &setting.repo);
}

#[tokio::test]
async fn a_look_notes_what_is_right_for_files_of_other_tools() {
    let setting = Setting::cached(20 * MIB).await;
    setting.forget_blocks();
    assert_eq!(setting.audit().await.right, 2);
    flip(&setting.model(), 20 * MIB - 1);
    let audit = setting.audit().await;
    assert_eq!(audit.damaged[0].wrong, Some(MIB));
    assert_eq!(setting.repair(&audit).await.received, MIB);
}

#[tokio::test]
async fn what_is_cut_off_comes_again() {
    let setting = Setting::cached(20 * MIB).await;
    let model = fs::File::options()
        .write(true)
        .open(setting.model())
        .unwrap();
    model.set_len(11 * MIB).unwrap();
    let audit = setting.audit().await;
    let report = setting.repair(&audit).await;
    assert!(report.received < 20 * MIB, "{}", report.received);
    assert_right(setting.folder.path(), &setting.repo);
}

#[tokio::test]
async fn a_file_that_others_have_under_another_name_is_not_written_to() {
    let setting = Setting::cached(5 * MIB).await;
    let other = setting.folder.path().join("theirs");
    fs::hard_link(setting.model(), &other).unwrap();
    flip(&other, 7);
    let spoilt = fs::read(&other).unwrap();
    let audit = setting.audit().await;
    setting.repair(&audit).await;
    assert_right(setting.folder.path(), &setting.repo);
    assert!(fs::read(&other).unwrap() == spoilt, "it was written to");
}

#[tokio::test]
async fn in_a_local_folder_what_people_changed_is_not_damage() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::LocalDir(folder.path().to_owned());
    let setting = Setting::new(folder, target, 5 * MIB).await;
    flip(&setting.model(), 3);
    let config = setting.folder.path().join("config.json");
    fs::write(&config, "{\"a\": 2}").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(9);
    let written = fs::File::options().write(true).open(&config).unwrap();
    written.set_modified(later).unwrap();
    let audit = setting.audit().await;
    assert_eq!(audit.unknown, [config.as_path()]);
    assert_eq!(audit.damaged.len(), 1);
    setting.repair(&audit).await;
    assert_eq!(fs::read_to_string(&config).unwrap(), "{\"a\": 2}");
    assert!(setting.audit().await.damaged.is_empty());
}

#[tokio::test]
async fn without_a_network_nothing_is_touched() {
    let setting = Setting::cached(5 * MIB).await;
    flip(&setting.model(), 5);
    let audit = setting.audit().await;
    let offline = ClientOptions {
        offline: true,
        ..options(&setting.hub.endpoint())
    };
    let client = Client::new(offline).unwrap();
    let progress = Arc::new(Progress::default());
    let error = client.repair(&setting.target, &audit, &progress);
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(setting.audit().await.damaged.len(), 1);
}

#[tokio::test]
async fn a_repair_that_is_broken_off_takes_nothing_away_and_loses_nothing() {
    let setting = Setting::cached(20 * MIB).await;
    flip(&setting.model(), 5);
    let spoilt = fs::read(setting.model()).unwrap();
    let audit = setting.audit().await;
    let model = setting.model();
    let nowhere = Client::new(options("http://127.0.0.1:9")).unwrap();
    let progress = Arc::new(Progress::default());
    let work = nowhere.repair(&setting.target, &audit, &progress);
    let copied = async {
        while files_beside(&model).len() < 3 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        ended = work => panic!("{ended:?}"),
        () = copied => {}
    }
    assert!(fs::read(&model).unwrap() == spoilt);
    let report = setting.repair(&audit).await;
    assert!(report.received <= BLOCK, "{}", report.received);
    assert_right(setting.folder.path(), &setting.repo);
    assert_eq!(files_beside(&setting.model()).len(), 2, "nothing is left");
}

fn files_beside(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn where_names_are_hard_links_all_of_them_become_right() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::Cache(folder.path().to_owned());
    let linkless = |endpoint: &str| ClientOptions {
        symlinks: false,
        ..options(endpoint)
    };
    let setting = Setting::with(folder, target, 5 * MIB, linkless).await;
    flip(&setting.model(), 7);
    let audit = setting.audit().await;
    assert_eq!(audit.damaged.len(), 1, "{audit:?}");
    let report = setting.repair(&audit).await;
    assert!(report.received > 0, "it was taken for right");
    assert!(setting.audit().await.is_right());
    assert_right(setting.folder.path(), &setting.repo);
}

#[tokio::test]
async fn what_was_put_in_its_place_is_not_damage() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::LocalDir(folder.path().to_owned());
    let setting = Setting::new(folder, target, 20 * MIB).await;
    let config = setting.folder.path().join("config.json");
    // Others of another size, and of the same one, from before the download.
    for (path, bytes) in [
        (&config, b"mine".to_vec()),
        (&setting.model(), vec![7; 20 << 20]),
    ] {
        let modified = path.metadata().unwrap().modified().unwrap();
        fs::write(path, bytes).unwrap();
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(modified).unwrap();
    }
    let mut audit = setting.audit().await;
    audit.unknown.sort();
    assert_eq!(audit.unknown, [config, setting.model()]);
    assert!(audit.is_right(), "{audit:?}");
}

#[tokio::test]
async fn what_was_changed_since_the_look_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::LocalDir(folder.path().to_owned());
    let setting = Setting::new(folder, target, 5 * MIB).await;
    flip(&setting.model(), 3);
    let audit = setting.audit().await;
    fs::write(setting.model(), "mine").unwrap();
    let progress = Arc::new(Progress::default());
    let client = setting.client();
    let repaired = client.repair(&setting.target, &audit, &progress).await;
    let outcome = &repaired.unwrap()[0].outcome;
    assert_eq!(outcome.as_ref().unwrap_err().kind(), ErrorKind::Disk);
    assert_eq!(fs::read(setting.model()).unwrap(), b"mine");
}

#[tokio::test]
async fn a_folder_behind_a_link_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let repo = Repo::model("org/name")
        .file("sub/a.json", b"{\"a\": 1}")
        .build();
    let hub = serve(vec![repo.clone()]).await;
    let target = Target::LocalDir(folder.path().to_owned());
    let asked = request(&repo, target.clone());
    download(options(&hub.endpoint()), &asked).await.unwrap();
    let (sub, away) = (folder.path().join("sub"), outside.path().join("sub"));
    fs::rename(&sub, &away).unwrap();
    std::os::unix::fs::symlink(&away, &sub).unwrap();
    flip(&away.join("a.json"), 3);
    let spoilt = fs::read(away.join("a.json")).unwrap();
    let asked = AuditRequest {
        target: target.clone(),
        repo: Some(asked.repo),
        revision: None,
    };
    let client = Client::new(options(&hub.endpoint())).unwrap();
    let progress = Arc::new(Progress::default());
    let audit = client.audit(&asked, &progress).await.unwrap();
    assert_eq!(audit.damaged.len(), 1);
    let repaired = client.repair(&target, &audit, &progress).await.unwrap();
    let failed = &repaired[0].outcome.as_ref().unwrap().failed;
    assert_eq!(failed.len(), 1, "{repaired:?}");
    assert_eq!(fs::read(away.join("a.json")).unwrap(), spoilt);
}

#[tokio::test]
async fn a_cache_without_the_repository_is_not_called_right() {
    let empty = tempfile::tempdir().unwrap();
    let request = AuditRequest {
        target: Target::Cache(empty.path().to_owned()),
        repo: None,
        revision: None,
    };
    let client = Client::new(options("http://127.0.0.1:9")).unwrap();
    let error = client.audit(&request, &Arc::new(Progress::default())).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_gone_is_missed_and_fetched_again() {
    let setting = Setting::cached(MIB).await;
    let model = setting.model();
    fs::remove_file(&model).unwrap();
    let audit = setting.audit().await;
    let [missing] = audit.missing.as_slice() else {
        panic!("{audit:?}");
    };
    assert_eq!((audit.right, missing.path.as_str()), (1, "model.bin"));
    assert!(audit.damaged.is_empty() && !audit.is_right(), "{audit:?}");
    setting.repair(&audit).await;
    assert_right(setting.folder.path(), &setting.repo);
    assert!(setting.audit().await.is_right());
}

#[tokio::test]
async fn a_pipe_in_the_place_of_a_content_is_not_waited_for() {
    let setting = Setting::cached(MIB).await;
    let model = setting.model();
    fs::remove_file(&model).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&model).status();
    assert!(made.unwrap().success());
    let audit = setting.audit().await;
    assert_eq!((audit.right, audit.missing.len()), (1, 1), "{audit:?}");
    setting.repair(&audit).await;
    assert_right(setting.folder.path(), &setting.repo);
}

#[tokio::test]
async fn a_file_that_left_a_local_folder_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::LocalDir(folder.path().to_owned());
    let setting = Setting::new(folder, target, MIB).await;
    fs::remove_file(setting.model()).unwrap();
    let audit = setting.audit().await;
    assert_eq!((audit.right, audit.missing.len()), (1, 1), "{audit:?}");
    setting.repair(&audit).await;
    assert!(setting.audit().await.is_right());
}
