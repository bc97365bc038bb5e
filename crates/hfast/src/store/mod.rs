//! The only door to the disk: find what is there, begin, write, publish.
//!
//! Nothing here knows a URL. Only `place` gives a file its final name, and only after the caller
//! has seen its digest match, where there is one. All calls block; the engine runs them off its own
//! threads, but for short writes while the disk keeps up.

pub(crate) mod adopt;
pub(crate) mod aria2;
pub(crate) mod blocks;
pub(crate) mod destination;
pub(crate) mod durable;
pub(crate) mod elsewhere;
pub(crate) mod folder_source;
mod found;
pub(crate) mod growing;
pub(crate) mod in_use;
pub(crate) mod inventory;
pub mod journal;
pub(crate) mod layout;
pub(crate) mod local_dir;
pub(crate) mod lock;
pub(crate) mod networks;
mod notes;
pub(crate) mod owner;
pub(crate) mod partial;
pub(crate) mod place;
pub(crate) mod platform;
pub(crate) mod publish;
pub(crate) mod removal;
pub(crate) mod remove;
pub(crate) mod resume;
pub(crate) mod scan;
pub(crate) mod secret;
pub(crate) mod shared_blobs;
pub(crate) mod shared_rate;
pub(crate) mod snapshot;
mod space;
pub(crate) mod survey;
pub(crate) mod takeover;
pub(crate) mod tree_cache;
