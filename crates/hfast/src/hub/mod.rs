//! What the Hub says, and how to ask it.

pub mod account;
pub(crate) mod ask;
mod describe;
pub(crate) mod endpoints;
pub mod extra;
pub(crate) mod extras;
pub mod listing;
pub mod metadata;
mod modelscope;
pub(crate) mod refusal;
pub mod select;
pub mod target;
pub mod token;
pub mod urls;
mod wire;
