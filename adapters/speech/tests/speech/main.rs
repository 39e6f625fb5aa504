//! From a recording to words, on the fixture model: what was said, when, in which language, and what is doubtful.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod containers;
mod covering;
mod failures;
mod fixture;
mod formats;
mod halves;
mod hearing;
mod layouts;
mod models;
mod promises;
mod ranges;
mod recordings;
mod resuming;
mod second_tries;
mod spoilt;
#[path = "../support/speech.rs"]
mod support;
mod tally;
mod timeline;
