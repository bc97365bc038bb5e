//! In a local folder, what the disk has spoilt is told from what people changed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::sync::Arc;

use hfast::ErrorKind;
use hfast::client::{AuditRequest, Client, Target};
use hfast::transfer::progress::Progress;
use hfast_testkit::corpus::Repo;
use support::spoilt::{MIB, Setting, flip};
use support::{download, options, request, serve};

#[tokio::test]
async fn in_a_local_folder_what_people_changed_is_not_damage() {
    let setting = Setting::in_folder(5 * MIB).await;
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
async fn what_was_put_in_its_place_is_not_damage() {
    let setting = Setting::in_folder(20 * MIB).await;
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
    let setting = Setting::in_folder(5 * MIB).await;
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
async fn a_file_that_left_a_local_folder_is_missed() {
    let setting = Setting::in_folder(MIB).await;
    fs::remove_file(setting.model()).unwrap();
    let audit = setting.audit().await;
    assert_eq!((audit.right, audit.missing.len()), (1, 1), "{audit:?}");
    setting.repair(&audit).await;
    assert!(setting.audit().await.is_right());
}
