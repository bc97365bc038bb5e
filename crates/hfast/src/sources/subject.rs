//! The sources that are looked at, and the way to each: what is asked of it follows from that. Pure.

use std::collections::HashSet;
use std::path::PathBuf;

use super::report::SourceKind;
use crate::client::ClientOptions;
use crate::error::{Error, ErrorKind};
use crate::hub::extra::ExtraSource;
use crate::hub::extras::Extra;
use crate::names::Commit;

/// A source.
pub(super) struct Subject {
    pub(super) name: String,
    pub(super) kind: SourceKind,
    /// For an endpoint: the commit that the revision stands for there.
    pub(super) commit: Option<Commit>,
    /// The way to it, or why there is none.
    pub(super) way: Result<Way, Error>,
}

/// How a source is asked. The numbers are those of the lanes of a download.
pub(super) enum Way {
    /// File by file.
    Server(usize),
    /// It has told what it has; these are the names.
    Listed(usize, HashSet<String>),
    /// On the disk.
    Folder(PathBuf),
}

/// All sources in their order, and those of the further ones that can be asked for bytes: their places
/// in that list, behind the endpoints, are their lanes.
pub(super) fn subjects(
    options: &ClientOptions,
    commits: Vec<Result<Commit, Error>>,
    further: Vec<Result<Option<Extra>, Error>>,
) -> (Vec<Subject>, Vec<Extra>) {
    let endpoints = options.endpoints.iter().zip(commits).enumerate();
    let mut subjects: Vec<_> = endpoints
        .map(|(lane, (endpoint, commit))| Subject {
            name: endpoint.to_string(),
            kind: SourceKind::Endpoint,
            commit: commit.as_ref().ok().cloned(),
            way: commit.map(|_| Way::Server(lane)),
        })
        .collect();
    let mut extras = Vec::new();
    for (source, asked) in options.sources.iter().zip(further) {
        let lane = options.endpoints.len() + extras.len();
        let way = asked.and_then(|extra| {
            let way = way(source, extra.as_ref(), lane)?;
            extras.extend(extra);
            Ok(way)
        });
        subjects.push(Subject {
            name: source.to_string(),
            kind: kind(source),
            commit: None,
            way,
        });
    }
    (subjects, extras)
}

fn kind(source: &ExtraSource) -> SourceKind {
    match source {
        ExtraSource::Server(_) => SourceKind::Server,
        ExtraSource::ModelScope { .. } => SourceKind::ModelScope,
        ExtraSource::Folder(_) => SourceKind::Folder,
    }
}

fn way(source: &ExtraSource, extra: Option<&Extra>, lane: usize) -> Result<Way, Error> {
    match (source, extra) {
        (ExtraSource::Folder(folder), _) => Ok(Way::Folder(folder.clone())),
        (_, Some(Extra::Server(_))) => Ok(Way::Server(lane)),
        (_, Some(listed @ Extra::Listed { .. })) => Ok(Way::Listed(lane, listed.names())),
        (_, None) => {
            let text = "it has no repositories of this kind";
            Err(Error::new(ErrorKind::NotFound, text))
        }
    }
}
