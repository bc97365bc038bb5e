//! A disk that cannot be written to, and a network that is not to be asked.

use hfast::ErrorKind;
use hfast::doctor::{Check, Verdict};

use super::support::{repo, serve};
use super::{Patient, assert_fault, of};

#[tokio::test]
async fn a_file_in_place_of_the_folder_is_told() {
    let hub = serve(vec![repo()]).await;
    let mut patient = Patient::new(&hub.endpoint());
    let file = patient.examination.folder.join("file");
    std::fs::write(&file, b"").unwrap();
    patient.examination.folder = file.join("hub");
    patient.examination.sources.folder = Some("HF_HOME".to_owned());
    let report = patient.examined().await;
    let words = [
        "nothing can be written",
        "a file stands where",
        "--cache-dir DIR",
        "HF_HOME",
    ];
    assert_fault(&report, Check::Cache, &words);
    assert_eq!(report.fault().unwrap().kind, Some(ErrorKind::Disk));
}

#[tokio::test]
async fn a_folder_is_left_as_it_was() {
    let hub = serve(vec![repo()]).await;
    let kept = tempfile::tempdir().unwrap();
    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.folder = kept.path().join("hub");
    let report = patient.examined().await;
    let cache = of(&report, Check::Cache);
    assert_ne!(cache.verdict, Verdict::Fault, "{report:#?}");
    assert!(cache.seen.contains("free, writes"), "{cache:#?}");
    assert_eq!(std::fs::read_dir(kept.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn nothing_is_asked_while_the_network_is_switched_off() {
    let hub = serve(vec![repo()]).await;
    let mut patient = Patient::new(&hub.endpoint());
    patient.examination.offline = true;
    patient.examination.sources.offline = Some("TRANSFORMERS_OFFLINE".to_owned());
    let report = patient.examined().await;
    assert_fault(&report, Check::Settings, &["unset TRANSFORMERS_OFFLINE"]);
    assert!(hub.hub().requests().is_empty());
}
