//! Further sources of a repository's files, as people name them. Pure.
//!
//! What ModelScope's addresses look like is told in `modelscope.rs`; who asks them, in `extras.rs`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::urls::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::names::RepoId;

/// A place that may have files of a repository, beside the endpoints. It is asked for bytes and not for
/// what the repository holds, it never sees the token, and what it gives is judged by the digest of the
/// endpoints' listing.
///
/// ```
/// use hfast::hub::extra::ExtraSource;
/// let source: ExtraSource = "https://mirror.example:8443".parse()?;
/// assert_eq!(source.to_string(), "https://mirror.example:8443");
/// let source: ExtraSource = "modelscope:LLM-Research/llama".parse()?;
/// assert!(matches!(source, ExtraSource::ModelScope { repo: Some(_), .. }));
/// let source: ExtraSource = "/mnt/usb/models".parse()?;
/// assert!(matches!(source, ExtraSource::Folder(_)));
/// # Ok::<(), hfast::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtraSource {
    /// A server with the Hub's addresses for files: a mirror.
    Server(Endpoint),
    /// ModelScope, or a server with its API.
    ModelScope {
        /// Where it is.
        site: Endpoint,
        /// What the repository is called there, if that is not its name on the Hub.
        repo: Option<RepoId>,
    },
    /// A folder on a disk: with the files of the repository under their names, or an official cache.
    Folder(PathBuf),
}

/// Where ModelScope is.
const MODELSCOPE: &str = "https://www.modelscope.cn";

/// What it is called on the command line.
const NAME: &str = "modelscope";

impl FromStr for ExtraSource {
    type Err = Error;

    /// Reads `https://host[:port][/prefix]`, `modelscope[:ORG/NAME][@URL]`, or the path of a folder.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            let error = Error::new(ErrorKind::Usage, "an empty text is no source");
            return Err(error.with_hint("name a server, modelscope, or a folder"));
        }
        let rest = text.strip_prefix(NAME);
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with([':', '@'])) {
            let (repo, site) = rest.split_once('@').unwrap_or((rest, MODELSCOPE));
            let repo = repo.strip_prefix(':').filter(|repo| !repo.is_empty());
            return Ok(Self::ModelScope {
                site: site.parse()?,
                repo: repo.map(RepoId::new).transpose()?,
            });
        }
        if text.contains("://") {
            return text.parse().map(Self::Server);
        }
        Ok(Self::Folder(text.into()))
    }
}

impl fmt::Display for ExtraSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(endpoint) => endpoint.fmt(f),
            Self::Folder(folder) => folder.display().fmt(f),
            Self::ModelScope { site, repo } => {
                f.write_str(NAME)?;
                if let Some(repo) = repo {
                    write!(f, ":{repo}")?;
                }
                match site.to_string() {
                    usual if usual == MODELSCOPE => Ok(()),
                    site => write!(f, "@{site}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_printed_as_it_is_read() {
        for text in [
            "https://mirror.example/hf",
            "http://10.0.0.1:8000",
            "modelscope",
            "modelscope:org/name",
            "modelscope@http://127.0.0.1:9",
            "modelscope:org/name@https://ms.example",
            "/mnt/models",
            "../models",
            "modelscopes",
        ] {
            let source: ExtraSource = text.parse().unwrap();
            assert_eq!(source.to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for text in [
            "",
            "ftp://host",
            "modelscope:a/b/c",
            "https://user:s3cret@host",
        ] {
            let error = text.parse::<ExtraSource>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
