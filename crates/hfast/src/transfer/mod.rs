//! The engine: plan, segments, workers, verify, publish.
//!
//! What is pure and what acts is told by each file's first lines. The engine knows the network only
//! through [`crate::transport`] and the disk only through [`crate::store`].

pub mod check;
pub mod progress;
pub mod ranges;
pub mod schedule;
pub mod segments;
pub mod stall;
