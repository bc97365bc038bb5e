//! How many files and sockets the system lets this process open. What follows from it is decided in the
//! library.

/// More than the greatest settings take. macOS lets nobody have as many as it calls unlimited.
#[cfg(unix)]
const ENOUGH: u64 = 4096;

/// As many as are enough, or as may be had; `None`: there is no limit, or nobody knows. The limit that
/// holds for the moment is raised: it is low for the sake of programs that call `select`.
#[cfg(unix)]
pub(crate) fn allowed() -> Option<usize> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let current = limit.current?;
    let more = limit.maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    let raised = Rlimit {
        current: Some(more),
        ..limit
    };
    let is_raised = more > current && setrlimit(Resource::Nofile, raised).is_ok();
    usize::try_from(if is_raised { more } else { current }).ok()
}

#[cfg(not(unix))]
pub(crate) fn allowed() -> Option<usize> {
    None
}
