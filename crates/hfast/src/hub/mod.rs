//! What the Hub says, and how to ask it.

pub mod token;
