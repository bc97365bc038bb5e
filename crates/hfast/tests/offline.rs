//! Without a network, on a cache that other clients wrote and left no listing in.
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hfast::client::{Client, ClientOptions, DownloadRequest, Report, Target};
use hfast::transfer::progress::Progress;
use hfast::{Error, ErrorKind, RepoId, RepoType};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// The cache as `huggingface_hub` 0.36 writes it: blobs, links, a ref. One link is broken.
fn cache() -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("models--org--name");
    let snapshot = folder.join("snapshots").join(COMMIT);
    for made in ["blobs", "refs"] {
        fs::create_dir_all(folder.join(made)).unwrap();
    }
    fs::create_dir_all(snapshot.join("sub")).unwrap();
    fs::write(folder.join("refs/main"), COMMIT).unwrap();
    for (name, up, blob, content) in [
        ("config.json", "../..", "a".repeat(40), Some("{}")),
        ("sub/vocab.txt", "../../..", "b".repeat(40), Some("a b")),
        ("broken.bin", "../..", "c".repeat(64), None),
    ] {
        symlink(format!("{up}/blobs/{blob}"), snapshot.join(name)).unwrap();
        if let Some(content) = content {
            fs::write(folder.join("blobs").join(blob), content).unwrap();
        }
    }
    (root, snapshot)
}

async fn download(cache: &Path, files: &[&str]) -> Result<Report, Error> {
    let client = Client::new(ClientOptions {
        offline: true,
        ..ClientOptions::default()
    })?;
    let repo = hfast::Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
    let mut request = DownloadRequest::new(repo, Target::Cache(cache.to_owned()));
    let names = files.iter().map(ToString::to_string);
    (request.names_or_patterns, request.files) = names.partition(|name| name.contains('*'));
    let progress = Arc::new(Progress::default());
    let plan = client.plan(&request, &progress).await?;
    client.download(plan, &progress).await
}

#[tokio::test]
async fn what_lies_in_the_cache_is_given_with_a_word_of_caution() {
    let (root, snapshot) = cache();
    let report = download(root.path(), &[]).await.unwrap();
    assert_eq!(
        (report.path, report.files, report.bytes),
        (snapshot.clone(), 2, 5)
    );
    let caveat = report.caveat.unwrap();
    assert!(caveat.contains("no listing of this commit"), "{caveat}");

    let report = download(root.path(), &["sub/"]).await.unwrap();
    assert_eq!((report.path, report.files), (snapshot, 1));
}

#[tokio::test]
async fn what_does_not_lie_in_the_cache_is_an_error() {
    let (root, _) = cache();
    for (files, said) in [
        (
            &["broken.bin"][..],
            "\"broken.bin\" of org/name is not in the cache",
        ),
        (
            &["config.json", "model.bin"],
            "\"model.bin\" of org/name is not",
        ),
        (&["onnx/"], "\"onnx/\" of org/name is not in the cache"),
        (&["*.onnx"], "\"*.onnx\" of org/name is not in the cache"),
    ] {
        let error = download(root.path(), files).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().starts_with(said), "{error}");
    }
    let noted = root.path().join("models--org--name/.no_exist");
    assert!(!noted.exists(), "nobody said that it does not exist");
    let empty = tempfile::tempdir().unwrap();
    let error = download(empty.path(), &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
