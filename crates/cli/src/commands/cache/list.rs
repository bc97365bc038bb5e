//! `hfast cache ls`: which repositories and revisions there are.

use std::cmp::Reverse;
use std::time::SystemTime;

use hfast::cache::Scan;

use super::filter::{Entry, Filter};
use super::scanned;
use crate::commands::{Session, Stop};
use crate::exit;
use crate::flags::cache::{LsFlags, SortKey};
use crate::output::cache::{Listing, RepoRow, RevisionRow, Totals};

pub(super) async fn run(flags: &LsFlags, session: &mut Session) -> Result<u8, Stop> {
    let filters: Result<Vec<Filter>, _> = flags.filter.iter().map(|text| text.parse()).collect();
    let filters = filters?;
    let scan = scanned(flags.cache_dir.as_deref(), session).await?;
    let now = SystemTime::now();
    let mut entries = entries(&scan, flags.revisions);
    entries.retain(|entry| filters.iter().all(|filter| filter.admits(entry, now)));
    sort(&mut entries, flags.sort.unwrap_or_default());
    if flags.reverse {
        entries.reverse();
    }
    entries.truncate(flags.limit.unwrap_or(usize::MAX));
    let unfinished = || scan.repos.iter().flat_map(|repo| &repo.unfinished);
    let totals = Totals {
        repos: scan.repos.len(),
        revisions: scan.repos.iter().map(|repo| repo.revisions.len()).sum(),
        size: scan.size(),
        unfinished: unfinished().count(),
        unfinished_size: unfinished().map(|(_, size)| size).sum(),
        root: scan.root.clone(),
    };
    let repos = |entry: &Entry| RepoRow::new(entry.repo);
    let revisions = |entry: &Entry| Some(RevisionRow::new(&entry.repo.repo, entry.revision?));
    let listing = if flags.revisions {
        Listing::Revisions(entries.iter().filter_map(revisions).collect())
    } else {
        Listing::Repos(entries.iter().map(repos).collect())
    };
    session.output.listing(listing, totals, now)?;
    Ok(exit::SUCCESS)
}

fn entries(scan: &Scan, revisions: bool) -> Vec<Entry<'_>> {
    let each = scan.repos.iter().flat_map(|repo| {
        let whole = (!revisions).then_some(Entry {
            repo,
            revision: None,
        });
        let each = repo.revisions.iter().filter(move |_| revisions);
        let each = each.map(move |revision| Entry {
            repo,
            revision: Some(revision),
        });
        whole.into_iter().chain(each)
    });
    each.collect()
}

fn sort(entries: &mut [Entry<'_>], key: SortKey) {
    match key {
        // As they are.
        SortKey::Name => {}
        SortKey::Size => entries.sort_by_key(|entry| Reverse(entry.size())),
        SortKey::Accessed => entries.sort_by_key(|entry| Reverse(entry.repo.accessed)),
        SortKey::Modified => entries.sort_by_key(|entry| Reverse(entry.modified())),
    }
}
