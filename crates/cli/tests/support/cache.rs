//! A cache as the official clients make it, file by file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::Home;

pub(crate) const OLD: &str = "1111111111111111111111111111111111111111";
pub(crate) const NEW: &str = "2222222222222222222222222222222222222222";
pub(crate) const HUB: &str = ".cache/huggingface/hub";

/// A cache with two repositories. One has an old commit without a branch and a new one, which share `both`.
pub(crate) fn home() -> Home {
    let home = Home::new();
    let model = "models--org--name";
    for (blob, size) in [("both", 1_000_000), ("old", 2_000), ("new", 30_000)] {
        home.write(&format!("{HUB}/{model}/blobs/{blob}"), &"x".repeat(size));
    }
    link(&home, model, OLD, &[("a/w.bin", "both"), ("c.json", "old")]);
    link(&home, model, NEW, &[("a/w.bin", "both"), ("c.json", "new")]);
    home.write(&format!("{HUB}/{model}/refs/main"), NEW);
    home.write(&format!("{HUB}/{model}/refs/refs/pr/1"), NEW);
    let data = "datasets--org--data";
    home.write(&format!("{HUB}/{data}/blobs/rows"), &"x".repeat(500));
    link(&home, data, OLD, &[("rows.csv", "rows")]);
    home.write(&format!("{HUB}/{data}/refs/main"), OLD);
    home.write(&format!("{HUB}/CACHEDIR.TAG"), "");
    home
}

pub(crate) fn link(home: &Home, repo: &str, commit: &str, files: &[(&str, &str)]) {
    for (name, blob) in files {
        let path = at(home, &format!("{repo}/snapshots/{commit}/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let up = "../".repeat(name.matches('/').count() + 2);
        symlink(format!("{up}blobs/{blob}"), path).unwrap();
    }
}

pub(crate) fn at(home: &Home, name: &str) -> PathBuf {
    home.path().join(HUB).join(name)
}

/// All files and links of a repository, by name.
pub(crate) fn names(home: &Home, repo: &str) -> Vec<String> {
    let root = at(home, repo);
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let path = path.strip_prefix(&root).unwrap();
                found.push(path.display().to_string());
            }
        }
    }
    found.sort_unstable();
    found
}

/// What is in the folder of the contents of a repository.
pub(crate) fn blobs(home: &Home, repo: &str) -> Vec<String> {
    let names = names(home, repo).into_iter();
    let blobs = names.filter_map(|name| name.strip_prefix("blobs/").map(str::to_owned));
    blobs.collect()
}

pub(crate) fn link_one(home: &Home, repo: &str) {
    link(home, repo, NEW, &[("model.bin", "shared")]);
    home.write(&format!("{HUB}/{repo}/refs/main"), NEW);
}
