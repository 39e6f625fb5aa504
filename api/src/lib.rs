//! What the outside touches: GraphQL, HTTP, and the binary `cairn`.
//!
//! It holds no rules: a mutation is a command, a query reads rows. Reading order: [`graphql`] (what every context's
//! module of types shares), [`config`] (what is set), [`compose`] (the parts put together; it alone names adapters), [`bench`].

pub mod bench;
pub mod cli;
pub mod compose;
pub mod config;
pub mod graphql;
