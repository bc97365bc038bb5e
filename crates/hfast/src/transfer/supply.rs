//! Brings what lies in folders and caches on this machine, as a connection brings what lies on a server:
//! piece by piece, counted, claimed in the journal, judged by the digest of the whole.
//!
//! Where a content may lie is told in `store/elsewhere.rs`. A disk that does not answer, or not any more,
//! is left out: there are the sources. They help while one is slow, and if they fail it goes on alone.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::engine::Engine;
use super::extent::extent_len;
use super::job::Job;
use super::progress::Phase;
use super::ranges::Ranges;
use super::segments::Lease;
use crate::error::{Error, ErrorKind};
use crate::store::elsewhere::{self, Lying, PATIENCE};
use crate::store::journal::Extent;

/// When a part takes longer than this, the sources help until parts come faster again. That is a MB a second
/// for each of several files; who named a folder that gives more wants to spare the network. A disk that is
/// busy seldom lets a read wait for so long.
const SLOW: Duration = Duration::from_secs(1);

impl Engine {
    /// Brings what the job lacks from `places`, each of which gives each byte once: what of it is forgotten
    /// was wrong. What they do not have is left to the sources, and so is some of the rest while a place is
    /// slow; or the job fails if `refusal` says that none is to be asked. Goes on until it is dropped.
    pub(super) async fn supply(
        &self,
        places: &[Lying],
        job: &Arc<Job>,
        refusal: Option<Error>,
    ) -> Infallible {
        let fresh = || std::iter::once(0..job.size).collect::<Ranges>();
        let places = places.iter().map(|lying| (lying, None, fresh()));
        let mut places: Vec<_> = places.collect();
        let mut open = None;
        // As far as a claim goes: what a kill may cost, and what a slow place keeps from the sources.
        let most = extent_len(job.size);
        loop {
            places.retain(|(lying, _, fresh)| !fresh.is_empty() && !self.is_silent(lying));
            if places.is_empty() {
                break;
            }
            job.lacking().await;
            let mut each = places.iter_mut();
            let next = each.find_map(|(lying, file, fresh)| {
                let lease = job.segments().lease_of(fresh, most, self.now())?;
                Some((*lying, file, fresh, lease))
            });
            let Some((lying, file, fresh, lease)) = next else {
                break;
            };
            fresh.remove(lease.range.clone());
            job.shown.phase(Phase::Copying);
            let since = self.now();
            let mut read = pin!(self.read(lying, file, job, &lease.range));
            let read = tokio::select! {
                biased;
                read = &mut read => read,
                () = tokio::time::sleep(SLOW), if refusal.is_none() => {
                    open.get_or_insert_with(|| self.open(job));
                    read.await
                }
            };
            if self.now().saturating_sub(since) < SLOW {
                open = None;
            }
            match read {
                Ok(bytes) => self.land(job, &lease, bytes).await,
                Err(error) => {
                    *fresh = Ranges::default();
                    let text = format!("{}: not taken from a disk: {error}", job.name);
                    self.setup.progress.notice(text);
                }
            }
            job.shown.phase(Phase::Fetching);
            job.release(lease.id);
        }
        let _open = match refusal {
            Some(error) => {
                job.lacking().await;
                job.fail(error);
                None
            }
            None => open.or_else(|| Some(self.open(job))),
        };
        let error = job.forsaken().await;
        job.fail(error);
        std::future::pending().await
    }

    /// Reads a part of what lies in a place, in the `file` that was opened before.
    async fn read(
        &self,
        lying: &Lying,
        file: &mut Option<Arc<File>>,
        job: &Job,
        range: &Range<u64>,
    ) -> Result<Bytes, Error> {
        let file = if let Some(file) = file {
            file
        } else {
            let (from, size) = (lying.clone(), job.size);
            let opened = self.soon(lying, move || from.open(size)).await?;
            tracing::info!("{}: taking it from {}", job.name, lying.path.display());
            file.insert(Arc::new(opened))
        };
        let (file, range) = (Arc::clone(file), range.clone());
        let read = move || elsewhere::read(&file, &range);
        self.soon(lying, read).await.map(Bytes::from)
    }

    /// Writes and claims the bytes of a lease.
    async fn land(&self, job: &Arc<Job>, lease: &Lease, bytes: Bytes) {
        let (written, id, range) = (Arc::clone(job), lease.id, lease.range.clone());
        let write = move || {
            let extent = Extent {
                start: range.start,
                len: u32::try_from(bytes.len()).unwrap_or_default(),
                checksum: xxh3_64(&bytes),
            };
            written.write((None, id), range.start, &[bytes], &[extent])
        };
        if let Err(error) = self.setup.disk.run(write).await {
            job.fail(error);
            return;
        }
        let range = &lease.range;
        job.segments().advance(id, range.end);
        job.changed.notify_one();
        self.setup.progress.copied(range.end - range.start);
    }

    /// Does something at a place that is left out for good if that takes too long.
    async fn soon<T: Send + 'static>(
        &self,
        lying: &Lying,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let path = lying.path.clone();
        let work = move || work().map_err(|error| Error::disk("read", &path, error));
        let done = tokio::time::timeout(PATIENCE, self.setup.disk.run_elsewhere(work)).await;
        let Ok(done) = done else {
            let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
            silent.push(Arc::clone(&lying.root));
            drop(silent);
            return Err(silence(lying));
        };
        done
    }

    fn is_silent(&self, lying: &Lying) -> bool {
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.contains(&lying.root)
    }
}

fn silence(lying: &Lying) -> Error {
    let (root, patience) = (lying.root.display(), PATIENCE.as_secs());
    let text = format!("{root} does not answer for {patience} s, and is left out");
    Error::new(ErrorKind::Disk, text)
}
