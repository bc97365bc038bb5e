//! The patience with one content: what the listing says wrong or does not say is learnt, and attempts
//! follow one another until it is in its place or nothing is to be hoped for.
//!
//! One attempt is in `attempt.rs`.

use std::sync::Arc;

use super::engine::Engine;
use super::progress::Snapshot;
use crate::error::{Error, ErrorKind};
use crate::hub::metadata::{FileMeta, Validator};
use crate::store::destination::Wanted;
use crate::store::place;

/// Whether a failure may be that of the network or the servers, and so of every file.
fn is_of_all(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unreachable | ErrorKind::Protocol | ErrorKind::RateLimited
    )
}

/// How often a file that has no digest is begun in ranges: one change meanwhile is an update, and a second may
/// follow it. When every answer is of another state, one answer has to bring all of it.
const MOST_STARTS: usize = 3;

fn is_doubtful(wanted: &Wanted) -> bool {
    !wanted
        .digest
        .zip(wanted.size)
        .is_some_and(|(digest, size)| digest.may_be_of(size))
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
pub(super) enum Setback {
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

impl Engine {
    /// Puts one content in its place and returns its size. What the listing says wrong, or does not
    /// say, is learnt from the sources.
    pub(super) async fn deliver(self: &Arc<Self>, wanted: &mut Wanted) -> Result<u64, Error> {
        let began = self.now();
        let delivered = self.deliver_patiently(wanted).await;
        let delivered = delivered.map_err(|error| self.setup.provider.advised(error));
        match delivered {
            Err(error) if error.is_disk_full() => Err(self.with_missing(error).await),
            Err(error) if is_of_all(error.kind()) => {
                if self.hope().file_failed(began, self.now()) {
                    self.end_early(wanted.name(), &error);
                }
                Err(error)
            }
            delivered => delivered,
        }
    }

    async fn deliver_patiently(self: &Arc<Self>, wanted: &mut Wanted) -> Result<u64, Error> {
        let listed = wanted.size;
        if is_doubtful(wanted) && !self.setup.offline {
            self.learn_more(wanted, listed).await?;
        }
        let mut starts = 1;
        loop {
            let error = match self.attempt(wanted).await {
                Ok(size) => return Ok(size),
                Err(Setback::Failed(error)) => return Err(error),
                Err(Setback::Changed(_, error)) if starts == MOST_STARTS => {
                    self.setup
                        .progress
                        .notice(format!("{error} again; fetching it in one answer"));
                    self.learn(wanted, |wanted| wanted.size = None);
                    starts += 1;
                    continue;
                }
                Err(Setback::Changed(validator, error)) => {
                    self.setup
                        .progress
                        .notice(format!("{error}; beginning anew"));
                    self.learn_more(wanted, listed).await?;
                    wanted.validator = validator;
                    starts += 1;
                    continue;
                }
                Err(Setback::Pointer(error)) => error,
            };
            // Whatever happens now, this is what is told.
            let tried = wanted.digest;
            match self.describe(wanted).await {
                Ok(meta) => self.learn(wanted, |wanted| wanted.learn(&meta)),
                Err(_) => return Err(error),
            }
            if wanted.digest == tried {
                return Err(error);
            }
        }
    }

    async fn describe(&self, wanted: &Wanted) -> Result<FileMeta, Error> {
        let progress = &self.setup.progress;
        self.setup.provider.describe(wanted, progress).await
    }

    /// Asks the sources for what the listing, which has the size `listed`, does not say.
    async fn learn_more(&self, wanted: &mut Wanted, listed: Option<u64>) -> Result<(), Error> {
        let known = wanted.size.unwrap_or_default();
        let _shown = self.setup.progress.open(wanted.name(), known);
        let mut meta = self.describe(wanted).await?;
        // Many servers answer a HEAD with a length of 0: whoever fetches will see the real one.
        meta.size = meta.size.filter(|size| *size > 0 || meta.digest.is_some());
        self.learn(wanted, |wanted| {
            wanted.size = listed;
            wanted.learn(&meta);
        });
        Ok(())
    }

    /// Changes what is known of a content, and its size also in the sums that are shown.
    fn learn(&self, wanted: &mut Wanted, change: impl FnOnce(&mut Wanted)) {
        let known = wanted.size.unwrap_or_default();
        let shown = self.setup.progress.open(wanted.name(), known);
        change(wanted);
        shown.learn_size(wanted.size.unwrap_or_default());
    }

    /// A full disk is told together with what is still to come.
    async fn with_missing(&self, error: Error) -> Error {
        let folder = self.setup.destination.partials();
        let look = self.setup.disk.run(move || Ok(place::free_space(&folder)));
        // Without an answer the missing bytes are told alone.
        let free = look.await.unwrap_or_default();
        full_disk(error, &self.setup.progress.snapshot(), free)
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
