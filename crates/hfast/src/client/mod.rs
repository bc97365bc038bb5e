//! The front door of the library: plan a download, then carry it out.
//!
//! A plan is a value: it can be shown, counted, and dropped. Nothing is written before
//! [`Client::download`], but for the official note in a cache that a file does not exist.

mod at_once;
mod audit;
mod carry;
mod choose;
mod look;
pub(crate) mod memory;
mod places;
mod plain;
mod plan;
mod prepare;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::hub::account::Account;
use crate::hub::ask::Hub;
use crate::hub::endpoints::Asking;
use crate::hub::extra::ExtraSource;
use crate::hub::listing::{RefusedName, RemoteFile};
use crate::hub::token::Token;
use crate::hub::urls::Endpoint;
use crate::names::{Commit, Repo, Revision};
use crate::repo_path::RepoPath;
use crate::store::destination::{Destination, Naming};
use crate::store::layout::RepoFolder;
use crate::transfer::disk::Disk;
use crate::transfer::limit::Limit;
use crate::transfer::progress::Progress;
use crate::transfer::provider::Provider;
use crate::transfer::throttle::Throttle;
use crate::transport::Transport;
use crate::transport::http::{HttpOptions, HttpTransport};
use crate::transport::retry::FOR_QUESTIONS;

pub use crate::store::inventory::Absent;
pub use audit::{Audit, AuditRequest, Damaged, Missing, Name, Repaired};

/// How a client works. Everything is a finished value: the library reads no environment.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Endpoints that the user named, most wanted first. All of them may see the token.
    pub endpoints: Vec<Endpoint>,
    /// Further sources of bytes, which are not asked what a repository holds.
    pub sources: Vec<ExtraSource>,
    /// The token, if any.
    pub token: Option<Token>,
    /// How the network is reached.
    pub http: HttpOptions,
    /// Exactly so many connections at once, over all files and sources; `None`: as many as turn out to
    /// pay.
    pub connections: Option<usize>,
    /// Large files at once.
    pub max_files: usize,
    /// How many files and sockets this process may have open, for whoever knows that these are few:
    /// connections and large files are fewer then. `None`: as many as it takes.
    pub open_files: Option<usize>,
    /// How fast files may come, if not as fast as they can.
    pub limit: Option<Limit>,
    /// Make no request; use what is on disk.
    pub offline: bool,
    /// The official cache, from which a local folder or a file may get what is there already.
    pub cache: Option<PathBuf>,
    /// A folder of this user alone for what was learnt of networks; `None`: each job begins anew.
    pub memory: Option<PathBuf>,
    /// Whether the cache may hold symbolic links; where it may not, snapshots hold hard links or copies.
    pub symlinks: bool,
}

/// What to download from a repository.
#[derive(Clone, Debug)]
pub struct DownloadRequest {
    /// The repository.
    pub repo: Repo,
    /// Branch, tag, ref or commit.
    pub revision: Revision,
    /// Exact names; a name that ends in `/` means the folder. Without any of these, and without
    /// [`Self::names_or_patterns`], all files are meant.
    pub files: Vec<String>,
    /// As people type them: each is a name if the repository has such a file, and else a pattern.
    pub names_or_patterns: Vec<String>,
    /// Patterns of which a file must match one, if there are any.
    pub include: Vec<String>,
    /// Patterns of which a file must match none.
    pub exclude: Vec<String>,
    /// Where to put it.
    pub target: Target,
    /// Fetch again what is already there.
    pub force: bool,
}

/// Where files go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The official cache with this root (`~/.cache/huggingface/hub`).
    Cache(PathBuf),
    /// A plain folder that holds the files under their names, with the official metadata.
    LocalDir(PathBuf),
    /// One file, under exactly this name.
    File(PathBuf),
}

/// One file of a plan.
#[derive(Clone, Debug)]
pub struct PlannedFile {
    /// Name, size and digest, as the listing has them.
    pub remote: RemoteFile,
    /// It is in its place already.
    pub present: bool,
}

/// What a download would do.
#[derive(Clone)]
pub struct Plan {
    /// The commit that the revision stands for.
    pub commit: Option<Commit>,
    /// The files that were asked for, in the order of the listing.
    pub files: Vec<PlannedFile>,
    /// Files that will not be fetched because their names are not safe.
    pub refused: Vec<RefusedName>,
    /// How many files the repository has.
    pub files_in_repo: usize,
    pub(crate) caveat: Option<String>,
    pub(crate) job: JobContext,
}

impl Plan {
    /// What should be said wherever the plan is shown or carried out: that nothing proves that the
    /// files are all files, or that the commit is the newest.
    pub fn caveat(&self) -> Option<&str> {
        self.caveat.as_deref()
    }

    /// Whether each of its files lies in its place, or in the cache that it can be copied from, judged
    /// by their sizes. Blocks.
    fn lies_here(&self) -> bool {
        let cache = self.job.cache.clone();
        let cache = cache.and_then(|(folder, commit)| Some(folder.snapshot(&commit?)));
        self.files.iter().all(|PlannedFile { remote, present }| {
            let copy = cache
                .as_ref()
                .and_then(|cache| cache.join(remote.path.as_str()).metadata().ok());
            *present || copy.is_some_and(|copy| copy.is_file() && Some(copy.len()) == remote.size)
        })
    }
}

/// What carrying out a plan needs beyond what it shows.
#[derive(Clone)]
pub(crate) struct JobContext {
    pub(crate) provider: Arc<Provider>,
    pub(crate) destination: Destination,
    pub(crate) revision: Revision,
    /// `None` for a plain URL.
    pub(crate) repo: Option<Repo>,
    pub(crate) force: bool,
    /// Where the bytes of files are that are not what they should be.
    pub(crate) damaged: HashMap<RepoPath, PathBuf>,
    /// The files of a fresh and complete listing that were not asked for; `None`: it is not worth
    /// keeping, since it lies in the cache already or has gaps.
    pub(crate) rest: Option<Vec<RemoteFile>>,
    /// Nothing may be asked for.
    pub(crate) offline: bool,
    /// Where the large files of the plan are or will be.
    pub(crate) own_names: HashSet<PathBuf>,
    /// The repository's folder in the official cache; with the commit where that is not the
    /// destination.
    pub(crate) cache: Option<(RepoFolder, Option<Commit>)>,
    /// Where the caller finds the result.
    pub(crate) path: PathBuf,
}

/// What a download did.
#[derive(Debug)]
pub struct Report {
    /// The snapshot folder, the local folder, or the file if a single one was asked for.
    pub path: PathBuf,
    /// The commit that was downloaded; `None` for a plain URL.
    pub commit: Option<Commit>,
    /// Files in their place.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of content received from the network.
    pub received: u64,
    /// Files that could not be had, and why.
    pub failed: Vec<(String, Error)>,
    /// Files that were refused by name.
    pub refused: Vec<RefusedName>,
    /// What [`Plan::caveat`] said.
    pub caveat: Option<String>,
}

/// Downloads from the Hub, its mirrors, and plain URLs. Cheap to clone.
///
/// ```no_run
/// # async fn example() -> Result<(), hfast::Error> {
/// use std::sync::Arc;
/// use hfast::client::{Client, ClientOptions, DownloadRequest, Target};
/// use hfast::transfer::progress::Progress;
///
/// let client = Client::new(ClientOptions::default())?;
/// let repo = hfast::Repo::new(hfast::RepoType::Model, hfast::RepoId::new("org/name")?);
/// let request = DownloadRequest::new(repo, Target::LocalDir("model".into()));
/// let progress = Arc::new(Progress::default());
/// let plan = client.plan(&request, &progress).await?;
/// let report = client.download(plan, &progress).await?;
/// println!("{}", report.path.display());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) options: Arc<ClientOptions>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) disk: Disk,
    pub(crate) seed: u64,
    pub(crate) throttle: Option<Arc<Throttle>>,
}

impl Client {
    /// Prepares a client on real sockets; makes no request.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Usage`] for network settings that cannot be used.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        let transport = Arc::new(HttpTransport::new(&options.http)?);
        Ok(Self::with_transport(
            options,
            transport,
            Disk::default(),
            fastrand::u64(..),
        ))
    }

    /// A client on another transport, for tests: `seed` decides everything that is left to chance.
    pub fn with_transport(
        options: ClientOptions,
        transport: Arc<dyn Transport>,
        disk: Disk,
        seed: u64,
    ) -> Self {
        let hub = Hub::new(
            transport,
            options.endpoints.clone(),
            options.token.clone(),
            seed,
        );
        let limit = options.limit.clone();
        let throttle = limit.and_then(|limit| Throttle::new(limit, disk.clone()));
        Self {
            throttle,
            options: Arc::new(options),
            hub: Arc::new(hub),
            disk,
            seed,
        }
    }

    /// Asks one endpoint after another whose the token is.
    ///
    /// # Errors
    /// [`ErrorKind::AccessDenied`] when it is not accepted, [`ErrorKind::Protocol`] when none of them knows its
    /// users, and those of the network.
    pub async fn account(&self, progress: &Progress) -> Result<Account, Error> {
        if self.options.offline {
            let text = "nobody can be asked whose the token is: the network is switched off";
            return Err(Error::new(ErrorKind::Unreachable, text).with_hint("unset HF_HUB_OFFLINE"));
        }
        let asking = Asking {
            patience: FOR_QUESTIONS,
            progress,
        };
        self.hub.account(asking).await
    }
}

impl ClientOptions {
    pub(crate) fn naming(&self) -> Naming {
        if self.symlinks {
            Naming::Links
        } else {
            Naming::HardLinks
        }
    }
}

impl Default for ClientOptions {
    /// The Hub itself, no token, as many connections as pay.
    fn default() -> Self {
        let user_agent = concat!("hfast/", env!("CARGO_PKG_VERSION")).to_owned();
        Self {
            endpoints: vec![Endpoint::hub()],
            sources: Vec::new(),
            token: None,
            http: HttpOptions {
                user_agent,
                ..HttpOptions::default()
            },
            connections: None,
            max_files: 8,
            open_files: None,
            limit: None,
            offline: false,
            cache: None,
            memory: None,
            symlinks: true,
        }
    }
}

impl DownloadRequest {
    /// All files of the `main` branch.
    pub fn new(repo: Repo, target: Target) -> Self {
        Self {
            repo,
            revision: Revision::default(),
            files: Vec::new(),
            names_or_patterns: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            target,
            force: false,
        }
    }
}
