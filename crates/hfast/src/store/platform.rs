//! What is particular to an operating system, and nothing else: the only file with `cfg(unix)`
//! outside of tests.

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

/// Opens a file that must not be a symbolic link. A pipe that lies in its place is not waited for.
pub(crate) fn open_no_follow(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        options,
        (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK)
            .bits()
            .cast_signed(),
    );
    options.open(path)
}

/// Opens a file of somebody else for reading. What lies in its place instead is not waited for, as a pipe
/// would be, and is an error.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
    let file = options.read(true).open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a file",
    ))
}

/// Makes a folder that only this user can write to, or finds that it is one.
pub(crate) fn private_folder(path: &Path) -> io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    match folder.create(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
        Ok(()) | Err(_) => {}
    }
    let found = std::fs::symlink_metadata(path)?;
    #[cfg(unix)]
    let is_private = {
        use std::os::unix::fs::MetadataExt;
        found.uid() == user() && found.mode() & 0o022 == 0
    };
    #[cfg(not(unix))]
    let is_private = true;
    if found.is_dir() && is_private {
        return Ok(());
    }
    let text = "it is not a folder that only this user can write to";
    Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
}

/// Opens or creates a file in a [`private_folder`] that others cannot read.
pub(crate) fn open_private(path: &Path) -> io::Result<File> {
    let mut create = OpenOptions::new();
    create.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut create, 0o600);
    open_no_follow(&mut create, path)
}

/// Creates a file that only this user can read. Nothing may lie there.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut create = OpenOptions::new();
    create.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut create, 0o600);
    create.open(path)
}

/// Creates a folder and those above it that are not there, closed to others. What is there is left as it is: more
/// than secrets may be in it.
pub(crate) fn create_closed_folders(path: &Path) -> io::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder.recursive(true).create(path)
}

/// The number of the user for whom this process acts; 0 where users have none.
pub(crate) fn user() -> u32 {
    #[cfg(unix)]
    return rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    0
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

/// Makes the content of a file that is open for reading durable, where the system can.
pub(crate) fn sync_content(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    return file.sync_all();
    #[cfg(not(unix))]
    {
        let _ = file;
        Ok(())
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

/// What tells a file from all others: two names of one file have the same. `None`: the system does not say.
#[cfg_attr(
    unix,
    expect(clippy::unnecessary_wraps, reason = "other systems do not say it")
)]
pub(crate) fn file_id(metadata: &std::fs::Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// Bytes of the disk that a file takes: less than its length when it has holes.
pub(crate) fn allocated(metadata: &std::fs::Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(metadata) * 512;
    #[cfg(not(unix))]
    metadata.len()
}

/// What tells apart those who do not see each other's processes: the name of the machine, and on
/// Linux also which start of the system this is, and which set of process ids. Containers may share
/// a disk and a name, and each have a process 1.
pub(crate) fn machine() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let ids = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{}{}{}", host_name(), boot.trim(), ids.display())
}

pub(super) fn host_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    #[cfg(not(unix))]
    String::from("host")
}

/// Whether nobody can have the lock of this file without our seeing it: the file is on a disk of
/// this machine, and locks are kept by its kernel. `false`: they are not, or nobody knows.
pub(crate) fn has_sure_locks(file: &File) -> bool {
    known_file_system(file).is_some_and(|(_, sure_locks)| sure_locks)
}

/// The kind of the file system that a file or folder lies on, where it is one that matters here.
pub(crate) fn file_system(file: &File) -> Option<&'static str> {
    known_file_system(file).map(|(name, _)| name)
}

/// The name of that kind, and whether its locks are sure.
fn known_file_system(file: &File) -> Option<(&'static str, bool)> {
    #[cfg(target_os = "linux")]
    {
        /// As `linux/magic.h` and the systems' own headers have them. Those of disks have sure locks, and
        /// so has overlayfs, which needs one of them.
        const KINDS: [(i128, &str, bool); 15] = [
            (0xef53, "ext4", true),
            (0x5846_5342, "XFS", true),
            (0x9123_683e, "Btrfs", true),
            (0xf2f5_2010, "F2FS", true),
            (0x2fc1_2fc1, "ZFS", true),
            (0x0102_1994, "tmpfs (memory)", true),
            (0x794c_7630, "overlayfs", true),
            (0x6969, "NFS", false),
            (0xff53_4d42, "CIFS", false),
            (0xfe53_4d42, "SMB", false),
            (0x6573_5546, "FUSE", false),
            (0x0102_1997, "9p", false),
            (0x0bd0_0bd0, "Lustre", false),
            (0x4d44, "FAT", false),
            (0x2011_bab0, "exFAT", false),
        ];
        let found = rustix::fs::fstatfs(file).ok()?;
        let kind = i128::from(found.f_type) & 0xffff_ffff;
        let known = KINDS.iter().find(|(of, ..)| *of == kind)?;
        Some((known.1, known.2))
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = file;
        None
    }
}

/// When the process `pid` of this machine started, in the system's own ticks. `None`: no such
/// process, or a dead one that nobody has reaped, or the system does not say.
pub(crate) fn process_start(pid: u32) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    start_of_living(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Reads `/proc/<pid>/stat`.
fn start_of_living(stat: &str) -> Option<u64> {
    // The command name may hold spaces and parentheses; the fields after it do not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let (state, threads) = (fields.first()?, fields.get(17)?);
    // When its first thread has ended, a process is shown as dead though the others live on.
    let is_dead = matches!(*state, "Z" | "X" | "x") && matches!(*threads, "0" | "1");
    (!is_dead).then(|| fields.get(19)?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_nobody_reaped_is_dead() {
        let stat = |state: &str, threads: u8| {
            let before = "24767 24762 18924 0 -1 4227148 222 0 0 0 0 0 0 0 20 0";
            let line = format!("24816 (a) R (b) {state} {before} {threads} 0 1881400 0 0 18\n");
            start_of_living(&line)
        };
        assert_eq!(stat("S", 1), Some(1_881_400));
        assert_eq!(stat("D", 9), Some(1_881_400));
        assert_eq!(stat("Z", 1), None);
        assert_eq!(stat("X", 0), None);
        assert_eq!(stat("Z", 2), Some(1_881_400), "its other threads live");
        assert_eq!(start_of_living("24816 (a"), None);
    }

    #[test]
    #[cfg(unix)]
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
