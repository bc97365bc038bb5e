//! Pure: listings of a repository, page by page, and the same entries for chosen paths.

use super::access;
use super::message::{Request, Response};
use super::options::Odd;
use super::route::{RepoName, pairs, value};
use super::world::{Answer, World, redirect};
use crate::corpus::{Repo, RepoFile};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands at a path: a file, or a folder some file is in.
type Entries<'a> = BTreeMap<&'a str, Option<&'a RepoFile>>;

pub(super) fn page(
    world: &World,
    request: &Request,
    name: &RepoName,
    revision: &str,
    folder: &str,
) -> Answer {
    if world.is(Odd::NoTree) {
        return Err(Response::new(404).with_body("text/html", "<html>Not Found</html>"));
    }
    if world.is(Odd::TreeRedirect) && value(request.query(), "redirected").is_none() {
        let (path, query) = (request.path(), request.query());
        return Ok(redirect(307, &format!("{path}?{query}&redirected=1")));
    }
    let repo = world.at(request, name, revision)?;
    let cursor = value(request.query(), "cursor").map_or(Ok(0), |text| text.parse::<usize>());
    let Ok(start) = cursor else {
        return Err(access::error(400, "", "Invalid cursor"));
    };
    let size = world.options.page_size.max(1);
    let (entries, total) = if let Some(raw) = world.trees.get(name) {
        (
            raw.iter().skip(start).take(size).cloned().collect(),
            raw.len(),
        )
    } else {
        let all = entries(request, &repo, folder)?;
        let here = all.iter().skip(start).take(size);
        (
            here.map(|(path, file)| entry(world, path, *file))
                .collect::<Vec<_>>(),
            all.len(),
        )
    };
    let mut response = Response::json(&entries.into()).with("X-Repo-Commit", &repo.commit);
    if start + size < total {
        let next = next_url(world, request, start + size);
        response.set("Link", &format!("<{next}>; rel=\"next\""));
    }
    Ok(response)
}

/// The same URL, absolute as the Hub makes it, with another cursor.
fn next_url(world: &World, request: &Request, cursor: usize) -> String {
    let kept = request
        .query()
        .split('&')
        .filter(|p| !p.is_empty() && !p.starts_with("cursor="));
    let query = kept.fold(String::new(), |query, pair| query + pair + "&");
    let base = world.base(request);
    let path = request.path();
    let path = path
        .strip_prefix(&world.options.path_prefix)
        .unwrap_or(path);
    format!("{base}{path}?{query}cursor={cursor}")
}

/// Files and folders below `folder`: direct children, or all of them.
fn entries<'a>(request: &Request, repo: &'a Repo, folder: &str) -> Result<Entries<'a>, Response> {
    let recursive = value(request.query(), "recursive")
        .is_some_and(|v| v.eq_ignore_ascii_case("true") || v == "1");
    let prefix = match folder.trim_matches('/') {
        "" => String::new(),
        folder => format!("{folder}/"),
    };
    let mut found = Entries::new();
    for file in &repo.files {
        let Some(below) = file.path().strip_prefix(&prefix) else {
            continue;
        };
        for (slash, _) in below.match_indices('/') {
            found.insert(&file.path()[..prefix.len() + slash], None);
            if !recursive {
                break;
            }
        }
        if recursive || !below.contains('/') {
            found.insert(file.path(), Some(file));
        }
    }
    if found.is_empty() && !prefix.is_empty() {
        let message = format!("{folder} does not exist on \"main\"");
        return Err(access::error(404, "EntryNotFound", &message));
    }
    Ok(found)
}

fn entry(world: &World, path: &str, file: Option<&RepoFile>) -> Value {
    let Some(file) = file else {
        let oid = crate::corpus::hex(&digest(&SHA1_FOR_LEGACY_USE_ONLY, path.as_bytes()));
        return json!({ "type": "directory", "oid": oid, "size": 0, "path": path });
    };
    let mut entry = json!({
        "type": "file",
        "oid": file.tree_oid(),
        "size": file.size(),
        "path": path,
    });
    if file.is_lfs() && !world.is(Odd::ListingWithoutLfs) {
        let pointer = file.git_object().size();
        entry["lfs"] = json!({ "oid": file.sha256(), "size": file.size(), "pointerSize": pointer });
    }
    entry
}

pub(super) fn paths(world: &World, request: &Request, name: &RepoName, revision: &str) -> Answer {
    let repo = world.at(request, name, revision)?;
    let Some(paths) = wanted(request) else {
        return Err(access::error(400, "", "\"paths\" is required"));
    };
    let found: Vec<Value> = paths
        .iter()
        .filter_map(|path| {
            let folder = format!("{path}/");
            let file = repo.file(path);
            let exists = file.is_some() || repo.files.iter().any(|f| f.path().starts_with(&folder));
            exists.then(|| entry(world, path, file))
        })
        .collect();
    Ok(Response::json(&found.into()).with("X-Repo-Commit", &repo.commit))
}

/// The paths of a body, which is a form from one client and JSON from another.
fn wanted(request: &Request) -> Option<Vec<String>> {
    let text = std::str::from_utf8(&request.body).ok()?;
    let is_json = request
        .text("content-type")
        .is_some_and(|kind| kind.contains("json"));
    if !is_json {
        let named = pairs(text).into_iter().filter(|(name, _)| name == "paths");
        return Some(named.map(|(_, path)| path).collect());
    }
    let body: Value = serde_json::from_str(text).ok()?;
    let paths = body.get("paths")?.as_array()?;
    Some(
        paths
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}
