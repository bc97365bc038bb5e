//! Download Hugging Face repositories over bad networks: resumed, verified, into the official cache.

pub mod error;
pub mod hub;
pub mod names;
pub mod repo_path;

pub use error::{Error, ErrorKind};
pub use names::{Commit, Digest, Repo, RepoId, RepoType, Revision};
pub use repo_path::{PathFault, RepoPath};
