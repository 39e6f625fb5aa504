//! Further read models over the same log, to be built beside each other.

use commands::ports::RecordedEvent;
use projections::{FoldError, Keys, Model, ReadModel, Row, Rows, Table, row};
use uuid::Uuid;

macro_rules! sums {
    ($($module:ident $name:literal times $factor:literal;)+) => {
        $(mod $module {
            use super::*;

            row! {
                /// A sum.
                pub struct SumRow in $name {
                    key {
                        /// Whose sum it is.
                        tenant: Uuid,
                        /// Of which tally.
                        name: String,
                    }
                    /// What it stands at.
                    total: i64,
                }
                index (tenant, total);
            }

            pub struct Sum;

            impl ReadModel for Sum {
                const NAME: &'static str = $name;
                const VERSION: u32 = 1;
                const CATEGORIES: &'static [&'static str] = &["tally"];

                fn tables() -> Vec<&'static Table> {
                    vec![SumRow::TABLE]
                }

                fn keys(event: &RecordedEvent, keys: &mut Keys<'_>) {
                    keys.row::<SumRow>((event.stream.tenant, event.stream.id.to_string()));
                }

                fn apply(event: &RecordedEvent, rows: &mut Rows) -> Result<(), FoldError> {
                    let by: i64 = event.payload.parse().unwrap_or_default();
                    let (tenant, name) = (event.stream.tenant, event.stream.id.to_string());
                    let before = rows.get::<SumRow>(&(tenant, name.clone()))?.map_or(0, |row| row.total);
                    rows.put(SumRow { tenant, name, total: before + $factor * by });
                    Ok(())
                }
            }
        })+

        /// Three of them.
        pub fn models() -> Vec<Model> {
            vec![$(Model::of::<$module::Sum>()),+]
        }
    };
}

sums! {
    once "sum_once" times 1;
    twice "sum_twice" times 2;
    thrice "sum_thrice" times 3;
}
