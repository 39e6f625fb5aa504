//! A re-run of a range tells what is in the range, and no doubts and no losses from around it.

use commands::ports::transcription::{Options, Samples, Span};

use crate::fixture::transcribe;
use crate::support::recording;

fn range(start: f64, end: f64) -> Options {
    let range = Span { start: Samples::from_seconds(start), end: Samples::from_seconds(end) };
    Options { ranges: vec![range], ..Options::default() }
}

#[test]
fn a_range_is_not_doubtful_for_what_is_heard_around_it() {
    let path = recording("window_en_01.wav");
    let whole = transcribe(&path, Options::default());
    assert!(whole.segments.iter().all(|segment| segment.flags.is_empty()));
    let part = transcribe(&path, range(5.0, 10.0));
    assert!(!part.segments.is_empty());
    assert_eq!(part.info.uncovered_speech, Samples(0));
    for segment in &part.segments {
        assert!(segment.flags.is_empty(), "{segment:?}");
    }
}
