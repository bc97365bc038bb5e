//! From a plan to files: space, engine, ref.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::places::{find, places};
use super::prepare::prepare;
use super::{Client, JobContext, Plan, PlannedFile, Report};
use crate::error::{Error, ErrorKind};
use crate::names::Digest;
use crate::store::destination::{Destination, Wanted};
use crate::store::durable::Folders;
use crate::store::tree_cache;
use crate::transfer::engine::{Outcome, SMALL, Setup};
use crate::transfer::progress::Progress;
use crate::transfer::provider::Provider;

impl Client {
    /// Carries out a plan. Dropping the future stops it; what has arrived is kept, and the same
    /// call goes on from there.
    ///
    /// Single files that fail do not stop the others: they are in [`Report::failed`].
    ///
    /// # Errors
    /// [`ErrorKind::Disk`] when there is no room for the whole plan or the place cannot be written.
    pub async fn download(&self, plan: Plan, progress: &Arc<Progress>) -> Result<Report, Error> {
        let Plan {
            commit,
            files,
            refused,
            caveat,
            mut job,
            ..
        } = plan;
        let sizes = || {
            let present = files.iter().filter(|file| file.present);
            present.map(|file| file.remote.size.unwrap_or(0))
        };
        let (present, present_bytes) = (sizes().count(), sizes().fold(0, u64::saturating_add));
        progress.expect(files.len(), present_bytes);
        sizes().for_each(|size| progress.file_present(size));
        let destination = job.destination.clone();
        let look = self.disk.run(move || {
            // An earlier run may have been killed before it flushed what it had named.
            let named = Folders::of(&destination, &files.iter().map(|file| &file.remote.path));
            let present = files.iter().filter(|file| file.present);
            destination.tidy(present.map(|file| &file.remote));
            Ok((files, named))
        });
        let (files, named) = look.await?;
        let files = self.write_listing(&mut job, files).await?;
        job.own_names = own_names(&job.destination, &files);
        let mut wanted = group(files);
        for wanted in &mut wanted {
            let places = wanted.paths.iter();
            let mut places = places.filter_map(|path| job.damaged.get(path));
            wanted.damaged = places.next().cloned();
        }
        // A content that has several names comes once.
        let sizes = wanted.iter().filter_map(|wanted| wanted.size);
        progress.expect(0, sizes.fold(0, u64::saturating_add));
        let fetched = if wanted.is_empty() {
            Ok(Outcome::default())
        } else {
            self.fetch(&mut job, wanted, progress).await
        };
        let fetched = fetched.and_then(|outcome| all_denied(outcome, present));
        // A failed file must not make a branch point to a snapshot with a hole where the old one
        // was whole; a refused name is no hole that another attempt could fill.
        let is_whole = |done: &Outcome| done.failed.is_empty() && done.files + present > 0;
        let whole = fetched.as_ref().is_ok_and(is_whole);
        let named = fetched.as_ref().map(|_| named).unwrap_or_default();
        let finished = self.finish(job.clone(), whole, named).await;
        let outcome = with_first(fetched, finished, progress)?;
        Ok(Report {
            path: job.path,
            commit,
            files: outcome.files + present,
            bytes: outcome.bytes + present_bytes,
            received: progress.snapshot().received_bytes,
            failed: outcome.failed,
            refused,
            caveat,
        })
    }

    async fn fetch(
        &self,
        job: &mut JobContext,
        wanted: Vec<Wanted>,
        progress: &Arc<Progress>,
    ) -> Result<Outcome, Error> {
        if job.offline && matches!(job.destination, Destination::Cache { .. }) {
            let text = "not all files are here, and the network is switched off";
            return Err(Error::new(ErrorKind::NotFound, text)
                .with_hint("unset HF_HUB_OFFLINE to download the rest"));
        }
        let own = std::mem::take(&mut job.own_names);
        self.know_sources(job, progress).await;
        let known = self.recall(&job.provider).await;
        let setup = Setup {
            transport: Arc::clone(&self.hub.transport),
            gates: Arc::clone(&self.hub.gates),
            nearness: Arc::clone(&self.hub.nearness),
            known,
            progress: Arc::clone(progress),
            disk: self.disk.clone(),
            throttle: self.throttle.clone(),
            destination: Arc::new(job.destination.clone()),
            provider: Arc::clone(&job.provider),
            limits: self.options.limits(),
            force: job.force,
            offline: job.offline,
            seed: self.seed,
            others: HashMap::new(),
        };
        let places = places(job, &self.options.sources);
        let wanted = if job.force {
            wanted
        } else {
            find(&self.disk, progress, places, wanted).await
        };
        let prepared = self.disk.run(move || {
            let engine = prepare(setup, &wanted, &own)?;
            Ok((engine, wanted))
        });
        let (engine, wanted) = prepared.await?;
        job.destination = engine.setup.destination.as_ref().clone();
        let outcome = engine.run(wanted).await;
        let is_free = self.options.connections.is_none() && self.options.narrowed().is_none();
        if is_free && self.throttle.is_none() {
            let learnt = engine.lanes.learnt();
            self.remember(&job.provider, learnt).await;
        }
        Ok(outcome)
    }

    /// Finds out what the further sources have.
    async fn know_sources(&self, job: &JobContext, progress: &Progress) {
        let sources = &self.options.sources;
        if let Provider::Repo(repository) = job.provider.as_ref()
            && !sources.is_empty()
            && !job.offline
        {
            let extras = self.hub.extras(sources, &repository.repo, progress);
            repository.know_extras(extras.await);
        }
    }

    async fn finish(&self, job: JobContext, whole: bool, named: Folders) -> Result<(), Error> {
        self.disk
            .run(move || {
                if let Some([_, own]) = job.destination.trees().filter(|_| whole) {
                    keep_listing(&own);
                }
                let reference = job.repo.as_ref().filter(|_| whole);
                job.destination.finish(reference, &job.revision, &named)
            })
            .await
    }

    /// Keeps a fresh and complete listing beside its name, so that the same commit need not be asked
    /// for again. It only saves requests: where it cannot be written, nothing is lost.
    async fn write_listing(
        &self,
        job: &mut JobContext,
        files: Vec<PlannedFile>,
    ) -> Result<Vec<PlannedFile>, Error> {
        let Some(([_, own], rest)) = job.destination.trees().zip(job.rest.take()) else {
            return Ok(files);
        };
        let destination = job.destination.clone();
        self.disk
            .run(move || {
                let listed: Vec<_> = files.iter().map(|file| &file.remote).chain(&rest).collect();
                let folder = destination.partials();
                let written = destination
                    .prepare()
                    .and_then(|()| tree_cache::write_unproved(&folder, &own, &listed));
                drop(listed);
                if let Err(error) = written {
                    tracing::debug!("the listing is not kept: {error}");
                }
                Ok(files)
            })
            .await
    }
}

/// Gives a listing its name once all files that were wanted have proved right. It saves requests and
/// nothing else, and another process may have been faster, so no download fails by it.
fn keep_listing(own: &Path) {
    if tree_cache::unproved(own).exists()
        && let Err(error) = tree_cache::prove(own)
    {
        tracing::debug!("the listing is not kept: {error}");
    }
}

/// What befell the files is told before what befell the end of the job: the same disk may be the
/// cause of both, and only the first says which files are missing.
fn with_first(
    fetched: Result<Outcome, Error>,
    finished: Result<(), Error>,
    progress: &Progress,
) -> Result<Outcome, Error> {
    let has_failed = |outcome: &Outcome| !outcome.failed.is_empty();
    match finished {
        Err(error) if fetched.as_ref().map_or(true, has_failed) => {
            progress.notice(error.to_string());
            fetched
        }
        finished => finished.and(fetched),
    }
}

/// One refusal of everything is one error, not one for each file.
fn all_denied(mut outcome: Outcome, present: usize) -> Result<Outcome, Error> {
    let denied = |(_, error): &(String, Error)| error.kind() == ErrorKind::AccessDenied;
    // Empty files need no permission.
    let nothing = outcome.bytes == 0 && present == 0;
    if nothing && !outcome.failed.is_empty() && outcome.failed.iter().all(denied) {
        return Err(outcome.failed.swap_remove(0).1);
    }
    Ok(outcome)
}

/// Where the large files of the plan are or will be: they are not looked at as files under other
/// names.
fn own_names(destination: &Destination, files: &[PlannedFile]) -> HashSet<PathBuf> {
    let large = files
        .iter()
        .filter(|file| file.remote.size.is_none_or(|size| size > SMALL));
    large
        .map(|file| destination.final_path(&file.remote.path))
        .collect()
}

/// One entry for each content that is not there yet, with all its names.
fn group(files: Vec<PlannedFile>) -> Vec<Wanted> {
    // There may be very many, and what grows by doubling takes three times the room for a moment.
    let absent = files.iter().filter(|file| !file.present).count();
    let mut wanted: Vec<Wanted> = Vec::with_capacity(absent);
    let mut known: HashMap<(Digest, u64), usize> = HashMap::with_capacity(absent);
    for PlannedFile { remote, .. } in files.into_iter().filter(|file| !file.present) {
        // A digest that cannot be right may be the same for files that are not.
        let content = remote.digest.zip(remote.size);
        let content = content.filter(|(digest, size)| digest.may_be_of(*size));
        if let Some(index) = content.and_then(|content| known.get(&content).copied()) {
            wanted[index].paths.push(remote.path);
            continue;
        }
        content.and_then(|content| known.insert(content, wanted.len()));
        let (size, digest) = (remote.size, remote.digest);
        wanted.push(Wanted {
            paths: vec![remote.path],
            size,
            digest,
            validator: None,
            xet: remote.xet,
            elsewhere: Vec::new(),
            damaged: None,
        });
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Error {
        Error::new(ErrorKind::Disk, text)
    }

    #[test]
    fn the_failures_of_files_are_told_before_that_of_the_end() {
        let failed = || Outcome {
            failed: vec![("a".to_owned(), error("a file"))],
            ..Outcome::default()
        };
        let progress = Progress::default();
        let ended = || Err(error("the end"));
        let outcome = with_first(Ok(failed()), ended(), &progress).unwrap();
        assert_eq!(outcome.failed.len(), 1);
        let told = with_first(Err(error("all")), ended(), &progress)
            .err()
            .unwrap();
        assert_eq!(told.to_string(), "all");
        assert_eq!(progress.take_events().len(), 2, "the end is told as well");
        let told = with_first(Ok(Outcome::default()), ended(), &progress)
            .err()
            .unwrap();
        assert_eq!(told.to_string(), "the end");
        assert!(with_first(Ok(failed()), Ok(()), &progress).is_ok());
    }
}
