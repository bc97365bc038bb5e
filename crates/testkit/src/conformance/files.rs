//! Checks of files: headers, bytes, ranges, revisions, errors.

use super::judge::{Chain, Judge, Outcome, bare, same};
use crate::corpus::RepoFile;

impl Judge<'_> {
    pub(super) async fn heads(&self) -> Outcome {
        for file in self.files() {
            let path = self.resolve("main", file.path());
            let chain = self
                .follow("HEAD", &path, &[("Accept-Encoding", "identity")])
                .await?;
            same(&format!("status of HEAD {path}"), chain.last.status, 200)?;
            self.describes(&chain, file)
                .map_err(|problem| format!("HEAD {path}: {problem}"))?;
        }
        Ok(())
    }

    pub(super) async fn gets(&self) -> Outcome {
        for file in self.files() {
            let path = self.resolve("main", file.path());
            let chain = self.follow("GET", &path, &[]).await?;
            same(&format!("status of GET {path}"), chain.last.status, 200)?;
            self.describes(&chain, file)
                .map_err(|problem| format!("GET {path}: {problem}"))?;
            if chain.last.body != file.content().read(0..file.size()) {
                return Err(format!("GET {path}: other bytes"));
            }
        }
        Ok(())
    }

    /// The headers a client takes from the Hub, on whichever reply it stops at.
    fn describes(&self, chain: &Chain, file: &RepoFile) -> Outcome {
        same(
            "X-Repo-Commit",
            chain.text("x-repo-commit"),
            Some(&*self.repo.commit),
        )?;
        let etag = chain.text("x-linked-etag").or_else(|| chain.text("etag"));
        same("the etag", bare(etag), Some(file.etag()))?;
        let size = file.size().to_string();
        let redirected = chain.first.is_some();
        let linked = chain.text("x-linked-size");
        let stated = if redirected {
            linked
        } else {
            linked.or(chain.text("content-length"))
        };
        same("the size", stated, Some(&size))?;
        same(
            "Content-Length at the end",
            chain.last.text("content-length"),
            Some(&size),
        )
    }

    pub(super) async fn bodiless(&self) -> Outcome {
        for file in self.files() {
            let path = self.resolve("main", file.path());
            let chain = self.follow("HEAD", &path, &[]).await?;
            let first = chain.first.as_ref().map_or(0, |reply| reply.body.len());
            same(
                &format!("body of HEAD {path}"),
                (first, chain.last.body.len()),
                (0, 0),
            )?;
        }
        Ok(())
    }

    pub(super) async fn ranges(&self) -> Outcome {
        for file in self.files().filter(|file| file.size() > 2) {
            let size = file.size();
            let (middle, last) = (size / 2, size - 1);
            let cases = [
                (format!("bytes=0-{middle}"), 0..middle + 1),
                (format!("bytes={middle}-{last}"), middle..size),
                (format!("bytes={last}-{last}"), last..size),
                (format!("bytes={middle}-"), middle..size),
                (format!("bytes={middle}-{}", size + 1000), middle..size),
            ];
            for (header, range) in cases {
                let path = self.resolve("main", file.path());
                let chain = self.follow("GET", &path, &[("Range", &header)]).await?;
                let name = format!("GET {path} {header}");
                same(&format!("status of {name}"), chain.last.status, 206)?;
                let must = format!("bytes {}-{}/{size}", range.start, range.end - 1);
                let content_range = chain.last.text("content-range");
                same(
                    &format!("Content-Range of {name}"),
                    content_range,
                    Some(&must),
                )?;
                if chain.last.body != file.content().read(range) {
                    return Err(format!("{name}: other bytes"));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn outside(&self) -> Outcome {
        let file = self.largest()?;
        let path = self.resolve("main", file.path());
        let header = format!("bytes={}-", file.size());
        let chain = self.follow("GET", &path, &[("Range", &header)]).await?;
        same("status", chain.last.status, 416)?;
        let must = format!("bytes */{}", file.size());
        same(
            "Content-Range",
            chain.last.text("content-range"),
            Some(&must),
        )
    }

    pub(super) async fn empty(&self) -> Outcome {
        for file in self.files().filter(|file| file.size() == 0) {
            let path = self.resolve("main", file.path());
            let chain = self.follow("GET", &path, &[("Range", "bytes=0-0")]).await?;
            same("status", chain.last.status, 200)?;
            same("length of the body", chain.last.body.len(), 0)?;
        }
        Ok(())
    }

    pub(super) async fn if_range(&self) -> Outcome {
        let file = self.largest()?;
        let path = self.resolve("main", file.path());
        let head = self.follow("HEAD", &path, &[]).await?;
        let Some(etag) = head.last.text("etag") else {
            return Err("no ETag where the bytes are".to_owned());
        };
        let stale = "\"0000000000000000000000000000000000000000\"";
        for (validator, status) in [(etag, 206), (stale, 200)] {
            let headers = [("Range", "bytes=10-19"), ("If-Range", validator)];
            let chain = self.follow("GET", &path, &headers).await?;
            same(
                &format!("status with If-Range {validator}"),
                chain.last.status,
                status,
            )?;
        }
        Ok(())
    }

    pub(super) async fn revisions(&self) -> Outcome {
        let file = self.largest()?;
        let mut revisions = vec!["main", "HEAD", &self.repo.commit];
        for full in self.repo.refs.keys() {
            let short = full
                .strip_prefix("refs/heads/")
                .or(full.strip_prefix("refs/tags/"));
            revisions.push(short.unwrap_or(full));
        }
        for revision in revisions {
            let path = self.resolve(revision, file.path());
            let chain = self.follow("HEAD", &path, &[]).await?;
            self.describes(&chain, file)
                .map_err(|problem| format!("{path}: {problem}"))?;
        }
        Ok(())
    }

    pub(super) async fn raw(&self) -> Outcome {
        for file in self.files() {
            let path = self
                .resolve("main", file.path())
                .replacen("/resolve/", "/raw/", 1);
            let chain = self.follow("GET", &path, &[]).await?;
            let object = file.git_object();
            if chain.last.body != object.read(0..object.size()) {
                return Err(format!("GET {path}: not the object git holds"));
            }
        }
        Ok(())
    }

    pub(super) async fn no_entry(&self) -> Outcome {
        let path = self.resolve("main", "not-there/at all.txt");
        for method in ["HEAD", "GET"] {
            let reply = self.ask(method, &path, &[]).await?;
            same("status", reply.status, 404)?;
            same(
                "X-Error-Code",
                reply.text("x-error-code"),
                Some("EntryNotFound"),
            )?;
            same(
                "X-Repo-Commit",
                reply.text("x-repo-commit"),
                Some(&*self.repo.commit),
            )?;
        }
        Ok(())
    }

    pub(super) async fn no_revision(&self) -> Outcome {
        let file = self.largest()?;
        let paths = [
            self.resolve("not-there", file.path()),
            self.api("/revision/not-there"),
            self.api("/tree/not-there"),
        ];
        for path in paths {
            let reply = self.ask("GET", &path, &[]).await?;
            same(&format!("status of {path}"), reply.status, 404)?;
            let code = reply.text("x-error-code");
            same(
                &format!("X-Error-Code of {path}"),
                code,
                Some("RevisionNotFound"),
            )?;
        }
        Ok(())
    }

    pub(super) async fn no_repo(&self) -> Outcome {
        let paths = [
            "/not-there-org/not-there/resolve/main/config.json",
            "/api/models/not-there-org/not-there",
            "/api/models/not-there-org/not-there/tree/main",
        ];
        for path in paths {
            let reply = self.ask("GET", path, &[]).await?;
            if !matches!(reply.status, 401 | 404) {
                return Err(format!("status of {path} is {}", reply.status));
            }
            let code = reply.text("x-error-code");
            same(
                &format!("X-Error-Code of {path}"),
                code,
                Some("RepoNotFound"),
            )?;
        }
        Ok(())
    }
}
