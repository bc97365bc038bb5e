//! Who the user is to the Hub: tokens by name in the files of the official clients.
//!
//! Which token a request carries is not decided here; whose one is, is asked in [`crate::hub::account`].

pub mod files;
pub mod stored;
