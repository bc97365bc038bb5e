//! The engine: plan, segments, workers, verify, publish.
//!
//! What is pure and what acts is told by each file's first lines. The engine knows the network only
//! through [`crate::transport`] and the disk only through [`crate::store`].

pub(crate) mod ask;
mod attempt;
mod blame;
mod board;
pub(crate) mod booking;
mod brought;
pub(crate) mod check;
pub(crate) mod controller;
pub(crate) mod deliver;
pub mod disk;
mod dispatch;
mod door;
pub(crate) mod engine;
mod entry;
mod exchange;
mod extent;
mod front;
mod gunzip;
mod held;
mod hope;
mod job;
mod lanes;
pub mod limit;
mod link;
mod piece;
pub mod progress;
pub(crate) mod provider;
mod queue;
pub mod ranges;
mod room;
mod schedule;
mod segments;
mod sink;
pub(crate) mod source;
mod stall;
mod streak;
mod stream;
mod supply;
pub(crate) mod throttle;
mod trouble;
mod turns;
mod verify;
mod worker;
mod writer;
