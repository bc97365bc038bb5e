//! The test kit: a Hub made of values, the faults of a bad network, and a judge of Hubs.
//!
//! It knows HTTP and nothing of the product, so that both cannot share a mistake. The same
//! [`hub::FakeHub`] is served on a socket by [`loopback::Loopback`] and can be carried by a
//! simulated transport, which reads the [`hub::Exchange`] it is handed.

pub mod cache_check;
pub mod client;
pub mod conformance;
pub mod corpus;
pub mod faults;
pub mod hub;
pub mod loopback;
pub mod program;
