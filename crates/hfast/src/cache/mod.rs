//! The official cache as a whole: what is in it, and how to make it smaller.
//!
//! What is right in it is told by [`crate::client::Client::audit`].

pub use crate::store::removal::{Removal, Target};
pub use crate::store::remove::Removed;
pub use crate::store::scan::{CachedRepo, CachedRevision, Scan, scan};
