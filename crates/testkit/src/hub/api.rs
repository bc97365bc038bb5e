//! Pure: repository information, refs, history and identity, as JSON.

use super::access;
use super::message::{Request, Response};
use super::options::Odd;
use super::route::{RepoName, value};
use super::world::{Answer, World};
use crate::corpus::{Repo, RepoFile};
use serde_json::{Value, json};

/// When everything in a fake Hub was made.
const DATE: &str = "2024-01-02T03:04:05.000Z";

pub(super) fn info(
    world: &World,
    request: &Request,
    name: &RepoName,
    revision: Option<&str>,
) -> Answer {
    let repo = world.at(request, name, revision.unwrap_or("main"))?;
    let blobs = value(request.query(), "blobs").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let siblings: Vec<Value> = repo
        .files
        .iter()
        .map(|file| {
            if blobs {
                sibling(world, file)
            } else {
                json!({ "rfilename": file.path() })
            }
        })
        .collect();
    Ok(Response::json(&json!({
        "_id": &repo.commit[..24.min(repo.commit.len())],
        "id": repo.id,
        "modelId": repo.id,
        "author": repo.id.split_once('/').map(|(author, _)| author),
        "sha": repo.commit,
        "lastModified": DATE,
        "createdAt": DATE,
        "private": repo.private,
        "gated": if repo.gated { json!("manual") } else { json!(false) },
        "disabled": false,
        "downloads": 0,
        "likes": 0,
        "tags": [],
        "usedStorage": repo.total_size(),
        "siblings": siblings,
    }))
    .with("X-Repo-Commit", &repo.commit))
}

/// The hash is called `sha256` here, and `oid` in a tree: so it is on the Hub.
fn sibling(world: &World, file: &RepoFile) -> Value {
    let mut entry =
        json!({ "rfilename": file.path(), "size": file.size(), "blobId": file.tree_oid() });
    if file.is_lfs() && !world.is(Odd::ListingWithoutLfs) {
        let pointer = file.git_object().size();
        entry["lfs"] =
            json!({ "sha256": file.sha256(), "size": file.size(), "pointerSize": pointer });
    }
    entry
}

pub(super) fn refs(world: &World, request: &Request, name: &RepoName) -> Answer {
    let commits = world.repo(request, name)?;
    let group = |prefix: &str| -> Vec<Value> {
        let mut names: Vec<&String> = commits
            .iter()
            .flat_map(|repo| repo.refs.keys())
            .filter(|r| r.starts_with(prefix))
            .collect();
        names.sort();
        names.dedup();
        names
            .into_iter()
            .filter_map(|full| {
                let commit = commits.iter().rev().find_map(|repo| repo.refs.get(full))?;
                let short = full.strip_prefix(prefix)?;
                Some(json!({ "name": short, "ref": full, "targetCommit": commit }))
            })
            .collect()
    };
    let mut answer = json!({
        "branches": group("refs/heads/"),
        "converts": group("refs/convert/"),
        "tags": group("refs/tags/"),
    });
    if value(request.query(), "include_prs").is_some() {
        answer["pullRequests"] = group("refs/pr/").into();
    }
    Ok(Response::json(&answer))
}

pub(super) fn commits(world: &World, request: &Request, name: &RepoName, revision: &str) -> Answer {
    let newest = world.at(request, name, revision)?;
    let commits = world.repo(request, name)?;
    let history = commits
        .iter()
        .rev()
        .skip_while(|repo| repo.commit != newest.commit);
    let entry = |repo: &Repo| {
        json!({
            "id": repo.commit,
            "title": "A commit",
            "message": "",
            "date": DATE,
            "authors": [{ "user": "tester" }],
        })
    };
    let entries: Vec<Value> = history.map(|repo| entry(repo)).collect();
    let count = entries.len().to_string();
    Ok(Response::json(&entries.into()).with("X-Total-Count", &count))
}

pub(super) fn auth_check(world: &World, request: &Request, name: &RepoName) -> Answer {
    let repo = world.at(request, name, "main")?;
    access::read(world, request, &repo)?;
    Ok(Response::new(200).with_body("text/plain", "OK"))
}

pub(super) fn whoami(world: &World, request: &Request) -> Answer {
    let Some(token) = access::token(world, request) else {
        return Err(access::error(401, "", "Invalid user token."));
    };
    Ok(Response::json(&json!({
        "type": "user",
        "id": "000000000000000000000001",
        "name": token.user,
        "fullname": token.user,
        "orgs": [],
        "auth": { "type": "access_token",
            "accessToken": { "displayName": token.name, "role": "read" } },
    })))
}
