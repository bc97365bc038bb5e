//! `hfast cache`: what lies on the disk.

mod delete;
mod filter;
mod list;
mod verify;

use std::path::{Path, PathBuf};

use hfast::cache::{Scan, scan};
use hfast::{Error, ErrorKind};

use super::{Session, Stop};
use crate::dialect::words::Voice;
use crate::flags::NetworkFlags;
use crate::flags::cache::CacheCommand;
use crate::settings::SettingFlags;

/// The flags that settings come from.
pub(crate) fn asked(command: &CacheCommand) -> SettingFlags<'_> {
    let alone = |output, kind| SettingFlags::new(NetworkFlags::NONE, output, kind);
    match command {
        CacheCommand::Ls(flags) => alone(&flags.output, None),
        CacheCommand::Rm(flags) => alone(&flags.output, flags.repo_type.as_deref()),
        CacheCommand::Prune(flags) => alone(&flags.output, None),
        CacheCommand::Verify(flags) => SettingFlags {
            source: &flags.source,
            ..SettingFlags::new(&flags.network, &flags.output, flags.repo_type.as_deref())
        },
    }
}

pub(crate) async fn run(command: &CacheCommand, session: &mut Session) -> Result<u8, Stop> {
    session.keeps_files = false;
    match command {
        CacheCommand::Ls(flags) => list::run(flags, session).await,
        CacheCommand::Rm(flags) => delete::remove(flags, session).await,
        CacheCommand::Prune(flags) => delete::prune(flags, session).await,
        CacheCommand::Verify(flags) => verify::run(flags, session).await,
    }
}

/// What is in the cache that was named, or in the usual one.
async fn scanned(named: Option<&Path>, session: &mut Session) -> Result<Scan, Stop> {
    session.output.show_no_numbers();
    let root = root(named, session)?;
    if session.output.words().voice != Voice::Own && !root.is_dir() {
        let text = format!("cache directory not found: {}", root.display());
        return Err(Error::new(ErrorKind::NotFound, text).into());
    }
    let scan = session.blocking(move || scan(&root)).await?;
    for (path, why) in &scan.odd {
        session
            .output
            .remark(&format!("passed over: {}: {why}", path.display()));
    }
    Ok(scan)
}

fn root(named: Option<&Path>, session: &Session) -> Result<PathBuf, Error> {
    let settings = &session.settings;
    settings.folder(named.unwrap_or(&settings.hub_cache))
}
