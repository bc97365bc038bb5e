//! Finds out, once for the whole job, what lies in caches and in the folders that are named as sources.
//!
//! A disk may not answer, or be slow with each of very many files, and nothing is fetched before: what was
//! not found in time is left out.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::JobContext;
use crate::error::Error;
use crate::hub::extra::ExtraSource;
use crate::names::Commit;
use crate::store::destination::Wanted;
use crate::store::elsewhere::{Elsewhere, Lying, PATIENCE};
use crate::store::layout::RepoFolder;
use crate::transfer::disk::Disk;
use crate::transfer::progress::Progress;
use crate::transfer::provider::Provider;

/// Contents that are looked for at a time: a network mount may need a while for each.
const AT_A_TIME: usize = 64;

/// Where else on the disk files may lie.
pub(super) struct Place {
    /// A folder that was named, which has files under their names.
    folder: Option<PathBuf>,
    /// A cache; its own contents count where the commit is given.
    cache: (RepoFolder, Option<Commit>),
}

impl Place {
    /// `None`: there is no such folder. Blocks.
    fn look(&self) -> Option<Vec<Elsewhere>> {
        let (cache, commit) = &self.cache;
        let cache = || Elsewhere::look(cache, commit.clone());
        match &self.folder {
            None => Some(vec![cache()]),
            Some(folder) if folder.is_dir() => {
                Some(vec![Elsewhere::plain(folder.clone()), cache()])
            }
            Some(_) => None,
        }
    }
}

/// The official cache, and the folders that are named as sources.
pub(super) fn places(job: &mut JobContext, sources: &[ExtraSource]) -> Vec<Place> {
    let cache = job.cache.take();
    let cache = cache.map(|cache| Place {
        folder: None,
        cache,
    });
    let mut places: Vec<_> = cache.into_iter().collect();
    let Provider::Repo(repository) = job.provider.as_ref() else {
        return places;
    };
    for source in sources {
        if let ExtraSource::Folder(folder) = source {
            let cache = RepoFolder::new(folder, &repository.repo);
            places.push(Place {
                folder: Some(folder.clone()),
                cache: (cache, Some(repository.commit.clone())),
            });
        }
    }
    places
}

/// Looks at all places at once for all that is wanted, for as long as a place may take for one look.
pub(super) async fn find(
    disk: &Disk,
    progress: &Progress,
    places: Vec<Place>,
    wanted: Vec<Wanted>,
) -> Vec<Wanted> {
    let wanted = Arc::new(wanted);
    let end = Instant::now() + PATIENCE;
    let looks = places.into_iter().map(async |place| {
        let name = place.folder.clone();
        let name = name.unwrap_or_else(|| place.cache.0.root().to_owned());
        let mut found = Vec::new();
        if let Err(reason) = find_in(disk, place, &wanted, end, &mut found).await {
            progress.leave_aside(format!("{} is left out: {reason}", name.display()));
        }
        found
    });
    let found = join_all(looks).await;
    // Only a place that does not answer still reads it.
    let mut wanted = Arc::try_unwrap(wanted).unwrap_or_else(|shared| shared.as_ref().clone());
    for (index, lying) in found.into_iter().flatten() {
        wanted[index].elsewhere.extend(lying);
    }
    wanted
}

/// Adds to `found` what lies in a place, by the index of what is wanted.
async fn find_in(
    disk: &Disk,
    place: Place,
    wanted: &Arc<Vec<Wanted>>,
    end: Instant,
    found: &mut Vec<(usize, Vec<Lying>)>,
) -> Result<(), String> {
    let look = disk.run(move || Ok(place.look()));
    let places = before(end, look).await?.ok_or("there is no such folder")?;
    let (count, wanted) = (wanted.len(), Arc::clone(wanted));
    let look = move |index: usize| {
        let lying = places.iter().flat_map(|place| place.places(&wanted[index]));
        let lying: Vec<_> = lying.collect();
        (!lying.is_empty()).then_some((index, lying))
    };
    look_for_each(disk, count, end, look, found).await
}

/// Adds what `look` finds for each of `count` indices to `found`, until `end`.
async fn look_for_each<T: Send + 'static>(
    disk: &Disk,
    count: usize,
    end: Instant,
    look: impl Fn(usize) -> Option<T> + Send + Sync + 'static,
    found: &mut Vec<T>,
) -> Result<(), String> {
    let look = Arc::new(look);
    for first in (0..count).step_by(AT_A_TIME) {
        let look = Arc::clone(&look);
        let some = first..count.min(first + AT_A_TIME);
        let look = disk.run(move || Ok(some.filter_map(|index| look(index)).collect::<Vec<_>>()));
        found.extend(before(end, look).await?);
    }
    Ok(())
}

async fn before<T>(
    end: Instant,
    look: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    let silent = || format!("it does not answer for {} s", PATIENCE.as_secs());
    if Instant::now() >= end {
        return Err(silent());
    }
    let looked = timeout_at(end, look).await.map_err(|_| silent())?;
    looked.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::disk::Power;
    use futures_util::FutureExt;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_place_that_is_slow_with_each_file_delays_the_job_no_longer_than_one_that_is_silent()
    {
        let start = Instant::now();
        let look = |index| {
            // The clock moves on before there is anything to wait for.
            let _moved = tokio::time::advance(Duration::from_millis(200)).now_or_never();
            Some(index)
        };
        let disk = Disk::Inline(Power::default());
        let mut found = Vec::new();
        let looked = look_for_each(&disk, 1000, start + PATIENCE, look, &mut found).await;
        let took = start.elapsed();
        assert!(took < 2 * PATIENCE, "{} s", took.as_secs());
        assert!(looked.unwrap_err().contains("does not answer for 15 s"));
        assert!(!found.is_empty(), "what was found counts");
        assert_eq!(found, (0..found.len()).collect::<Vec<_>>());
    }
}
