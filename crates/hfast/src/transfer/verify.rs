//! Follows the landed bytes with the running digest, and decides what to do when it is wrong.
//!
//! Claims of earlier runs are checked block by block on the way; a block that fails is fetched
//! again before it can spoil the digest. A wrong digest at the end is met in this order: blocks
//! that are not as they were written, parts adopted from other tools, then what the sources brought:
//! see `blame.rs`.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::blame::{suspicions, wrong_bytes};
use super::engine::Engine;
use super::job::Job;
use super::ranges::Ranges;
use super::sink::Sink;
use crate::error::Error;
use crate::hash::{BLOCK, Hasher};
use crate::names::Digest;
use crate::store::journal::Claims;

/// Hashed in one go before the thread is given back.
const STEP: u64 = 8 << 20;

/// The judge of one file.
pub(super) struct Verifier {
    claims: Claims,
    /// The digest of the last pass.
    found: Option<Digest>,
}

impl Verifier {
    /// `claims` are on disk from earlier runs.
    pub(super) fn new(claims: Claims) -> Self {
        let found = None;
        Self { claims, found }
    }

    /// Waits for the whole file and returns its digest, which is the promised one.
    pub(super) async fn run(mut self, engine: &Engine, job: &Arc<Job>) -> Result<Digest, Error> {
        let digest = self.pass(engine, job).await?;
        if is_right(job, &digest) {
            return Ok(digest);
        }
        if job.pointer_listed.load(Relaxed) {
            // The bytes may be right: another digest will judge them.
            return Err(self.give_up(job));
        }
        let changed = self.changed_blocks(engine, job).await?;
        if !changed.is_empty() {
            engine.setup.progress.notice(format!(
                "{}: the digest is wrong; fetching {} bytes again that are not on the disk as they came",
                job.name,
                changed.len()
            ));
            job.renew(engine.now());
            changed.iter().for_each(|range| job.forget(range));
            engine.wake.notify_one();
            let digest = self.pass(engine, job).await?;
            if is_right(job, &digest) {
                return Ok(digest);
            }
        }
        for suspicion in suspicions(job, job.adopted()) {
            if let Some(digest) = self.fetch_again(engine, job, suspicion).await? {
                return Ok(digest);
            }
        }
        Err(self.give_up(job))
    }

    /// The error of a content that came whole and wrong; what came is not kept.
    fn give_up(&self, job: &Job) -> Error {
        job.discard();
        wrong_bytes(&job.name, job.digest.as_ref(), self.found.as_ref())
    }

    /// One pass over the file, as far behind the workers as need be.
    pub(super) async fn pass(&mut self, engine: &Engine, job: &Arc<Job>) -> Result<Digest, Error> {
        let mut hasher = job
            .digest
            .map_or_else(Hasher::sha256, |digest| Hasher::like(&digest, job.size));
        let mut position = 0;
        loop {
            job.front.open(hasher, position);
            let arrived = arrival(job).await;
            (hasher, position) = job.front.close();
            arrived?;
            if position == job.size {
                // The digest sees the last bytes a moment before they count as landed.
                whole(job, &(0..job.size)).await?;
                let digest = hasher.finish();
                self.found = Some(digest);
                return Ok(digest);
            }
            if let Some((end, checksum)) = self.claims.take(position) {
                let (next, right) =
                    hash_claim(engine, job, hasher, position..end, checksum).await?;
                hasher = next;
                if right {
                    position = end;
                } else {
                    engine.setup.progress.notice(format!(
                        "{}: {} bytes on disk are damaged; fetching them again",
                        job.name,
                        end - position
                    ));
                    job.forget(position..end);
                    engine.wake.notify_one();
                }
                continue;
            }
            // Only now nobody else moves on: what has landed may have been seen meanwhile.
            let landed = job.segments().landed_from(position);
            let claim = self.claims.next_after(position).unwrap_or(u64::MAX);
            let range = position..landed.min(claim).min(position + STEP);
            hasher = hash(engine, job, hasher, range.clone()).await?;
            position = range.end;
            // Workers may be waiting for the digest to catch up.
            engine.wake.notify_one();
        }
    }

    /// Blocks whose bytes on disk are not those that were written.
    async fn changed_blocks(&self, engine: &Engine, job: &Arc<Job>) -> Result<Ranges, Error> {
        let job = Arc::clone(job);
        engine
            .setup
            .disk
            .run(move || {
                let Sink::Partial(partial) = &job.sink else {
                    return Ok(Ranges::default());
                };
                let claims = partial.claims(&job.identity)?;
                let mut changed = Ranges::default();
                for (start, end, checksum) in claims.iter() {
                    let mut block = vec![0; usize::try_from(end - start).unwrap_or_default()];
                    partial.read(&mut block, start)?;
                    if xxh3_64(&block) != checksum {
                        changed.insert(start..end);
                    }
                }
                Ok(changed)
            })
            .await
    }
}

pub(super) fn is_right(job: &Job, digest: &Digest) -> bool {
    job.digest.is_none_or(|promised| promised == *digest)
}

/// Waits until bytes have arrived that the digest has to read from disk, or until it has seen all.
async fn arrival(job: &Job) -> Result<(), Error> {
    loop {
        let changed = job.changed.notified();
        if let Some(error) = job.take_failure() {
            return Err(error);
        }
        let position = job.front.position();
        if position == job.size || job.segments().landed_from(position) > position {
            return Ok(());
        }
        changed.await;
    }
}

/// Waits until all of `range` has landed.
pub(super) async fn whole(job: &Job, range: &Range<u64>) -> Result<(), Error> {
    loop {
        let changed = job.changed.notified();
        if let Some(error) = job.take_failure() {
            return Err(error);
        }
        if job.segments().landed_from(range.start) >= range.end {
            return Ok(());
        }
        changed.await;
    }
}

async fn hash_claim(
    engine: &Engine,
    job: &Arc<Job>,
    hasher: Hasher,
    range: Range<u64>,
    checksum: u64,
) -> Result<(Hasher, bool), Error> {
    let job = Arc::clone(job);
    engine
        .setup
        .disk
        .run(move || {
            let (mut next, mut sum) = (hasher.clone(), Xxh3::new());
            let read = each_block(&job, range, |block| {
                next.update(block);
                sum.update(block);
            });
            // What the disk cannot read any more is as good as lost, too.
            let right = read.is_ok() && sum.digest() == checksum;
            Ok((if right { next } else { hasher }, right))
        })
        .await
}

async fn hash(
    engine: &Engine,
    job: &Arc<Job>,
    mut hasher: Hasher,
    range: Range<u64>,
) -> Result<Hasher, Error> {
    let job = Arc::clone(job);
    engine
        .setup
        .disk
        .run(move || {
            each_block(&job, range, |block| hasher.update(block))?;
            Ok(hasher)
        })
        .await
}

pub(super) async fn checksum(
    engine: &Engine,
    job: &Arc<Job>,
    ranges: Ranges,
) -> Result<u64, Error> {
    let job = Arc::clone(job);
    engine
        .setup
        .disk
        .run(move || {
            let mut sum = Xxh3::new();
            for range in ranges.iter() {
                each_block(&job, range, |block| sum.update(block))?;
            }
            Ok(sum.digest())
        })
        .await
}

/// Shows the bytes of `range` to `see`, in order, a block at a time. Blocks the thread.
fn each_block(job: &Job, range: Range<u64>, mut see: impl FnMut(&[u8])) -> Result<(), Error> {
    match &job.sink {
        Sink::Memory(content) => {
            let content = content.lock().unwrap_or_else(PoisonError::into_inner);
            let index = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            see(&content[index(range.start)..index(range.end)]);
        }
        Sink::Partial(partial) => {
            let mut buffer = vec![0; BLOCK];
            let mut position = range.start;
            while position < range.end {
                let len = usize::try_from(range.end - position)
                    .unwrap_or(BLOCK)
                    .min(BLOCK);
                partial.read(&mut buffer[..len], position)?;
                see(&buffer[..len]);
                position += len as u64;
            }
        }
    }
    Ok(())
}
