//! The front door of the library: plan a download, then carry it out.
//!
//! A plan is a value: it can be shown, counted, and dropped. Nothing is written before
//! [`Client::download`].

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::error::Error;
use crate::hub::listing::{RefusedName, RemoteFile};
use crate::hub::token::Token;
use crate::hub::urls::Endpoint;
use crate::names::{Commit, Digest, Repo, Revision};
use crate::transfer::progress::Progress;
use crate::transport::http::HttpOptions;

/// How a client works. Everything is a finished value: the library reads no environment.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Endpoints that the user named, most wanted first. All of them may see the token.
    pub endpoints: Vec<Endpoint>,
    /// The token, if any.
    pub token: Option<Token>,
    /// How the network is reached.
    pub http: HttpOptions,
    /// Connections at once, over all files.
    pub max_connections: usize,
    /// Large files at once.
    pub max_files: usize,
    /// Make no request; use what is on disk.
    pub offline: bool,
    /// Whether the cache may hold symbolic links; where it may not, snapshots hold copies.
    pub symlinks: bool,
}

/// What to download from a repository.
#[derive(Clone, Debug)]
pub struct DownloadRequest {
    /// The repository.
    pub repo: Repo,
    /// Branch, tag, ref or commit.
    pub revision: Revision,
    /// Exact names; a name that ends in `/` means the folder. Empty means all files.
    pub files: Vec<String>,
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
#[derive(Clone, Debug)]
pub struct Plan {
    /// The commit that the revision stands for.
    pub commit: Option<Commit>,
    /// The files that were asked for, in the order of the listing.
    pub files: Vec<PlannedFile>,
    /// Files that will not be fetched because their names are not safe.
    pub refused: Vec<RefusedName>,
    /// How many files the repository has.
    pub files_in_repo: usize,
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
}

/// Downloads from the Hub, its mirrors, and plain URLs. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    options: Arc<ClientOptions>,
}

impl Client {
    /// Prepares a client; makes no request.
    pub fn new(options: ClientOptions) -> Result<Self, Error> {
        Ok(Self {
            options: Arc::new(options),
        })
    }

    /// Asks what is in the repository and looks at what is already on disk. Writes nothing.
    pub async fn plan(&self, request: &DownloadRequest) -> Result<Plan, Error> {
        let _ = (&self.options, request);
        Err(Error::new(crate::ErrorKind::Usage, "not built yet"))
    }

    /// Plans the download of one plain URL, which need not be a Hub's, to the file `output`.
    pub async fn plan_url(
        &self,
        url: &Url,
        sha256: Option<Digest>,
        output: PathBuf,
    ) -> Result<Plan, Error> {
        let _ = (url, sha256, output);
        Err(Error::new(crate::ErrorKind::Usage, "not built yet"))
    }

    /// Carries out a plan. Dropping the future stops it; what has arrived is kept, and the same
    /// call goes on from there.
    ///
    /// Single files that fail do not stop the others: they are in [`Report::failed`].
    pub async fn download(&self, plan: Plan, progress: &Arc<Progress>) -> Result<Report, Error> {
        let _ = (plan, progress);
        Err(Error::new(crate::ErrorKind::Usage, "not built yet"))
    }
}
