//! Whether there is room for what a job will write, told before the first byte is fetched.
//!
//! The sum is an upper bound, but for one thing: what lies in its place with the right size is
//! taken as right. A refusal has no way around it, a full disk later costs nothing but time.

use std::collections::HashMap;
use std::path::Path;

use super::destination::{Destination, Naming, Wanted};
use super::{place, platform, resume, takeover};
use crate::error::{Error, ErrorKind};
use crate::text::bytes;

/// Left free beside the files themselves: journals, listings, folders.
const SPARE: u64 = 16 << 20;

/// Files take whole blocks; each has a link or a note that takes one more.
const BLOCK: u64 = 4096;

/// Up to this size a file is counted without a look at what is there: there may be very many.
const SMALL: u64 = 1 << 20;

impl Destination {
    /// # Errors
    /// [`ErrorKind::Disk`] when there is no room for all that is wanted; `force` writes also what is
    /// there.
    pub(crate) fn check_space(&self, wanted: &[Wanted], force: bool) -> Result<(), Error> {
        let folder = self.partials();
        let begun = begun(&folder);
        let each = wanted.iter().map(|wanted| {
            let begun = begun.get(&self.stem(wanted)).copied();
            let force = force || wanted.damaged.is_some();
            self.needs(wanted, begun.unwrap_or_default(), force)
        });
        let needed = each.fold(SPARE, u64::saturating_add);
        match place::free_space(&folder) {
            Some(free) if free < needed => Err(no_room(needed, free, &folder)),
            _ => Ok(()),
        }
    }

    /// The bytes that one content still takes, if `begun` of them are in an unfinished file.
    fn needs(&self, wanted: &Wanted, begun: u64, force: bool) -> u64 {
        let size = wanted.size.unwrap_or_default();
        let lacks = |path: &Path| {
            let looks = size > SMALL && !force;
            !looks
                || !path
                    .metadata()
                    .is_ok_and(|found| found.is_file() && found.len() == size)
        };
        let names = wanted.paths.iter().map(|path| self.final_path(path));
        let names = names.filter(|path| lacks(path)).count() as u64;
        let (files, fetches) = match self {
            Self::Cache { folder, naming, .. } => {
                let blob = wanted.digest.map(|digest| folder.blob(&digest));
                // What lies elsewhere in the cache is linked, where the system can.
                let linked = !force
                    && wanted
                        .elsewhere
                        .iter()
                        .any(|lying| lying.may_link && size > SMALL);
                let fetches = !linked && blob.is_none_or(|blob| lacks(&blob));
                let copies = if *naming == Naming::Copies { names } else { 0 };
                (u64::from(fetches) + copies, fetches)
            }
            // One name gets what is fetched, and each other one a copy.
            Self::LocalDir { .. } | Self::File { .. } => {
                (names, names == wanted.paths.len() as u64)
            }
        };
        let each = size.div_ceil(BLOCK).saturating_add(1).saturating_mul(BLOCK);
        let there = if fetches { begun } else { 0 };
        each.saturating_mul(files).saturating_sub(there)
    }
}

/// What the fullest unfinished file that can be taken over holds on the disk, by its stem.
fn begun(folder: &Path) -> HashMap<String, u64> {
    let mut begun = HashMap::new();
    for (stem, path) in resume::leftovers(folder) {
        let held = path.metadata().ok().filter(|_| takeover::is_free(&path));
        let held = held.map_or(0, |found| platform::allocated(&found));
        let fullest = begun.entry(stem).or_insert(0);
        *fullest = held.max(*fullest);
    }
    begun
}

fn no_room(needed: u64, free: u64, folder: &Path) -> Error {
    let lacking = needed.saturating_sub(free);
    let text = format!(
        "{} are needed in {}, and {} are free: {} are missing",
        bytes(needed),
        folder.display(),
        bytes(free),
        bytes(lacking)
    );
    Error::new(ErrorKind::Disk, text)
        .with_hint("free some space, or choose another disk with --cache-dir or --local-dir")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::{Digest, Repo, RepoId, RepoType};
    use crate::repo_path::RepoPath;
    use crate::store::layout::RepoFolder;
    use crate::store::owner::Owner;

    const SIZE: u64 = 8 << 20;
    const EACH: u64 = SIZE + BLOCK;

    fn wanted(names: &[&str]) -> Wanted {
        Wanted {
            paths: names.iter().map(|n| RepoPath::new(n).unwrap()).collect(),
            size: Some(SIZE),
            digest: Digest::from_hex(&"d".repeat(64)),
            validator: None,
            xet: None,
            elsewhere: Vec::new(),
            damaged: None,
        }
    }

    fn sized(path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = std::fs::File::create(path).unwrap();
        file.set_len(SIZE).unwrap();
    }

    #[test]
    fn a_local_folder_needs_room_for_each_name() {
        let root = tempfile::tempdir().unwrap();
        let here = Destination::LocalDir {
            root: root.path().to_owned(),
            commit: "c".repeat(40).parse().unwrap(),
        };
        let three = wanted(&["a", "b", "sub/c"]);
        assert_eq!(here.needs(&three, 0, false), 3 * EACH);
        assert_eq!(here.needs(&three, SIZE, false), 3 * EACH - SIZE);
        sized(&root.path().join("b"));
        assert_eq!(here.needs(&three, SIZE, false), 2 * EACH, "two copies");
        assert_eq!(here.needs(&three, 0, true), 3 * EACH);
    }

    #[test]
    fn a_cache_without_links_needs_room_for_copies() {
        let root = tempfile::tempdir().unwrap();
        let repo = Repo::new(RepoType::Model, RepoId::new("org/name").unwrap());
        let folder = RepoFolder::new(root.path(), &repo);
        let cache = |naming| Destination::Cache {
            folder: folder.clone(),
            commit: "c".repeat(40).parse().unwrap(),
            naming,
        };
        let two = wanted(&["a", "b"]);
        assert_eq!(cache(Naming::Links).needs(&two, 0, false), EACH);
        assert_eq!(
            cache(Naming::Copies).needs(&two, SIZE, false),
            3 * EACH - SIZE
        );
        sized(&folder.blob(&two.digest.unwrap()));
        assert_eq!(cache(Naming::Links).needs(&two, 0, false), 0);
        assert_eq!(cache(Naming::Copies).needs(&two, 0, false), 2 * EACH);
    }

    #[test]
    fn small_files_take_whole_blocks() {
        let here = Destination::File { path: "x".into() };
        let mut one = wanted(&["x"]);
        one.size = Some(1);
        assert_eq!(here.needs(&one, 0, false), 2 * BLOCK);
    }

    #[test]
    fn a_refusal_says_how_much_is_missing_and_where() {
        let error = no_room(2_500_000_000, 20_000_000, Path::new("/disk/x"));
        let text = "2.5 GB are needed in /disk/x, and 20.0 MB are free: 2.4 GB are missing";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn what_somebody_else_writes_is_not_counted_as_begun() {
        let folder = tempfile::tempdir().unwrap();
        let write = |owner: Owner| {
            let path = folder.path().join(owner.file_name("stem"));
            std::fs::write(path, vec![1; 8192]).unwrap();
        };
        let owner = Owner::of_new_file();
        write(owner);
        assert_eq!(begun(folder.path())["stem"], 0);
        let empty = Owner::of_new_file();
        std::fs::write(folder.path().join(empty.file_name("stem")), "").unwrap();
        for owner in [owner, empty] {
            owner.abandon();
        }
        assert!(begun(folder.path())["stem"] >= 8192, "the fullest counts");
        for owner in [owner, empty] {
            owner.forget();
        }
    }
}
