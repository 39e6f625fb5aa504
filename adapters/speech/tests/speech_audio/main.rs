//! What a Whisper model gets to hear: files of every format and every kind of damage, the speech in them, and windows.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod damage;
mod exactness;
mod formats;
mod sounds;
#[path = "../support/speech.rs"]
#[expect(dead_code, reason = "the tests of transcripts use the rest")]
mod support;
mod voice;
mod windows;
