//! The name of a lab, who has it, and the files under `/run/netlab` that tell of it.

use std::fmt::{self, Display, Formatter};
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::process::Pid;

use crate::failure::{Failure, Why};

/// What follows it in the name of a namespace, and before: file names may have 255 bytes.
const LONGEST: usize = 40;
const FOLDER: &str = "/run/netlab";
/// A lock is tried again if its file was removed meanwhile; nobody is that unlucky twice.
const ATTEMPTS: usize = 3;

/// The name of a lab: letters, digits and dashes, so that it can be part of a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LabName(String);

impl FromStr for LabName {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let fits = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !fits || !(1..=LONGEST).contains(&text.len()) {
            return Err(Failure::new(
                format!("{text:?} cannot name a lab"),
                format!("use up to {LONGEST} letters, digits and dashes"),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Display for LabName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn file(name: &LabName, ending: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{name}.{ending}"))
}

/// That this process has the name: a lock, which ends with the process however that ends. Dropping
/// it removes its file.
#[derive(Debug)]
pub(crate) struct Taken {
    /// Closed, and so unlocked, after the file is removed.
    _file: File,
    path: PathBuf,
}

impl Taken {
    pub(crate) fn take(name: &LabName) -> Result<Self, Failure> {
        let path = file(name, "lock");
        let what = || format!("cannot take {}", path.display());
        let next = "run as root, with room under /run";
        fs::create_dir_all(FOLDER).why(what(), next)?;
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        for _ in 0..ATTEMPTS {
            let mut file = options.open(&path).why(what(), next)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(name)),
                Err(TryLockError::Error(error)) => return Err(error).why(what(), next),
            }
            if !is_at(&file, &path) {
                continue;
            }
            file.set_len(0).why(what(), next)?;
            write!(file, "{}", std::process::id()).why(what(), next)?;
            return Ok(Self { _file: file, path });
        }
        Err(taken(name))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The refusal of a name that another process has.
pub(crate) fn taken(name: &LabName) -> Failure {
    let next = format!("end it with `netlab down --name {name}` or use another --name");
    Failure::new(format!("a lab {name} is running"), next)
}

/// Whether a file is still the one of this name: who had the lock before may have removed it.
fn is_at(file: &File, path: &Path) -> bool {
    let same = file.metadata().and_then(|own| {
        let there = fs::metadata(path)?;
        Ok((own.dev(), own.ino()) == (there.dev(), there.ino()))
    });
    same.unwrap_or(false)
}

/// The process that has the name.
pub(crate) fn owner(name: &LabName) -> Option<Pid> {
    let path = file(name, "lock");
    let opened = File::open(&path).ok()?;
    // The number of a process that has ended may be that of another by now; the lock is not.
    if !matches!(opened.try_lock_shared(), Err(TryLockError::WouldBlock)) {
        return None;
    }
    let text = fs::read_to_string(&path).ok()?;
    Pid::from_raw(text.trim().parse().ok()?)
}

/// What a lab that stays tells of itself.
pub(crate) mod state {
    use super::{Failure, File, LabName, Why, file, fs};

    const NEXT: &str = "see that there is room under /run";

    /// Where it says why it failed.
    pub(crate) fn log(name: &LabName) -> Result<File, Failure> {
        let path = file(name, "log");
        fs::create_dir_all(super::FOLDER).why("cannot make /run/netlab", "run as root")?;
        File::create(&path).why(format!("cannot write {}", path.display()), NEXT)
    }

    pub(crate) fn read_log(name: &LabName) -> String {
        fs::read_to_string(file(name, "log")).unwrap_or_default()
    }

    /// Replaces what [`counted`] says, at one stroke.
    pub(crate) fn tell(name: &LabName, text: &str) -> Result<(), Failure> {
        let (new, path) = (file(name, "new"), file(name, "stats"));
        let written = fs::write(&new, text).and_then(|()| fs::rename(&new, &path));
        written.why(format!("cannot write {}", path.display()), NEXT)
    }

    /// What the lab counted, if it is up.
    pub(crate) fn counted(name: &LabName) -> Option<String> {
        fs::read_to_string(file(name, "stats")).ok()
    }

    pub(crate) fn remove(name: &LabName) {
        for ending in ["stats", "new", "log"] {
            let _ = fs::remove_file(file(name, ending));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_dashes() {
        for good in ["lab", "nl-7", "A"] {
            assert_eq!(good.parse::<LabName>().unwrap().to_string(), good);
        }
        for bad in ["", "a b", "../x", "ä", "a".repeat(41).as_str()] {
            assert!(bad.parse::<LabName>().is_err(), "{bad}");
        }
    }
}
