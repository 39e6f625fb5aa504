//! The tests that cross packages, one binary: `tests/main.rs` lists them.
//!
//! They see the packages as a user of the whole does: commands in, rows and events out, on real files and a real
//! PostgreSQL. What one package promises by itself is tested beside it.
