//! What is particular to an operating system, and nothing else: the only file with `cfg(unix)`.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
use rustix::io::Errno;

/// How a file system says that it has no such operation.
#[cfg(unix)]
const UNSUPPORTED: [Errno; 3] = [Errno::NOTSUP, Errno::OPNOTSUPP, Errno::NOSYS];

/// Writes all of `bytes` at `offset`, wherever the file's cursor is.
pub(crate) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::write_all_at(file, bytes, offset);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            match std::os::windows::fs::FileExt::seek_write(file, &bytes[done..], at)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => done += n,
            }
        }
        Ok(())
    }
}

/// Reads up to `buffer.len()` bytes at `offset`; fewer only at the end of the file.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        let at = offset + done as u64;
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(file, &mut buffer[done..], at);
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], at);
        match read {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// Opens a file for reading and writing that must not be a symbolic link.
pub(crate) fn open_no_follow(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        options,
        rustix::fs::OFlags::NOFOLLOW.bits().cast_signed(),
    );
    options.open(path)
}

/// Lets the group write a file too, so that a cache can be shared; only its owner can.
pub(crate) fn allow_group(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    match rustix::fs::fchmod(file, rustix::fs::Mode::from_raw_mode(0o664)) {
        // Many file systems have one mode for all their files.
        Err(e) if e == Errno::PERM || UNSUPPORTED.contains(&e) => {}
        done => done?,
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Whether a file that is open still has a name.
pub(crate) fn has_name(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    return Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 0);
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(true)
    }
}

/// Makes a rename in `folder` survive a power failure, where the system can.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return without_folder_sync(File::open(folder)?.sync_all());
    #[cfg(not(unix))]
    {
        let _ = folder;
        Ok(())
    }
}

/// Network file systems and those of user programs have no flush of a folder, and say so in many ways.
#[cfg(unix)]
fn without_folder_sync(done: io::Result<()>) -> io::Result<()> {
    let none = [Errno::INVAL, Errno::BADF, Errno::NOTTY];
    let is_none = |e: Errno| none.contains(&e) || UNSUPPORTED.contains(&e);
    done.or_else(|e| match Errno::from_io_error(&e) {
        Some(errno) if is_none(errno) => Ok(()),
        _ => Err(e),
    })
}

/// Creates a symbolic link to a file.
pub(crate) fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    return std::os::windows::fs::symlink_file(target, link);
}

/// Bytes of the disk that a file takes: less than its length when it has holes.
pub(crate) fn allocated(metadata: &std::fs::Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(metadata) * 512;
    #[cfg(not(unix))]
    metadata.len()
}

/// A short name for this machine, and when the process `pid` started, as far as can be known.
pub(crate) fn host_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    String::from("host")
}

/// When the process `pid` of this machine started, in the system's own ticks. `None`: no such
/// process, or the system does not say.
pub(crate) fn process_start(pid: u32) -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command name may hold spaces and parentheses; the fields after it do not.
        stat.rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(19)?
            .parse()
            .ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_flushed_at_all_is_no_error_and_a_broken_disk_is() {
        for none in [Errno::INVAL, Errno::NOTSUP, Errno::NOSYS, Errno::BADF] {
            assert!(without_folder_sync(Err(none.into())).is_ok(), "{none}");
        }
        for broken in [Errno::IO, Errno::NOSPC, Errno::ROFS, Errno::DQUOT] {
            assert!(without_folder_sync(Err(broken.into())).is_err(), "{broken}");
        }
        #[cfg(target_os = "linux")]
        sync_folder(Path::new("/proc/self")).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_mode_that_cannot_be_set_is_no_error() {
        allow_group(&File::open("/proc/self/comm").unwrap()).unwrap();
    }
}
