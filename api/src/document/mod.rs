//! Whether a GraphQL document may run: read once, measured and checked before anything is resolved.
