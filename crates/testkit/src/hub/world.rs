//! The state of a fake Hub and the one place where routes meet their answers.

use super::access;
use super::message::{Body, Request, Response};
use super::options::{LfsRedirect, Odd, Options};
use super::route::{RepoName, Route};
use super::{api, cdn, files, tree};
use crate::corpus::Repo;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything an answer depends on.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(super) options: Options,
    /// All commits of each repository, the newest last.
    pub(super) repos: BTreeMap<RepoName, Vec<Arc<Repo>>>,
    /// Former names and the ids they became.
    pub(super) renamed: BTreeMap<RepoName, String>,
    /// Listings that replace the true ones.
    pub(super) trees: BTreeMap<RepoName, Arc<Vec<Value>>>,
    /// The second origin of the loopback server.
    pub(super) served_cdn: Option<String>,
}

/// An answer, or the refusal that ends the request early.
pub(super) type Answer = Result<Response, Response>;

impl World {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            repos: BTreeMap::new(),
            renamed: BTreeMap::new(),
            trees: BTreeMap::new(),
            served_cdn: None,
        }
    }

    pub(super) fn push(&mut self, repo: Repo) {
        let name = RepoName {
            kind: repo.kind,
            id: repo.id.clone(),
        };
        self.repos.entry(name).or_default().push(Arc::new(repo));
    }

    pub(super) fn is(&self, odd: Odd) -> bool {
        self.options.odd.contains(&odd)
    }

    /// The origin files in large storage are served from, if it is not the Hub itself.
    pub(super) fn cdn_origin(&self) -> Option<&str> {
        match &self.options.lfs_redirect {
            LfsRedirect::WhenServed => self.served_cdn.as_deref(),
            LfsRedirect::Never => None,
            LfsRedirect::To(origin) => Some(origin.trim_end_matches('/')),
        }
    }

    pub(super) fn route(&self, request: &Request) -> Route {
        let path = request.path();
        let authority = |origin: &str| origin.split("://").last().map(str::to_owned);
        let at_cdn = self
            .cdn_origin()
            .and_then(authority)
            .is_some_and(|a| a == request.host);
        match path.strip_prefix(&self.options.path_prefix) {
            _ if path.starts_with("/cdn/") => Route::parse(path),
            Some(inside) if !at_cdn => Route::parse(inside),
            _ => Route::Unknown,
        }
    }

    /// The answer of a healthy Hub.
    pub(crate) fn respond(&self, request: &Request) -> Response {
        let mut response = self.answer(request).unwrap_or_else(|refusal| refusal);
        if request.is_head() {
            response.body = Body::Empty;
        }
        response
    }

    fn answer(&self, request: &Request) -> Answer {
        let route = self.route(request);
        let allowed: &[&str] = match route {
            Route::PathsInfo(..) => &["POST"],
            _ => &["GET", "HEAD"],
        };
        if !allowed.contains(&request.method.as_str()) {
            return Err(Response::new(405).with_body("text/plain", "Method Not Allowed"));
        }
        if let Route::Cdn(object) = &route {
            return cdn::object(self, request, object);
        }
        access::admit(self, request)?;
        if let Some(new) = route.repo().and_then(|name| self.renamed.get(name)) {
            return Err(moved(request, &route, new));
        }
        match &route {
            Route::Info(name, revision) => api::info(self, request, name, revision.as_deref()),
            Route::Tree(name, revision, path) => tree::page(self, request, name, revision, path),
            Route::PathsInfo(name, revision) => tree::paths(self, request, name, revision),
            Route::Refs(name) => api::refs(self, request, name),
            Route::Commits(name, revision) => api::commits(self, request, name, revision),
            Route::AuthCheck(name) => api::auth_check(self, request, name),
            Route::Whoami => api::whoami(self, request),
            Route::AgentHarnesses => Ok(Response::json(&serde_json::json!({}))),
            Route::Telemetry => Ok(Response::new(200).with_body("text/plain", "")),
            Route::Resolve(name, revision, path) => {
                files::resolve(self, request, name, revision, path)
            }
            Route::ResolveCache(name, commit, path) => {
                files::cached(self, request, name, commit, path)
            }
            Route::Raw(name, revision, path) => files::raw(self, request, name, revision, path),
            Route::Cdn(_) | Route::Unknown => {
                Err(Response::new(404).with_body("text/html", "<html><h1>404</h1></html>"))
            }
        }
    }

    /// The commits of a repository the caller may see.
    pub(super) fn repo(
        &self,
        request: &Request,
        name: &RepoName,
    ) -> Result<&[Arc<Repo>], Response> {
        match self
            .repos
            .get(name)
            .and_then(|commits| Some((commits.last()?, commits)))
        {
            Some((head, commits)) => {
                access::see(self, request, head)?;
                Ok(commits)
            }
            None => Err(access::no_repo(self, request)),
        }
    }

    /// The repository at a revision.
    pub(super) fn at(
        &self,
        request: &Request,
        name: &RepoName,
        revision: &str,
    ) -> Result<Arc<Repo>, Response> {
        let commits = self.repo(request, name)?;
        let commit = commits
            .iter()
            .rev()
            .find_map(|repo| repo.commit_of(revision));
        commit
            .and_then(|commit| commits.iter().rev().find(|repo| repo.commit == commit))
            .cloned()
            .ok_or_else(|| {
                let message = format!("Invalid rev id: {revision}");
                access::error(404, "RevisionNotFound", &message)
            })
    }

    /// The Hub's own base URL, as the caller reached it.
    pub(super) fn base(&self, request: &Request) -> String {
        format!(
            "{}://{}{}",
            self.options.scheme, request.host, self.options.path_prefix
        )
    }
}

/// A redirect to the new name, without the headers of a file, as the Hub does it.
fn moved(request: &Request, route: &Route, new: &str) -> Response {
    let old = route.repo().map_or("", |name| name.id.as_str());
    redirect(307, &request.path_and_query.replacen(old, new, 1))
}

/// A redirect with the small text servers put under it.
pub(super) fn redirect(status: u16, location: &str) -> Response {
    Response::new(status)
        .with_body(
            "text/plain; charset=utf-8",
            format!("Redirecting to {location}"),
        )
        .with("Location", location)
}
