use async_graphql::{
    ObjectType, OutputType,
    connection::{Connection, Edge, EmptyFields},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

/// Rows of a page when the client does not say.
pub const DEFAULT_PAGE: usize = 50;
/// Rows of a page at most, unless a rule says otherwise.
pub const MAX_PAGE: usize = 200;

/// Which way a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `first` rows after the cursor, in the list's order.
    Forward,
    /// `last` rows before the cursor; still answered in the list's order.
    Backward,
}

/// A page that a client asks for: `first` with `after`, or `last` with `before`.
///
/// `K` is the list's sort key, id last, so that the order is stable; a cursor is a row's key. The read model answers
/// up to [`Self::fetch`] rows from the cursor on; [`Self::assemble`] makes a Relay connection of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Which way.
    pub direction: Direction,
    /// Rows wanted, 0 to the list's maximum.
    pub limit: usize,
    /// The key of the row that the page starts after (or ends before).
    pub from: Option<K>,
    /// The mark of the list's scope; none where nobody asked for a cursor.
    tag: Option<String>,
}

/// A row with its sort key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<K, N> {
    /// The key that the list is sorted by.
    pub key: K,
    /// What the client gets.
    pub node: N,
}

/// Why a page cannot be answered; `VALIDATION_FAILED`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// `first` or `last` outside 0 to the list's maximum.
    #[error("{argument} is {given}; it may be 0 to {max}")]
    Size {
        /// Which of the two.
        argument: &'static str,
        /// What was given.
        given: i32,
        /// The list's maximum.
        max: usize,
    },
    /// Both ways at once.
    #[error("a page is asked for by first and after, or by last and before, not by both")]
    BothWays,
    /// A cursor that this list did not give: malformed, of another list or order, or another tenant's.
    #[error("the cursor is unknown")]
    UnknownCursor {
        /// `after` or `before`.
        argument: &'static str,
    },
}

impl PageError {
    /// The argument to blame.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Size { argument, .. } | Self::UnknownCursor { argument } => argument,
            Self::BothWays => "first",
        }
    }
}

/// The four arguments of a list, as GraphQL gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageArguments {
    /// Rows from the front.
    pub first: Option<i32>,
    /// Start after this cursor.
    pub after: Option<String>,
    /// Rows from the back.
    pub last: Option<i32>,
    /// End before this cursor.
    pub before: Option<String>,
}

impl<K: Serialize + DeserializeOwned> PageRequest<K> {
    /// Checks the arguments of a list. `scope` names tenant, list, filter and order: a cursor of another scope is unknown.
    pub fn try_new(
        arguments: PageArguments,
        scope: impl Into<String>,
        max: usize,
    ) -> Result<Self, PageError> {
        Self::with_cursors_if(true, arguments, || scope.into(), max)
    }

    /// The same, but no cursors are made where nobody wants them; nor is the scope's name, if none was given either.
    pub fn with_cursors_if(
        wanted: bool,
        arguments: PageArguments,
        scope: impl FnOnce() -> String,
        max: usize,
    ) -> Result<Self, PageError> {
        let PageArguments { first, after, last, before } = arguments;
        if (first.is_some() || after.is_some()) && (last.is_some() || before.is_some()) {
            return Err(PageError::BothWays);
        }
        let (direction, size, cursor, names) = if last.is_some() || before.is_some() {
            (Direction::Backward, last, before, ("last", "before"))
        } else {
            (Direction::Forward, first, after, ("first", "after"))
        };
        let limit = match size {
            None => DEFAULT_PAGE.min(max),
            Some(given) => usize::try_from(given)
                .ok()
                .filter(|size| *size <= max)
                .ok_or(PageError::Size { argument: names.0, given, max })?,
        };
        let unknown = PageError::UnknownCursor { argument: names.1 };
        let tag = (wanted || cursor.is_some()).then(|| scope_tag(&scope()));
        let read = |text: String| read_cursor(&text, tag.as_deref().unwrap_or_default()).ok_or(unknown);
        let from = cursor.map(read).transpose()?;
        Ok(Self { direction, limit, from, tag: tag.filter(|_| wanted) })
    }

    /// How many rows the read model is asked for: one more than wanted, to know whether others follow.
    pub fn fetch(&self) -> usize {
        self.limit + 1
    }

    /// The rows that the page takes out of a list that is there whole, in the order of its keys. Forward only.
    pub fn rows_of<N>(&self, list: impl IntoIterator<Item = (K, N)>) -> Vec<Row<K, N>>
    where
        K: Ord,
    {
        let behind = list.into_iter().filter(|(key, _)| self.from.as_ref().is_none_or(|from| key > from));
        behind.take(self.fetch()).map(|(key, node)| Row { key, node }).collect()
    }

    /// Makes a connection of the rows that the read model found: up to [`Self::fetch`], nearest to the cursor
    /// first (so in reverse order when reading backward).
    pub fn assemble<N: OutputType>(
        &self,
        rows: Vec<Row<K, N>>,
    ) -> Connection<String, N, EmptyFields, EmptyFields> {
        self.assemble_with(rows, EmptyFields)
    }

    /// Like [`Self::assemble`], with further fields of the connection.
    pub fn assemble_with<N: OutputType, F: ObjectType>(
        &self,
        mut rows: Vec<Row<K, N>>,
        fields: F,
    ) -> Connection<String, N, F, EmptyFields> {
        let more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let tag = self.tag.as_deref();
        let edge = |row: Row<K, N>| (tag.map(|tag| write_cursor(&row.key, tag)), row.node);
        self.join(rows.into_iter().map(edge).collect(), more, fields)
    }

    /// Makes a connection of rows whose keys are made only where somebody wants cursors. `more`: others follow.
    pub fn connection<R, N: OutputType, F: ObjectType>(
        &self,
        rows: Vec<R>,
        more: bool,
        key: impl Fn(&R) -> K,
        node: impl Fn(R) -> N,
        fields: F,
    ) -> Connection<String, N, F, EmptyFields> {
        let tag = self.tag.as_deref();
        let edge = |row: R| (tag.map(|tag| write_cursor(&key(&row), tag)), node(row));
        self.join(rows.into_iter().map(edge).collect(), more, fields)
    }

    fn join<N: OutputType, F: ObjectType>(
        &self,
        mut rows: Vec<(Option<String>, N)>,
        more: bool,
        fields: F,
    ) -> Connection<String, N, F, EmptyFields> {
        if self.direction == Direction::Backward {
            rows.reverse();
        }
        let came_from_a_row = self.from.is_some();
        let (previous, next) = match self.direction {
            Direction::Forward => (came_from_a_row, more),
            Direction::Backward => (more, came_from_a_row),
        };
        let mut connection = Connection::with_additional_fields(previous, next, fields);
        let edges = rows.into_iter().map(|(cursor, node)| Edge::new(cursor.unwrap_or_default(), node));
        connection.edges.extend(edges);
        connection
    }
}

fn write_cursor<K: Serialize>(key: &K, tag: &str) -> String {
    // A key is numbers and texts: it always has a JSON form. Were it otherwise, the cursor would be unknown, not wrong.
    let text = serde_json::to_string(&(tag, key)).unwrap_or_default();
    BASE64_URL_SAFE_NO_PAD.encode(text)
}

fn read_cursor<K: DeserializeOwned>(text: &str, tag: &str) -> Option<K> {
    const LONGEST: usize = 2_048;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text.get(..text.len().min(LONGEST))?).ok()?;
    let (found, key): (String, K) = serde_json::from_slice(&bytes).ok()?;
    (found == tag).then_some(key)
}

/// A short mark of the scope. It keeps honest clients from mixing cursors; what a row's key may reveal is the read
/// model's to filter by tenant.
fn scope_tag(scope: &str) -> String {
    let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, scope.as_bytes());
    id.simple().to_string()[..12].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(first: Option<i32>, after: Option<&str>) -> Result<PageRequest<(i64, String)>, PageError> {
        let arguments =
            PageArguments { first, after: after.map(ToOwned::to_owned), ..PageArguments::default() };
        PageRequest::try_new(arguments, "tenant/lots/by-code", MAX_PAGE)
    }

    fn rows(numbers: impl IntoIterator<Item = i64>) -> Vec<Row<(i64, String), i32>> {
        numbers
            .into_iter()
            .map(|n| Row { key: (n, format!("id-{n}")), node: i32::try_from(n).unwrap() })
            .collect()
    }

    #[test]
    fn a_page_has_50_rows_unless_the_client_says_otherwise_and_never_more_than_200() {
        assert_eq!(page(None, None).unwrap().limit, 50);
        assert_eq!(page(Some(200), None).unwrap().limit, 200);
        assert!(matches!(page(Some(201), None), Err(PageError::Size { max: 200, .. })));
        assert!(matches!(page(Some(-1), None), Err(PageError::Size { .. })));
    }

    #[test]
    fn a_cursor_leads_on_from_its_row() {
        let first = page(Some(2), None).unwrap().assemble(rows(1..=3));
        assert!(first.has_next_page && !first.has_previous_page);
        let cursor = first.edges.last().unwrap().cursor.clone();
        let next = page(Some(2), Some(&cursor)).unwrap();
        assert_eq!(next.from, Some((2, "id-2".to_owned())));
        let next = next.assemble(rows(3..=3));
        assert!(!next.has_next_page && next.has_previous_page);
    }

    #[test]
    fn a_list_read_backward_keeps_its_order() {
        let arguments = PageArguments { last: Some(2), ..PageArguments::default() };
        let page = PageRequest::<(i64, String)>::try_new(arguments, "s", MAX_PAGE).unwrap();
        let connection = page.assemble(rows([9, 8, 7]));
        assert_eq!(connection.edges.iter().map(|edge| edge.node).collect::<Vec<_>>(), [8, 9]);
        assert!(connection.has_previous_page && !connection.has_next_page);
    }

    #[test]
    fn pages_of_a_whole_list_follow_each_other_to_its_end() {
        let list = || (1..=5).map(|n| ((n, format!("id-{n}")), i32::try_from(n).unwrap()));
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = page(Some(2), after.as_deref()).unwrap();
            let connection = page.assemble(page.rows_of(list()));
            seen.extend(connection.edges.iter().map(|edge| edge.node));
            after = connection.edges.last().map(|edge| edge.cursor.clone());
            if !connection.has_next_page {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn an_unknown_or_foreign_cursor_is_refused() {
        let foreign = write_cursor(&(1_i64, "id-1"), &scope_tag("other/lots/by-code"));
        for cursor in ["", "nonsense", "bnVsbA", &foreign, &"A".repeat(10_000)] {
            let refused = page(None, Some(cursor));
            assert_eq!(refused, Err(PageError::UnknownCursor { argument: "after" }), "{cursor}");
        }
    }

    #[test]
    fn both_ways_at_once_is_refused() {
        let arguments = PageArguments { first: Some(1), last: Some(1), ..PageArguments::default() };
        assert_eq!(PageRequest::<i64>::try_new(arguments, "s", 200), Err(PageError::BothWays));
    }
}
