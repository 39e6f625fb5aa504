//! What the outside touches: GraphQL, HTTP, and the binary `cairn`.
//!
//! It holds no rules: a mutation is a command, a query reads rows. [`compose`] alone names adapters.

pub mod bench;
pub mod compose;
