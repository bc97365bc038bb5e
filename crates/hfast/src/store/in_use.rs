//! Which files other processes of this machine have open. Only Linux tells; elsewhere nobody seems to have any.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Of the memory of one process not more is read, in bytes: tens of thousands of maps.
const LONGEST: u64 = 16 << 20;

/// A file, and who has it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) path: PathBuf,
    /// The name of the program, and the number of the process.
    pub(crate) who: String,
}

/// The files that others have open or mapped, as far as this user may see. Devices and the like are left out.
pub(crate) fn all() -> Vec<Open> {
    let this = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let processes = processes.filter_map(|entry| {
        let entry = entry.ok()?;
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        (pid != this).then(|| (pid, entry.path()))
    });
    let mut open = Vec::new();
    for (pid, folder) in processes {
        let mut paths = opened(&folder);
        paths.extend(mapped(&folder));
        paths.retain(|path| path.is_absolute() && !path.starts_with("/dev"));
        if paths.is_empty() {
            continue;
        }
        let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
        let who = format!("{} (process {pid})", name.trim());
        open.extend(paths.into_iter().map(|path| Open {
            path,
            who: who.clone(),
        }));
    }
    open
}

fn opened(process: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(process.join("fd")).into_iter().flatten();
    entries
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .collect()
}

fn mapped(process: &Path) -> Vec<PathBuf> {
    let mut text = Vec::new();
    let read =
        File::open(process.join("maps")).and_then(|file| file.take(LONGEST).read_to_end(&mut text));
    if read.is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&text);
    // Address, rights, offset, device, inode; then the path, which may hold spaces.
    let path = |line: &str| line.find('/').map(|at| PathBuf::from(&line[at..]));
    let mut paths: Vec<_> = text.lines().filter_map(path).collect();
    paths.dedup();
    paths
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn what_another_process_has_open_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a file");
        fs::write(&path, "x").unwrap();
        let _own = File::open(&path).unwrap();
        let below = |folder: &Path| {
            let folder = folder.canonicalize().unwrap();
            let mut open = all();
            open.retain(|open| open.path.starts_with(&folder));
            open
        };
        assert_eq!(below(folder.path()), [], "we ourselves do not count");
        let mut other = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::from(File::open(&path).unwrap()))
            .spawn()
            .unwrap();
        let seen = below(folder.path());
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(seen.len(), 1, "{seen:?}");
        assert_eq!(seen[0].path, path.canonicalize().unwrap());
        assert!(seen[0].who.starts_with("sleep (process "), "{seen:?}");
    }
}
