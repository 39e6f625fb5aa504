//! What the outside touches: GraphQL, HTTP, and the binary `cairn`.
//!
//! It holds no rules: a mutation is a command, a query reads rows. Two packages beside it know nothing of the rest:
//! `document` (whether a GraphQL document may run) and `drawing` (a genealogy as a picture). Reading order:
//! - [`http`]: a request's way through the process;
//! - [`auth`]: who is asking;
//! - [`graphql`]: what every context's module of types shares;
//! - [`contexts`]: every context with all that is known of it;
//! - [`config`]: what is set;
//! - [`compose`]: the parts put together; it alone names adapters;
//! - [`demo`]: a plant to try it on;
//! - [`cli`] and [`mod@bench`]: the binary's commands.

pub mod auth;
pub mod bench;
pub mod cli;
pub mod compose;
pub mod config;
pub mod contexts;
pub mod demo;
pub mod graphql;
pub mod http;
