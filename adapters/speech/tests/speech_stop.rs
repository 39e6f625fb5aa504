//! A job that was stopped leaves nothing behind that works on: in a process of its own, whose threads can be looked at.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "speech/fixture.rs"]
#[expect(dead_code, reason = "the other tests of the engine use the rest")]
mod fixture;
#[path = "support/speech.rs"]
#[expect(dead_code, reason = "the other tests of the engine use the rest")]
mod support;

use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use commands::ports::transcription::{
    Cancel, Job, Options, Progress, Samples, Source, Span, Transcriber, TranscriptionError,
};

use fixture::ENGINE;
use support::wav_head;

/// The length that a recorder writes which does not know it yet.
const ENDLESS: u32 = 0xffff_0000;

/// One test at a time looks at the threads.
static ALONE: Mutex<()> = Mutex::new(());

/// Hours of silence. Says how much was read after the job was over, once nobody reads it any more.
struct Silence {
    left: Box<dyn Read + Send>,
    over: Arc<AtomicBool>,
    read_after: AtomicU64,
    gone: Sender<u64>,
}

impl Read for Silence {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let read = self.left.read(into)?;
        if self.over.load(Ordering::SeqCst) {
            self.read_after.fetch_add(read as u64, Ordering::SeqCst);
        }
        Ok(read)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = self.gone.send(self.read_after.load(Ordering::SeqCst));
    }
}

fn silence(over: &Arc<AtomicBool>) -> (Source, Receiver<u64>) {
    let (gone, when_gone) = channel();
    let left = Box::new(Cursor::new(wav_head(1, 16, 1, 16_000, ENDLESS)).chain(std::io::repeat(0)));
    let bytes = Silence { left, over: Arc::clone(over), read_after: AtomicU64::new(0), gone };
    (Source::Stream { name: "hours of silence".to_owned(), bytes: Box::new(bytes) }, when_gone)
}

/// Stops a job as soon as its source is open.
fn stopped(source: Source, options: Options) {
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let watcher = &mut |progress: Progress<'_>| {
        if matches!(progress, Progress::Opened { .. }) {
            stop.cancel();
        }
    };
    let outcome = ENGINE.transcribe(Job { source, options, checkpoint: None }, watcher, &cancel);
    assert!(matches!(outcome, Err(TranscriptionError::Cancelled)), "{outcome:?}");
}

#[test]
fn a_stopped_job_reads_no_further_through_silence_and_on_the_way_to_a_range() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let range = Span { start: Samples::from_seconds(30.0 * 3_600.0), end: Samples::from_seconds(2e5) };
    for ranges in [Vec::new(), vec![range]] {
        let over = Arc::new(AtomicBool::new(false));
        let (source, when_gone) = silence(&over);
        stopped(source, Options { ranges, ..Options::default() });
        over.store(true, Ordering::SeqCst);
        let read = when_gone.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(read < 4 * 1_024 * 1_024, "{read} bytes were read after the job was over");
    }
}

/// How many threads of this process prepare audio. One that has ended may be listed a moment longer.
fn feeders() -> usize {
    let listed = || {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let names =
            threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("comm")).ok());
        names.filter(|name| name.trim() == "speech-audio").count()
    };
    for _ in 0..100 {
        if listed() == 0 {
            return 0;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    listed()
}

#[test]
fn a_job_that_is_over_leaves_no_thread_that_could_use_the_voice_detector() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("silence.wav");
    // Three hours, of which the file system keeps nothing.
    let length = 3 * 3_600 * 32_000;
    std::fs::write(&path, wav_head(1, 16, 1, 16_000, length)).unwrap();
    File::options().write(true).open(&path).unwrap().set_len(44 + u64::from(length)).unwrap();
    for _ in 0..20 {
        stopped(Source::File(path.clone()), Options::default());
        assert_eq!(feeders(), 0);
    }
}

/// A pipe into which nobody writes any more.
struct Idle {
    head: Cursor<Vec<u8>>,
    until: Arc<Mutex<Receiver<()>>>,
}

impl Read for Idle {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        match self.head.read(into)? {
            0 => {
                let _ = self.until.lock().unwrap_or_else(PoisonError::into_inner).recv();
                Ok(0)
            }
            read => Ok(read),
        }
    }
}

#[test]
fn a_stopped_job_does_not_wait_for_a_pipe_that_has_nothing_to_say() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (end, until) = channel();
    let mut head = wav_head(1, 16, 1, 16_000, ENDLESS);
    head.resize(200_000, 0);
    let bytes = Box::new(Idle { head: Cursor::new(head), until: Arc::new(Mutex::new(until)) });
    stopped(Source::Stream { name: "pipe".to_owned(), bytes }, Options::default());
    drop(end);
}
