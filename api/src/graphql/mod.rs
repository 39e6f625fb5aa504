//! The GraphQL schema: one module a context, over one kernel of conventions.

pub mod kernel;
