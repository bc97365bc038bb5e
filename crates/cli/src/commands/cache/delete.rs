//! `hfast cache rm` and `prune`: what is to go is shown, asked about, and deleted.

use std::path::Path;

use hfast::cache::{CachedRepo, Removal, Scan, Target};
use hfast::hub::target::RepoTarget;
use hfast::{Error, ErrorKind, RepoType};

use super::scanned;
use crate::commands::{Session, Stop};
use crate::flags::cache::{DeletionFlags, PruneFlags, RmFlags};
use crate::output::cache::Deletion;
use crate::output::size;
use crate::{ask, exit};

/// Fewer digits of a commit than this are a word that happens to look like one.
const FEWEST_DIGITS: usize = 8;

pub(super) async fn remove(flags: &RmFlags, session: &mut Session) -> Result<u8, Stop> {
    let scan = scanned(flags.deletion.cache_dir.as_deref(), session).await?;
    let targets = if flags.targets.is_empty() {
        chosen(&scan, session).await?
    } else {
        let kind = session.settings.repo_type;
        let each = flags.targets.iter();
        let each = each.map(|text| target(&scan, text, kind));
        each.collect::<Result<Vec<_>, _>>()?
    };
    carry_out(Removal::of(&scan, &targets), &flags.deletion, session).await
}

pub(super) async fn prune(flags: &PruneFlags, session: &mut Session) -> Result<u8, Stop> {
    let named: Option<&Path> = flags.deletion.cache_dir.as_deref();
    let scan = scanned(named, session).await?;
    let removal = Removal::unneeded(&scan, flags.unfinished);
    carry_out(removal, &flags.deletion, session).await
}

async fn carry_out(
    removal: Removal,
    flags: &DeletionFlags,
    session: &mut Session,
) -> Result<u8, Stop> {
    let planned = Deletion::planned(&removal);
    if flags.dry_run || removal.is_empty() {
        session.output.result(&planned)?;
        if !flags.dry_run {
            // What one that was stopped had moved aside goes with the next.
            session
                .blocking(move || Ok(removal.carry_out(false)))
                .await?;
        }
        return Ok(exit::SUCCESS);
    }
    if !flags.yes && !agreed(&planned, &removal, session).await? {
        session.output.say("nothing was deleted");
        return Ok(exit::SUCCESS);
    }
    let even_if_open = flags.force;
    let work = session.blocking(move || Ok(removal.carry_out(even_if_open)));
    let removed = work.await?;
    for (repo, why) in &removed.kept {
        session.output.say(&format!("kept: {repo}: {why}"));
    }
    for (_, error) in &removed.failed {
        session.output.error(error);
    }
    let code = match removed.failed.first() {
        Some((_, error)) => exit::code_of(error),
        None if removed.kept.is_empty() => exit::SUCCESS,
        None => exit::code(ErrorKind::Disk),
    };
    session.output.result(&Deletion::done(&removed))?;
    Ok(code)
}

/// Shows what is to go, and asks.
async fn agreed(
    planned: &Deletion,
    removal: &Removal,
    session: &mut Session,
) -> Result<bool, Stop> {
    if !ask::is_possible() {
        let error = Error::new(ErrorKind::Usage, "nobody can be asked whether to delete it")
            .with_hint("--yes deletes without a question, --dry-run shows what");
        return Err(error.into());
    }
    for line in planned.parts() {
        session.output.say(&line);
    }
    let question = format!("Delete it, and free {}?", size::bytes(removal.size()));
    let _echo = ask::Echo::saved();
    session.blocking(move || ask::yes_or_no(&question)).await
}

/// What a person at a terminal chooses.
async fn chosen(scan: &Scan, session: &mut Session) -> Result<Vec<Target>, Stop> {
    if !ask::is_possible() || scan.repos.is_empty() {
        let text = if scan.repos.is_empty() {
            "there is nothing to delete"
        } else {
            "what is to be deleted?"
        };
        let error = Error::new(ErrorKind::Usage, text)
            .with_hint("name repositories or commits, as `hfast cache ls` lists them");
        return Err(error.into());
    }
    let line = |cached: &CachedRepo| {
        let size = size::bytes(cached.size);
        format!("{size:>7}  {}", cached.repo)
    };
    let lines: Vec<String> = scan.repos.iter().map(line).collect();
    let _echo = ask::Echo::saved();
    let question = "Delete which? Space chooses, Enter ends";
    let work = session.blocking(move || ask::several_of(question, &lines));
    let numbers = work.await?;
    let repos = numbers.iter().filter_map(|number| scan.repos.get(*number));
    Ok(repos
        .map(|cached| Target::Repo(cached.repo.clone()))
        .collect())
}

/// What `text` means: a commit or a repository, or a revision of one.
fn target(scan: &Scan, text: &str, kind: Option<RepoType>) -> Result<Target, Error> {
    let is_hex = text.len() >= FEWEST_DIGITS && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex && let Some(target) = commit(scan, text)? {
        return Ok(target);
    }
    let named = RepoTarget::parse(&official_id(text), kind)?;
    if named.path.is_some() {
        let error = Error::new(
            ErrorKind::Usage,
            format!("{text} is a part of a repository"),
        );
        return Err(error.with_hint("whole repositories and revisions can be deleted"));
    }
    let cached = scan.find(&named.repo)?;
    let Some(revision) = named.revision else {
        return Ok(Target::Repo(named.repo));
    };
    let mut all = cached.revisions.iter();
    let found = all.find(|own| {
        own.commit.as_str() == revision.as_str()
            || own.refs.iter().any(|name| name == revision.as_str())
    });
    let found = found.ok_or_else(|| {
        let message = format!("{revision} of {} is not in the cache", named.repo);
        Error::new(ErrorKind::NotFound, message)
            .with_hint("`hfast cache ls --revisions` lists what is")
    })?;
    Ok(Target::Revision(named.repo, found.commit.clone()))
}

/// The commit that begins with these digits. `None`: there is none.
fn commit(scan: &Scan, digits: &str) -> Result<Option<Target>, Error> {
    let digits = digits.to_ascii_lowercase();
    let all = scan.repos.iter();
    let all = all.flat_map(|cached| cached.revisions.iter().map(move |own| (cached, own)));
    let mut found = all.filter(|(_, own)| own.commit.as_str().starts_with(&digits));
    let Some((cached, own)) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        let error = Error::new(
            ErrorKind::Usage,
            format!("several commits begin with {digits}"),
        );
        return Err(error.with_hint("write more of its digits, or hf://ORG/NAME@COMMIT"));
    }
    Ok(Some(Target::Revision(
        cached.repo.clone(),
        own.commit.clone(),
    )))
}

/// `model/org/name`, as the official client calls it, in our words.
fn official_id(text: &str) -> String {
    match text.split_once('/') {
        Some(("model", rest)) if rest.contains('/') => rest.to_owned(),
        Some((kind @ ("dataset" | "space"), rest)) if rest.contains('/') => {
            format!("{kind}s/{rest}")
        }
        _ => text.to_owned(),
    }
}
