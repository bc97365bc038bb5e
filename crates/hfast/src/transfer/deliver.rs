//! The way of one content: lock, look at what is there, fetch, verify, publish.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::engine::{Engine, SMALL};
use super::job::{Job, Sink};
use super::progress::{ActiveFile, Phase};
use super::ranges::Ranges;
use super::source::Sources;
use super::verify::Verifier;
use crate::error::{Error, ErrorKind};
use crate::hash::sha256;
use crate::names::Digest;
use crate::store::adopt;
use crate::store::destination::{Content, Wanted};
use crate::store::journal::{Claims, Identity};
use crate::store::lock::{self, Lock};
use crate::store::partial::{self, Partial};

/// The Hub keeps no file above this size in git itself: a git digest for a larger one is that of
/// an LFS pointer, from a listing that leaves the LFS part out.
const LARGEST_IN_GIT: u64 = 10 << 20;

fn is_doubtful(wanted: &Wanted) -> bool {
    match (wanted.size, wanted.digest) {
        (None, _) | (_, None) => true,
        (Some(size), Some(Digest::GitSha1(_))) => size > LARGEST_IN_GIT,
        _ => false,
    }
}

/// What a part of this content is known by. With neither digest nor validator nothing tells it from
/// a part of something else, and so no later run may take it over.
fn identity_of(wanted: &Wanted, chance: f64) -> Identity {
    let known_by = || match &wanted.validator {
        Some(validator) => sha256(validator.as_bytes()),
        None => sha256(&chance.to_bits().to_be_bytes()),
    };
    wanted
        .digest
        .map_or_else(|| Identity::Validator(known_by()), Identity::Content)
}

impl Engine {
    /// Delivers; where the digest turns out to be that of an LFS pointer, learns the right one and
    /// delivers again.
    pub(super) async fn deliver_or_learn(
        self: &Arc<Self>,
        wanted: &mut Wanted,
    ) -> Result<u64, Error> {
        if let Some(error) = self.denied() {
            return Err(error);
        }
        let listed = wanted.digest;
        let error = match self.deliver(wanted).await {
            Err(error) if error.kind() == ErrorKind::Integrity => error,
            other => return other,
        };
        let Some(Digest::GitSha1(_)) = listed else {
            return Err(error);
        };
        wanted.learn(&self.provider.describe(wanted).await?);
        if wanted.digest == listed {
            Err(error)
        } else {
            self.deliver(wanted).await
        }
    }

    /// Puts one content in its place and returns its size.
    async fn deliver(self: &Arc<Self>, wanted: &mut Wanted) -> Result<u64, Error> {
        let shown = self
            .progress
            .open(wanted.name(), wanted.size.unwrap_or_default());
        if is_doubtful(wanted) {
            self.learn_more(wanted, &shown).await?;
        }
        let lock = self.lock(wanted, &shown).await?;
        shown.phase(Phase::Checking);
        if !self.force && self.settle(wanted).await? {
            let size = wanted.size.unwrap_or_default();
            shown.set_done(size);
            self.sweep(wanted);
            return Ok(size);
        }
        shown.phase(Phase::Fetching);
        let sources = self.provider.sources(wanted);
        let Some(size) = wanted.size else {
            let size = self.stream(wanted, &sources, &shown).await?;
            self.sweep(wanted);
            return Ok(size);
        };
        let (job, verifier) = self
            .open_job(wanted, size, Sources::new(sources), shown)
            .await?;
        let open = self.open(&job);
        let digest = verifier.run(self, &job).await?;
        drop(open);
        job.shown.phase(Phase::Finishing);
        self.publish(wanted, job, digest).await?;
        self.sweep(wanted);
        if size > SMALL && lock.as_ref().is_some_and(Lock::is_held) {
            self.destination.sweep_official(wanted);
        }
        Ok(size)
    }

    /// Asks the sources for what the listing does not say.
    async fn learn_more(&self, wanted: &mut Wanted, shown: &ActiveFile) -> Result<(), Error> {
        let mut meta = self.provider.describe(wanted).await?;
        // Many servers answer a HEAD with a length of 0: whoever fetches will see the real one.
        meta.size = meta.size.filter(|size| *size > 0 || meta.digest.is_some());
        wanted.learn(&meta);
        shown.learn_size(wanted.size.unwrap_or_default());
        Ok(())
    }

    async fn lock(&self, wanted: &Wanted, shown: &ActiveFile) -> Result<Option<Lock>, Error> {
        let Some(path) = self.destination.lock(wanted) else {
            return Ok(None);
        };
        let (folder, stem) = (self.destination.partials(), self.destination.stem(wanted));
        let mut had_to_wait = false;
        let growth = || lock::growth(&folder, &stem);
        let lock = Lock::acquire(path, growth, || {
            had_to_wait = true;
            shown.phase(Phase::Waiting);
        });
        let lock = lock.await?;
        if had_to_wait {
            // Whoever held the lock may have died and left what it had.
            let found = partial::leftovers(&folder).into_iter();
            let found = found
                .filter(|(name, _)| *name == stem)
                .map(|(_, path)| path)
                .collect();
            self.leftovers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(stem, found);
        }
        Ok(Some(lock))
    }

    async fn settle(&self, wanted: &Wanted) -> Result<bool, Error> {
        let others = wanted.size.filter(|size| *size > SMALL);
        let others = others
            .and_then(|size| self.others.get(&size))
            .cloned()
            .unwrap_or_default();
        let (destination, wanted) = (Arc::clone(&self.destination), wanted.clone());
        self.disk
            .run(move || destination.settle(&wanted, &others))
            .await
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
        let landed = Job::ranges_of(&claims);
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
        let stem = self.destination.stem(wanted);
        let leftovers = self.leftovers_of(&stem);
        let (destination, wanted) = (Arc::clone(&self.destination), wanted.clone());
        self.disk
            .run(move || {
                let folder = destination.partials();
                let (partial, claims) =
                    Partial::begin(&folder, &stem, &leftovers, &identity, size)?;
                if claims.iter().next().is_some() {
                    return Ok((partial, claims, Ranges::default()));
                }
                let mut adopted = Ranges::default();
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

    fn leftovers_of(&self, stem: &str) -> Vec<PathBuf> {
        let leftovers = self
            .leftovers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        leftovers.get(stem).cloned().unwrap_or_default()
    }

    async fn publish(&self, wanted: &Wanted, job: Arc<Job>, digest: Digest) -> Result<(), Error> {
        let (destination, wanted) = (Arc::clone(&self.destination), wanted.clone());
        self.disk
            .run(move || match &job.sink {
                Sink::Partial(partial) => {
                    destination.publish(&wanted, &digest, &Content::Partial(partial))
                }
                Sink::Memory(content) => {
                    let content = content.lock().unwrap_or_else(PoisonError::into_inner);
                    destination.publish(&wanted, &digest, &Content::Bytes(&content))
                }
            })
            .await
    }

    /// Deletes what dead writers left of a content that now has its final name.
    fn sweep(&self, wanted: &Wanted) {
        self.leftovers_of(&self.destination.stem(wanted))
            .iter()
            .for_each(|path| partial::sweep(path));
    }

    /// The error of a content that came whole and wrong.
    pub(super) fn wrong_content(job: &Job) -> Error {
        Error::new(
            ErrorKind::Integrity,
            format!("{}: the bytes do not have the promised digest", job.name),
        )
        .with_hint(
            "the source sends wrong bytes: try another --endpoint, and tell the one who runs it",
        )
    }
}
