//! One attempt to put a content in its place: lock, look at what is there, fetch, verify, publish.
//!
//! What follows when it fails is decided in `deliver.rs`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::deliver::Setback;
use super::engine::{Engine, SMALL};
use super::job::{Change, Job};
use super::progress::{ActiveFile, Phase};
use super::ranges::Ranges;
use super::sink::Sink;
use super::source::Sources;
use super::verify::Verifier;
use crate::error::{Error, ErrorKind};
use crate::hash::sha256;
use crate::hub::metadata::Validator;
use crate::names::Digest;
use crate::store::adopt::{self, Found};
use crate::store::destination::Wanted;
use crate::store::journal::{Claims, Identity};
use crate::store::lock::{Lock, Patience};
use crate::store::partial::Partial;
use crate::store::publish::Content;
use crate::store::{resume, takeover};

/// What a part of this content is known by. Without a digest that is the validator, which means
/// something only at its own `address`. With neither nothing tells it from a part of something else,
/// and so no later run may take it over.
fn identity_of(wanted: &Wanted, address: &str, chance: f64) -> Identity {
    let strong = wanted.validator.as_ref().and_then(Validator::strong);
    let known_by = || match strong {
        Some(strong) => sha256(format!("{strong}\n{address}").as_bytes()),
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
    /// One attempt to put a content in its place.
    pub(super) async fn attempt(self: &Arc<Self>, wanted: &Wanted) -> Result<u64, Setback> {
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
        // Nobody would judge what has no digest.
        let judged = wanted.digest.and(wanted.size);
        let places = judged.map_or(&[][..], |_| wanted.elsewhere.as_slice());
        let mut refusal = self.refusal(wanted);
        if let Some(error) = refusal.take_if(|_| places.is_empty()) {
            return Err(error.into());
        }
        shown.phase(Phase::Fetching);
        let sources = self.setup.provider.sources(wanted);
        if sources.is_empty() {
            let text = format!("{}: there is no source to ask", wanted.name());
            let error = Error::new(ErrorKind::Usage, text).with_hint("name an endpoint");
            return Err(error.into());
        }
        let sources = Sources::new(sources, self.now());
        let Some(size) = wanted.size else {
            let size = self.stream(wanted, sources, &shown).await?;
            self.sweep(wanted).await?;
            return Ok(size);
        };
        let (job, verifier) = self.open_job(wanted, size, sources, shown).await?;
        let supply = self.supply(places, &job, refusal);
        let outcome = tokio::select! {
            // In this order, for the same seed has to do the same.
            biased;
            outcome = verifier.run(self, &job) => outcome,
            never = supply => match never {},
        };
        let digest = outcome.map_err(|error| setback(&job, error))?;
        job.shown.phase(Phase::Finishing);
        self.publish(wanted, job, digest, lock).await?;
        Ok(size)
    }

    /// Why no source is to be asked, if that is so.
    fn refusal(&self, wanted: &Wanted) -> Option<Error> {
        let offline = || {
            let name = wanted.name();
            let text = format!("{name} is not here, and the network is switched off");
            let hint = "unset HF_HUB_OFFLINE to download it";
            Error::new(ErrorKind::NotFound, text).with_hint(hint)
        };
        self.over().or_else(|| self.setup.offline.then(offline))
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
                    left = resume::leftovers_of(&destination.partials(), &stem);
                }
                let settled = !force && destination.settle(&wanted, &others)?;
                if settled {
                    for path in &left {
                        takeover::sweep(path);
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
        let address = self.setup.provider.address(wanted);
        let identity = identity_of(wanted, &address, self.chance());
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
        let bytes = (sink, landed, adopted);
        let job = Arc::new(Job::new(shown, identity, file, bytes, sources));
        Ok((job, Verifier::new(claims)))
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
                let mut there = Job::ranges_of(&claims);
                adopted.iter().for_each(|range| there.insert(range));
                let may_be_copied = wanted.damaged.is_some() || !wanted.elsewhere.is_empty();
                if may_be_copied {
                    // A copy may have been stopped, and is in doubt as what was copied is.
                    adopted = there.clone();
                }
                if !there.is_empty() && wanted.damaged.is_none() {
                    return Ok((partial, claims, adopted));
                }
                let parts = destination.parts(&wanted, size).into_iter().next();
                // Of a damaged file that is in doubt as a whole nothing is better than another's.
                let is_better =
                    |found: &Found| wanted.elsewhere.is_empty() || found.ranges.len() < size;
                if let Some(mut found) = parts.filter(is_better) {
                    there.iter().for_each(|range| found.ranges.remove(range));
                    // What cannot be read is simply not there.
                    let copied = adopt::copy_into(&partial, &found).unwrap_or_default();
                    tracing::info!(
                        "{}: taking over {} bytes of {}",
                        wanted.name(),
                        copied.len(),
                        found.path.display()
                    );
                    copied.iter().for_each(|range| adopted.insert(range));
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
        let force = self.setup.force;
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
                // Another process may have taken us for dead, gone on in our place, and been faster. What
                // was there before is no proof of that when it was to be replaced.
                let is_settled = || matches!(destination.settle(&wanted, &[]), Ok(true));
                match published {
                    Err(error) if force || !is_settled() => return Err(error),
                    _ => {}
                }
                for path in &left {
                    takeover::sweep(path);
                }
                if job.size > SMALL && lock.is_held() {
                    destination.sweep_official(&wanted);
                }
                Ok(())
            })
            .await
    }

    /// Deletes what dead writers left of a content that now has its final name.
    async fn sweep(&self, wanted: &Wanted) -> Result<(), Error> {
        let left = self.leftovers_of(&self.setup.destination.stem(wanted));
        self.setup
            .disk
            .run(move || {
                for path in &left {
                    takeover::sweep(path);
                }
                Ok(())
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::http::HeaderMap;
    use ::http::header::ETAG;

    #[test]
    fn a_validator_means_something_only_at_its_own_address() {
        let tagged = HeaderMap::from_iter([(ETAG, "\"1\"".parse().unwrap())]);
        let mut wanted = Wanted {
            paths: Vec::new(),
            size: Some(7),
            digest: None,
            validator: Validator::of(&tagged),
            xet: None,
            elsewhere: Vec::new(),
            damaged: None,
        };
        let here = identity_of(&wanted, "https://host/a", 0.1);
        assert_eq!(here, identity_of(&wanted, "https://host/a", 0.2));
        assert_ne!(here, identity_of(&wanted, "https://host/b", 0.1));
        wanted.validator = None;
        let nameless = identity_of(&wanted, "https://host/a", 0.1);
        assert_ne!(nameless, identity_of(&wanted, "https://host/a", 0.2));
    }
}
