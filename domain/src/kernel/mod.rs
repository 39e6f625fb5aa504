//! What every context shares: the decider, the event, the refusal, the enumeration, terms and limits of inputs, and the values that
//! every domain needs: money and shares of it, days, times of day and time zones, how somebody is reached,
//! and what tells about a person.

mod asking;
mod contact;
mod entry;
pub mod enumeration;
mod event;
mod input;
mod local_day;
mod money;
pub mod personal;
mod refusal;
mod rounding;
mod scalar;
pub mod terms;
#[cfg(test)]
pub(crate) mod testing;
mod time_zone;
mod wall_time;

pub use asking::Asks;
pub use contact::{Email, Phone, Url, UrlRule};
pub use entry::Entry;
pub use enumeration::{EnumValue, Enumeration};
pub use event::{Event, EventSchema, UnknownEvent, unless};
pub use input::{IntRule, InvalidInput, Lines, TextFault, TextRule};
pub use local_day::LocalDay;
pub use money::{Currency, MalformedMoney, Money, MoneyRefused, UnknownCurrency};
pub use personal::Personal;
pub use refusal::{Detail, NotFound, Refusal, RefusalKind, ToDetail};
pub use rounding::{BasisPoints, PerMille, Share, round_div};
pub use scalar::Scalar;
pub use terms::{Limits, Term, Terms};
pub use time_zone::TimeZone;
pub use wall_time::WallTime;

/// An aggregate's rules as three pure functions; the only form a rule takes.
///
/// `decide` says what happens, `evolve` what that means. An event is interpreted once, in `evolve`; a command whose
/// fact already holds succeeds with no events.
pub trait Decider: Default {
    /// The category of the aggregate's streams, in lower snake case; its Kafka topic is `cairn.<category>.v1`.
    const CATEGORY: &'static str;
    /// Intentions, imperative: `WeighLot`.
    type Command;
    /// Facts, noun and past participle: `LotWeighed`.
    type Event: Event;
    /// The states of the world that refuse a command.
    type Error: Refusal;

    /// The state of a stream without events: the default.
    fn initial() -> Self {
        Self::default()
    }

    /// The facts that follow from the command, or why it is refused. No events: the fact already holds.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after the event. Never fails: it has happened.
    #[must_use]
    fn evolve(self, event: &Self::Event) -> Self;
}
