//! What `hfast get` was asked for, read and checked as a whole before anything is fetched.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use hfast::client::{DownloadRequest, Target};
use hfast::hub::target::{GetTarget, RepoTarget};
use hfast::hub::urls::Endpoint;
use hfast::{Digest, Error, ErrorKind, RepoPath};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::address::{checked, path_in};
use crate::flags::GetFlags;
use crate::settings::Settings;

/// One thing to fetch.
#[derive(Debug)]
pub(crate) struct Errand {
    pub(crate) what: What,
    /// The endpoint that the address named.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) sha256: Option<Digest>,
}

#[derive(Debug)]
pub(crate) enum What {
    Hub(Box<DownloadRequest>),
    Plain { url: Url, output: PathBuf },
}

impl Errand {
    pub(crate) fn read_all(flags: &GetFlags, settings: &Settings) -> Result<Vec<Self>, Error> {
        if flags.urls.len() > 1 && (flags.file.is_some() || flags.sha256.is_some()) {
            return Err(usage(
                "--output and --sha256 go with one URL only",
                "fetch them one by one",
            ));
        }
        if let Some(file) = &flags.file {
            check_output(file)?;
        }
        let errands = flags
            .urls
            .iter()
            .map(|text| Self::read(text, flags, settings));
        let errands = errands.collect::<Result<Vec<_>, _>>()?;
        refuse_collisions(&errands)?;
        Ok(errands)
    }

    fn read(text: &str, flags: &GetFlags, settings: &Settings) -> Result<Self, Error> {
        let sha256 = flags.sha256.as_deref().map(sha256).transpose()?;
        match target(text, settings)? {
            GetTarget::Plain(url) => {
                let output = place(flags, || file_name(&url))?;
                let what = What::Plain { url, output };
                Ok(Self {
                    what,
                    endpoint: None,
                    sha256,
                })
            }
            GetTarget::Repo(named) => {
                let file = path_in(text, &named).map(checked).transpose()?;
                let target = destination(file.as_deref(), &named, flags)?;
                let request = DownloadRequest {
                    revision: named.revision.unwrap_or_default(),
                    files: file.into_iter().collect(),
                    ..DownloadRequest::new(named.repo, target)
                };
                let what = What::Hub(Box::new(request));
                Ok(Self {
                    what,
                    endpoint: named.endpoint,
                    sha256,
                })
            }
        }
    }

    fn output(&self) -> &Path {
        match &self.what {
            What::Plain { output, .. } => output,
            What::Hub(request) => match &request.target {
                Target::Cache(path) | Target::LocalDir(path) | Target::File(path) => path,
            },
        }
    }

    /// Errands may share a folder if they fill it from one state of one repository.
    fn may_share_with(&self, other: &Self) -> bool {
        let folder = |errand: &Self| match &errand.what {
            What::Hub(request) if matches!(request.target, Target::LocalDir(_)) => {
                Some((request.repo.clone(), request.revision.clone()))
            }
            What::Hub(_) | What::Plain { .. } => None,
        };
        folder(self).is_some_and(|mine| Some(mine) == folder(other))
    }
}

fn target(text: &str, settings: &Settings) -> Result<GetTarget, Error> {
    let is_web = text.contains("://") && !text.starts_with("hf://");
    if !is_web {
        return RepoTarget::parse(text, settings.repo_type).map(GetTarget::Repo);
    }
    let target = GetTarget::parse(text, &settings.endpoints)?;
    match (&target, settings.repo_type) {
        (GetTarget::Repo(named), Some(kind)) if named.repo.kind != kind => Err(usage(
            &format!(
                "{} is a {}, but a {kind} was asked for",
                named.repo, named.repo.kind
            ),
            "leave out --repo-type: the address says it",
        )),
        _ => Ok(target),
    }
}

fn destination(file: Option<&str>, named: &RepoTarget, flags: &GetFlags) -> Result<Target, Error> {
    match file {
        Some(file) if !file.ends_with('/') => {
            let name = || Ok(file.rsplit('/').next().unwrap_or(file).to_owned());
            place(flags, name).map(Target::File)
        }
        _ if flags.file.is_some() || flags.sha256.is_some() => Err(usage(
            &format!("{} is more than one file", named.repo),
            "--output and --sha256 are for single files; --directory-prefix names a folder",
        )),
        _ => {
            let id = named.repo.id.as_str();
            let name = id.rsplit('/').next().unwrap_or(id);
            Ok(Target::LocalDir(folder(flags).join(name)))
        }
    }
}

fn place(flags: &GetFlags, name: impl FnOnce() -> Result<String, Error>) -> Result<PathBuf, Error> {
    let name = flags
        .file
        .clone()
        .map_or_else(|| name().map(PathBuf::from), Ok)?;
    Ok(folder(flags).join(name))
}

fn folder(flags: &GetFlags) -> &Path {
    flags.directory_prefix.as_deref().unwrap_or(Path::new(""))
}

/// The last part of the address, if a file may have that name.
fn file_name(url: &Url) -> Result<String, Error> {
    let last = url.path_segments().and_then(|mut parts| parts.next_back());
    let decoded = percent_decode_str(last.unwrap_or_default()).decode_utf8_lossy();
    match RepoPath::new(&decoded) {
        Ok(path) if !decoded.contains('/') => Ok(path.as_str().to_owned()),
        _ => Err(usage(
            "the address does not end in the name of a file",
            "say how to name it with --output FILE",
        )),
    }
}

fn sha256(text: &str) -> Result<Digest, Error> {
    match Digest::from_hex(text.trim()) {
        Some(digest @ Digest::Sha256(_)) => Ok(digest),
        Some(Digest::GitSha1(_)) | None => Err(usage(
            "--sha256 is not 64 hexadecimal digits",
            "copy it again from where the file is described",
        )),
    }
}

fn check_output(file: &Path) -> Result<(), Error> {
    let text = file.as_os_str().to_string_lossy();
    if text == "-" {
        return Err(usage(
            "writing to standard output is not supported: a file can only be checked as a whole",
            "write it to a file, and then print that",
        ));
    }
    if text.is_empty() || text.ends_with(std::path::is_separator) || file.is_dir() {
        return Err(usage(
            &format!("--output {text:?} is a folder"),
            "name a file, or use --directory-prefix",
        ));
    }
    Ok(())
}

fn refuse_collisions(errands: &[Errand]) -> Result<(), Error> {
    let mut taken: HashMap<&Path, &Errand> = HashMap::new();
    for errand in errands {
        let earlier = taken.insert(errand.output(), errand);
        if earlier.is_some_and(|earlier| !earlier.may_share_with(errand)) {
            return Err(usage(
                &format!(
                    "two of the addresses would be written to {}",
                    errand.output().display()
                ),
                "fetch one of them with --output or --directory-prefix",
            ));
        }
    }
    Ok(())
}

fn usage(message: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Usage, message).with_hint(hint)
}
