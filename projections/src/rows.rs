use std::{
    any::{Any, TypeId},
    collections::{HashMap, hash_map::Entry},
};

use self::forgotten::ForgottenKeys;
use crate::{Row, Table, Value, ValueMismatch, fold::FoldError};

mod forgotten;

/// The rows that a fold works on: those that the events of a batch name, loaded beforehand, and what became of them.
///
/// A fold sees exactly the rows that [`ReadModel::keys`](crate::ReadModel::keys) asked for, so that a forgotten key
/// fails in the first test rather than reading as an absent row.
#[derive(Default)]
pub struct Rows {
    tables: Vec<(TypeId, Box<dyn TableRows>)>,
    /// Counts changes, so that the runner knows whether a failed fold had begun to change rows.
    changes: u64,
    batch: u32,
    /// The tables were empty in the beginning: only forgotten rows can lie there. Else anything can.
    only_forgotten: Option<ForgottenKeys>,
}

/// Collects the keys of the rows that a fold will look at.
pub struct Keys<'a>(pub(crate) &'a mut Rows);

impl Keys<'_> {
    /// The fold will look at this row, if it exists.
    pub fn row<R: Row>(&mut self, key: R::Key) {
        let batch = self.0.batch;
        let index = self.0.index::<R>();
        let Rows { tables, only_forgotten, .. } = &mut *self.0;
        let table = typed::<R>(&mut tables[index].1);
        table.is_asked_for = true;
        match table.slots.entry(key) {
            Entry::Occupied(mut slot) => slot.get_mut().batch = batch,
            Entry::Vacant(vacant) => {
                let may_exist = table.has_let_go
                    || only_forgotten.as_ref().is_none_or(|keys| keys.may_contain(index, vacant.key()));
                if may_exist {
                    table.wanted.push(vacant.key().clone());
                }
                vacant.insert(Slot { row: None, state: SlotState::Clean, batch });
            }
        }
    }
}

impl Rows {
    /// No rows, before tables that may hold some.
    pub fn new() -> Self {
        Self::default()
    }

    /// No rows, before empty tables: what was never written need not be asked for.
    pub(crate) fn before_empty_tables() -> Self {
        Self { only_forgotten: Some(ForgottenKeys::default()), ..Self::default() }
    }

    fn index<R: Row>(&mut self) -> usize {
        let wanted = TypeId::of::<R>();
        self.tables.iter().position(|(id, _)| *id == wanted).unwrap_or_else(|| {
            self.tables.push((wanted, Box::new(TypedRows::<R>::default())));
            self.tables.len() - 1
        })
    }

    fn table<R: Row>(&mut self) -> &mut TypedRows<R> {
        let index = self.index::<R>();
        typed::<R>(&mut self.tables[index].1)
    }

    /// A row, if it exists.
    pub fn get<R: Row>(&mut self, key: &R::Key) -> Result<Option<&R>, FoldError> {
        match self.table::<R>().slots.get(key) {
            Some(slot) => Ok(slot.row.as_ref()),
            None => Err(FoldError::NotLoaded { table: R::TABLE.name, key: format!("{key:?}") }),
        }
    }

    /// A row that must exist, to be changed.
    pub fn change<R: Row>(&mut self, key: &R::Key) -> Result<&mut R, FoldError> {
        self.change_if_present(key)?
            .ok_or_else(|| FoldError::RowMissing { table: R::TABLE.name, key: format!("{key:?}") })
    }

    /// A row to be changed, if it exists.
    pub fn change_if_present<R: Row>(&mut self, key: &R::Key) -> Result<Option<&mut R>, FoldError> {
        self.changes += 1;
        let batch = self.batch;
        match self.table::<R>().slots.get_mut(key) {
            Some(slot) => {
                if slot.row.is_some() {
                    slot.state = SlotState::Changed;
                    slot.batch = batch;
                }
                Ok(slot.row.as_mut())
            }
            None => Err(FoldError::NotLoaded { table: R::TABLE.name, key: format!("{key:?}") }),
        }
    }

    /// Writes a row, new or in place of the one with its key. It need not have been loaded.
    pub fn put<R: Row>(&mut self, row: R) {
        self.changes += 1;
        let slot = Slot { state: SlotState::Changed, batch: self.batch, row: None };
        self.table::<R>().slots.insert(row.key(), Slot { row: Some(row), ..slot });
    }

    /// Deletes the row with this key. It need not have been loaded, nor exist.
    pub fn delete<R: Row>(&mut self, key: R::Key) {
        self.changes += 1;
        let slot = Slot { state: SlotState::Changed, batch: self.batch, row: None };
        self.table::<R>().slots.insert(key, slot);
    }

    /// Every row of a type that is held now, in no order. For tests of folds.
    pub fn all<R: Row>(&mut self) -> Vec<&R> {
        self.table::<R>().slots.values().filter_map(|slot| slot.row.as_ref()).collect()
    }

    pub(crate) fn change_count(&self) -> u64 {
        self.changes
    }

    /// Begins a batch: rows that no later batch asks for are the first to be forgotten.
    pub(crate) fn begin_batch(&mut self) {
        self.batch = self.batch.wrapping_add(1);
    }

    /// The keys that were asked for and are not held, by table.
    pub(crate) fn take_wanted(&mut self) -> Vec<(&'static Table, Vec<Value>)> {
        self.tables
            .iter_mut()
            .map(|(_, table)| (table.declaration(), table.take_wanted()))
            .filter(|(_, keys)| !keys.is_empty())
            .collect()
    }

    /// Takes up rows that were read from a table, their values one after the other.
    pub(crate) fn load(&mut self, table: &'static Table, values: Vec<Value>) -> Result<(), ValueMismatch> {
        match self.tables.iter_mut().find(|(_, rows)| std::ptr::eq(rows.declaration(), table)) {
            Some((_, rows)) => rows.load(values),
            None => Ok(()),
        }
    }

    /// What changed since the last call, by table: values of rows to write, and of keys to delete.
    pub(crate) fn take_changes(&mut self) -> Vec<(&'static Table, Vec<Value>, Vec<Value>)> {
        self.tables
            .iter_mut()
            .map(|(_, table)| table.take_changes())
            .filter(|(_, written, deleted)| !written.is_empty() || !deleted.is_empty())
            .collect()
    }

    /// How many rows are held.
    pub(crate) fn len(&self) -> usize {
        self.tables.iter().map(|(_, table)| table.len()).sum()
    }

    /// Forgets unchanged rows, oldest batches first, until at most `limit` are held or all are of this batch; all of them where
    /// rows are only written and never looked at.
    pub(crate) fn forget_beyond(&mut self, limit: usize) {
        self.tables.iter_mut().for_each(|(_, table)| table.let_go());
        let mut batches = 16;
        while self.len() > limit && batches > 0 {
            for (index, (_, table)) in self.tables.iter_mut().enumerate() {
                table.forget_older(self.batch, batches, index, &mut self.only_forgotten);
            }
            batches /= 2;
        }
    }
}

fn typed<R: Row>(table: &mut Box<dyn TableRows>) -> &mut TypedRows<R> {
    let table: &mut dyn Any = table.as_mut();
    match table.downcast_mut() {
        Some(table) => table,
        #[expect(clippy::unreachable, reason = "a table is filed under the type that it was made with")]
        None => unreachable!("a table filed under another row type"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SlotState {
    Clean,
    Changed,
}

/// A row that was loaded or written. `row: None`: it is known that there is none.
struct Slot<R> {
    row: Option<R>,
    state: SlotState,
    batch: u32,
}

struct TypedRows<R: Row> {
    slots: HashMap<R::Key, Slot<R>>,
    wanted: Vec<R::Key>,
    /// Whether a fold has ever looked at one of these rows.
    is_asked_for: bool,
    /// Rows were forgotten of which nothing is known any more.
    has_let_go: bool,
}

impl<R: Row> Default for TypedRows<R> {
    fn default() -> Self {
        Self { slots: HashMap::new(), wanted: Vec::new(), is_asked_for: false, has_let_go: false }
    }
}

/// A table's rows whatever their type.
trait TableRows: Any + Send + Sync {
    fn declaration(&self) -> &'static Table;
    fn take_wanted(&mut self) -> Vec<Value>;
    fn load(&mut self, values: Vec<Value>) -> Result<(), ValueMismatch>;
    fn take_changes(&mut self) -> (&'static Table, Vec<Value>, Vec<Value>);
    fn len(&self) -> usize;
    /// Forgets what is unchanged and what nobody has ever asked for.
    fn let_go(&mut self);
    fn forget_older(&mut self, batch: u32, batches: u32, index: usize, keys: &mut Option<ForgottenKeys>);
}

impl<R: Row> TableRows for TypedRows<R> {
    fn declaration(&self) -> &'static Table {
        R::TABLE
    }

    fn take_wanted(&mut self) -> Vec<Value> {
        let mut values = Vec::with_capacity(self.wanted.len() * R::TABLE.key_columns);
        for key in self.wanted.drain(..) {
            R::write_key(&key, &mut values);
        }
        values
    }

    fn load(&mut self, values: Vec<Value>) -> Result<(), ValueMismatch> {
        let mut values = values.into_iter();
        while values.len() > 0 {
            let row = R::read(&mut values)?;
            if let Some(slot) = self.slots.get_mut(&row.key()) {
                slot.row = Some(row);
            }
        }
        Ok(())
    }

    fn take_changes(&mut self) -> (&'static Table, Vec<Value>, Vec<Value>) {
        let (mut written, mut deleted) = (Vec::new(), Vec::new());
        for (key, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.state == SlotState::Changed) {
            slot.state = SlotState::Clean;
            match &slot.row {
                Some(row) => row.write(&mut written),
                None => R::write_key(key, &mut deleted),
            }
        }
        (R::TABLE, written, deleted)
    }

    fn len(&self) -> usize {
        self.slots.len()
    }

    fn let_go(&mut self) {
        if !self.is_asked_for && !self.slots.is_empty() {
            self.slots.retain(|_, slot| slot.state == SlotState::Changed);
            self.has_let_go = true;
        }
    }

    fn forget_older(&mut self, batch: u32, batches: u32, index: usize, keys: &mut Option<ForgottenKeys>) {
        self.slots.retain(|key, slot| {
            let keep = slot.state == SlotState::Changed || batch.wrapping_sub(slot.batch) < batches;
            if let Some(keys) = keys.as_mut().filter(|_| !keep && slot.row.is_some()) {
                keys.insert(index, key);
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::row;

    row! {
        /// What was seen.
        pub struct SightRow in "sights" {
            key {
                /// Whose it is.
                tenant: Uuid,
                /// Which one.
                number: u32,
            }
            /// What it was.
            what: String,
        }
    }

    fn seen(rows: &mut Rows, numbers: std::ops::Range<u32>) {
        rows.begin_batch();
        for number in numbers {
            rows.put(SightRow { tenant: Uuid::nil(), number, what: "a heron".to_owned() });
        }
        let written: usize = rows.take_changes().iter().map(|(_, written, _)| written.len()).sum();
        assert!(written > 0);
    }

    #[test]
    fn rows_that_are_only_written_are_not_held_and_one_that_is_looked_at_later_is_asked_for() {
        let mut rows = Rows::before_empty_tables();
        seen(&mut rows, 0..10);
        rows.forget_beyond(1_000);
        assert_eq!(rows.len(), 0, "nobody looks at them");
        Keys(&mut rows).row::<SightRow>((Uuid::nil(), 3));
        let wanted = rows.take_wanted();
        assert_eq!(wanted.len(), 1, "the table may hold it, whatever is remembered of its keys");
        seen(&mut rows, 10..20);
        rows.forget_beyond(1_000);
        assert_eq!(rows.len(), 11, "now that one was looked at, the next may be");
    }
}
