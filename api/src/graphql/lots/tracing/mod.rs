//! Where a lot came from, where it went, and whom a recall concerns: answered from the index in memory.

mod objects;
mod queries;
mod recall;
mod slice;

pub use queries::TracingQueries;
