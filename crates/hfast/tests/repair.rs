//! What the disk has spoilt in a cache is found, and made right again with few bytes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hfast::ErrorKind;
use hfast::client::{AuditRequest, Client, ClientOptions, Target};
use hfast::transfer::progress::Progress;
use support::spoilt::{BLOCK, MIB, Setting, flip};
use support::{assert_right, options};

#[tokio::test]
async fn one_wrong_bit_costs_one_block() {
    let setting = Setting::cached(40 * MIB + 3).await;
    assert_eq!(setting.audit().await.right, 2);
    flip(&setting.model(), 17 * MIB);
    let audit = setting.audit().await;
    let [damaged] = audit.damaged.as_slice() else {
        panic!("{audit:?}");
    };
    assert_eq!((audit.right, damaged.name.path.as_str()), (1, "model.bin"));
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
async fn what_is_damaged_does_not_say_itself_what_it_should_be() {
    let setting = Setting::cached(20 * MIB).await;
    // As other tools leave it: no listing, no notes.
    let state = setting.folder.path().join(setting.repo.cache_folder());
    fs::remove_dir_all(state.join(".hfast")).unwrap();
    let model = fs::File::options().write(true).open(setting.model());
    model.unwrap().set_len(11 * MIB).unwrap();
    let audit = setting.audit().await;
    assert_eq!(audit.damaged.len(), 1, "{audit:?}");
    setting.repair(&audit).await;
    assert_right(setting.folder.path(), &setting.repo);
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
    assert_eq!((audit.right, missing.name.path.as_str()), (1, "model.bin"));
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
