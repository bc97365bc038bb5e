//! Complete listings of a commit that lie on the disk, so that a pinned commit costs no request.
//!
//! The official clients' file (`trees/<commit>.json`) is read, never written: its format belongs to
//! them. Ours has the same shape in a folder of our own. A listing is believed for ever, and so it
//! gets its name only once all of its files that were wanted have proved right; until then it lies
//! beside it under another, where only those look who cannot ask. Both are read and written entry by
//! entry: a listing may have a hundred thousand of them.

use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::place::{self, create_parents};
use crate::error::Error;
use crate::hub::listing::RemoteFile;
use crate::names::{Digest, XetHash};
use crate::repo_path::RepoPath;

/// A listing that is larger than this is asked for again.
const MAX_BYTES: u64 = 256 << 20;

#[derive(Deserialize)]
struct Found {
    format_version: u32,
    /// `None`: an entry cannot be used.
    #[serde(deserialize_with = "read_entries")]
    files: Option<Vec<RemoteFile>>,
}

#[derive(Serialize)]
struct Written<'a> {
    format_version: u32,
    #[serde(serialize_with = "write_entries")]
    files: &'a [&'a RemoteFile],
}

#[derive(Deserialize, Serialize)]
struct Entry {
    size: Option<u64>,
    blob_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lfs_size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    xet_hash: Option<String>,
}

/// The first complete listing among `places` that can be read.
pub(crate) fn read(places: &[PathBuf]) -> Option<Vec<RemoteFile>> {
    places.iter().find_map(|path| read_file(path))
}

fn read_file(path: &Path) -> Option<Vec<RemoteFile>> {
    // A pipe of this name would be waited for.
    let file = path.is_file().then(|| File::open(path).ok()).flatten()?;
    if file.metadata().ok()?.len() > MAX_BYTES {
        return None;
    }
    let found: Found = serde_json::from_reader(BufReader::new(file)).ok()?;
    let is_usable = |files: &Vec<RemoteFile>| found.format_version == 1 && !files.is_empty();
    found.files.filter(is_usable)
}

/// Where a listing lies that has not proved right yet and may become `own`.
pub(crate) fn unproved(own: &Path) -> PathBuf {
    own.with_extension("unproved.json")
}

/// Writes a complete listing that may become `own` once its files have proved right, by way of a
/// temporary name in `folder`. False: a file has no size or digest, or there are no files.
pub(crate) fn write_unproved(
    folder: &Path,
    own: &Path,
    files: &[&RemoteFile],
) -> Result<bool, Error> {
    let is_told = |file: &&RemoteFile| file.size.is_some() && file.digest.is_some();
    if files.is_empty() || !files.iter().all(is_told) {
        return Ok(false);
    }
    create_parents(own)?;
    let listing = Written {
        format_version: 1,
        files,
    };
    place::write_note_with(folder, &unproved(own), |file| {
        Ok(serde_json::to_writer(file, &listing)?)
    })?;
    Ok(true)
}

/// Gives a listing whose files have proved right its name.
pub(crate) fn prove(own: &Path) -> Result<(), Error> {
    place::rename(&unproved(own), own)
}

fn write_entries<S: Serializer>(files: &[&RemoteFile], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(files.iter().map(|file| (file.path.as_str(), entry(file))))
}

fn entry(file: &RemoteFile) -> Entry {
    let hex = file.digest.map(|digest| digest.to_string());
    let (blob_id, lfs_sha256) = match file.digest {
        Some(Digest::Sha256(_)) => (None, hex),
        Some(Digest::GitSha1(_)) | None => (hex, None),
    };
    Entry {
        size: file.size,
        blob_id,
        lfs_sha256,
        lfs_size: None,
        xet_hash: file.xet.as_ref().map(ToString::to_string),
    }
}

fn read_entries<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Vec<RemoteFile>>, D::Error> {
    struct Files;
    impl<'de> Visitor<'de> for Files {
        type Value = Option<Vec<RemoteFile>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map from paths to files")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            // One entry that cannot be used makes the whole listing unusable: it must be complete.
            let mut files = Some(Vec::new());
            while let Some((path, entry)) = map.next_entry::<String, Entry>()? {
                let file = remote_file(&path, &entry);
                files = files.zip(file).map(|(mut files, file)| {
                    files.push(file);
                    files
                });
            }
            Ok(files)
        }
    }
    deserializer.deserialize_map(Files)
}

fn remote_file(path: &str, entry: &Entry) -> Option<RemoteFile> {
    let hash = entry.lfs_sha256.as_ref().or(entry.blob_id.as_ref());
    Some(RemoteFile {
        path: RepoPath::new(path).ok()?,
        size: Some(entry.lfs_size.or(entry.size)?),
        digest: Some(Digest::from_hex(hash?)?),
        xet: entry.xet_hash.as_deref().and_then(XetHash::from_hex),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, digest: &str) -> RemoteFile {
        let path = RepoPath::new(path).unwrap();
        RemoteFile {
            path,
            size: Some(7),
            digest: Digest::from_hex(digest),
            xet: XetHash::from_hex(digest),
        }
    }

    #[test]
    fn a_listing_survives_and_a_bad_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x/tree.json");
        let files = [file("a", &"a".repeat(40)), file("b/c", &"b".repeat(64))];
        let files_by_ref = files.iter().collect::<Vec<_>>();
        assert!(write_unproved(folder.path(), &path, &files_by_ref).unwrap());
        let places = std::slice::from_ref(&path);
        assert!(read(places).is_none(), "it only may become the listing");
        prove(&path).unwrap();
        let read_back = read(std::slice::from_ref(&path)).unwrap();
        assert_eq!(read_back.len(), 2);
        assert_eq!(
            (&read_back[1].path, read_back[1].digest, &read_back[1].xet),
            (&files[1].path, files[1].digest, &files[1].xet)
        );
        for bad in [
            r#"{"format_version":2,"files":{}}"#,
            r#"{"format_version":1,"files":{}}"#,
            r#"{"format_version":1,"files":{"../x":{"size":1,"blob_id":"aa"}}}"#,
            "[]",
        ] {
            std::fs::write(&path, bad).unwrap();
            assert!(read(std::slice::from_ref(&path)).is_none(), "{bad}");
        }
    }
}
