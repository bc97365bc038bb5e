//! The end of a run that was not asked for: when it comes, and in what state it leaves the disk.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use hfast::Digest;
use hfast::store::journal::{Claims, Identity, RECORD};
use hfast_testkit::corpus::{Repo, RepoFile};

use crate::checks::walk;

/// A moment of virtual time at which everything stops, and what the next run finds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) after: Duration,
    pub(crate) harm: Option<Harm>,
    /// The next run is another process. If not, the program only dropped the job, and goes on
    /// with what its own name says is its own.
    pub(crate) other_process: bool,
}

/// What a power failure does to a file that was being written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Harm {
    /// The last record was written in part.
    TornRecord,
    /// The journal was written, and some of the blocks that it claims were not.
    LostBlocks,
    /// The length was not written.
    Truncated,
}

/// Leaves the unfinished files below `root` as `kill` does. Returns how many bytes that the journals
/// claimed are lost.
pub(crate) fn strike(root: &Path, repo: &Repo, kill: &Kill, rng: &mut Rng) -> u64 {
    let mut lost = 0;
    for path in walk(root).iter().filter(|path| is_ours(path)) {
        if let Some((file, harm)) = content_of(path, repo).zip(kill.harm) {
            lost += hurt(path, file, harm, rng);
        }
        if kill.other_process {
            bury(path);
        }
    }
    lost
}

/// Whether a file is an unfinished or temporary one of ours.
pub(crate) fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "hfast")
}

/// The file that an unfinished one will be; a name begins with the digest.
fn content_of<'a>(path: &Path, repo: &'a Repo) -> Option<&'a RepoFile> {
    let name = path.file_name()?.to_str()?;
    let digest = name.split(['.', '-']).next()?;
    repo.files.iter().find(|file| file.etag() == digest)
}

/// Gives a file the name of a process that never was: no process id is that large.
fn bury(path: &Path) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let (stem, owner) = name
        .strip_suffix(".hfast")
        .unwrap()
        .rsplit_once('.')
        .unwrap();
    let mut parts: Vec<&str> = owner.split('-').collect();
    parts[1] = "4000000000";
    let buried = format!("{stem}.{}.hfast", parts.join("-"));
    fs::rename(path, path.with_file_name(buried)).unwrap();
}

fn hurt(path: &Path, content: &RepoFile, harm: Harm, rng: &mut Rng) -> u64 {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let len = file.metadata().unwrap().len();
    let before = claims(&file, content);
    match harm {
        Harm::TornRecord => {
            let torn = rng.u64(1..RECORD as u64);
            file.set_len(len.saturating_sub(torn)).unwrap();
        }
        Harm::Truncated => file.set_len(rng.u64(0..=len)).unwrap(),
        Harm::LostBlocks => {
            let share = rng.f64();
            let blocks = before.iter().filter(|_| rng.f64() < share);
            return blocks
                .map(|(start, end, _)| overwrite(path, start, end))
                .sum();
        }
    }
    // Where a range was raced, what was said of it first may be more.
    claimed(&before).saturating_sub(claimed(&claims(&file, content)))
}

/// Overwrites a block with zeros, and returns its length.
fn overwrite(path: &Path, start: u64, end: u64) -> u64 {
    let mut file = File::options().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(start)).unwrap();
    let len = end - start;
    file.write_all(&vec![0; usize::try_from(len).unwrap()])
        .unwrap();
    len
}

fn claims(mut file: &File, content: &RepoFile) -> Claims {
    let mut journal = Vec::new();
    file.seek(SeekFrom::Start(content.size())).unwrap();
    file.read_to_end(&mut journal).unwrap();
    let identity = Identity::Content(Digest::from_hex(content.etag()).unwrap());
    Claims::parse(&journal, &identity, content.size())
}

fn claimed(claims: &Claims) -> u64 {
    claims.iter().map(|(start, end, _)| end - start).sum()
}
