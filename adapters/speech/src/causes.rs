//! An error and what lies below it, where only one line of text has room.

use std::error::Error;

/// What an error says, then each of its causes, from the nearest to the furthest.
#[must_use]
pub fn in_full(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
