//! Checks of the API: information, trees, chosen paths, refs.

use super::judge::{Judge, Outcome, same, text};
use crate::client::Reply;
use crate::corpus::RepoFile;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// More pages than any sample has.
const MOST_PAGES: usize = 10_000;

impl Judge<'_> {
    pub(super) async fn info(&self) -> Outcome {
        let revision = format!("/revision/{}", self.repo.commit);
        for rest in ["", "/revision/main", &revision] {
            let info = self.json(&self.api(rest)).await?;
            same("id", info["id"].as_str(), Some(&*self.repo.id))?;
            same("sha", info["sha"].as_str(), Some(&*self.repo.commit))?;
            same(
                "private",
                info["private"].as_bool(),
                Some(self.repo.private),
            )?;
            let mut names: Vec<&str> = array(&info["siblings"], "siblings")?
                .iter()
                .filter_map(|sibling| sibling["rfilename"].as_str())
                .collect();
            names.sort_unstable();
            same(
                "siblings",
                names,
                self.files().map(RepoFile::path).collect(),
            )?;
        }
        Ok(())
    }

    /// Booleans arrive as `True` from one client and as `true` from another.
    pub(super) async fn blobs(&self) -> Outcome {
        for value in ["true", "True"] {
            let info = self
                .json(&self.api(&format!("/revision/main?blobs={value}")))
                .await?;
            let siblings = by_name(array(&info["siblings"], "siblings")?, "rfilename");
            for file in self.files() {
                let path = file.path();
                let sibling = siblings
                    .get(path)
                    .ok_or_else(|| format!("{path} is missing"))?;
                same(
                    &format!("size of {path}"),
                    sibling["size"].as_u64(),
                    Some(file.size()),
                )?;
                let must = file.is_lfs().then(|| file.sha256());
                same(
                    &format!("lfs.sha256 of {path}"),
                    sibling["lfs"]["sha256"].as_str(),
                    must,
                )?;
                let blob = file.tree_oid();
                same(
                    &format!("blobId of {path}"),
                    sibling["blobId"].as_str(),
                    Some(&*blob),
                )?;
            }
        }
        Ok(())
    }

    pub(super) async fn tree(&self) -> Outcome {
        for (revision, value) in [("main", "true"), (&*self.repo.commit, "True")] {
            let start = format!("/tree/{revision}?recursive={value}&expand=false");
            let entries = self.pages(&self.api(&start)).await?;
            let found = by_name(&entries, "path");
            let count = found
                .values()
                .filter(|entry| entry["type"] == "file")
                .count();
            same("number of files", count, self.repo.files.len())?;
            for file in self.files() {
                describes(found.get(file.path()).copied(), file)?;
            }
        }
        Ok(())
    }

    pub(super) async fn folder(&self) -> Outcome {
        let nested = self.files().find(|file| file.path().contains('/'));
        let Some((folder, _)) = nested.and_then(|file| file.path().split_once('/')) else {
            return Ok(());
        };
        let path = format!(
            "/tree/main/{}?recursive=false",
            crate::hub::route::encode(folder)
        );
        let entries = self.pages(&self.api(&path)).await?;
        let below = |path: &str| path.strip_prefix(&format!("{folder}/")).map(str::to_owned);
        for entry in &entries {
            let path = entry["path"].as_str().unwrap_or_default();
            match below(path) {
                Some(name) if !name.contains('/') => {}
                _ => return Err(format!("{path} is not a child of {folder}")),
            }
        }
        let found = by_name(&entries, "path");
        for file in self.files() {
            if below(file.path()).is_some_and(|name| !name.contains('/')) {
                describes(found.get(file.path()).copied(), file)?;
            }
        }
        Ok(())
    }

    /// All pages, each link followed as it is given.
    async fn pages(&self, path: &str) -> Result<Vec<Value>, String> {
        let mut reply = self.ask("GET", path, &[]).await?;
        let mut all = Vec::new();
        for _ in 0..MOST_PAGES {
            same(&format!("status of {path}"), reply.status, 200)?;
            let page = reply.json().map_err(text)?;
            all.extend_from_slice(array(&page, "a page")?);
            let Some(url) = next(&reply) else {
                return Ok(all);
            };
            let origin = self.client.origin();
            let Some(path) = url.strip_prefix(&origin) else {
                return Err(format!("the next page at {url} is not at {origin}"));
            };
            reply = self
                .client
                .send_raw("GET", path, &[], &[])
                .await
                .map_err(text)?;
        }
        Err("the pages do not end".to_owned())
    }

    pub(super) async fn paths_form(&self) -> Outcome {
        let encode = crate::hub::route::encode;
        let named = self.files().map(RepoFile::path).chain(["not-there"]);
        let form = named.fold(String::new(), |form, path| {
            form + "paths=" + &encode(path) + "&"
        });
        let body = form + "expand=False";
        self.paths_info("application/x-www-form-urlencoded", &body)
            .await
    }

    pub(super) async fn paths_json(&self) -> Outcome {
        let named = self.files().map(RepoFile::path).chain(["not-there"]);
        let paths: Vec<&str> = named.collect();
        let body = json!({ "paths": paths, "expand": false }).to_string();
        self.paths_info("application/json", &body).await
    }

    async fn paths_info(&self, kind: &str, body: &str) -> Outcome {
        let path = self.api("/paths-info/main");
        let headers = [("Content-Type", kind)];
        let reply = self
            .client
            .send("POST", &path, &headers, body.as_bytes())
            .await;
        let reply = reply.map_err(text)?;
        same("status", reply.status, 200)?;
        let answer = reply.json().map_err(text)?;
        let entries = array(&answer, "the answer")?;
        same("number of entries", entries.len(), self.repo.files.len())?;
        let found = by_name(entries, "path");
        self.files()
            .try_for_each(|file| describes(found.get(file.path()).copied(), file))
    }

    pub(super) async fn refs(&self) -> Outcome {
        let answer = self.json(&self.api("/refs?include_prs=1")).await?;
        let groups = ["branches", "converts", "tags", "pullRequests"];
        let mut found = BTreeMap::new();
        for group in groups {
            for entry in array(&answer[group], group)? {
                let name = entry["ref"].as_str().unwrap_or_default().to_owned();
                found.insert(
                    name,
                    entry["targetCommit"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                );
            }
        }
        same("refs", &found, &self.repo.refs)
    }

    async fn json(&self, path: &str) -> Result<Value, String> {
        let reply = self.ask("GET", path, &[]).await?;
        same(&format!("status of {path}"), reply.status, 200)?;
        reply.json().map_err(|error| format!("{path}: {error}"))
    }
}

/// The next page, from `Link: <url>; rel="next"`.
fn next(reply: &Reply) -> Option<String> {
    let link = reply.text("link")?;
    let (url, rest) = link.strip_prefix('<')?.split_once('>')?;
    rest.contains("rel=\"next\"").then(|| url.to_owned())
}

fn array<'a>(value: &'a Value, what: &str) -> Result<&'a [Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{what} is not an array"))
}

fn by_name<'a>(entries: &'a [Value], key: &str) -> BTreeMap<&'a str, &'a Value> {
    entries
        .iter()
        .filter_map(|entry| Some((entry[key].as_str()?, entry)))
        .collect()
}

/// Compares an entry of a tree with the file it stands for.
fn describes(entry: Option<&Value>, file: &RepoFile) -> Outcome {
    let path = file.path();
    let entry = entry.ok_or_else(|| format!("{path} is missing"))?;
    same(
        &format!("type of {path}"),
        entry["type"].as_str(),
        Some("file"),
    )?;
    same(
        &format!("size of {path}"),
        entry["size"].as_u64(),
        Some(file.size()),
    )?;
    same(
        &format!("oid of {path}"),
        entry["oid"].as_str(),
        Some(&*file.tree_oid()),
    )?;
    let must = file.is_lfs().then(|| file.sha256());
    same(
        &format!("lfs.oid of {path}"),
        entry["lfs"]["oid"].as_str(),
        must,
    )
}
