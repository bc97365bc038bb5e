//! Finds out, once for the whole job, what lies in caches and in the folders that are named as sources.
//!
//! A disk may not answer: each look has a bound, and a place that takes longer is left out.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::timeout;

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

/// Looks at all places at once for all that is wanted.
pub(super) async fn find(
    disk: &Disk,
    progress: &Progress,
    places: Vec<Place>,
    wanted: Vec<Wanted>,
) -> Vec<Wanted> {
    let wanted = Arc::new(wanted);
    let looks = places.into_iter().map(async |place| {
        let name = place.folder.clone();
        let name = name.unwrap_or_else(|| place.cache.0.root().to_owned());
        let found = find_in(disk, place, &wanted).await;
        found.unwrap_or_else(|reason| {
            progress.notice(format!("{} is left out: {reason}", name.display()));
            Vec::new()
        })
    });
    let found = join_all(looks).await;
    // Only a place that does not answer still reads it.
    let mut wanted = Arc::try_unwrap(wanted).unwrap_or_else(|shared| shared.as_ref().clone());
    for (index, lying) in found.into_iter().flatten() {
        wanted[index].elsewhere.extend(lying);
    }
    wanted
}

/// What lies in a place, by the index of what is wanted.
async fn find_in(
    disk: &Disk,
    place: Place,
    wanted: &Arc<Vec<Wanted>>,
) -> Result<Vec<(usize, Vec<Lying>)>, String> {
    let look = disk.run(move || Ok(place.look()));
    let places = soon(look).await?.ok_or("there is no such folder")?;
    let places = Arc::new(places);
    let mut found = Vec::new();
    for first in (0..wanted.len()).step_by(AT_A_TIME) {
        let (places, wanted) = (Arc::clone(&places), Arc::clone(wanted));
        let look = disk.run(move || {
            let some = wanted.iter().enumerate().skip(first).take(AT_A_TIME);
            let lying = some.map(|(index, wanted)| {
                let lying = places.iter().flat_map(|place| place.places(wanted));
                (index, lying.collect::<Vec<_>>())
            });
            Ok(lying
                .filter(|(_, lying)| !lying.is_empty())
                .collect::<Vec<_>>())
        });
        found.extend(soon(look).await?);
    }
    Ok(found)
}

async fn soon<T>(look: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    let Ok(looked) = timeout(PATIENCE, look).await else {
        return Err(format!("it does not answer for {} s", PATIENCE.as_secs()));
    };
    looked.map_err(|error| error.to_string())
}
