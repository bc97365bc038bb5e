//! Is what lies on the disk still right? And what is not, made right again with as few bytes as can be.
//!
//! To look takes no network. A repair is a download that begins with all that is still right.

use std::collections::HashMap;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::SystemTime;

use futures_util::stream::{StreamExt, TryStreamExt, iter};

use super::{Client, DownloadRequest, PlannedFile, Report, Target};
use crate::error::{Error, ErrorKind};
use crate::names::{Commit, Digest, Repo, Revision};
use crate::repo_path::RepoPath;
use crate::store::blocks;
use crate::store::destination::Destination;
use crate::store::inventory::{self, Absent, Held, Inventory};
use crate::transfer::progress::{Phase, Progress};

/// Revisions that are told to who asks for another: they fit into one line.
const SHOWN: usize = 3;

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
    /// What has a name here and no content behind it.
    pub missing: Vec<Missing>,
    /// Files of which nothing here says what they should be: changed or replaced since they came, not from
    /// a Hub, or not to be read by this user.
    pub unknown: Vec<PathBuf>,
    /// What commits have and is not here under any name: not asked for, or not yet fetched.
    pub absent: Vec<Absent>,
}

/// What a content is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Where it belongs.
    pub repo: Repo,
    /// A commit that has it.
    pub commit: Commit,
    /// One of its names in that commit.
    pub path: RepoPath,
}

/// One content that is not what it should be.
#[derive(Clone, Debug)]
pub struct Damaged {
    /// What it is called.
    pub name: Name,
    /// Where its bytes are.
    pub place: PathBuf,
    /// Bytes that it should have.
    pub size: u64,
    /// What it should be.
    pub digest: Digest,
    /// Bytes that are not as they came, in whole blocks; `None`: it was not noted how they came.
    pub wrong: Option<u64>,
    /// When it was last written to before it was looked at.
    modified: Option<SystemTime>,
}

/// One content that is gone: its link leads to nothing, or what lies there is no file.
#[derive(Clone, Debug)]
pub struct Missing {
    /// What it is called.
    pub name: Name,
    /// What it was, as far as its link or a listing still says.
    pub digest: Option<Digest>,
}

/// What became of what was wrong in one commit.
#[derive(Debug)]
pub struct Repaired {
    /// The repository.
    pub repo: Repo,
    /// The commit.
    pub commit: Commit,
    /// What was done; an error if nothing could be.
    pub outcome: Result<Report, Error>,
}

/// What one look says of one content.
enum Verdict {
    Right(u64),
    Damaged(Damaged),
    Missing(Missing),
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
    /// let reports = client.repair(&request.target, &audit, &progress).await?;
    /// # Ok(()) }
    /// ```
    pub async fn audit(
        &self,
        request: &AuditRequest,
        progress: &Arc<Progress>,
    ) -> Result<Audit, Error> {
        let asked = request.clone();
        let Inventory { held, absent } = self.disk.run(move || inventory(&asked)).await?;
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
                Verdict::Missing(missing) => audit.missing.push(missing),
                Verdict::Unknown(path) => audit.unknown.push(path),
            }
            Ok(audit)
        };
        let audit = Audit {
            absent,
            ..Audit::default()
        };
        looks.try_fold(audit, add).await
    }

    /// Makes right again what an audit of `target` found: takes what is right of what is damaged, and
    /// fetches the rest and what is missing. What is damaged keeps its name until the right bytes get it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the network is switched off. What goes wrong with one commit is told
    /// there, and stops no other.
    pub async fn repair(
        &self,
        target: &Target,
        audit: &Audit,
        progress: &Arc<Progress>,
    ) -> Result<Vec<Repaired>, Error> {
        if self.options.offline {
            let text = "the network is switched off, and a repair needs it";
            return Err(Error::new(ErrorKind::NotFound, text).with_hint("unset HF_HUB_OFFLINE"));
        }
        let mut all = Vec::new();
        for (repo, commit) in audit.concerned() {
            let outcome = self.repair_commit(target, audit, (repo, commit), progress);
            all.push(Repaired {
                repo: repo.clone(),
                commit: commit.clone(),
                outcome: outcome.await,
            });
        }
        Ok(all)
    }

    async fn repair_commit(
        &self,
        target: &Target,
        audit: &Audit,
        (repo, commit): (&Repo, &Commit),
        progress: &Arc<Progress>,
    ) -> Result<Report, Error> {
        let is_of_it = |name: &Name| (&name.repo, &name.commit) == (repo, commit);
        let damaged = audit.damaged.iter().filter(|it| is_of_it(&it.name));
        let (damaged, changed): (Vec<_>, Vec<_>) =
            damaged.partition(|it| modified(&it.place) == it.modified);
        let missing = audit.missing.iter().filter(|it| is_of_it(&it.name));
        let missing = missing.map(|it| (it.name.path.clone(), it.digest));
        let known = damaged.iter();
        let known = known.map(|it| (it.name.path.clone(), Some(it.digest)));
        let known: HashMap<_, _> = missing.chain(known).collect();
        if known.is_empty() {
            // A request without names would mean all files.
            let text = "all that was damaged was changed while it was looked at";
            return Err(Error::new(ErrorKind::Disk, text).with_hint("run the same command again"));
        }
        let request = DownloadRequest {
            revision: Revision::new(commit.as_str())?,
            files: known.keys().map(ToString::to_string).collect(),
            // A plan made of what lies here would be made of what is wrong.
            force: true,
            ..DownloadRequest::new(repo.clone(), target.clone())
        };
        let mut plan = self.plan(&request, progress).await?;
        // But what is right elsewhere, or by now, need not come again.
        plan.job.force = false;
        for PlannedFile { remote, .. } in &mut plan.files {
            // What is said of it now does not make it something else.
            let digest = known.get(&remote.path).copied().flatten();
            remote.digest = digest.or(remote.digest);
        }
        let places = damaged.iter();
        let places = places.map(|it| (it.name.path.clone(), it.place.clone()));
        plan.job.damaged = places.collect();
        let mut report = self.download(plan, progress).await?;
        report.failed.extend(changed.iter().map(|it| {
            let path = it.name.path.to_string();
            let text = format!("{path}: it was changed while it was looked at");
            let error = Error::new(ErrorKind::Disk, text).with_hint("run the same command again");
            (path, error)
        }));
        Ok(report)
    }

    fn place_of(&self, target: &Target, repo: &Repo, commit: &Commit) -> Destination {
        let request = DownloadRequest::new(repo.clone(), target.clone());
        self.destination(&request, commit)
    }
}

impl Audit {
    /// Whether all that could be compared is there and right.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_empty()
    }

    /// What is damaged or missing.
    pub fn wrong(&self) -> impl Iterator<Item = &Name> {
        let damaged = self.damaged.iter().map(|it| &it.name);
        damaged.chain(self.missing.iter().map(|it| &it.name))
    }

    /// The commits in which something is wrong, each once.
    fn concerned(&self) -> Vec<(&Repo, &Commit)> {
        let mut concerned = Vec::new();
        for name in self.wrong() {
            let commit = (&name.repo, &name.commit);
            if !concerned.contains(&commit) {
                concerned.push(commit);
            }
        }
        concerned
    }
}

fn modified(place: &Path) -> Option<SystemTime> {
    place.metadata().ok()?.modified().ok()
}

/// What is there to be looked at, and what is not there of the same commits.
fn inventory(request: &AuditRequest) -> Result<Inventory, Error> {
    let revision = request.revision.as_ref();
    let found = match (&request.target, &request.repo) {
        (Target::Cache(root), Some(repo)) => {
            inventory::of_cache(root, repo, revision).unwrap_or_default()
        }
        (Target::Cache(root), None) => {
            let repos = inventory::repos(root);
            let each = repos.iter();
            each.filter_map(|repo| inventory::of_cache(root, repo, revision))
                .fold(Inventory::default(), Inventory::and)
        }
        (Target::LocalDir(root), Some(repo)) => inventory::of_local_dir(root, repo),
        (Target::LocalDir(_) | Target::File(_), _) => {
            let text =
                "only a cache, or a local folder of a repository that is named, can be looked at";
            return Err(Error::new(ErrorKind::Usage, text).with_hint("name the repository"));
        }
    };
    if found.held.is_empty() {
        return Err(nothing(request));
    }
    Ok(found)
}

/// Says where nothing of what was asked for is, and what is there of the same.
fn nothing(request: &AuditRequest) -> Error {
    let (Target::Cache(root) | Target::LocalDir(root) | Target::File(root)) = &request.target;
    let repo = request.repo.as_ref();
    let of = repo.map_or_else(String::new, |repo| format!(" of {repo}"));
    let at = request.revision.as_ref();
    let at = at.map_or_else(String::new, |revision| format!(" at {revision}"));
    let text = format!("nothing{of}{at} was downloaded to {}", root.display());
    let there = match (&request.target, repo) {
        (Target::Cache(root), Some(repo)) => inventory::revisions(root, repo),
        _ => Vec::new(),
    };
    let shown = there.iter().take(SHOWN).map(String::as_str);
    let shown = shown.collect::<Vec<_>>().join(", ");
    let hint = match there.len().checked_sub(SHOWN) {
        _ if there.is_empty() => "check the name, --cache-dir and --local-dir".to_owned(),
        None | Some(0) => format!("what is there of it: {shown}"),
        Some(more) => format!("what is there of it: {shown} and {more} more"),
    };
    Error::new(ErrorKind::NotFound, text).with_hint(hint)
}

/// Looks at one content. What cannot be read is damaged, too.
fn look(destination: &Destination, held: Held, progress: &Arc<Progress>) -> Verdict {
    let shown = progress.open(held.path.as_str(), held.size);
    let name = Name {
        repo: held.repo,
        commit: held.commit,
        path: held.path,
    };
    shown.phase(Phase::Checking);
    if !held.is_there {
        shown.set_done(held.size);
        return Verdict::Missing(Missing {
            name,
            digest: held.digest,
        });
    }
    let modified = modified(&held.place);
    let Some(digest) = held.digest else {
        shown.set_done(held.size);
        return Verdict::Unknown(held.place);
    };
    let seen = blocks::look(&held.place, &digest, |read| {
        shown.set_done(read.min(held.size));
    });
    shown.set_done(held.size);
    let noted = destination.noted_blocks(&digest, held.size);
    match seen {
        Ok(seen) if seen.digest == digest => {
            if noted.is_empty() && held.size > blocks::BLOCK {
                destination.note_blocks(&digest, held.size, &seen.blocks);
            }
            progress.file_done(name.path.as_str(), held.size);
            return Verdict::Right(held.size);
        }
        Ok(_) => {}
        Err(error) => {
            progress.notice(format!("{}: {error}", name.path));
            if error.io_kind() == Some(io::ErrorKind::PermissionDenied) {
                return Verdict::Unknown(held.place);
            }
        }
    }
    let len = held.place.metadata().map_or(0, |found| found.len());
    let right = blocks::right(&held.place, &noted).map_or(0, |right| right.len());
    let wrong = (held.size - right.min(held.size)) + len.saturating_sub(held.size);
    // No disk makes a file longer; or nothing in it is what came, though one bit would spoil a single block.
    let is_other =
        len > held.size || right == 0 && (len != held.size || noted.iter().nth(1).is_some());
    if is_other && len > 0 && matches!(destination, Destination::LocalDir { .. }) {
        // People put it there.
        return Verdict::Unknown(held.place);
    }
    Verdict::Damaged(Damaged {
        wrong: (!noted.is_empty()).then_some(wrong),
        modified,
        name,
        place: held.place,
        size: held.size,
        digest,
    })
}
