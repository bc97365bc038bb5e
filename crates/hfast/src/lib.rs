//! Download Hugging Face repositories over bad networks: resumed, verified, into the official
//! cache.

pub mod auth;
pub mod cache;
pub mod client;
pub mod doctor;
pub mod environment;
pub mod error;
mod hash;
pub mod hub;
pub mod names;
pub mod rate_limit;
pub mod repo_path;
pub mod sources;
pub mod store;
pub mod text;
pub mod transfer;
pub mod transport;

pub use error::{Error, ErrorKind};
pub use names::{Commit, Digest, Repo, RepoId, RepoType, Revision, XetHash};
pub use repo_path::{PathFault, RepoPath};
