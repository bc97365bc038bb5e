//! What stands between this machine and a download: examined in seconds, told with the setting that
//! changes it.
//!
//! First everything is looked at, and becomes values (`seen.rs`); then pure rules (`judge/`) make
//! findings of them. Nothing is repaired here, and nothing is kept on the disk.

mod ask;
mod choose;
mod endpoint;
mod finding;
mod judge;
mod seen;
mod sources;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

pub use finding::{Check, Finding, Report, Verdict};
pub use sources::Sources;

use crate::hub::token::Token;
use crate::hub::urls::Endpoint;
use crate::names::{Repo, RepoId, RepoType, Revision};
use crate::store::survey::{self, Survey};
use crate::transfer::progress::Progress;
use crate::transport::http::{HttpOptions, HttpTransport};
use crate::transport::lookup::Lookup;
use crate::transport::witness::Witness;
use endpoint::Examiner;
use seen::Seen;

/// All of it together. What is not known then is told as such.
const TIME: Duration = Duration::from_secs(18);

/// The disk: 64 MiB at 30 MB/s and their flush, which no healthy disk takes that long for.
const DISK_TIME: Duration = Duration::from_secs(8);

/// A public repository that everybody may read, and that mirrors have had for years.
pub const DEFAULT_REPO: &str = "openai-community/gpt2";

/// What is examined, and with which settings. They are those of a download.
#[derive(Clone, Debug)]
pub struct Examination {
    /// The endpoints, most wanted first. All of them may see the token.
    pub endpoints: Vec<Endpoint>,
    /// The repository that is asked for, and at which revision; without one, [`DEFAULT_REPO`].
    pub repo: Option<(Repo, Revision)>,
    /// The token, if any.
    pub token: Option<Token>,
    /// How the network is reached.
    pub http: HttpOptions,
    /// Where files would go: the cache or a folder. It need not exist.
    pub folder: PathBuf,
    /// Whether symbolic links are wanted there.
    pub symlinks: bool,
    /// Nothing is asked of the network.
    pub offline: bool,
    /// Which flag, variable or file each setting came from, for what is said to the user.
    pub sources: Sources,
    /// Who is asked for the addresses of names.
    pub lookup: Lookup,
}

impl Examination {
    /// The repository and the revision to ask for.
    fn repo(&self) -> Option<(Repo, Revision)> {
        self.repo.clone().or_else(|| {
            let id = RepoId::new(DEFAULT_REPO).ok()?;
            Some((Repo::new(RepoType::Model, id), Revision::default()))
        })
    }
}

/// Looks at everything at once, for at most 18 seconds, and judges it. `progress` is told what is
/// looked at.
///
/// The network gets a few small requests for each endpoint and 1 MiB of one file; the disk gets a
/// file of at most 64 MiB, which is gone afterwards, also when the future is dropped.
pub async fn examine(examination: Examination, progress: &Progress) -> Report {
    let begun = Instant::now();
    progress.notice(format!(
        "checking {}: room, links, locks, speed",
        examination.folder.display()
    ));
    let (network, disk) = tokio::join!(network(&examination, progress), disk(&examination));
    let seen = Seen {
        endpoints: network,
        disk,
    };
    let (findings, working) = judge::judge(&examination, &seen);
    let token = examination.token.as_ref();
    Report::new(findings, working, token, begun.elapsed())
}

async fn network(
    examination: &Examination,
    progress: &Progress,
) -> Result<Vec<seen::EndpointSeen>, crate::Error> {
    let Some((repo, revision)) = examination.repo().filter(|_| !examination.offline) else {
        return Ok(Vec::new());
    };
    let witness = Witness::default();
    let lookup = examination.lookup.clone();
    let transport = HttpTransport::observed(&examination.http, lookup, &witness)?;
    let examiner = Examiner {
        examination,
        transport: &transport,
        witness: &witness,
        repo: &repo,
        revision: &revision,
        progress,
        deadline: Instant::now() + TIME,
    };
    let each = examination.endpoints.iter();
    let each = each.map(|endpoint| examiner.endpoint(endpoint));
    Ok(join_all(each).await)
}

/// `None`: the disk did not answer in time.
async fn disk(examination: &Examination) -> Option<Survey> {
    let stop = StopOnDrop(Arc::default());
    let (folder, flag) = (examination.folder.clone(), Arc::clone(&stop.0));
    let survey = tokio::task::spawn_blocking(move || survey::survey(&folder, &flag));
    timeout(DISK_TIME, survey).await.ok()?.ok()
}

/// Nobody waits for what goes on on the disk.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}
