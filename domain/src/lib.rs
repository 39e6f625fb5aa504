//! The rules of Cairn: deciders and value objects.
//!
//! A rule takes one form only, [`Decider`]: state, commands in, events out. This package knows no async, no IO,
//! no clock, no randomness and no floating point; time, ids and looked-up facts come in with the command, so that
//! replaying a log always decides alike (a lint refuses the calls).
//!
//! Reading order: [`kernel`] (the three pure functions and the shape of an event), then [`claims`] (uniqueness as a
//! stream), then one context from top to bottom, [`lots`] first.

pub mod bookings;
pub mod claims;
pub mod identity;
pub mod kernel;
pub mod lots;
pub mod reactions;

pub use kernel::{Decider, Event, Refusal};
