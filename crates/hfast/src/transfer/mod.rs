//! The engine: plan, segments, workers, verify, publish.
//!
//! What is pure and what acts is told by each file's first lines. The engine knows the network only
//! through [`crate::transport`] and the disk only through [`crate::store`].

mod attempt;
mod board;
mod check;
pub(crate) mod deliver;
pub mod disk;
pub(crate) mod engine;
mod exchange;
mod extent;
mod front;
mod gunzip;
mod hope;
mod job;
mod link;
mod piece;
pub mod progress;
pub(crate) mod provider;
pub mod ranges;
mod schedule;
mod segments;
pub(crate) mod source;
mod stall;
mod stream;
mod trouble;
mod verify;
mod worker;
mod writer;
