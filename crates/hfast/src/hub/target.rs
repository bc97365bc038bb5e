//! What people type or paste for a repository, a folder or a file, read backwards into names.
//!
//! Names, `hf://` addresses and web addresses of the Hub and its mirrors.
//! Building URLs is the business of [`crate::hub::urls`]. Pure: no input or output.

use std::fmt;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::error::{Error, ErrorKind};
use crate::hub::token::Origin;
use crate::hub::urls::{self, Endpoint, is_site_page, shown};
use crate::names::{Repo, RepoId, RepoType, Revision};

/// What may stand between a repository and a revision in a web address.
const ROUTES: [&str; 5] = ["resolve", "blob", "raw", "tree", "blame"];
/// Routes that lead to one file: on a host we know nothing of, they betray a Hub.
const FILE_ROUTES: [&str; 3] = ["resolve", "blob", "raw"];

/// A repository and what was said about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoTarget {
    /// The repository.
    pub repo: Repo,
    /// The revision, if one was named.
    pub revision: Option<Revision>,
    /// A file or a folder inside, as written: it is not checked yet.
    pub path: Option<String>,
    /// The server, if a web address named it.
    pub endpoint: Option<Endpoint>,
}

/// What to get: something from a Hub, or any other file on the web.
#[derive(Clone, PartialEq, Eq)]
pub enum GetTarget {
    /// A repository or a part of it.
    Repo(RepoTarget),
    /// Any other http or https address. Its query may hold a secret.
    Plain(Url),
}

impl fmt::Debug for GetTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repo(target) => f.debug_tuple("Repo").field(target).finish(),
            Self::Plain(url) => f.debug_tuple("Plain").field(&shown(url.as_str())).finish(),
        }
    }
}

impl RepoTarget {
    /// Reads a name, an `hf://` address or a web address; `kind` is what the caller says it is.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it names no repository, or one of another kind than `kind`.
    ///
    /// ```
    /// use hfast::hub::target::RepoTarget;
    /// let target = RepoTarget::parse("https://hf.co/datasets/org/name/tree/v1/en", None)?;
    /// assert_eq!(target.repo.to_string(), "datasets/org/name");
    /// assert_eq!(target.path.as_deref(), Some("en"));
    /// # Ok::<(), hfast::Error>(())
    /// ```
    pub fn parse(text: &str, kind: Option<RepoType>) -> Result<Self, Error> {
        let text = text.trim();
        let found = if let Some(address) = text.strip_prefix("hf://") {
            read_uri(address)?
        } else if text.contains("://") {
            read_web(&web_url(text)?, &[])?
        } else if Endpoint::of_famous_host(text.split('/').next().unwrap_or_default()).is_some() {
            read_web(&web_url(&format!("https://{text}"))?, &[])?
        } else {
            read_name(text)?
        };
        found.settle(kind)
    }
}

impl GetTarget {
    /// Reads anything that [`RepoTarget::parse`] reads, and any other web address as such.
    ///
    /// An address belongs to a Hub when it lies on a well-known host or on one of `known`, or when
    /// it has the shape `…/name/resolve/revision/file`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for schemes other than hf, http and https, for addresses with a user
    /// name, and for what is neither a repository nor an address.
    pub fn parse(text: &str, known: &[Endpoint]) -> Result<Self, Error> {
        let text = text.trim();
        if text.starts_with("hf://") || !text.contains("://") {
            return RepoTarget::parse(text, None).map(Self::Repo);
        }
        let url = web_url(text)?;
        if home_of(&url, known).is_none() && !looks_like_a_hub(&url) {
            return Ok(Self::Plain(url));
        }
        match read_web(&url, known).and_then(|found| found.settle(None)) {
            Ok(target) => Ok(Self::Repo(target)),
            Err(_) => Ok(Self::Plain(url)),
        }
    }
}

/// A target whose kind may still be open.
struct Found {
    stated: Option<RepoType>,
    target: RepoTarget,
}

impl Found {
    fn new(stated: Option<RepoType>, id: &str) -> Result<Self, Error> {
        let target = RepoTarget {
            repo: Repo::new(stated.unwrap_or_default(), RepoId::new(id)?),
            revision: None,
            path: None,
            endpoint: None,
        };
        Ok(Self { stated, target })
    }

    fn settle(mut self, said: Option<RepoType>) -> Result<RepoTarget, Error> {
        let repo = &mut self.target.repo;
        let kind = said.unwrap_or(repo.kind);
        if self.stated.is_some() && kind != repo.kind {
            let message = format!("{} is a {}, but a {kind} was asked for", repo.id, repo.kind);
            return Err(Error::new(ErrorKind::Usage, message)
                .with_hint("leave out the type, or name the repository without it"));
        }
        repo.kind = kind;
        Ok(self.target)
    }
}

fn read_name(text: &str) -> Result<Found, Error> {
    if text.contains(['?', '#']) {
        let message = format!("{:?} is not a repository id", shown(text));
        return Err(Error::new(ErrorKind::Usage, message)
            .with_hint("give org/name, or a web address that begins with https://"));
    }
    let (kind, id) = split_kind(text.strip_suffix('/').unwrap_or(text));
    Found::new(kind, id).map_err(|error| match id.split_once('@') {
        Some(_) => error.with_hint("to name a revision, write hf://org/name@revision"),
        None => error,
    })
}

/// Reads `[type/]id[@revision][/path]`. Only the revision may be escaped, as in the official
/// clients; without a revision, the id has two parts if there are two.
fn read_uri(address: &str) -> Result<Found, Error> {
    let (kind, rest) = split_kind(address);
    let second_slash = rest.match_indices('/').nth(1);
    let end = second_slash.map_or(rest.len(), |(at, _)| at);
    let (id, revision, path) = match rest[..end].split_once('@') {
        Some((id, _)) => {
            let tail: Vec<&str> = rest[id.len() + 1..].split('/').collect();
            let (revision, path) = split_revision(&tail)?;
            (id, Some(revision), path.join("/"))
        }
        None => (&rest[..end], None, rest[end..].to_owned()),
    };
    let path = path.trim_matches('/');
    let mut found = Found::new(kind, id.strip_suffix('/').unwrap_or(id))?;
    found.target.revision = revision;
    found.target.path = (!path.is_empty()).then(|| path.to_owned());
    Ok(found)
}

fn read_web(url: &Url, known: &[Endpoint]) -> Result<Found, Error> {
    if let Some((endpoint, path)) = home_of(url, known) {
        let parts = parts_of(path);
        if parts.first().is_some_and(|part| is_site_page(part)) {
            return Err(no_repository(url));
        }
        return read_place(url, &parts, endpoint);
    }
    let parts = parts_of(url.path());
    let end = route_in(&parts).unwrap_or(parts.len());
    let kind_at = |back: usize| end >= back && web_kind(parts[end - back]).is_some();
    let start = end.saturating_sub(if kind_at(3) { 3 } else { 2 });
    let endpoint = format!("{}/{}", Origin::of(url), parts[..start].join("/")).parse()?;
    read_place(url, &parts[start..], endpoint)
}

/// Reads `[datasets/|spaces/]id[/route/revision[/path]]`, the path below an endpoint.
fn read_place(url: &Url, parts: &[&str], endpoint: Endpoint) -> Result<Found, Error> {
    let kind = parts.first().and_then(|part| web_kind(part));
    let parts = &parts[usize::from(kind.is_some())..];
    let in_id = match parts {
        [] => return Err(no_repository(url)),
        [_] => 1,
        [_, route, _, ..] if ROUTES.contains(route) => 1,
        _ => 2,
    };
    let mut found = Found::new(kind.or(Some(RepoType::Model)), &parts[..in_id].join("/"))?;
    found.target.endpoint = Some(endpoint);
    match &parts[in_id..] {
        [] => {}
        [route, tail @ ..] if ROUTES.contains(route) && !tail.is_empty() => {
            let (revision, path) = split_revision(tail)?;
            let path = decoded(&path.join("/"))?;
            found.target.revision = Some(revision);
            found.target.path = (!path.is_empty()).then_some(path);
        }
        _ => return Err(no_repository(url)),
    }
    Ok(found)
}

/// The revision that `parts` begin with, and the rest. Only `refs/pr/…` and `refs/convert/…` may
/// be spread over several parts.
fn split_revision<'a, 'b>(parts: &'a [&'b str]) -> Result<(Revision, &'a [&'b str]), Error> {
    let (revision, rest) = match parts {
        ["refs", "pr" | "convert", _, rest @ ..] => (parts[..3].join("/"), rest),
        [first, rest @ ..] => (decoded(first)?, rest),
        [] => (String::new(), parts),
    };
    Ok((Revision::new(&revision)?, rest))
}

fn split_kind(text: &str) -> (Option<RepoType>, &str) {
    let stated = text.split_once('/').and_then(|(first, rest)| {
        let kind = RepoType::ALL.into_iter().find(|k| k.plural() == first)?;
        Some((Some(kind), rest))
    });
    stated.unwrap_or((None, text))
}

/// Models have no prefix in web addresses.
fn web_kind(part: &str) -> Option<RepoType> {
    let kinds = [RepoType::Dataset, RepoType::Space];
    kinds.into_iter().find(|kind| kind.plural() == part)
}

/// The endpoint that `url` lies on, and the path below it.
fn home_of<'a>(url: &'a Url, known: &[Endpoint]) -> Option<(Endpoint, &'a str)> {
    let below = |endpoint: &Endpoint| Some((endpoint.clone(), endpoint.below(url)?));
    // The shortest rest belongs to the most specific endpoint.
    let best = known.iter().filter_map(below).min_by_key(|b| b.1.len());
    best.or_else(|| {
        let endpoint = url.host_str().and_then(Endpoint::of_famous_host)?;
        url.port().is_none().then(|| (endpoint, url.path()))
    })
}

/// Places where `owner/name/raw/main/file` is a common address and no Hub.
#[rustfmt::skip]
fn is_forge(host: &str) -> bool {
    matches!(host, "github.com" | "gitlab.com" | "gitee.com" | "bitbucket.org" | "codeberg.org")
}

fn looks_like_a_hub(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let parts = parts_of(url.path());
    let to_a_file = |at: usize| FILE_ROUTES.contains(&parts[at]) && parts.len() > at + 2;
    !is_forge(host.strip_prefix("www.").unwrap_or(host)) && route_in(&parts).is_some_and(to_a_file)
}

/// Where the route stands on a host we know nothing of: behind at least one part of an id.
fn route_in(parts: &[&str]) -> Option<usize> {
    (1..parts.len()).find(|&at| ROUTES.contains(&parts[at]))
}

fn parts_of(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

fn web_url(text: &str) -> Result<Url, Error> {
    let fault = |what: &str| {
        let message = format!("{:?} cannot be fetched: {what}", shown(text));
        Error::new(ErrorKind::Usage, message)
            .with_hint("give org/name, hf://org/name, or an http or https address")
    };
    urls::web_url(text, fault)
}

fn decoded(text: &str) -> Result<String, Error> {
    let bytes = percent_decode_str(text).decode_utf8();
    bytes.map(std::borrow::Cow::into_owned).map_err(|_| {
        let message = "the address has escapes that are not UTF-8";
        Error::new(ErrorKind::Usage, message).with_hint("copy the address again from the web page")
    })
}

fn no_repository(url: &Url) -> Error {
    let message = format!("{:?} names no repository or file", shown(url.as_str()));
    Error::new(ErrorKind::Usage, message)
        .with_hint("copy the address of the repository's page, or of a file's page")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::repo_path::RepoPath;

    /// A target in one line: endpoint, repository, `@` revision, `:` path.
    fn line(target: &RepoTarget) -> String {
        let endpoint = target.endpoint.as_ref().map(|e| format!("{e} "));
        let revision = target.revision.as_ref().map(|r| format!("@{r}"));
        let path = target.path.as_ref().map(|p| format!(":{p}"));
        let parts = [endpoint, Some(target.repo.to_string()), revision, path];
        parts.into_iter().flatten().collect()
    }

    /// What is typed, and what it means; hub stands for the Hub's endpoint.
    const MEANINGS: &str = "
        models/org/name/ => org/name
        hf://gpt2@v1/a/b => gpt2@v1:a/b
        hf://spaces/org/name/x@2.png => spaces/org/name:x@2.png
        hf://datasets/o/n@refs/pr/1/x%20y => datasets/o/n@refs/pr/1:x%20y
        hf://o/n@refs%2Fconvert%2Fparquet/ => o/n@refs/convert/parquet
        huggingface.co/org/name => hub org/name
        http://www.hf.co/gpt2/blob/main/a%20b?download=true#L1 => hub gpt2@main:a b
        https://hf-mirror.com/datasets/o/n/tree/refs%2Fpr%2F2/d => https://hf-mirror.com datasets/o/n@refs/pr/2:d
        http://h:1/a/spaces/o/n/resolve/refs/pr/1/x/y => http://h:1/a spaces/o/n@refs/pr/1:x/y
        https://h/p/o/n/blob/main/tree/x => https://h/p o/n@main:tree/x";

    #[test]
    fn names_and_addresses_are_read() {
        for (text, want) in MEANINGS.lines().filter_map(|line| line.split_once(" => ")) {
            let target = RepoTarget::parse(text, None).unwrap();
            let want = want.replace("hub ", "https://huggingface.co ");
            assert_eq!(line(&target), want);
        }
    }

    #[test]
    fn nonsense_is_refused_and_secrets_are_not_repeated() {
        let list = "a/b/c org/name@main hf:// hf://org/name@/x hf://org/name@a..b \
            https://huggingface.co https://huggingface.co/datasets https://huggingface.co/docs/hub \
            https://hf.co/org/name/discussions/1 https://hf.co/org/name/blob \
            https://hf.co/org/name/blob/%ff/x https://user:geheim@hf.co/o/n ftp://h/o/n?geheim h/o?geheim";
        for bad in list.split(' ').chain([""]) {
            let error = RepoTarget::parse(bad, None).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{bad}");
            assert!(!error.to_string().contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_kind_that_is_said_twice_must_agree() {
        let data = Some(RepoType::Dataset);
        for text in "o/n hf://o/n datasets/o/n https://hf.co/datasets/o/n".split(' ') {
            let target = RepoTarget::parse(text, data).unwrap();
            assert_eq!(target.repo.kind, RepoType::Dataset, "{text}");
        }
        for text in ["models/o/n", "hf://spaces/o/n", "https://hf.co/o/n"] {
            assert!(RepoTarget::parse(text, data).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_a_hubs_or_plain() {
        let known = ["https://corp/hf", "https://corp"].map(|base| base.parse().unwrap());
        let table = "
            https://corp/hf/gpt2 => https://corp/hf gpt2
            https://corp/o/n/raw/v1/x => https://corp o/n@v1:x
            https://else/o/n/resolve/v1/x => https://else o/n@v1:x
            https://m.cn/models/o/n/resolve/v1/x => https://m.cn/models o/n@v1:x
            https://huggingface.co/api/models/o/n => plain
            https://else/o/n => plain
            https://else/a/tree/b/resolve/c/d => plain
            https://else/o/n/resolve/v1 => plain
            https://else/-o-/n/resolve/v1/x => plain
            https://github.com/o/n/raw/main/x => plain
            https://cdn.example/x.bin?Signature=s => plain";
        for (text, want) in table.lines().filter_map(|line| line.split_once(" => ")) {
            match GetTarget::parse(text, &known).unwrap() {
                GetTarget::Repo(target) => assert_eq!(line(&target), want),
                GetTarget::Plain(url) => assert_eq!((url.as_str(), "plain"), (text.trim(), want)),
            }
        }
        for bad in "ftp://h/x https://u@h/x https:// file:///etc/passwd".split(' ') {
            assert!(GetTarget::parse(bad, &known).is_err(), "{bad}");
        }
        let plain = GetTarget::parse("https://h/x?geheim", &[]).unwrap();
        assert!(!format!("{plain:?}").contains("geheim"));
    }

    proptest! {
        #[test]
        fn what_we_build_we_read(text in "\\PC{1,30}", kind in 0..3_usize) {
            if let Ok(path) = RepoPath::new(&text) {
                let repo = Repo::new(RepoType::ALL[kind], RepoId::new("org/name").unwrap());
                let url = Endpoint::hub().resolve(&repo, "refs/pr/1", &path);
                let target = RepoTarget::parse(url.as_str(), None).unwrap();
                prop_assert_eq!(target.repo, repo);
                prop_assert_eq!(target.path.as_deref(), Some(path.as_str()));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(hf://|https://(hf.co|h)/)?[a-z@/%2.é?#:]{0,30}") {
            let _ = RepoTarget::parse(&text, None);
            let _ = GetTarget::parse(&text, &[]);
        }
    }
}
