//! The plant's lots through the engine: what the domain alone cannot show, because it takes many streams at once.

mod acceptance;
mod acceptance_recall;
mod claims;
mod edges;
mod genealogy;
mod genealogy_follows;
mod holds;
pub(crate) mod plant;
mod process;
mod rows;
