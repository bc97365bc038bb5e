//! Brings what lies in folders and caches on this machine, as a connection brings what lies on a server:
//! piece by piece, counted, claimed in the journal, judged by the digest of the whole.
//!
//! Where a content may lie is told in `store/elsewhere.rs`. A disk that does not answer, or not any more,
//! is left out: there are the sources.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, PoisonError};

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

/// Why a place does not give what it has.
enum Fault {
    /// That is of the place, and another one may have it.
    Place(Error),
    /// Our own disk does not take it.
    Here(Error),
}

impl Engine {
    /// Brings what the job lacks from `places`, each of which gives each byte once: what of it is forgotten
    /// was wrong. What they do not have is left to the sources, or the job fails if `refusal` says that
    /// none is to be asked. Goes on until it is dropped.
    pub(super) async fn supply(
        &self,
        places: &[Lying],
        job: &Arc<Job>,
        refusal: Option<Error>,
    ) -> Infallible {
        let fresh = || std::iter::once(0..job.size).collect::<Ranges>();
        let mut places: Vec<_> = places.iter().map(|lying| (lying, fresh())).collect();
        loop {
            places.retain(|(lying, fresh)| !fresh.is_empty() && !self.is_silent(lying));
            if places.is_empty() {
                break;
            }
            job.lacking().await;
            let mut each = places.iter_mut();
            let next = each.find_map(|(lying, fresh)| {
                let lease = job.segments().lease_of(fresh, self.now())?;
                Some((*lying, fresh, lease))
            });
            let Some((lying, fresh, lease)) = next else {
                break;
            };
            fresh.remove(lease.range.clone());
            job.shown.phase(Phase::Copying);
            let copied = self.copy(lying, job, &lease).await;
            job.shown.phase(Phase::Fetching);
            job.segments().release(lease.id);
            match copied {
                Ok(()) => {}
                Err(Fault::Here(error)) => job.fail(error),
                Err(Fault::Place(error)) => {
                    *fresh = Ranges::default();
                    let text = format!("{}: not taken from a disk: {error}", job.name);
                    self.setup.progress.notice(text);
                }
            }
        }
        let _open = match refusal {
            Some(error) => {
                job.lacking().await;
                job.fail(error);
                None
            }
            None => Some(self.open(job)),
        };
        std::future::pending().await
    }

    /// Brings the bytes of a lease. What has come before a fault is kept.
    async fn copy(&self, lying: &Lying, job: &Arc<Job>, lease: &Lease) -> Result<(), Fault> {
        let (from, size) = (lying.clone(), job.size);
        let file = self.soon(lying, move || from.open(size)).await?;
        let file = Arc::new(file);
        tracing::info!("{}: taking it from {}", job.name, lying.path.display());
        let mut at = lease.range.start;
        while at < lease.range.end {
            // As far as a claim goes: what a kill may cost.
            let piece = at..lease.range.end.min(at.saturating_add(extent_len(size)));
            let (file, range) = (Arc::clone(&file), piece.clone());
            let read = move || elsewhere::read(&file, &range);
            let bytes = Bytes::from(self.soon(lying, read).await?);
            let (written, of) = (Arc::clone(job), (None, lease.id));
            let write = move || {
                let extent = Extent {
                    start: at,
                    len: u32::try_from(bytes.len()).unwrap_or_default(),
                    checksum: xxh3_64(&bytes),
                };
                written.write(of, at, &[bytes], &[extent])
            };
            self.setup.disk.run(write).await.map_err(Fault::Here)?;
            job.segments().advance(lease.id, piece.end);
            job.changed.notify_one();
            self.setup.progress.copied(piece.end - at);
            at = piece.end;
        }
        Ok(())
    }

    /// Does something at a place that is left out for good if that takes too long.
    async fn soon<T: Send + 'static>(
        &self,
        lying: &Lying,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let path = lying.path.clone();
        let work = move || work().map_err(|error| Error::disk("read", &path, error));
        let done = tokio::time::timeout(PATIENCE, self.setup.disk.run(work)).await;
        let Ok(done) = done else {
            let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
            silent.push(Arc::clone(&lying.root));
            drop(silent);
            return Err(Fault::Place(silence(lying)));
        };
        done.map_err(Fault::Place)
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
