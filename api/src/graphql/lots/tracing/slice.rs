use std::borrow::Cow;

use async_graphql::{
    Context, OutputType, Result, SimpleObject,
    connection::{Connection, EmptyFields},
};
use commands::ports::{Position, TenantId};
use projections::lots::genealogy::{Genealogy, GenealogyRefusal};

use super::queries::index_at;
use crate::graphql::kernel::{Int64, PageArguments, PageRequest, Row, refused};

/// Entries of one page, at most.
const MAX_ENTRIES: usize = 1_000;

/// A page of an answer of the index. Its cursors carry the position of the answer: the pages of one list belong to one
/// moment, however the log has gone on between them.
pub(super) struct Slice {
    request: PageRequest<(Position, u64)>,
}

/// What is said of a list beside its entries.
#[derive(SimpleObject)]
pub struct Whole {
    /// How many entries there are in all.
    total_count: usize,
    /// The position at which the list is whole: that of its first page.
    position: Int64,
}

pub(super) type Sliced<N> = Connection<String, N, Whole, EmptyFields>;

fn unknown_cursor() -> async_graphql::Error {
    refused("VALIDATION_FAILED", "the cursor is unknown")
}

impl Slice {
    /// `list` names the question and which of its lists this is.
    pub(super) fn read(
        tenant: TenantId,
        list: &str,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<Self> {
        let arguments = PageArguments { first, after, ..PageArguments::default() };
        Ok(Self { request: PageRequest::try_new(arguments, format!("{tenant}/{list}"), MAX_ENTRIES)? })
    }

    /// The answer that the page is taken from: the one at hand, which holds at `position`, or the cursor's.
    pub(super) async fn of<'a, A: Clone>(
        &self,
        context: &Context<'_>,
        at_hand: &'a A,
        position: Position,
        again: impl FnOnce(&Genealogy, Position) -> std::result::Result<A, GenealogyRefusal>,
    ) -> Result<Cow<'a, A>> {
        match self.request.from {
            Some((then, _)) if then != position => {
                // Another process may have given the cursor, and be ahead of this one.
                let index = index_at(context, None, Some(then)).await?;
                again(index, then).map(Cow::Owned).map_err(|_refusal| unknown_cursor())
            }
            Some(_) | None => Ok(Cow::Borrowed(at_hand)),
        }
    }

    /// The page: `entries` reads from a place on, so many.
    pub(super) fn connection<N: OutputType>(
        &self,
        total_count: usize,
        position: Position,
        entries: impl FnOnce(usize, usize) -> Vec<N>,
    ) -> Result<Sliced<N>> {
        let start = match self.request.from {
            None => 0,
            Some((_, seen)) => seen.checked_add(1).ok_or_else(unknown_cursor)?,
        };
        let offset = usize::try_from(start).map_err(|_too_far| unknown_cursor())?;
        let rows = (start..).zip(entries(offset, self.request.fetch()));
        let rows = rows.map(|(place, node)| Row { key: (position, place), node }).collect();
        Ok(self.request.assemble_with(rows, Whole { total_count, position: position.into() }))
    }
}
