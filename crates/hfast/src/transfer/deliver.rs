//! The way of one content: lock, look at what is there, fetch, verify, publish.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::{Engine, SMALL};
use super::job::{Change, Job, Sink};
use super::progress::{ActiveFile, Phase, Snapshot};
use super::ranges::Ranges;
use super::source::Sources;
use super::verify::Verifier;
use crate::error::{Error, ErrorKind};
use crate::hash::sha256;
use crate::hub::metadata::Validator;
use crate::names::Digest;
use crate::store::destination::{Content, Wanted};
use crate::store::journal::{Claims, Identity};
use crate::store::lock::{Lock, Patience};
use crate::store::partial::{self, Partial};
use crate::store::{adopt, place};

/// The Hub keeps no file above this size in git itself: a git digest for a larger one is that of
/// an LFS pointer, from a listing that leaves the LFS part out.
const LARGEST_IN_GIT: u64 = 10 << 20;

/// Whether a failure may be that of the network or the servers, and so of every file.
fn is_of_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unreachable | ErrorKind::Protocol | ErrorKind::RateLimited
    )
}

/// How often a file that has no digest is begun because it has changed at its source.
const MOST_STARTS: usize = 3;

/// Whether a listing can have this digest for a content of this size.
pub(crate) fn may_be_right((digest, size): &(Digest, u64)) -> bool {
    matches!(digest, Digest::Sha256(_)) || *size <= LARGEST_IN_GIT
}

fn is_doubtful(wanted: &Wanted) -> bool {
    !wanted
        .digest
        .zip(wanted.size)
        .is_some_and(|content| may_be_right(&content))
}

/// What a part of this content is known by. With neither digest nor validator nothing tells it from
/// a part of something else, and so no later run may take it over.
fn identity_of(wanted: &Wanted, chance: f64) -> Identity {
    let strong = wanted.validator.as_ref().and_then(Validator::strong);
    let known_by = || match strong {
        Some(strong) => sha256(strong.as_bytes()),
        None => sha256(&chance.to_bits().to_be_bytes()),
    };
    wanted
        .digest
        .map_or_else(|| Identity::Validator(known_by()), Identity::Content)
}

/// The right to bring one content.
struct Turn {
    lock: Lock,
    /// It is in its place already.
    settled: bool,
    shown: ActiveFile,
}

/// What came of one attempt to get the lock of a content.
enum Attempt {
    /// With what is left of the content, whose stem this is.
    Go(Turn, String, Vec<PathBuf>),
    /// Somebody else works on it; the number changes while they write.
    Wait(ActiveFile, u64),
}

fn full_disk(error: Error, now: &Snapshot, free: Option<u64>) -> Error {
    let missing = now.total_bytes.saturating_sub(now.done_bytes);
    let free = free.map_or_else(String::new, |free| format!(", and {free} are free"));
    let text = format!("{error}; {missing} bytes of this download are still to come{free}");
    let hint = error.hint().map(str::to_owned);
    let told = Error::new(error.kind(), text).with_source(error);
    hint.into_iter().fold(told, Error::with_hint)
}

/// Why a content was not delivered.
enum Setback {
    Failed(Error),
    /// The bytes are wrong, and the digest may be that of an LFS pointer.
    Pointer(Error),
    /// The source has another content now, and this is its validator.
    Changed(Option<Validator>, Error),
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn setback(job: &Job, error: Error) -> Setback {
    let setback = match (job.change(), job.digest) {
        (Some(Change { validator }), _) => Setback::Changed(validator, error),
        (None, Some(Digest::GitSha1(_))) if error.kind() == ErrorKind::Integrity => {
            Setback::Pointer(error)
        }
        _ => return Setback::Failed(error),
    };
    // It comes again from the beginning.
    job.discard();
    setback
}

impl Engine {
    /// Puts one content in its place and returns its size. What the listing says wrong, or does not
    /// say, is learnt from the sources.
    pub(super) async fn deliver(self: &Arc<Self>, wanted: &mut Wanted) -> Result<u64, Error> {
        if let Some(error) = self.over() {
            return Err(error);
        }
        let delivered = self.deliver_patiently(wanted).await;
        match delivered {
            Err(error) if error.is_disk_full() => Err(self.with_missing(error).await),
            Err(error) if is_of_all(error.kind()) && self.is_dead() => {
                // Each file would wait as long for the same.
                self.end_early(&error);
                Err(error)
            }
            delivered => delivered,
        }
    }

    async fn deliver_patiently(self: &Arc<Self>, wanted: &mut Wanted) -> Result<u64, Error> {
        let listed = (wanted.size, wanted.digest);
        if is_doubtful(wanted) && !self.setup.offline {
            self.learn_more(wanted).await?;
        }
        let mut starts = 1;
        loop {
            let error = match self.attempt(wanted).await {
                Ok(size) => return Ok(size),
                Err(Setback::Failed(error)) => return Err(error),
                Err(Setback::Changed(_, error)) if starts == MOST_STARTS => {
                    return Err(error.with_hint("it changes all the time: try again later"));
                }
                Err(Setback::Changed(validator, error)) => {
                    self.setup
                        .progress
                        .notice(format!("{error}; beginning anew"));
                    wanted.size = listed.0;
                    self.learn_more(wanted).await?;
                    wanted.validator = validator;
                    starts += 1;
                    continue;
                }
                Err(Setback::Pointer(error)) => error,
            };
            // Whatever happens now, this is what is told.
            match self.setup.provider.describe(wanted).await {
                Ok(meta) => wanted.learn(&meta),
                Err(_) => return Err(error),
            }
            if wanted.digest == listed.1 {
                return Err(error);
            }
        }
    }

    /// One attempt to put a content in its place.
    async fn attempt(self: &Arc<Self>, wanted: &Wanted) -> Result<u64, Setback> {
        let size = wanted.size.unwrap_or_default();
        let shown = self.setup.progress.open(wanted.name(), size);
        let Turn {
            lock,
            settled,
            shown,
        } = self.take_turn(wanted, shown).await?;
        if settled {
            shown.set_done(size);
            return Ok(size);
        }
        if self.setup.offline {
            let text = format!(
                "{} is not here, and the network is switched off",
                wanted.name()
            );
            let hint = "unset HF_HUB_OFFLINE to download it";
            return Err(Error::new(ErrorKind::NotFound, text).with_hint(hint).into());
        }
        shown.phase(Phase::Fetching);
        let sources = Sources::new(self.setup.provider.sources(wanted));
        let Some(size) = wanted.size else {
            let size = self.stream(wanted, sources, &shown).await?;
            self.sweep(wanted).await?;
            return Ok(size);
        };
        let (job, verifier) = self.open_job(wanted, size, sources, shown).await?;
        let open = self.open(&job);
        let outcome = verifier.run(self, &job).await;
        drop(open);
        let digest = outcome.map_err(|error| setback(&job, error))?;
        job.shown.phase(Phase::Finishing);
        self.publish(wanted, job, digest, lock).await?;
        Ok(size)
    }

    /// Asks the sources for what the listing does not say.
    async fn learn_more(&self, wanted: &mut Wanted) -> Result<(), Error> {
        let known = wanted.size.unwrap_or_default();
        let shown = self.setup.progress.open(wanted.name(), known);
        let mut meta = self.setup.provider.describe(wanted).await?;
        // Many servers answer a HEAD with a length of 0: whoever fetches will see the real one.
        meta.size = meta.size.filter(|size| *size > 0 || meta.digest.is_some());
        wanted.learn(&meta);
        shown.learn_size(wanted.size.unwrap_or_default());
        Ok(())
    }

    /// Waits until nobody else works on the content, and settles it from what is on the disk.
    async fn take_turn(&self, wanted: &Wanted, mut shown: ActiveFile) -> Result<Turn, Error> {
        let mut patience = Patience::new(wanted.size, self.now());
        let (mut had_to_wait, mut goes_on) = (false, false);
        let others = wanted.size.filter(|size| *size > SMALL);
        let others = others.and_then(|size| self.setup.others.get(&size));
        loop {
            let (destination, force) = (Arc::clone(&self.setup.destination), self.setup.force);
            let (wanted, others) = (wanted.clone(), others.cloned().unwrap_or_default());
            let stem = destination.stem(&wanted);
            let mut left = self.leftovers_of(&stem);
            let attempt = self.setup.disk.run(move || {
                let lock = match destination.lock(&wanted)? {
                    Some(path) if !goes_on => Lock::try_acquire(&path)?,
                    _ => Some(Lock::none()),
                };
                let Some(lock) = lock else {
                    return Ok(Attempt::Wait(shown, destination.growth(&wanted)));
                };
                shown.phase(Phase::Checking);
                if had_to_wait {
                    // Whoever held the lock may have died and left what it had.
                    left = partial::leftovers_of(&destination.partials(), &stem);
                }
                let settled = !force && destination.settle(&wanted, &others)?;
                if settled {
                    for path in &left {
                        partial::sweep(path);
                    }
                }
                let turn = Turn {
                    lock,
                    settled,
                    shown,
                };
                Ok(Attempt::Go(turn, stem, left))
            });
            let growth = match attempt.await? {
                Attempt::Go(turn, stem, left) => {
                    if had_to_wait {
                        self.leftovers().insert(stem, left);
                    }
                    return Ok(turn);
                }
                Attempt::Wait(kept, growth) => {
                    shown = kept;
                    growth
                }
            };
            shown.phase(Phase::Waiting);
            had_to_wait = true;
            if let Some(pause) = patience.after(growth, self.now()) {
                tokio::time::sleep(pause).await;
                continue;
            }
            goes_on = true;
            let text = "another process holds the lock and shows no progress; going on without it";
            self.setup
                .progress
                .notice(format!("{}: {text}", shown.name()));
        }
    }

    async fn open_job(
        &self,
        wanted: &Wanted,
        size: u64,
        sources: Sources,
        shown: ActiveFile,
    ) -> Result<(Arc<Job>, Verifier), Error> {
        let identity = identity_of(wanted, self.chance());
        let (sink, claims, adopted) = if size <= SMALL {
            let content = vec![0; usize::try_from(size).unwrap_or_default()];
            (
                Sink::Memory(Mutex::new(content)),
                Claims::default(),
                Ranges::default(),
            )
        } else {
            let (partial, claims, adopted) = self.begin_partial(wanted, size, identity).await?;
            (Sink::Partial(partial), claims, adopted)
        };
        let validator = wanted.validator.clone();
        let file = (wanted.name().to_owned(), size, wanted.digest, validator);
        let mut landed = Job::ranges_of(&claims);
        // What another run had finished has no claims.
        adopted.iter().for_each(|range| landed.insert(range));
        let job = Arc::new(Job::new(
            shown,
            identity,
            file,
            (sink, landed),
            sources,
            self.now(),
        ));
        Ok((job, Verifier::new(claims, adopted)))
    }

    async fn begin_partial(
        &self,
        wanted: &Wanted,
        size: u64,
        identity: Identity,
    ) -> Result<(Partial, Claims, Ranges), Error> {
        let stem = self.setup.destination.stem(wanted);
        let leftovers = self.leftovers_of(&stem);
        let (destination, wanted) = (Arc::clone(&self.setup.destination), wanted.clone());
        self.setup
            .disk
            .run(move || {
                let folder = destination.partials();
                let (partial, claims, mut adopted) =
                    Partial::begin(&folder, &stem, &leftovers, &identity, size)?;
                if claims.iter().next().is_some() || !adopted.is_empty() {
                    return Ok((partial, claims, adopted));
                }
                if let Some(found) = destination.parts(&wanted, size).first() {
                    // What cannot be read is simply not there.
                    adopted = adopt::copy_into(&partial, found).unwrap_or_default();
                    tracing::info!(
                        "{}: taking over {} bytes of {}",
                        wanted.name(),
                        adopted.len(),
                        found.path.display()
                    );
                }
                let claims = partial.claims(&identity)?;
                Ok((partial, claims, adopted))
            })
            .await
    }

    fn leftovers(&self) -> MutexGuard<'_, HashMap<String, Vec<PathBuf>>> {
        self.leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn leftovers_of(&self, stem: &str) -> Vec<PathBuf> {
        self.leftovers().get(stem).cloned().unwrap_or_default()
    }

    /// Gives the content its final names, and deletes what others left of it.
    async fn publish(
        &self,
        wanted: &Wanted,
        job: Arc<Job>,
        digest: Digest,
        lock: Lock,
    ) -> Result<(), Error> {
        let (destination, wanted) = (Arc::clone(&self.setup.destination), wanted.clone());
        let left = self.leftovers_of(&destination.stem(&wanted));
        self.setup
            .disk
            .run(move || {
                let published = match &job.sink {
                    Sink::Partial(partial) => {
                        destination.publish(&wanted, &digest, &Content::Partial(partial))
                    }
                    Sink::Memory(content) => {
                        let content = content.lock().unwrap_or_else(PoisonError::into_inner);
                        destination.publish(&wanted, &digest, &Content::Bytes(&content))
                    }
                };
                // Another process may have taken us for dead, gone on in our place, and been faster.
                match published {
                    Err(error) if !destination.settle(&wanted, &[])? => return Err(error),
                    _ => {}
                }
                for path in &left {
                    partial::sweep(path);
                }
                if job.size > SMALL && lock.is_held() {
                    destination.sweep_official(&wanted);
                }
                Ok(())
            })
            .await
    }

    /// A full disk is told together with what is still to come.
    async fn with_missing(&self, error: Error) -> Error {
        let folder = self.setup.destination.partials();
        let look = self.setup.disk.run(move || Ok(place::free_space(&folder)));
        // Without an answer the missing bytes are told alone.
        let free = look.await.unwrap_or_default();
        full_disk(error, &self.setup.progress.snapshot(), free)
    }

    /// Deletes what dead writers left of a content that now has its final name.
    async fn sweep(&self, wanted: &Wanted) -> Result<(), Error> {
        let left = self.leftovers_of(&self.setup.destination.stem(wanted));
        self.setup
            .disk
            .run(move || {
                for path in &left {
                    partial::sweep(path);
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_how_much_is_still_to_come() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = Error::disk("write", std::path::Path::new("/disk/x"), full);
        assert!(error.is_disk_full());
        let now = Snapshot {
            total_bytes: 1000,
            done_bytes: 300,
            ..Snapshot::default()
        };
        let told = full_disk(error, &now, Some(7));
        assert!(
            told.to_string()
                .ends_with("; 700 bytes of this download are still to come, and 7 are free")
        );
        assert!(told.hint().is_some());
    }
}
