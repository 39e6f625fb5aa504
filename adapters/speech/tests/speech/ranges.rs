//! A re-run of a range tells what is in the range, and no doubts and no losses from around it; it takes the place of that in
//! an earlier transcript.

use commands::ports::transcription::{
    Cancel, Job, Options, Progress, Samples, Segment, Source, Span, Transcriber,
};

use crate::fixture::{ENGINE, transcribe};
use crate::support::{plain, recording};

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

#[test]
fn ranges_give_the_segments_whose_middle_lies_in_them() {
    let path = recording("window_en_01.wav");
    let range = Span { start: Samples::from_seconds(7.0), end: Samples::from_seconds(14.0) };
    let part = transcribe(&path, Options { ranges: vec![range], ..Options::default() });
    let whole = transcribe(&path, Options::default());
    let inside =
        |text: &str| whole.segments.iter().find(|segment| segment.text == text).map(|segment| segment.start);
    let texts: Vec<&str> = part.segments.iter().map(|segment| segment.text.as_str()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    for segment in &part.segments {
        let start = inside(&segment.text).expect("the same text in the whole");
        assert!(start.0.abs_diff(segment.start.0) < 3_200, "{}", segment.text);
    }
}

#[test]
fn a_range_finer_than_a_millisecond_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let range = Span { start: Samples(100_001), end: Samples(200_003) };
    let options = Options { ranges: vec![range], ..Options::default() };
    for _ in 0..2 {
        let job = Job {
            source: Source::File(recording("window_en_01.wav")),
            options: options.clone(),
            checkpoint: Some(checkpoint.clone()),
        };
        ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();
    }
}

#[test]
fn a_range_beyond_the_end_gives_no_text_and_says_why() {
    let range = Span { start: Samples::from_seconds(3_600.0), end: Samples(u64::MAX) };
    let transcript =
        transcribe(&recording("single_en_01.wav"), Options { ranges: vec![range], ..Options::default() });
    assert!(transcript.segments.is_empty());
    assert_eq!(
        transcript.info.empty_because.as_deref(),
        Some("the recording ends before what was asked for")
    );
    let [lost] = &transcript.info.lost[..] else { panic!("{:?}", transcript.info.lost) };
    assert_eq!((lost.start, lost.end), (range.start, range.end));
    assert!(lost.reason.contains("the recording ends before this range"), "{}", lost.reason);
}

#[test]
fn a_re_run_of_a_range_has_a_name_of_its_own_and_takes_the_place_of_what_is_inside() {
    let path = recording("window_en_01.wav");
    let whole = transcribe(&path, Options::default());
    let range = Span { start: Samples::from_seconds(7.0), end: Samples::from_seconds(14.0) };
    let options = Options { ranges: vec![range], ..Options::default() };
    let part = transcribe(&path, options.clone());
    assert_eq!(part.info.ranges, [range]);
    assert!(whole.info.ranges.is_empty());
    assert_eq!(part.info.revision.len(), 32);
    assert_ne!(part.info.revision, whole.info.revision);
    assert_eq!(part.info.revision, transcribe(&path, options.clone()).info.revision, "the same is the same");
    let other = transcribe(&recording("window_en_02.wav"), options);
    assert_ne!(part.info.revision, other.info.revision, "another recording is another one");
    let kept = whole.segments.iter().filter(|segment| !segment.lies_in(&part.info.ranges));
    let texts = |segments: Vec<&Segment>| -> Vec<String> {
        segments.iter().map(|segment| plain(&segment.text)).collect()
    };
    let mut together: Vec<&Segment> = kept.chain(&part.segments).collect();
    together.sort_by_key(|segment| segment.start);
    assert_eq!(texts(together), texts(whole.segments.iter().collect()), "nothing twice, nothing lost");
}
