//! `hfast shim`: links by the names of the official tools, which lead to this program.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hfast::{Error, ErrorKind};

use super::{Session, Stop};
use crate::exit;
use crate::flags::shim::{Names, ShimCommand};
use crate::output::shim::Shims;
use crate::settings::SettingFlags;

/// The flags that settings come from.
pub(crate) fn asked(command: &ShimCommand) -> SettingFlags<'_> {
    SettingFlags::new(
        crate::flags::NetworkFlags::NONE,
        &command.flags().output,
        None,
    )
}

pub(crate) fn run(command: &ShimCommand, session: &Session) -> Result<u8, Stop> {
    let flags = command.flags();
    let folder = session.settings.folder(&flags.folder)?;
    let program = program()?;
    let names: &[Names] = if flags.names.is_empty() {
        &Names::ALL
    } else {
        &flags.names
    };
    let links: Vec<PathBuf> = names.iter().map(|name| folder.join(name.file())).collect();
    let is_install = matches!(command, ShimCommand::Install(_));
    // First all are looked at: nothing is to be half done.
    for link in &links {
        refuse_others(link, &program, flags.force)?;
    }
    let mut changed = Vec::new();
    for link in links {
        if is_install {
            make(&link, &program)?;
            changed.push(link);
        } else if fs::symlink_metadata(&link).is_ok() {
            fs::remove_file(&link).map_err(|e| Error::disk("delete", &link, e))?;
            changed.push(link);
        }
    }
    let shadowed = if is_install {
        first_in_path(&changed, session)
    } else {
        Vec::new()
    };
    session.output.result(&Shims {
        links: changed,
        program,
        installed: is_install,
    })?;
    for (link, other) in shadowed {
        session.output.say(&format!(
            "note: {} comes before {} in your PATH",
            other.display(),
            link.display()
        ));
    }
    Ok(exit::SUCCESS)
}

/// Where this program lies, whatever link it was called by.
fn program() -> Result<PathBuf, Error> {
    std::env::current_exe().map_err(|e| {
        Error::new(
            ErrorKind::Disk,
            "the system does not say where this program lies",
        )
        .with_source(e)
    })
}

/// What is not ours stays, unless it is to be replaced.
fn refuse_others(link: &Path, program: &Path, force: bool) -> Result<(), Error> {
    match fs::symlink_metadata(link) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::disk("look at", link, e)),
        Ok(_) => {}
    }
    let is_ours = fs::read_link(link).is_ok_and(|target| {
        let same = |a: &Path, b: &Path| a.file_name() == b.file_name();
        target == program || same(&target, program) && !target.exists()
    });
    if is_ours || force {
        return Ok(());
    }
    let text = format!(
        "{} is there already, and is not a link to hfast",
        link.display()
    );
    Err(Error::new(ErrorKind::Usage, text)
        .with_hint("choose a folder that comes earlier in your PATH, or --force replaces it"))
}

fn make(link: &Path, program: &Path) -> Result<(), Error> {
    let failed = |e| Error::disk("make the link", link, e);
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::disk("create the folder", folder, e))?;
    }
    match fs::remove_file(link) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    symlink(program, link).map_err(failed)
}

#[cfg(unix)]
fn symlink(program: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(program, link)
}

/// Where links need a privilege, a second name for the same file does as well.
#[cfg(not(unix))]
fn symlink(program: &Path, link: &Path) -> io::Result<()> {
    fs::hard_link(program, link)
}

/// For each link what stands before it in the PATH under the same name.
fn first_in_path(links: &[PathBuf], session: &Session) -> Vec<(PathBuf, PathBuf)> {
    let path = session.settings.path.clone().unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let before = |link: &PathBuf| {
        let mut found = folders
            .iter()
            .map(|folder| folder.join(link.file_name().unwrap_or_default()));
        let first = found.find(|found| found.is_file())?;
        (first != *link).then(|| (link.clone(), first))
    };
    links.iter().filter_map(before).collect()
}
