//! Takes the final name from a damaged content and leaves it as a partial file, from which the next
//! download takes whatever is still right.

use std::fs::{self, OpenOptions};
use std::path::Path;

use super::destination::{Destination, Wanted};
use super::journal::{Claims, Identity};
use super::lock::Lock;
use super::owner::Owner;
use super::partial::Partial;
use super::{place, platform};
use crate::error::{Error, ErrorKind};
use crate::names::Digest;

impl Destination {
    /// Makes the content of `wanted`, which lies at `place` and is not what it should be, a partial file
    /// with the checksums that are noted of it.
    ///
    /// A kill between two steps leaves a file without its final name and, at worst, without a journal:
    /// then all of it is in doubt, and none of it is lost.
    pub(crate) fn dismantle(&self, wanted: &Wanted, place: &Path) -> Result<(), Error> {
        let (Some(size), Some(digest)) = (wanted.size, wanted.digest) else {
            return Ok(());
        };
        let lock = self.lock(wanted)?;
        let lock = lock.map_or(Ok(Some(Lock::none())), |path| Lock::try_acquire(&path))?;
        let Some(lock) = lock else {
            let text = format!("{}: another process works on it", wanted.name());
            return Err(Error::new(ErrorKind::Disk, text).with_hint("try again when it has ended"));
        };
        let noted = self.noted_blocks(&digest, size);
        let has_size = place.metadata().is_ok_and(|found| found.len() == size);
        if noted.is_empty() && !has_size {
            // It says itself that it is not whole, and nothing says which part of it is right.
            return Ok(());
        }
        let made = self.as_partial(wanted, place, digest, size, &noted);
        drop(lock);
        made
    }

    fn as_partial(
        &self,
        wanted: &Wanted,
        place: &Path,
        digest: Digest,
        size: u64,
        noted: &Claims,
    ) -> Result<(), Error> {
        let owner = Owner::of_new_file();
        let ours = self.partials().join(owner.file_name(&self.stem(wanted)));
        place::create_parents(&ours)?;
        let found = fs::symlink_metadata(place).map_err(|e| Error::disk("look at", place, e))?;
        if platform::names(&found) > 1 || found.is_symlink() {
            // Others have the same file under another name, and it is not for us to write to.
            place::copy(place, &ours, &self.partials())?;
            place::remove_if_there(place).map_err(|e| Error::disk("delete", place, e))?;
        } else {
            place::rename(place, &ours)?;
        }
        let mut options = OpenOptions::new();
        let file = platform::open_no_follow(options.read(true).write(true), &ours);
        let file = file.map_err(|e| Error::disk("open", &ours, e))?;
        let cut = file.set_len(size);
        cut.map_err(|e| Error::disk("write", &ours, e))?;
        let partial = Partial::new(file, owner, ours, Identity::Content(digest), size);
        if noted.is_empty() {
            return Ok(());
        }
        partial.claim(&noted.extents().collect::<Vec<_>>())
    }
}
