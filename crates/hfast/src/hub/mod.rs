//! What the Hub says, and how to ask it.

pub(crate) mod ask;
mod describe;
pub(crate) mod endpoints;
pub mod listing;
pub mod metadata;
pub(crate) mod refusal;
pub mod select;
pub mod target;
pub mod token;
pub mod urls;
mod wire;
