//! The lists of files that the Hub sends, as values: tree pages, repository information, and the
//! whole listing that they add up to.
//!
//! Every name passes [`RepoPath`]; names that cannot be created safely are kept apart with the
//! reason. Which files are wanted is the business of [`crate::hub::select`]. Pure.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use http::header::{HeaderMap, LINK};

use crate::error::Error;
use crate::hub::urls::Blobs;
use crate::hub::wire::{Lfs, Sha, Siblings, each_entry, is_git, json};
use crate::names::{Commit, Digest, XetHash};
use crate::repo_path::{PathFault, RepoPath};

/// A file as a listing has it. An absurd size or a malformed digest counts as absent: the headers
/// of the file itself are asked later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// Where it lies in the repository.
    pub path: RepoPath,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The digest of its content; for LFS files of the real content, not of the pointer.
    pub digest: Option<Digest>,
    /// The name of its content in Xet storage.
    pub xet: Option<XetHash>,
}

/// A name that is not safe to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedName {
    /// The name as the listing has it, at most 1024 characters. It may hold anything: see
    /// [`Self::shown`].
    pub name: String,
    /// What is wrong with it.
    pub fault: PathFault,
}

impl RefusedName {
    fn new(name: &str, fault: PathFault) -> Self {
        let name = name.chars().take(1024).collect();
        Self { name, fault }
    }

    /// The name with everything unprintable escaped, at most 200 characters.
    pub fn shown(&self) -> String {
        let escaped = self.name.chars().flat_map(char::escape_debug);
        escaped.take(200).collect()
    }
}

/// One page of a tree; folders are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreePage {
    /// The files, in the server's order.
    pub files: Vec<RemoteFile>,
    /// The files that we do not create.
    pub refused: Vec<RefusedName>,
}

impl TreePage {
    /// Reads the body of an answer to [`crate::hub::urls::Endpoint::tree`].
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) when it is not a JSON list of entries.
    ///
    /// ```
    /// use hfast::hub::listing::TreePage;
    /// let page = TreePage::parse(br#"[{"type":"file","path":"a/b","size":3}]"#)?;
    /// assert_eq!(page.files[0].size, Some(3));
    /// # Ok::<(), hfast::Error>(())
    /// ```
    pub fn parse(body: &[u8]) -> Result<Self, Error> {
        let mut page = Self::default();
        each_entry(body, |entry| {
            if entry.kind == "file" {
                let (oid, lfs) = (entry.oid.as_deref(), entry.lfs.as_ref());
                page.add(&entry.path, (entry.size, oid, lfs), entry.xet);
            }
        })?;
        Ok(page)
    }

    fn add(
        &mut self,
        name: &str,
        (size, oid, lfs): (Option<u64>, Option<&str>, Option<&Lfs>),
        xet: Option<XetHash>,
    ) {
        match RepoPath::new(name) {
            Err(fault) => self.refused.push(RefusedName::new(name, fault)),
            Ok(path) => self.files.push(RemoteFile {
                path,
                size: lfs.and_then(|lfs| lfs.size).or(size),
                digest: match lfs {
                    // `oid` would be that of the pointer: no digest is better than a wrong one.
                    Some(lfs) => lfs.digest(),
                    None => oid.and_then(Digest::from_hex).filter(is_git),
                },
                xet,
            }),
        }
    }
}

/// What the Hub says of a repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoInfo {
    /// The commit that the revision stands for.
    pub commit: Commit,
    /// The files, when their sizes and digests were asked for.
    pub siblings: Vec<RemoteFile>,
    /// The files that we do not create.
    pub refused: Vec<RefusedName>,
}

impl RepoInfo {
    /// Reads the body of an answer to [`crate::hub::urls::Endpoint::repo_info`] for these `blobs`.
    ///
    /// # Errors
    /// [`Protocol`](crate::ErrorKind::Protocol) when it is not such an object or has no valid commit.
    pub fn parse(body: &[u8], blobs: Blobs) -> Result<Self, Error> {
        let what = "the information about the repository";
        let commit = json::<Sha<'_>>(body, what)?.sha.parse()?;
        let siblings = match blobs {
            // There may be very many, and nobody needs their names.
            Blobs::Without => None,
            Blobs::With => json::<Siblings<'_>>(body, what)?.siblings,
        };
        let mut page = TreePage::default();
        for file in siblings.iter().flatten() {
            let (oid, lfs) = (file.blob_id.as_deref(), file.lfs.as_ref());
            page.add(&file.rfilename, (file.size, oid, lfs), None);
        }
        Ok(Self {
            commit,
            siblings: page.files,
            refused: page.refused,
        })
    }
}

/// The address of the next page, from `Link: <…>; rel="next"`, as it was sent.
///
/// It may lead anywhere: only its query may be used.
pub fn next_page(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .find_map(|text| link(text, "next"))
}

/// The first target in the value of a `Link` header (RFC 8288) that has this relation, as it was sent.
pub(crate) fn link(mut text: &str, relation: &str) -> Option<String> {
    while let Some((_, after)) = text.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let mut quoted = false;
        let is_end = |c: char| {
            quoted ^= c == '"';
            c == ',' && !quoted
        };
        let end = after.find(is_end).unwrap_or(after.len());
        if after[..end]
            .split(';')
            .any(|parameter| is_relation(parameter, relation))
        {
            return (target.len() <= 8192).then(|| target.trim().to_owned());
        }
        text = &after[end..];
    }
    None
}

fn is_relation(parameter: &str, wanted: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
    name.trim().eq_ignore_ascii_case("rel") && relations.any(|r| r.eq_ignore_ascii_case(wanted))
}

/// All files of a repository, page by page, without names that would overwrite each other.
///
/// Beside the files it keeps a few dozen bytes for each. Names are compared by 64-bit hashes with
/// a random key, so that no repository can be made to look as if it had collisions.
#[derive(Debug, Default)]
pub struct Listing {
    files: Vec<RemoteFile>,
    refused: Vec<RefusedName>,
    seen: HashMap<u64, usize>,
    folders: HashSet<u64>,
    hasher: RandomState,
}

impl Listing {
    /// Adds a page. Of names that collide, the first stays; a file that is listed twice counts once.
    pub fn push(&mut self, page: TreePage) {
        self.refused.extend(page.refused);
        for file in page.files {
            let key = file.path.collision_key();
            let hash = self.hasher.hash_one(key.as_str());
            let above = key.match_indices('/').map(|(at, _)| &key[..at]);
            let above: Vec<u64> = above.map(|dir| self.hasher.hash_one(dir)).collect();
            let earlier = self.seen.get(&hash).and_then(|&at| self.files.get(at));
            let fault = match earlier {
                Some(earlier) if earlier.path == file.path => continue,
                Some(_) => PathFault::COLLISION,
                None if self.folders.contains(&hash) => PathFault::FILE_AND_FOLDER,
                None if above.iter().any(|dir| self.seen.contains_key(dir)) => {
                    PathFault::FILE_AND_FOLDER
                }
                None => {
                    self.seen.insert(hash, self.files.len());
                    self.folders.extend(above);
                    self.files.push(file);
                    continue;
                }
            };
            self.refused
                .push(RefusedName::new(file.path.as_str(), fault));
        }
    }

    /// The files so far.
    pub fn files(&self) -> &[RemoteFile] {
        &self.files
    }

    /// The names that were refused so far.
    pub fn refused(&self) -> &[RefusedName] {
        &self.refused
    }

    /// The files and the refused names; what was kept to compare them is given back.
    pub fn into_parts(self) -> (Vec<RemoteFile>, Vec<RefusedName>) {
        (self.files, self.refused)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    const SHA1: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";
    const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_tree_gives_the_digests_of_the_contents() {
        let body = format!(
            r#"[{{"type":"directory","oid":"x","size":0,"path":"d"}},
                {{"type":"file","oid":"{SHA1}","size":3,"path":"d/a","later":{{}}}},
                {{"type":"file","oid":"{SHA1}","size":4,"path":"d/\u0062",
                  "lfs":{{"oid":"{SHA256}","size":5,"pointerSize":1}},"xetHash":"{SHA256}"}},
                {{"type":"file","oid":"../x","size":-1,"path":"c","lfs":null,"xetHash":{{}}}},
                {{"type":"file","oid":null,"size":1e99,"path":"e","lfs":{{"oid":"{SHA1}"}}}},
                {{"type":"file","path":"../\u202e\u0007é"}}]"#
        );
        let page = TreePage::parse(body.as_bytes()).unwrap();
        let said: Vec<_> = page.files.iter().map(|f| (f.size, f.digest)).collect();
        assert_eq!(said[0], (Some(3), Digest::from_hex(SHA1)));
        assert_eq!(said[1], (Some(5), Digest::from_hex(SHA256)));
        assert_eq!(said[2..], [(None, None); 2]);
        let xet: Vec<_> = page.files.iter().map(|f| f.xet.clone()).collect();
        assert_eq!(xet, [None, XetHash::from_hex(SHA256), None, None]);
        assert_eq!(page.refused[0].name, "../\u{202e}\u{7}é");
        assert_eq!(page.refused[0].shown(), r"../\u{202e}\u{7}é");
        for bad in ["", "<html>", "{}", "[1]", r#"[{"type":"file"}]"#] {
            let error = TreePage::parse(bad.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{bad}");
        }
    }

    #[test]
    fn repository_information_names_the_hash_otherwise() {
        let body = format!(
            r#"{{"id":"o/n","sha":"{SHA1}","siblings":[
                {{"rfilename":"a","size":3,"blobId":"{SHA1}"}},
                {{"rfilename":"b","blobId":"{SHA1}","lfs":{{"size":5,"sha256":"{SHA256}"}}}},
                {{"rfilename":"a/"}}]}}"#
        );
        let info = RepoInfo::parse(body.as_bytes(), Blobs::With).unwrap();
        assert_eq!(info.siblings[0].digest, Digest::from_hex(SHA1));
        assert_eq!(info.siblings[1].digest, Digest::from_hex(SHA256));
        assert_eq!((info.siblings[1].size, info.refused.len()), (Some(5), 1));
        let bare = format!(r#"{{"sha":"{SHA1}"}}"#);
        assert!(
            RepoInfo::parse(bare.as_bytes(), Blobs::With)
                .unwrap()
                .siblings
                .is_empty()
        );
        let without = RepoInfo::parse(body.as_bytes(), Blobs::Without).unwrap();
        assert_eq!((without.commit, without.siblings.len()), (info.commit, 0));
        assert!(RepoInfo::parse(br#"{"sha":"../../x"}"#, Blobs::With).is_err());
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        let table = r#"
            <https://h/x?a,b;c>; rel="next" => https://h/x?a,b;c
            <a>; rel=prev, <b>; title="x, <c>; rel=next"; REL = "last Next" => b
            <a>;rel=next => a
            <a>; rel="nextish" => none
            <a; rel=next => none
            rel=next => none"#;
        for (link, want) in table.lines().filter_map(|line| line.split_once(" => ")) {
            let mut headers = HeaderMap::new();
            headers.append(LINK, "<z>; rel=first".parse().unwrap());
            headers.append(LINK, link.trim().parse().unwrap());
            let found = next_page(&headers);
            assert_eq!(found.as_deref().unwrap_or("none"), want, "{link}");
        }
    }

    #[test]
    fn names_that_would_overwrite_each_other_are_refused() {
        let mut listing = Listing::default();
        for names in ["a d/x Ä", "a A ä D a/b d/y A/c/d"] {
            let mut page = TreePage::default();
            for name in names.split(' ') {
                page.add(name, (None, None, None), None);
            }
            listing.push(page);
        }
        let (files, refused) = listing.into_parts();
        let files: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(files, ["a", "d/x", "Ä", "d/y"]);
        let names = |fault| {
            let of = refused.iter().filter(move |refused| refused.fault == fault);
            of.map(|refused| refused.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(PathFault::COLLISION), ["A", "ä"]);
        assert_eq!(names(PathFault::FILE_AND_FOLDER), ["D", "a/b", "A/c/d"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>, link in "[<>;,=\" a-zé]{0,40}") {
            let _ = (TreePage::parse(&body), RepoInfo::parse(&body, Blobs::With), super::link(&link, "next"));
        }
    }
}
