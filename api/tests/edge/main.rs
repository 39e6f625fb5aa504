//! The edge over real sockets: GraphQL over HTTP, identity, limits, and input that means harm.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod adversarial;
mod aggregates;
mod answers;
mod audits;
mod client;
mod contexts;
mod desk;
mod documents;
mod matrix;
mod pasts;
mod permissions;
mod plant;
mod promises;
mod protocol;
mod released;
mod releases;
mod schema;
mod server;
mod services;
mod tenancy;
mod tracing;
