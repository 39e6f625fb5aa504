//! The GraphQL schema: one module a context and in it one an aggregate, over one kernel of conventions.
//!
//! Reading order: [`kernel`] (what every context shares), [`lots`], then [`schema()`]. The list of what is merged into
//! the schema stands in [`contexts`](crate::contexts).

pub mod bookings;
pub mod kernel;
pub mod lots;

use std::sync::Arc;

use async_graphql::{EmptySubscription, SDLExportOptions, Schema, SchemaBuilder};
use commands::engine::Engine;
use projections::{lots::genealogy::Genealogy, runner::ReadSide};

use self::kernel::{Reads, UserError};
pub use crate::contexts::{Mutation, Node, Query};
use crate::http::prepare_schema;

/// The whole schema.
pub type CairnSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema over an engine, its read models and the genealogy of lots.
pub fn schema(engine: Engine, reads: Arc<ReadSide>, genealogy: Arc<Genealogy>) -> CairnSchema {
    builder().data(engine).data(Reads::new(reads)).data(genealogy).finish()
}

/// The schema without anything behind it: it describes itself and answers nothing else.
pub fn unconnected_schema() -> CairnSchema {
    builder().finish()
}

/// The schema as SDL: the contract in `schema/graphql/schema.graphql`.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    unconnected_schema().sdl_with_options(options.prefer_single_line_descriptions())
}

fn builder() -> SchemaBuilder<Query, Mutation, EmptySubscription> {
    let schema = Schema::build(Query::default(), Mutation::default(), EmptySubscription);
    prepare_schema(schema.register_output_type::<UserError>())
}
