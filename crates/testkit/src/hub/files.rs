//! Pure: files of a repository: the headers that describe them, redirects, ranges, validators.

use super::access;
use super::cdn;
use super::message::{Body, Request, Response};
use super::options::Odd;
use super::range::{self, Asked};
use super::route::{RepoName, encode, encode_path};
use super::world::{Answer, World, redirect};
use crate::corpus::{Content, Repo, RepoFile};
use std::sync::Arc;

pub(super) fn resolve(
    world: &World,
    request: &Request,
    name: &RepoName,
    revision: &str,
    path: &str,
) -> Answer {
    let repo = world.at(request, name, revision)?;
    let file = find(world, request, &repo, path)?;
    let response = match world.cdn_origin() {
        Some(origin) if file.is_lfs() => {
            redirect(302, &cdn::signed_url(world, origin, file.sha256()))
        }
        _ if !file.is_lfs() && world.options.small_redirect => {
            redirect(307, &cache_url(world, request, &repo, file))
        }
        _ => serve(world, request, file.content(), Some(file.etag())),
    };
    Ok(described(world, response, &repo, file))
}

/// Where small files are redirected to: a path that names the commit and can be cached.
fn cache_url(world: &World, request: &Request, repo: &Repo, file: &RepoFile) -> String {
    format!(
        "{}/api/resolve-cache/{}/{}/{}/{}?{}=&etag={}",
        world.options.path_prefix,
        repo.kind.segment(),
        repo.id,
        repo.commit,
        encode_path(file.path()),
        encode(request.path()),
        encode(&format!("\"{}\"", file.etag())),
    )
}

pub(super) fn cached(
    world: &World,
    request: &Request,
    name: &RepoName,
    commit: &str,
    path: &str,
) -> Answer {
    let repo = world.at(request, name, commit)?;
    let file = find(world, request, &repo, path)?;
    let response = serve(world, request, file.content(), Some(file.etag()));
    Ok(described(world, response, &repo, file))
}

pub(super) fn raw(
    world: &World,
    request: &Request,
    name: &RepoName,
    revision: &str,
    path: &str,
) -> Answer {
    let repo = world.at(request, name, revision)?;
    let file = find(world, request, &repo, path)?;
    let response = serve(world, request, &file.git_object(), None);
    Ok(response.with("X-Repo-Commit", &repo.commit))
}

fn find<'a>(
    world: &World,
    request: &Request,
    repo: &'a Arc<Repo>,
    path: &str,
) -> Result<&'a RepoFile, Response> {
    access::read(world, request, repo)
        .and_then(|()| {
            repo.file(path)
                .ok_or_else(|| access::error(404, "EntryNotFound", "Entry not found"))
        })
        .map_err(|refusal| {
            if world.is(Odd::NoRepoCommit) {
                return refusal;
            }
            refusal.with("X-Repo-Commit", &repo.commit)
        })
}

/// Adds what every response about a file carries, redirects included: some clients follow them
/// and some do not, and each needs the headers where it stops.
fn described(world: &World, mut response: Response, repo: &Repo, file: &RepoFile) -> Response {
    if !world.is(Odd::NoRepoCommit) {
        response.set("X-Repo-Commit", &repo.commit);
    }
    if !world.is(Odd::NoEtag) {
        response.set("X-Linked-Etag", &format!("\"{}\"", file.etag()));
    }
    if !world.is(Odd::NoContentLength) {
        response.set("X-Linked-Size", &file.size().to_string());
    }
    if !world.is(Odd::IgnoreRanges) {
        response.set("Accept-Ranges", "bytes");
    }
    let name = file.path().rsplit('/').next().unwrap_or_default();
    response.with(
        "Content-Disposition",
        &format!("inline; filename*=UTF-8''{}", encode(name)),
    )
}

/// The bytes of a file: whole, a range of them, or the reason why not.
pub(super) fn serve(
    world: &World,
    request: &Request,
    content: &Content,
    etag: Option<&str>,
) -> Response {
    let etag = etag
        .filter(|_| !world.is(Odd::NoEtag))
        .map(|etag| format!("\"{etag}\""));
    let size = content.size();
    let known = request.text("if-none-match");
    if known.is_some() && known == etag.as_deref() {
        let response = Response::new(304);
        return etag
            .iter()
            .fold(response, |response, etag| response.with("ETag", etag));
    }
    // A range is good only for the body the validator names.
    let valid = request
        .text("if-range")
        .is_none_or(|wanted| Some(wanted) == etag.as_deref());
    let header = request
        .text("range")
        .filter(|_| valid && !world.is(Odd::IgnoreRanges));
    let (status, range) = match range::parse(header, size) {
        Asked::Whole => (200, 0..size),
        Asked::Part(range) => (206, range),
        Asked::Outside => {
            return Response::new(416)
                .with_body("text/plain", "Range Not Satisfiable")
                .with("Content-Range", &format!("bytes */{size}"));
        }
    };
    let mut response = Response::new(status).with("Content-Type", "application/octet-stream");
    if status == 206 {
        let content_range = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        response.set("Content-Range", &content_range);
    }
    response.body = Body::File {
        content: content.clone(),
        range,
    };
    if !world.is(Odd::NoContentLength) {
        response.set_length();
    }
    if !world.is(Odd::IgnoreRanges) {
        response.set("Accept-Ranges", "bytes");
    }
    etag.iter()
        .fold(response, |response, etag| response.with("ETag", etag))
}
