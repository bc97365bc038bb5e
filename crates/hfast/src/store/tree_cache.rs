//! Complete listings of a commit that lie in the cache, so that a pinned commit costs no request.
//!
//! The official clients' file (`trees/<commit>.json`, `hub-protocol` section 12) is read, never
//! written: only a complete listing may stand there, and its format belongs to them. Ours has the
//! same shape in a folder of our own.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::layout::RepoFolder;
use super::place::{create_parents, write_atomically};
use crate::error::{Error, ErrorKind};
use crate::hub::listing::RemoteFile;
use crate::names::{Commit, Digest};
use crate::repo_path::RepoPath;

/// A listing that is larger than this is asked for again rather than read into memory.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Deserialize, Serialize)]
struct Tree {
    format_version: u32,
    files: BTreeMap<String, TreeFile>,
}

#[derive(Deserialize, Serialize)]
struct TreeFile {
    size: Option<u64>,
    blob_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_size: Option<u64>,
}

/// The complete listing of `commit`, if one lies in the cache and can be read.
pub(crate) fn read(folder: &RepoFolder, commit: &Commit) -> Option<Vec<RemoteFile>> {
    [folder.official_tree(commit), folder.own_tree(commit)]
        .iter()
        .find_map(|path| read_file(path))
}

fn read_file(path: &Path) -> Option<Vec<RemoteFile>> {
    if fs::metadata(path).ok()?.len() > MAX_BYTES {
        return None;
    }
    let tree: Tree = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    if tree.format_version != 1 {
        return None;
    }
    // One entry that cannot be used makes the whole listing unusable: it must stay complete.
    tree.files
        .into_iter()
        .map(|(path, file)| remote_file(&path, &file))
        .collect()
}

fn remote_file(path: &str, file: &TreeFile) -> Option<RemoteFile> {
    let hash = file.lfs_sha256.as_ref().or(file.blob_id.as_ref());
    Some(RemoteFile {
        path: RepoPath::new(path).ok()?,
        size: Some(file.lfs_size.or(file.size)?),
        digest: Some(Digest::from_hex(hash?)?),
    })
}

/// Keeps a complete listing whose every file has a size and a digest.
pub(crate) fn write(
    folder: &RepoFolder,
    commit: &Commit,
    files: &[RemoteFile],
) -> Result<(), Error> {
    let entries = files.iter().map(|file| {
        let digest = file.digest?;
        let (blob_id, lfs_sha256) = match digest {
            Digest::GitSha1(_) => (Some(digest.to_string()), None),
            Digest::Sha256(_) => (None, Some(digest.to_string())),
        };
        let entry = TreeFile {
            size: Some(file.size?),
            blob_id,
            lfs_sha256,
            lfs_size: None,
        };
        Some((file.path.as_str().to_owned(), entry))
    });
    let Some(files) = entries.collect::<Option<_>>() else {
        return Ok(());
    };
    let json = serde_json::to_vec(&Tree {
        format_version: 1,
        files,
    })
    .map_err(|e| {
        Error::new(ErrorKind::Protocol, "the listing cannot be written as JSON").with_source(e)
    })?;
    let path = folder.own_tree(commit);
    create_parents(&path)?;
    write_atomically(&path, &json)
}
