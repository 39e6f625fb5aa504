//! What a Whisper model gets to hear: files of every format and every kind of damage, the speech in them, and windows.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

mod damage;
mod exactness;
mod formats;
mod sounds;
mod voice;
mod windows;
