//! Looks at the disk once for the whole job: where its files may lie already, whether there is room,
//! how names can be given. All of it blocks, but for [`places`].

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::JobContext;
use crate::error::Error;
use crate::hub::extra::ExtraSource;
use crate::names::Commit;
use crate::store::destination::{Destination, Naming, Wanted};
use crate::store::elsewhere::Elsewhere;
use crate::store::layout::RepoFolder;
use crate::store::{adopt, place};
use crate::transfer::engine::{Engine, SMALL, Setup};
use crate::transfer::provider::Provider;

/// Folders below a local folder that are searched for files under other names.
const LOCAL_DIR_DEPTH: usize = 8;

/// Where else on the disk files may lie.
pub(super) enum Place {
    /// In the cache that this folder is in; its own contents count where the commit is given.
    Cache(RepoFolder, Option<Commit>),
    /// In a folder, under their names.
    Folder(PathBuf),
}

impl Place {
    fn look(&self) -> Elsewhere {
        match self {
            Self::Cache(folder, commit) => Elsewhere::look(folder, commit.clone()),
            Self::Folder(folder) => Elsewhere::plain(folder.clone()),
        }
    }
}

/// The official cache, and the folders that are named as sources.
pub(super) fn places(job: &mut JobContext, sources: &[ExtraSource]) -> Vec<Place> {
    let cache = job.cache.take();
    let mut places: Vec<_> = cache
        .into_iter()
        .map(|(folder, commit)| Place::Cache(folder, commit))
        .collect();
    let Provider::Repo(repository) = job.provider.as_ref() else {
        return places;
    };
    for source in sources {
        if let ExtraSource::Folder(folder) = source {
            let cache = RepoFolder::new(folder, &repository.repo);
            places.push(Place::Folder(folder.clone()));
            places.push(Place::Cache(cache, Some(repository.commit.clone())));
        }
    }
    places
}

/// Looks at the disk and prepares it, once for the whole job. Blocks.
pub(super) fn prepare(
    setup: Setup,
    wanted: &mut [Wanted],
    own: &HashSet<PathBuf>,
    places: &[Place],
) -> Result<Arc<Engine>, Error> {
    let asked = setup.destination.as_ref().clone();
    asked.check()?;
    // What a killed run was copying takes room that is free for whoever knows it.
    asked.sweep_temporary();
    for place in places.iter().filter(|_| !setup.force) {
        if let Place::Folder(folder) = place
            && !folder.is_dir()
        {
            let text = format!("{} is left out: there is no such folder", folder.display());
            setup.progress.notice(text);
        }
        let elsewhere = place.look();
        let places = |wanted: &mut Wanted| wanted.elsewhere.extend(elsewhere.places(wanted));
        wanted.iter_mut().for_each(places);
    }
    asked.check_space(wanted, setup.force)?;
    asked.prepare()?;
    let destination = with_probed_links(asked);
    if matches!(
        destination,
        Destination::Cache {
            naming: Naming::Copies,
            ..
        }
    ) {
        destination.check_space(wanted, setup.force)?;
    }
    let is_large = |wanted: &&Wanted| wanted.size.is_some_and(|size| size > SMALL);
    let absent = wanted
        .iter()
        .filter(is_large)
        .filter(|wanted| !destination.has_content(wanted));
    let sizes = absent.filter_map(|wanted| wanted.size).collect();
    let others = other_names(&destination, &sizes, own);
    Ok(Engine::new(Setup {
        destination: Arc::new(destination),
        others,
        ..setup
    }))
}

/// Finds out how names can be given, where that is not known before.
fn with_probed_links(mut destination: Destination) -> Destination {
    if let Destination::Cache { folder, naming, .. } = &mut destination {
        let blobs = folder.blobs();
        if *naming == Naming::Links && !place::can_link(&blobs) {
            *naming = Naming::HardLinks;
        }
        if *naming == Naming::HardLinks && !place::can_hard_link(&blobs) {
            *naming = Naming::Copies;
        }
    }
    destination
}

/// Files under other names that have the size of one that is wanted.
fn other_names(
    destination: &Destination,
    sizes: &HashSet<u64>,
    own: &HashSet<PathBuf>,
) -> HashMap<u64, Vec<PathBuf>> {
    let (root, depth) = match destination {
        Destination::Cache { .. } => return HashMap::new(),
        Destination::LocalDir { root, .. } => (root.clone(), LOCAL_DIR_DEPTH),
        Destination::File { .. } => (destination.partials(), 0),
    };
    let mut found = adopt::by_size(&root, depth, |size| sizes.contains(&size));
    for paths in found.values_mut() {
        paths.retain(|path| !own.contains(path));
    }
    found
}
