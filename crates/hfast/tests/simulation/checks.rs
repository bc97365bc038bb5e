//! What must be true of every job, whatever the world was like. Each check panics.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use hfast_testkit::cache_check;
use hfast_testkit::corpus::RepoFile;

use crate::crash::is_ours;
use crate::life::{CONNECTIONS, Story};
use crate::world::{Layout, TOKEN, World};

/// What a kill may cost for each connection: an extent of 1 MiB, which is one for files of this
/// size, and what has come and not been written. A small file in memory is no more than that.
const LOST_BY_A_KILL: u64 = (1 << 20) + (300 << 10);

/// Where connections share a range some bytes come twice; listings and pages of errors are in it, too.
const OVERLAP: u64 = 4 << 20;

/// Who tries again without a pause needs more. The worst of some thousand worlds need most of it: theirs is a
/// storage that falls silent after some 50 kB each time, and is asked again within seconds.
const MOST_REQUESTS: usize = 600;

/// The job succeeded, and everything is as it should be.
pub(crate) fn it_ended_well(world: &World, story: &Story, root: &Path) {
    let report = story.report.as_ref().unwrap_or_else(|e| panic!("{e}"));
    if let [(name, error), ..] = report.failed.as_slice() {
        panic!("{} failed, {name} with: {error}", report.failed.len());
    }
    assert!(report.refused.is_empty(), "refused: {:?}", report.refused);
    assert_eq!(report.files, world.repo.files.len());
    let most = story.most_open;
    assert!(most <= CONNECTIONS + 1, "{most} connections");
    all_is_in_place(world, root);
    nothing_else_is_there(world, root);
    tokens_went_where_they_belong(world);
    traffic_is_bounded(world, story);
}

fn all_is_in_place(world: &World, root: &Path) {
    for file in &world.repo.files {
        cache_check::compare(&final_path(world, root, file), file)
            .unwrap_or_else(|problem| panic!("{}: {problem}", file.path()));
    }
    match world.layout {
        Layout::Cache => {
            let reference = root.join(world.repo.cache_folder()).join("refs/main");
            assert_eq!(fs::read_to_string(reference).unwrap(), world.repo.commit);
        }
        Layout::LocalDir => {
            for file in &world.repo.files {
                let text = fs::read_to_string(metadata_path(root, file)).unwrap();
                let lines: Vec<&str> = text.lines().take(2).collect();
                assert_eq!(lines, [world.repo.commit.as_str(), file.etag()]);
            }
        }
    }
}

/// A kill may leave files unfinished or absent, but none that is wrong under a final name.
pub(crate) fn nothing_wrong_is_published(world: &World, root: &Path) {
    for file in &world.repo.files {
        let mut places = vec![final_path(world, root, file)];
        if world.layout == Layout::Cache {
            places.push(blob_path(world, root, file));
        }
        for place in places.iter().filter(|place| place.exists()) {
            cache_check::compare(place, file)
                .unwrap_or_else(|problem| panic!("{} is published: {problem}", place.display()));
        }
    }
    let reference = root.join(world.repo.cache_folder()).join("refs/main");
    assert!(!reference.exists(), "the ref moved before all was there");
}

/// No unfinished file, no orphan: what is on disk is the layout's and nothing else.
fn nothing_else_is_there(world: &World, root: &Path) {
    let folder = root.join(world.repo.cache_folder());
    let (ours, other) = match world.layout {
        Layout::Cache => (folder.join(".hfast"), folder.join("refs/main")),
        Layout::LocalDir => {
            let state = root.join(".cache/huggingface");
            (state.join("hfast"), state.join(".gitignore"))
        }
    };
    let listing = format!("{}.json", world.repo.commit);
    let mut known = BTreeSet::from([ours.join(listing), other]);
    for file in &world.repo.files {
        known.insert(final_path(world, root, file));
        known.insert(match world.layout {
            Layout::Cache => blob_path(world, root, file),
            Layout::LocalDir => metadata_path(root, file),
        });
        known.insert(ours.join("blocks").join(file.etag()));
    }
    known.insert(root.join(".cache/huggingface/hfast/refs/models--org--name/main"));
    // The official locks are never deleted.
    let is_lock = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "lock");
    let others: Vec<_> = walk(root)
        .into_iter()
        .filter(|path| is_ours(path) || !is_lock(path) && !known.contains(path))
        .collect();
    assert!(others.is_empty(), "left over: {others:?}");
}

/// The token is for the endpoints that the user named, and for nobody to whom they redirect.
fn tokens_went_where_they_belong(world: &World) {
    let bearer = format!("Bearer {TOKEN}");
    for request in world.requests() {
        let Some(shown) = request.authorization else {
            continue;
        };
        let is_named = world.endpoints.contains(&request.host.as_str());
        assert!(
            is_named && world.token && shown == bearer,
            "{} was shown {shown}",
            request.host
        );
    }
}

/// Every content comes once, but for what faults and kills cost.
fn traffic_is_bounded(world: &World, story: &Story) {
    let once: BTreeMap<_, _> = world
        .repo
        .files
        .iter()
        .map(|f| (f.etag(), f.size()))
        .collect();
    let cut_off = u64::try_from(story.cut_off).unwrap();
    let by_kills = cut_off * LOST_BY_A_KILL + story.lost;
    let by_faults = (story.kills + 1) * world.waste;
    let budget = once.values().sum::<u64>() + OVERLAP + by_kills + by_faults;
    let sent = world.sent_bytes();
    assert!(
        sent <= budget,
        "{sent} bytes sent, where {budget} are enough: {cut_off} streams cut off, {} bytes lost",
        story.lost
    );
    let requests = world.requests().len();
    assert!(requests <= MOST_REQUESTS, "{requests} requests");
}

fn final_path(world: &World, root: &Path, file: &RepoFile) -> PathBuf {
    match world.layout {
        Layout::Cache => root
            .join(world.repo.cache_folder())
            .join("snapshots")
            .join(&world.repo.commit)
            .join(file.path()),
        Layout::LocalDir => root.join(file.path()),
    }
}

fn blob_path(world: &World, root: &Path, file: &RepoFile) -> PathBuf {
    let folder = root.join(world.repo.cache_folder());
    folder.join("blobs").join(file.etag())
}

fn metadata_path(root: &Path, file: &RepoFile) -> PathBuf {
    let folder = root.join(".cache/huggingface/download");
    folder.join(format!("{}.metadata", file.path()))
}

/// All files and links below `root`, in order.
pub(crate) fn walk(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let is_folder = entry.file_type().unwrap().is_dir();
            let list = if is_folder { &mut folders } else { &mut found };
            list.push(entry.path());
        }
    }
    found.sort();
    found
}
