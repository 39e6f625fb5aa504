//! The GraphQL schema: one module a context, over one kernel of conventions.
//!
//! Reading order: [`kernel`] (what every context shares), [`lots`], [`node`](NodeQueries), then [`schema()`], where the
//! contexts are merged.

pub mod kernel;
pub mod lots;
mod node;

use std::sync::Arc;

use async_graphql::{EmptySubscription, MergedObject, SDLExportOptions, Schema, SchemaBuilder};
use commands::engine::Engine;
use projections::{lots::genealogy::Genealogy, runner::ReadSide};

pub use node::{Node, NodeQueries};

use self::{
    kernel::{Reads, UserError},
    lots::{LotLists, LotMutations, LotQueries, TracingQueries},
};
use crate::http::prepare_schema;

/// Everything that can be asked.
#[derive(MergedObject, Default)]
pub struct Query(NodeQueries, LotQueries, LotLists, TracingQueries);

/// Everything that can be done.
#[derive(MergedObject, Default)]
pub struct Mutation(LotMutations);

/// The whole schema.
pub type CairnSchema = Schema<Query, Mutation, EmptySubscription>;

/// The schema over an engine, its read models and the genealogy of lots.
pub fn schema(engine: Engine, reads: Arc<ReadSide>, genealogy: Arc<Genealogy>) -> CairnSchema {
    builder().data(engine).data(Reads::loader(reads)).data(genealogy).finish()
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
