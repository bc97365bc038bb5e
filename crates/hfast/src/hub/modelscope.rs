//! ModelScope's addresses and listings, as its own client uses them (`modelscope-hub` 0.5). Pure.
//!
//! Its listing gives the SHA-256 of every file, whichever way it is stored, and so tells which contents
//! are those of the Hub. Its revisions are its own, and say nothing.

use percent_encoding::utf8_percent_encode;
use serde::Deserialize;
use url::Url;

use super::urls::{Endpoint, RESERVED};
use crate::error::{Error, ErrorKind};
use crate::names::{Digest, RepoId, RepoType};

/// The branch that every repository has there.
const REVISION: &str = "master";

/// How many files a page has. Only the listings of datasets have pages; those of models end after 3000
/// entries, and what lies behind is not had from there.
const PAGE: usize = 200;

/// A repository at ModelScope.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) site: Endpoint,
    pub(crate) kind: RepoType,
    pub(crate) id: RepoId,
}

/// A file that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
}

impl Place {
    /// The repository, if ModelScope has repositories of this kind.
    pub(crate) fn new(site: Endpoint, kind: RepoType, id: RepoId) -> Option<Self> {
        (kind != RepoType::Space).then_some(Self { site, kind, id })
    }

    /// A page of the listing, counted from 1.
    pub(crate) fn listing(&self, page: usize) -> Url {
        let (what, pages) = match self.kind {
            RepoType::Dataset => ("tree", format!("&PageNumber={page}&PageSize={PAGE}")),
            _ => ("files", String::new()),
        };
        let query = format!("Revision={REVISION}&Recursive=True{pages}");
        self.join(what, &query)
    }

    /// Whether a page with so many entries may be followed by another one.
    pub(crate) fn has_more(&self, entries: usize) -> bool {
        self.kind == RepoType::Dataset && entries >= PAGE
    }

    /// The content of a file.
    pub(crate) fn file(&self, path: &str) -> Url {
        let path = utf8_percent_encode(path, RESERVED);
        self.join("", &format!("Revision={REVISION}&FilePath={path}"))
    }

    /// The path in an address of [`Self::file`].
    pub(crate) fn path_in(url: &Url) -> Option<String> {
        let mut query = url.query_pairs();
        let (_, path) = query.find(|(key, _)| key == "FilePath")?;
        Some(path.into_owned())
    }

    fn join(&self, what: &str, query: &str) -> Url {
        let what = if what.is_empty() {
            ""
        } else {
            &format!("/{what}")
        };
        let (kind, id) = (self.kind.plural(), &self.id);
        let path = format!("api/v1/{kind}/{id}/repo{what}");
        self.site.join(&path, Some(query))
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Data")]
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "Files")]
    files: Vec<File>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    path: String,
    #[serde(default)]
    size: u64,
    sha256: Option<String>,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

/// The files of a page that have a digest, and how many entries the page has.
///
/// # Errors
/// [`ErrorKind::Protocol`] for what is not a listing.
pub(crate) fn parse(body: &[u8]) -> Result<(Vec<Entry>, usize), Error> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        Error::new(ErrorKind::Protocol, format!("not a listing: {error}")).with_source(error)
    })?;
    let count = answer.data.files.len();
    let files = answer.data.files.into_iter();
    let files = files.filter(|file| file.kind.as_deref() != Some("tree"));
    let entries = files.filter_map(|file| {
        let digest = Digest::from_hex(&file.sha256?);
        Some(Entry {
            path: file.path,
            size: file.size,
            digest: digest.filter(|digest| matches!(digest, Digest::Sha256(_)))?,
        })
    });
    Ok((entries.collect(), count))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kind: RepoType) -> Place {
        let site = "https://ms.example".parse().unwrap();
        Place::new(site, kind, RepoId::new("org/name").unwrap()).unwrap()
    }

    #[test]
    fn addresses_are_those_of_the_official_client() {
        let model = place(RepoType::Model);
        assert_eq!(
            model.listing(1).as_str(),
            "https://ms.example/api/v1/models/org/name/repo/files?Revision=master&Recursive=True"
        );
        assert_eq!(
            model.file("a b/c&d.bin").as_str(),
            "https://ms.example/api/v1/models/org/name/repo?Revision=master&FilePath=a%20b%2Fc%26d.bin"
        );
        let path = Place::path_in(&model.file("a b/c&d.bin"));
        assert_eq!(path.as_deref(), Some("a b/c&d.bin"));
        assert_eq!(
            place(RepoType::Dataset).listing(2).as_str(),
            "https://ms.example/api/v1/datasets/org/name/repo/tree?Revision=master&Recursive=True&PageNumber=2&PageSize=200"
        );
        assert!(place(RepoType::Dataset).has_more(200) && !model.has_more(3000));
    }

    #[test]
    fn only_files_with_a_digest_count() {
        let sha = "ab".repeat(32);
        let body = format!(
            r#"{{"Code":200,"Data":{{"Files":[
                {{"Path":"d","Type":"tree","Size":0,"Sha256":""}},
                {{"Path":"d/x.bin","Type":"blob","Size":7,"Sha256":"{sha}","Id":"1"}},
                {{"Path":"odd","Type":"blob","Size":7,"Sha256":"xyz"}},
                {{"Path":"none","Type":"blob","Size":7,"Sha256":null}}
            ],"IsVisual":1}},"Message":"success","Success":true}}"#
        );
        let (entries, count) = parse(body.as_bytes()).unwrap();
        assert_eq!(count, 4);
        let expected = Entry {
            path: "d/x.bin".to_owned(),
            size: 7,
            digest: Digest::from_hex(&sha).unwrap(),
        };
        assert_eq!(entries, [expected]);
        let error = parse(br#"{"Code":404,"Data":null}"#).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }
}
