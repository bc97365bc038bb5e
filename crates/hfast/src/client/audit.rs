//! Is what lies on the disk still right? And what is not, made right again with as few bytes as can be.
//!
//! To look takes no network. A repair is a download that begins with all that is still right.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use futures_util::stream::{StreamExt, TryStreamExt, iter};

use super::{Client, DownloadRequest, Report, Target};
use crate::error::{Error, ErrorKind};
use crate::names::{Commit, Digest, Repo, Revision};
use crate::repo_path::RepoPath;
use crate::store::blocks;
use crate::store::destination::{Destination, Wanted};
use crate::store::inventory::{self, Held};
use crate::transfer::progress::{Phase, Progress};

/// What is looked at.
#[derive(Clone, Debug)]
pub struct AuditRequest {
    /// The cache or the local folder.
    pub target: Target,
    /// A repository; `None`: all that the cache holds. A local folder does not say itself what it is of.
    pub repo: Option<Repo>,
    /// A revision; `None`: all that is there.
    pub revision: Option<Revision>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Contents that are what they should be.
    pub right: usize,
    /// Bytes that were read.
    pub bytes: u64,
    /// Contents that are not what they should be.
    pub damaged: Vec<Damaged>,
    /// Files of which nothing here says what they should be: changed since they came, or not from a Hub.
    pub unknown: Vec<PathBuf>,
}

/// One content that is not what it should be.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// Where it belongs, and one of its names there.
    pub repo: Repo,
    /// A commit that has it.
    pub commit: Commit,
    /// Its name in that commit.
    pub path: RepoPath,
    /// Where its bytes are.
    pub place: PathBuf,
    /// Bytes that it should have.
    pub size: u64,
    /// What it should be.
    pub digest: Digest,
    /// Bytes in blocks that are not as they came; `None`: it was not noted how they came.
    pub wrong: Option<u64>,
}

/// What one look says of one content.
enum Verdict {
    Right(u64),
    Damaged(Damaged),
    Unknown(PathBuf),
}

impl Client {
    /// Reads what is on the disk and compares it with what it should be. Asks nobody, and writes nothing
    /// but the checksums of blocks that are right.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if what is asked for is not on the disk at all.
    ///
    /// ```no_run
    /// # async fn example(client: hfast::client::Client) -> Result<(), hfast::Error> {
    /// use std::sync::Arc;
    /// use hfast::client::{AuditRequest, Target};
    /// use hfast::transfer::progress::Progress;
    ///
    /// let progress = Arc::new(Progress::default());
    /// let request = AuditRequest { target: Target::Cache("hub".into()), repo: None, revision: None };
    /// let audit = client.audit(&request, &progress).await?;
    /// let reports = client.repair(&request.target, &audit.damaged, &progress).await?;
    /// # Ok(()) }
    /// ```
    pub async fn audit(
        &self,
        request: &AuditRequest,
        progress: &Arc<Progress>,
    ) -> Result<Audit, Error> {
        let asked = request.clone();
        let held = self.disk.run(move || inventory(&asked)).await?;
        progress.expect(held.len(), held.iter().map(|held| held.size).sum());
        let at_once = available_parallelism().map_or(1, NonZero::get);
        let looks = held.into_iter().map(|held| {
            let destination = self.place_of(&request.target, &held.repo, &held.commit);
            let progress = Arc::clone(progress);
            self.disk
                .run(move || Ok(look(&destination, held, &progress)))
        });
        let looks = iter(looks).buffered(at_once);
        let add = async |mut audit: Audit, verdict| {
            match verdict {
                Verdict::Right(bytes) => {
                    audit.right += 1;
                    audit.bytes += bytes;
                }
                Verdict::Damaged(damaged) => {
                    audit.bytes += damaged.size;
                    audit.damaged.push(damaged);
                }
                Verdict::Unknown(path) => audit.unknown.push(path),
            }
            Ok(audit)
        };
        looks.try_fold(Audit::default(), add).await
    }

    /// Makes damaged contents right again: keeps what is right of each, and fetches the rest. One report
    /// for each commit that was concerned.
    ///
    /// # Errors
    /// As [`Client::plan`] and [`Client::download`]; what could not be fetched lies as a part for the next
    /// attempt, and not under its final name.
    pub async fn repair(
        &self,
        target: &Target,
        damaged: &[Damaged],
        progress: &Arc<Progress>,
    ) -> Result<Vec<Report>, Error> {
        if self.options.offline {
            let text = "the network is switched off, and a repair needs it";
            return Err(Error::new(ErrorKind::NotFound, text).with_hint("unset HF_HUB_OFFLINE"));
        }
        let mut commits: Vec<((&Repo, &Commit), Vec<&Damaged>)> = Vec::new();
        for damaged in damaged {
            let commit = (&damaged.repo, &damaged.commit);
            match commits.iter_mut().find(|(known, _)| *known == commit) {
                Some((_, all)) => all.push(damaged),
                None => commits.push((commit, vec![damaged])),
            }
        }
        let mut reports = Vec::new();
        for ((repo, commit), damaged) in commits {
            let request = DownloadRequest {
                revision: Revision::new(commit.as_str())?,
                files: damaged.iter().map(|it| it.path.to_string()).collect(),
                ..DownloadRequest::new(repo.clone(), target.clone())
            };
            // Nothing is touched before it is known what should be there.
            let mut plan = self.plan(&request, progress).await?;
            for file in &mut plan.files {
                file.present = false;
            }
            let destination = self.place_of(target, repo, commit);
            for damaged in damaged {
                let (destination, damaged) = (destination.clone(), damaged.clone());
                let wanted = wanted(&damaged);
                let take = move || destination.dismantle(&wanted, &damaged.place);
                self.disk.run(take).await?;
            }
            reports.push(self.download(plan, progress).await?);
        }
        Ok(reports)
    }

    fn place_of(&self, target: &Target, repo: &Repo, commit: &Commit) -> Destination {
        let request = DownloadRequest::new(repo.clone(), target.clone());
        self.destination(&request, commit)
    }
}

fn wanted(damaged: &Damaged) -> Wanted {
    Wanted {
        paths: vec![damaged.path.clone()],
        size: Some(damaged.size),
        digest: Some(damaged.digest),
        validator: None,
        xet: None,
        elsewhere: Vec::new(),
    }
}

/// What is there to be looked at.
fn inventory(request: &AuditRequest) -> Result<Vec<Held>, Error> {
    let (target, revision) = (&request.target, request.revision.as_ref());
    let held = match (target, &request.repo) {
        (Target::Cache(root), Some(repo)) => inventory::of_cache(root, repo, revision),
        (Target::Cache(root), None) => {
            let repos = inventory::repos(root);
            let each = repos.iter();
            Some(
                each.filter_map(|repo| inventory::of_cache(root, repo, revision))
                    .flatten()
                    .collect(),
            )
        }
        (Target::LocalDir(root), Some(repo)) => Some(inventory::of_local_dir(root, repo)),
        (Target::LocalDir(_) | Target::File(_), _) => {
            let text =
                "only a cache, or a local folder of a repository that is named, can be looked at";
            return Err(Error::new(ErrorKind::Usage, text).with_hint("name the repository"));
        }
    };
    let held: Vec<_> = held.unwrap_or_default();
    if held.is_empty() {
        let what = request.repo.as_ref().map(|repo| format!(" of {repo}"));
        let text = format!(
            "nothing{} is here to be looked at",
            what.unwrap_or_default()
        );
        return Err(Error::new(ErrorKind::NotFound, text)
            .with_hint("check the name, the revision, --cache-dir and --local-dir"));
    }
    Ok(held)
}

/// Looks at one content. What cannot be read is damaged, too.
fn look(destination: &Destination, held: Held, progress: &Arc<Progress>) -> Verdict {
    let shown = progress.open(held.path.as_str(), held.size);
    shown.phase(Phase::Checking);
    let Some(digest) = held.digest else {
        shown.set_done(held.size);
        progress.file_done(held.path.as_str(), held.size);
        return Verdict::Unknown(held.place);
    };
    let seen = blocks::look(&held.place, &digest, |read| {
        shown.set_done(read.min(held.size));
    });
    shown.set_done(held.size);
    progress.file_done(held.path.as_str(), held.size);
    let noted = destination.noted_blocks(&digest, held.size);
    match seen {
        Ok(seen) if seen.digest == digest => {
            if noted.is_empty() && held.size > blocks::BLOCK {
                destination.note_blocks(&digest, held.size, &seen.blocks);
            }
            return Verdict::Right(held.size);
        }
        Ok(_) => {}
        Err(error) => progress.notice(format!("{}: {error}", held.path)),
    }
    let wrong = (!noted.is_empty()).then(|| blocks::damage(&held.place, &noted).ok());
    Verdict::Damaged(Damaged {
        wrong: wrong.flatten(),
        repo: held.repo,
        commit: held.commit,
        path: held.path,
        place: held.place,
        size: held.size,
        digest,
    })
}
