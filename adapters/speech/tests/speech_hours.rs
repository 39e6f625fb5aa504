//! Three hours of audio through a stream, in a process of its own: memory stays flat, and the last time is as exact as
//! the first.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "speech/fixture.rs"]
#[expect(dead_code, reason = "the other tests of the engine use the rest")]
mod fixture;
#[path = "support/speech.rs"]
#[expect(dead_code, reason = "the other tests of the engine use the rest")]
mod support;
#[path = "speech/timeline.rs"]
#[expect(dead_code, reason = "the other tests of the engine use the rest")]
mod timeline;

use std::collections::VecDeque;
use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use commands::ports::transcription::{Cancel, Job, Options, Progress, Source, Transcriber};

use fixture::ENGINE;
use support::{bytes_of, read_wav, recording, recordings, wav_head};
use timeline::agrees;

/// Bytes of a second.
const SECOND: u64 = 32_000;
/// Every so many seconds somebody speaks for half a minute: as much of the three hours as the test can wait for.
const TURN: u64 = 150;
/// Turns in three hours.
const TURNS: u64 = 72;
/// What memory may grow by after the first half hour, in kilobytes. The audio of the other windows is 115 MB, their
/// spectrograms are 58 MB and their states 46 MB: none of them is kept.
const GROWTH: u64 = 24 * 1_024;

/// The most memory that this process has had so far, in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A stream that is made while it is read, and looks at the memory after half an hour of it.
struct Hours {
    pieces: VecDeque<Box<dyn Read + Send>>,
    read: u64,
    at_half_an_hour: Arc<AtomicU64>,
}

impl Read for Hours {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while let Some(piece) = self.pieces.front_mut() {
            let read = piece.read(into)?;
            if read > 0 {
                let before = self.read;
                self.read += read as u64;
                if before < 1_800 * SECOND && self.read >= 1_800 * SECOND {
                    self.at_half_an_hour.store(peak(), Ordering::Relaxed);
                }
                return Ok(read);
            }
            self.pieces.pop_front();
        }
        Ok(0)
    }
}

#[test]
fn three_hours_take_no_more_memory_than_half_an_hour_and_keep_their_times() {
    let known: Vec<_> = recordings().into_iter().filter(|one| one.kind == "window_en").collect();
    let length = TURNS * TURN * SECOND;
    let mut pieces: VecDeque<Box<dyn Read + Send>> = VecDeque::new();
    pieces.push_back(Box::new(Cursor::new(wav_head(1, 16, 1, 16_000, length as u32))));
    let mut said = Vec::new();
    for (turn, one) in (0..TURNS).zip(known.iter().cycle()) {
        let bytes = bytes_of(&read_wav(&recording(&one.file)));
        let silence = TURN * SECOND - bytes.len() as u64;
        pieces.push_back(Box::new(Cursor::new(bytes)));
        pieces.push_back(Box::new(std::io::repeat(0).take(silence)));
        let start = (turn * TURN) as f64;
        said.extend(one.utterances.iter().map(|one| one.later(start)));
    }
    let at_half_an_hour = Arc::new(AtomicU64::new(0));
    let bytes = Hours { pieces, read: 0, at_half_an_hour: Arc::clone(&at_half_an_hour) };
    let source = Source::Stream { name: "three hours".to_owned(), bytes: Box::new(bytes) };
    let job = Job { source, options: Options::default(), checkpoint: None };
    let transcript = ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();

    let (before, after) = (at_half_an_hour.load(Ordering::Relaxed), peak());
    assert!(before > 0, "half an hour was heard");
    assert!(after - before < GROWTH, "{before} kB after half an hour, {after} kB at the end");
    assert_eq!(transcript.info.duration.0, TURNS * TURN * 16_000);
    agrees("three hours", &transcript, &said);
}
