//! One file under way: its segments, its sources, its budget, and where its bytes are collected.
//!
//! Shared by the workers that bring bytes and the verifier that follows them. No lock is held
//! across an await, except that of the link: one worker asks for it while the others wait.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::brought::Brought;
use super::front::Front;
use super::link::Way;
use super::progress::ActiveFile;
use super::ranges::Ranges;
use super::room::Room;
use super::schedule::Load;
use super::segments::{LeaseId, Segments};
use super::sink::Sink;
use super::source::{After, Sources};
use crate::error::{Error, ErrorKind};
use crate::hash::Hasher;
use crate::hub::metadata::Validator;
use crate::names::Digest;
use crate::store::journal::{Claims, Extent, Identity};
use crate::transport::retry::Patience;

/// When more bytes than this wait for nothing but the digest, the processor is what is slow: one
/// connection is enough, and with [`FAR_BEHIND`] none is needed. To fetch further ahead would not
/// end the job sooner; it would take the processor from the digest, and what is read back soon is
/// still in memory.
const BEHIND: u64 = 32 << 20;
const FAR_BEHIND: u64 = 128 << 20;

/// A file of known size that is being fetched.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) digest: Option<Digest>,
    pub(crate) identity: Identity,
    /// Without a digest, this is the same for all answers that bytes are kept of.
    pub(super) validator: Option<Validator>,
    /// The headers give a SHA-256 where the listing has a git digest: that of a pointer.
    pub(super) pointer_listed: AtomicBool,
    /// An answer was accepted.
    is_begun: AtomicBool,
    pub(crate) sink: Sink,
    /// The digest, as far as bytes have arrived without a gap.
    pub(super) front: Front,
    /// Where the last of what has to be read anyway ends: what earlier runs left, or all once the digest was wrong.
    read_to: AtomicU64,
    /// The ways to the bytes, one for each source.
    ways: Vec<Way>,
    pub(crate) shown: ActiveFile,
    /// Wakes the verifier: bytes landed, or the job failed.
    pub(crate) changed: Notify,
    /// There are bytes that nobody brings any more, or the sources have failed.
    freed: Notify,
    segments: Mutex<Segments>,
    state: Mutex<State>,
}

/// What a file without a digest has changed to.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// The validator that it has now, if it has one.
    pub(super) validator: Option<Validator>,
}

struct State {
    sources: Sources,
    brought: Brought,
    failed: Option<Error>,
    /// Why the sources bring no more.
    forsaken: Option<Error>,
    /// The file has another content now, and that ended the job.
    change: Option<Change>,
    /// There was a failure, also after the error was taken.
    ended: bool,
    workers: usize,
}

impl Job {
    /// A job of which `landed` is already on disk, and `adopted` is the part of that which others wrote.
    pub(crate) fn new(
        shown: ActiveFile,
        identity: Identity,
        (name, size, digest, validator): (String, u64, Option<Digest>, Option<Validator>),
        (sink, landed, adopted): (Sink, Ranges, Ranges),
        sources: Sources,
    ) -> Self {
        let resumed_to = landed.iter().last().map_or(0, |range| range.end);
        let segments = Segments::new(size, landed);
        shown.set_done(segments.landed_bytes());
        let ways = (0..sources.len()).map(|_| Way::default()).collect();
        let state = State {
            brought: Brought::new(sources.len(), adopted),
            sources,
            failed: None,
            forsaken: None,
            change: None,
            ended: false,
            workers: 0,
        };
        Self {
            name,
            size,
            digest,
            identity,
            validator,
            pointer_listed: AtomicBool::new(false),
            is_begun: AtomicBool::new(false),
            sink,
            front: Front::new(Hasher::sha256()),
            read_to: AtomicU64::new(resumed_to),
            ways,
            shown,
            changed: Notify::new(),
            freed: Notify::new(),
            segments: Mutex::new(segments),
            state: Mutex::new(state),
        }
    }

    /// The landed ranges that a set of claims stands for.
    pub(crate) fn ranges_of(claims: &Claims) -> Ranges {
        claims.iter().map(|(start, end, _)| start..end).collect()
    }

    pub(crate) fn segments(&self) -> MutexGuard<'_, Segments> {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives access to the sources.
    pub(crate) fn with_sources<T>(&self, act: impl FnOnce(&mut Sources) -> T) -> T {
        act(&mut self.state().sources)
    }

    /// Asks the sources anew where the bytes are.
    pub(super) async fn forget_links(&self) {
        for way in &self.ways {
            *way.link.lock().await = None;
        }
    }

    /// Whether it stays in memory until it is verified.
    pub(super) fn is_small(&self) -> bool {
        matches!(self.sink, Sink::Memory(_))
    }

    /// The way to the bytes at a source.
    pub(super) fn way(&self, source: usize) -> &Way {
        &self.ways[source]
    }

    /// What the scheduler needs to know at `now`, given the room on each lane.
    pub(super) fn load(&self, now: Duration, may_race: bool, room: impl Fn(usize) -> Room) -> Load {
        let state = self.state();
        let source = state.sources.pick_now(now, |index, lane| {
            let asked = self.ways[index].is_asked.load(Relaxed);
            let room = room(lane);
            let free = if asked { 0 } else { room.free };
            Room { free, ..room }
        });
        let source = source.filter(|_| !state.ended);
        let lane = source.map(|source| state.sources.get(source).lane);
        let rules = lane.map(|lane| room(lane).rules(may_race));
        let (workers, one_stream) = (state.workers, state.sources.are_one_stream());
        drop(state);
        let segments = self.segments();
        let most = self.most_workers(&segments);
        // While there is something to fetch, nobody is helped.
        let rules = rules.filter(|_| !segments.has_free());
        Load {
            workers,
            most: if one_stream { most.min(1) } else { most },
            has_free: source.is_some() && segments.has_free(),
            longest_wait: rules.and_then(|rules| segments.longest_wait(now, &rules)),
            source,
            small: self.is_small(),
        }
    }

    /// How many connections the digest can follow. What earlier runs left is read when its turn
    /// comes: fetching need not wait for that.
    fn most_workers(&self, segments: &Segments) -> usize {
        let position = self.front.position();
        let behind = segments.landed_from(position).saturating_sub(position);
        if position < self.read_to.load(Relaxed) || behind <= BEHIND {
            usize::MAX
        } else {
            usize::from(behind <= FAR_BEHIND)
        }
    }

    /// Counts a worker in until [`Self::leave`].
    pub(crate) fn enter(&self) {
        self.state().workers += 1;
    }

    pub(crate) fn leave(&self) {
        self.state().workers -= 1;
    }

    /// Whether somebody else works on it than the worker who asks.
    pub(crate) fn has_other_workers(&self) -> bool {
        self.state().workers > 1
    }

    /// Whether ranges can be asked for.
    pub(super) fn is_one_stream(&self) -> bool {
        self.state().sources.are_one_stream()
    }

    /// Bytes of `source` were kept: the budget is new.
    pub(crate) fn progressed(&self, source: usize, now: Duration) {
        self.state().sources.progressed(source, now);
    }

    /// Counts a failure that may pass, as [`Sources::failed`] does.
    pub(crate) fn failed(
        &self,
        source: usize,
        times: (Duration, Duration),
        patience: (f64, Patience),
    ) -> Option<After> {
        self.state().sources.failed(source, times, patience)
    }

    /// Ends the job; the first error is the one that counts.
    pub(crate) fn fail(&self, error: Error) {
        let mut state = self.state();
        state.ended = true;
        state.failed.get_or_insert(error);
        drop(state);
        self.changed.notify_one();
    }

    /// No source is asked any more; that ends the job when nobody else brings what is missing.
    pub(super) fn forsake(&self, error: Error) {
        let mut state = self.state();
        state.ended = true;
        state.forsaken.get_or_insert(error);
        drop(state);
        self.freed.notify_one();
    }

    /// Waits until there are bytes that nobody brings, and the sources will not.
    pub(super) async fn forsaken(&self) -> Error {
        loop {
            self.lacking().await;
            if let Some(error) = self.state().forsaken.take() {
                return error;
            }
            self.freed.notified().await;
        }
    }

    /// Whether an answer with this validator is of other content than that which the unfinished file
    /// is kept for.
    pub(super) fn is_of_other(&self, validator: Option<&Validator>) -> bool {
        let strong = |validator: Option<&Validator>| {
            validator.and_then(Validator::strong).map(str::to_owned)
        };
        let known = self.validator.as_ref();
        !Validator::is_same_state(known, validator) || strong(known) != strong(validator)
    }

    /// Notes that an answer was accepted. True: it is not the first one, and nothing tells whether they belong
    /// together.
    pub(super) fn note_answer(&self) -> bool {
        let is_another = self.is_begun.swap(true, Relaxed);
        is_another && self.digest.is_none() && self.validator.is_none()
    }

    /// Ends the job: what has landed is of a content that the source has no longer.
    pub(super) fn changed(&self, validator: Option<Validator>) {
        self.state().change.get_or_insert(Change { validator });
        let text = format!("{}: it may have changed on the server", self.name);
        self.fail(Error::new(ErrorKind::Integrity, text));
    }

    /// What the file changed to, if that ended the job.
    pub(super) fn change(&self) -> Option<Change> {
        self.state().change.clone()
    }

    /// The error that ended the job, once.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.state().failed.take()
    }

    /// Whether no source is asked any more: it failed, or they did.
    pub(crate) fn is_given_up(&self) -> bool {
        self.state().ended
    }

    /// Gives a new budget, for fetching again what turned out to be wrong.
    pub(crate) fn renew(&self, now: Duration) {
        self.read_to.store(self.size, Relaxed);
        self.state().sources.renew(now);
    }

    /// Deletes what has come: nobody can use it.
    pub(super) fn discard(&self) {
        self.shown.set_done(0);
        if let Err(error) = self.sink.discard() {
            tracing::info!("{}: {error}", self.name);
        }
    }

    /// Takes back the claim that `range` is there.
    pub(crate) fn forget(&self, range: Range<u64>) {
        let mut segments = self.segments();
        segments.forget(range);
        self.shown.set_done(segments.landed_bytes());
        self.freed.notify_one();
    }

    /// Ends a lease.
    pub(super) fn release(&self, lease: LeaseId) {
        self.segments().release(lease);
        self.freed.notify_one();
    }

    /// Waits until there are bytes that nobody brings.
    pub(super) async fn lacking(&self) {
        while !self.segments().has_free() {
            self.freed.notified().await;
        }
    }

    /// Writes those bytes of `pieces` that `lease` brought from `source`, `None` if that is a disk, and that are nobody
    /// else's, at `offset`, shows them to the digest if it waits for them, and claims the extents that are
    /// complete. Blocks, and runs to its end also when nobody waits for it any more.
    pub(super) fn write(
        &self,
        (source, lease): (Option<usize>, LeaseId),
        offset: u64,
        pieces: &[Bytes],
        extents: &[Extent],
    ) -> Result<(), Error> {
        let len: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let Some(parts) = self.segments().reserve(lease, offset..offset + len) else {
            return Ok(());
        };
        for part in parts.iter() {
            self.write_part(&part, offset, pieces)?;
        }
        self.state().brought.note(source, &parts);
        let mut segments = self.segments();
        segments.landed(&parts);
        self.shown.set_done(segments.landed_bytes());
        drop(segments);
        self.sink.claim(extents)
    }

    /// What has landed and was written by others.
    pub(super) fn adopted(&self) -> Ranges {
        self.state().brought.adopted().clone()
    }

    /// What has landed by a way.
    pub(super) fn brought_by(&self, lane: usize) -> Ranges {
        let state = self.state();
        let of_lane = |index: &usize| state.sources.get(*index).lane == lane;
        let indices = (0..state.sources.len()).filter(of_lane);
        indices.flat_map(|index| state.brought.by(index)).collect()
    }

    /// Writes the bytes of `part` out of pieces that begin at `offset`.
    fn write_part(
        &self,
        part: &Range<u64>,
        mut offset: u64,
        pieces: &[Bytes],
    ) -> Result<(), Error> {
        for piece in pieces {
            let piece_end = offset + piece.len() as u64;
            let (start, end) = (part.start.max(offset), part.end.min(piece_end));
            if start < end {
                let index = |n: u64| usize::try_from(n - offset).unwrap_or(usize::MAX);
                let bytes = &piece[index(start)..index(end)];
                self.sink.write(start, bytes)?;
                self.front.feed(start, bytes);
            }
            offset = piece_end;
        }
        Ok(())
    }
}
