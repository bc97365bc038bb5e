//! Looks at the disk once for the whole job: whether there is room, how names can be given. All of it
//! blocks. Where else the files may lie is told in `places.rs`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::store::destination::{Destination, Naming, Wanted};
use crate::store::{adopt, place};
use crate::transfer::engine::{Engine, SMALL, Setup};

/// Folders below a local folder that are searched for files under other names.
const LOCAL_DIR_DEPTH: usize = 8;

/// Looks at the disk and prepares it, once for the whole job. Blocks.
pub(super) fn prepare(
    setup: Setup,
    wanted: &[Wanted],
    own: &HashSet<PathBuf>,
) -> Result<Arc<Engine>, Error> {
    let asked = setup.destination.as_ref().clone();
    asked.check()?;
    // What a killed run was copying takes room that is free for whoever knows it.
    asked.sweep_temporary();
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
