//! Progress as state: workers add to counters, whoever draws takes a snapshot when it likes.
//!
//! No callback runs on the hot path, and the progress bar, the JSON lines and a web page show the
//! same numbers. How they are drawn is decided elsewhere.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Events kept for a reader that is late; older ones are dropped, and their number is told.
const MAX_EVENTS: usize = 1024;

/// Counters of one job, shared by its workers and by whoever shows them.
#[derive(Debug)]
pub struct Progress {
    started: Instant,
    total_bytes: AtomicU64,
    done_bytes: AtomicU64,
    received_bytes: AtomicU64,
    copied_bytes: AtomicU64,
    files_total: AtomicUsize,
    files_done: AtomicUsize,
    connections: AtomicUsize,
    retries: AtomicU64,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    active: Vec<Arc<FileProgress>>,
    events: VecDeque<Event>,
    dropped: u64,
    /// Notices that are not repeated; as many as there are events at most.
    said: HashSet<String>,
    aside: Vec<String>,
}

/// What a file is waiting for or doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Another process works on the same blob.
    Waiting,
    /// What is already on disk is being read.
    Checking,
    /// Bytes are copied from a folder or cache of this machine.
    Copying,
    /// Bytes are arriving.
    #[default]
    Fetching,
    /// All bytes are here; the digest is being finished or the file put in its place.
    Finishing,
}

/// Counters of one file that is being worked on.
#[derive(Debug)]
pub struct FileProgress {
    /// Path in the repository, or the name of the file.
    pub name: String,
    size: AtomicU64,
    done: AtomicU64,
    connections: AtomicUsize,
    phase: Mutex<Phase>,
}

/// Something worth a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A file has its final name; its digest matched.
    FileDone {
        /// Path in the repository, or the name of the file.
        name: String,
        /// Size in bytes.
        bytes: u64,
    },
    /// A file could not be had.
    FileFailed {
        /// Path in the repository, or the name of the file.
        name: String,
        /// Why.
        reason: String,
    },
    /// A connection, address or source was changed, or a pause is made: what and why.
    Notice(String),
}

/// The numbers at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Bytes of all files of the job, where every size is known; else of those whose size is known.
    pub total_bytes: u64,
    /// Bytes of them that are on disk, those of earlier runs included.
    pub done_bytes: u64,
    /// Bytes of content received from the network in this run, repeated ones included.
    pub received_bytes: u64,
    /// Bytes of content copied from folders and caches of this machine in this run.
    pub copied_bytes: u64,
    /// Files of the job.
    pub files_total: usize,
    /// Files that have their final name.
    pub files_done: usize,
    /// Connections that are open now.
    pub connections: usize,
    /// Exchanges that failed and were repeated.
    pub retries: u64,
    /// Time since the job began.
    pub elapsed: Duration,
    /// Files that are being worked on, oldest first.
    pub files: Vec<FileSnapshot>,
}

/// The numbers of one file at one moment.
#[derive(Clone, Debug)]
pub struct FileSnapshot {
    /// Path in the repository, or the name of the file.
    pub name: String,
    /// Size in bytes; 0 while it is unknown.
    pub size: u64,
    /// Bytes on disk.
    pub done: u64,
    /// Connections that work on it.
    pub connections: usize,
    /// What it is waiting for or doing.
    pub phase: Phase,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            total_bytes: AtomicU64::default(),
            done_bytes: AtomicU64::default(),
            received_bytes: AtomicU64::default(),
            copied_bytes: AtomicU64::default(),
            files_total: AtomicUsize::default(),
            files_done: AtomicUsize::default(),
            connections: AtomicUsize::default(),
            retries: AtomicU64::default(),
            shared: Mutex::default(),
        }
    }
}

impl Progress {
    /// The numbers now.
    pub fn snapshot(&self) -> Snapshot {
        let files = self
            .shared()
            .active
            .iter()
            .map(|file| file.snapshot())
            .collect();
        Snapshot {
            total_bytes: self.total_bytes.load(Relaxed),
            done_bytes: self.done_bytes.load(Relaxed),
            received_bytes: self.received_bytes.load(Relaxed),
            copied_bytes: self.copied_bytes.load(Relaxed),
            files_total: self.files_total.load(Relaxed),
            files_done: self.files_done.load(Relaxed),
            connections: self.connections.load(Relaxed),
            retries: self.retries.load(Relaxed),
            elapsed: self.started.elapsed(),
            files,
        }
    }

    /// Takes the events since the last call, oldest first.
    pub fn take_events(&self) -> Vec<Event> {
        let mut shared = self.shared();
        let dropped = std::mem::take(&mut shared.dropped);
        let lost =
            (dropped > 0).then(|| Event::Notice(format!("{dropped} events were not read in time")));
        lost.into_iter()
            .chain(std::mem::take(&mut shared.events))
            .collect()
    }

    pub(crate) fn event(&self, event: Event) {
        let mut shared = self.shared();
        if shared.events.len() == MAX_EVENTS {
            shared.events.pop_front();
            shared.dropped += 1;
        }
        shared.events.push_back(event);
    }

    pub(crate) fn notice(&self, text: impl Into<String>) {
        let text = text.into();
        tracing::info!("{text}");
        self.event(Event::Notice(text));
    }

    /// A notice that holds for the whole job, and is given once.
    pub(crate) fn notice_once(&self, text: &str) {
        let mut shared = self.shared();
        let is_new = shared.said.len() < MAX_EVENTS && shared.said.insert(text.to_owned());
        drop(shared);
        if is_new {
            self.notice(text);
        }
    }

    /// A notice that a source was left aside, which is also told at the end.
    pub(crate) fn leave_aside(&self, text: String) {
        let mut shared = self.shared();
        if shared.aside.len() < MAX_EVENTS {
            shared.aside.push(text.clone());
        }
        drop(shared);
        self.notice(text);
    }

    /// Which sources were left aside so far, and why: a sentence for each.
    pub fn left_aside(&self) -> Vec<String> {
        self.shared().aside.clone()
    }

    pub(crate) fn expect(&self, files: usize, bytes: u64) {
        self.files_total.fetch_add(files, Relaxed);
        self.total_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn file_done(&self, name: &str, bytes: u64) {
        self.files_done.fetch_add(1, Relaxed);
        self.event(Event::FileDone {
            name: name.to_owned(),
            bytes,
        });
    }

    /// Counts a file that needed no work.
    pub(crate) fn file_present(&self, bytes: u64) {
        self.files_done.fetch_add(1, Relaxed);
        self.done_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn received(&self, bytes: u64) {
        self.received_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn copied(&self, bytes: u64) {
        self.copied_bytes.fetch_add(bytes, Relaxed);
    }

    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    /// Shows a file until the returned guard is dropped.
    pub(crate) fn open(self: &Arc<Self>, name: &str, size: u64) -> ActiveFile {
        let file = Arc::new(FileProgress {
            name: name.to_owned(),
            size: AtomicU64::new(size),
            done: AtomicU64::default(),
            connections: AtomicUsize::default(),
            phase: Mutex::default(),
        });
        self.shared().active.push(Arc::clone(&file));
        ActiveFile {
            job: Arc::clone(self),
            file,
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileProgress {
    fn snapshot(&self) -> FileSnapshot {
        FileSnapshot {
            name: self.name.clone(),
            size: self.size.load(Relaxed),
            done: self.done.load(Relaxed),
            connections: self.connections.load(Relaxed),
            phase: *self.phase.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// A file that is shown as being worked on.
#[derive(Debug)]
pub(crate) struct ActiveFile {
    job: Arc<Progress>,
    file: Arc<FileProgress>,
}

impl ActiveFile {
    pub(crate) fn name(&self) -> &str {
        &self.file.name
    }

    pub(crate) fn phase(&self, phase: Phase) {
        *self
            .file
            .phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Sets a size that was not known when the job began, or was another one.
    pub(crate) fn learn_size(&self, size: u64) {
        let before = self.file.size.swap(size, Relaxed);
        change(&self.job.total_bytes, before, size);
    }

    /// Sets how many bytes are on disk; it can go back, when a claim turned out to be wrong.
    pub(crate) fn set_done(&self, done: u64) {
        let before = self.file.done.swap(done, Relaxed);
        change(&self.job.done_bytes, before, done);
    }

    /// Bytes that are on disk.
    pub(crate) fn done(&self) -> u64 {
        self.file.done.load(Relaxed)
    }

    pub(crate) fn connect(&self) -> Connected<'_> {
        self.file.connections.fetch_add(1, Relaxed);
        self.job.connections.fetch_add(1, Relaxed);
        Connected(self)
    }
}

/// One of the parts of a sum changes.
fn change(sum: &AtomicU64, before: u64, now: u64) {
    if now >= before {
        sum.fetch_add(now - before, Relaxed);
    } else {
        sum.fetch_sub(before - now, Relaxed);
    }
}

impl Drop for ActiveFile {
    fn drop(&mut self) {
        self.job
            .shared()
            .active
            .retain(|file| !Arc::ptr_eq(file, &self.file));
    }
}

/// A connection that is counted while it is open.
pub(crate) struct Connected<'a>(&'a ActiveFile);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.file.connections.fetch_sub(1, Relaxed);
        self.0.job.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_files_whose_size_and_bytes_change() {
        let progress = Arc::new(Progress::default());
        progress.expect(2, 100);
        let sums = || {
            let now = progress.snapshot();
            (now.done_bytes, now.total_bytes)
        };
        let known = progress.open("known", 100);
        known.set_done(60);
        known.set_done(40);
        let stream = progress.open("stream", 0);
        stream.learn_size(50);
        stream.set_done(50);
        assert_eq!(sums(), (90, 150));
        // It broke, and begins again.
        stream.learn_size(10);
        stream.set_done(10);
        assert_eq!(sums(), (50, 110));
    }

    #[test]
    fn a_late_reader_is_told_what_it_missed() {
        let progress = Progress::default();
        (0..MAX_EVENTS + 3).for_each(|n| progress.notice(n.to_string()));
        let events = progress.take_events();
        assert_eq!(events.len(), MAX_EVENTS + 1);
        assert_eq!(
            events[0],
            Event::Notice("3 events were not read in time".to_owned())
        );
        assert_eq!(events[1], Event::Notice("3".to_owned()));
        for _ in 0..2 {
            progress.notice_once("said");
        }
        assert_eq!(progress.take_events().len(), 1);
    }
}
