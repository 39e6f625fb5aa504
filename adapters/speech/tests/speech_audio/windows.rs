//! Whatever there is to hear, windows lose nothing, double nothing, and their times are exact.

use adapters_speech::voice::FRAME;
use adapters_speech::windows::{Cutter, LONGEST_WINDOW, Listener, Window};
use commands::ports::transcription::{Samples, Span, VoiceOptions};
use proptest::prelude::*;

/// Samples that tell their own place, exactly as a float can.
fn samples(from: u64, count: usize) -> Vec<f32> {
    (from..from + count as u64).map(|at| (at % 16_000_000) as f32).collect()
}

/// A timeline: stretches of speech and silence in turn, in frames, and the probabilities that a detector would give.
fn probabilities(turns: &[(u32, u32)]) -> Vec<f32> {
    let mut probabilities = Vec::new();
    for (silent, spoken) in turns {
        probabilities.extend(std::iter::repeat_n(0.02, *silent as usize));
        // A dip below the threshold, now and then, ends nothing.
        probabilities
            .extend((0..*spoken).map(|at| if at % 7 == 3 { 0.4 } else { 0.97 - (at % 11) as f32 / 1_000.0 }));
    }
    probabilities
}

struct Cut {
    windows: Vec<Window>,
    speech: Samples,
}

/// Cuts a timeline that is `rest` samples longer than its frames, coming in portions of `portion` frames.
fn cut(options: VoiceOptions, origin: u64, probabilities: &[f32], rest: usize, portion: usize) -> Cut {
    let mut cutter = Cutter::new(options, Samples(origin));
    let (mut windows, mut at) = (Vec::new(), origin);
    for portion in probabilities.chunks(portion) {
        cutter.push(&samples(at, portion.len() * FRAME), portion, &mut windows);
        at += (portion.len() * FRAME) as u64;
    }
    cutter.push(&samples(at, rest), &[], &mut windows);
    let last: &[f32] = if rest > 0 { &[0.02] } else { &[] };
    let speech = cutter.finish(last, &mut windows);
    Cut { windows, speech }
}

/// What must hold of any windows.
fn check(cut: &Cut, origin: u64, end: u64) {
    let (mut before, mut speech) = (origin, 0);
    for window in &cut.windows {
        let length = window.samples.len() as u64;
        assert!(0 < length && length <= LONGEST_WINDOW, "a window of {length} samples");
        assert_eq!(window.map.window_length(), Samples(length));
        let mut place = 0;
        for piece in window.map.pieces() {
            // In order, nothing twice, no gap in the window, and the samples are those of the recording.
            assert!(
                before <= piece.source_start
                    && piece.source_start < piece.source_end
                    && piece.source_end <= end
            );
            assert_eq!(piece.window_start, place);
            let count = piece.source_end - piece.source_start;
            let wanted = samples(piece.source_start, count as usize);
            assert!(window.samples[place as usize..(place + count) as usize] == wanted, "{piece:?}");
            (before, place) = (piece.source_end, place + count);
        }
        assert_eq!(place, length);
        speech += window.speech.iter().map(|span| span.end.0 - span.start.0).sum::<u64>();
        check_map(window);
    }
    assert_eq!(speech, cut.speech.0);
}

/// Both directions of the map agree, and never go back.
fn check_map(window: &Window) {
    let length = window.samples.len() as u64;
    let points = (0..length).step_by(9_973).chain([length - 1]).map(Samples);
    let mut last = Samples(0);
    for at in points {
        let source = window.map.source_of_start(at);
        assert_eq!(source.0 % 16_000_000, window.samples[at.0 as usize] as u64);
        assert_eq!(window.map.window_of(source), at);
        assert!(source >= last && window.map.source_of_end(at) <= source);
        last = source;
    }
    assert_eq!(window.map.source_of_end(Samples(length)), window.end());
    assert_eq!(window.map.source_of_end(Samples(length + 5_000)), window.end());
    assert_eq!(window.map.source_of_start(Samples(0)), window.start());
    assert_eq!(window.map.window_of(window.end()), Samples(length));
    for pair in window.map.pieces().windows(2) {
        // What is left out is at the seam, from both sides.
        let seam = Samples(pair[1].window_start);
        assert_eq!(window.map.source_of_end(seam), Samples(pair[0].source_end));
        assert_eq!(window.map.source_of_start(seam), Samples(pair[1].source_start));
        assert_eq!(window.map.window_of(Samples(pair[0].source_end + 1)), seam);
    }
}

/// The speech of windows in the recording's time, pieces that touch joined.
fn spoken(windows: &[Window]) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for window in windows {
        for span in &window.speech {
            let (start, end) =
                (window.map.source_of_start(span.start).0, window.map.source_of_end(span.end).0);
            assert_eq!(end - start, span.end.0 - span.start.0, "nothing is left out inside speech");
            match joined.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => joined.push((start, end)),
            }
        }
    }
    joined
}

/// The speech that there is in a timeline whose silences are long enough to end it and whose speech is long enough to
/// count.
fn truth(turns: &[(u32, u32)], origin: u64) -> Vec<(u64, u64)> {
    let (mut at, mut truth) = (origin, Vec::new());
    for (silent, spoken) in turns {
        let start = at + u64::from(*silent) * FRAME as u64;
        at = start + u64::from(*spoken) * FRAME as u64;
        truth.push((start, at));
    }
    truth
}

/// Silence of 0.16 to 50 s and speech of 0.16 to 48 s, short ones more often.
fn turns(most: usize) -> impl Strategy<Value = Vec<(u32, u32)>> {
    let silent = prop_oneof![5_u32..40, 5_u32..300, 5_u32..1_600];
    let spoken = prop_oneof![6_u32..60, 6_u32..400, 6_u32..1_500];
    prop::collection::vec((silent, spoken), 1..most)
}

/// Sounds around the shortest that are speech, and pauses around the shortest that end it.
fn clicks() -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((1_u32..14, 1_u32..6), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn speech_is_neither_lost_nor_doubled_and_times_are_exact(turns in turns(30), origin in 0_u64..1_000_000, rest in 0_usize..FRAME, portion in 1_usize..600) {
        let probabilities = probabilities(&turns);
        let cut = cut(VoiceOptions::default(), origin, &probabilities, rest, portion);
        let end = origin + (probabilities.len() * FRAME + rest) as u64;
        check(&cut, origin, end);
        prop_assert_eq!(spoken(&cut.windows), truth(&turns, origin));
    }

    #[test]
    fn portions_change_nothing(turns in prop_oneof![turns(12), clicks()], portion in 1_usize..600) {
        let probabilities = probabilities(&turns);
        let whole = cut(VoiceOptions::default(), 0, &probabilities, 100, probabilities.len());
        let parts = cut(VoiceOptions::default(), 0, &probabilities, 100, portion);
        prop_assert!(whole.windows == parts.windows && whole.speech == parts.speech);
        check(&parts, 0, (probabilities.len() * FRAME + 100) as u64);
    }

    #[test]
    fn without_a_detector_every_sample_is_in_a_window(length in 1_usize..3_000_000, portion in 1_usize..500_000) {
        let mut listener = Listener::new(None, VoiceOptions::default(), Samples(77));
        let mut windows = Vec::new();
        for portion in samples(77, length).chunks(portion) {
            listener.push(portion, &mut windows).unwrap();
        }
        let speech = listener.finish(&mut windows).unwrap();
        let end = 77 + length as u64;
        check(&Cut { windows: windows.clone(), speech }, 77, end);
        let all: u64 = windows.iter().map(|window| window.samples.len() as u64).sum();
        prop_assert_eq!((all, speech), (length as u64, Samples(length as u64)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1))]

    #[test]
    fn three_hours_lose_nothing(seed in prop::collection::vec((5_u32..200, 6_u32..300), 50)) {
        let turns: Vec<(u32, u32)> = seed.iter().copied().cycle().scan(0, |frames, turn| {
            *frames += turn.0 + turn.1;
            (*frames < 3 * 3_600 * 16_000 / FRAME as u32).then_some(turn)
        }).collect();
        let probabilities = probabilities(&turns);
        let cut = cut(VoiceOptions::default(), 0, &probabilities, 0, 512);
        check(&cut, 0, (probabilities.len() * FRAME) as u64);
        prop_assert_eq!(spoken(&cut.windows), truth(&turns, 0));
    }
}

#[test]
fn windows_end_at_the_longest_silence_after_20_s() {
    // Speech of 4 s each; the silences between in frames: the longest after 20 s and before 30 s is the fifth.
    let turns = [(10, 125), (12, 125), (40, 125), (12, 125), (12, 125), (25, 125), (12, 125), (12, 125)];
    let cut = cut(VoiceOptions::default(), 0, &probabilities(&turns), 0, 100);
    let counts: Vec<usize> = cut.windows.iter().map(|window| window.speech.len()).collect();
    assert_eq!(counts, [5, 3]);
}

#[test]
fn long_silence_is_shortened_to_one_second_and_its_padding() {
    let cut = cut(VoiceOptions::default(), 0, &probabilities(&[(10, 100), (400, 100)]), 0, 100);
    let [window] = &cut.windows[..] else { panic!("{} windows", cut.windows.len()) };
    let [first, second] = window.map.pieces() else { panic!("{:?}", window.map) };
    let pad = VoiceOptions::default().pad.0;
    assert_eq!(first.source_end, 110 * 512 + pad + 8_000);
    assert_eq!(second.source_start, 510 * 512 - pad - 8_000);
    assert_eq!(window.speech[1].start.0 - window.speech[0].end.0, 2 * pad + 16_000);
}

#[test]
fn half_a_minute_of_silence_ends_a_window() {
    let cut = cut(VoiceOptions::default(), 0, &probabilities(&[(10, 100), (1_100, 100)]), 0, 100);
    assert_eq!(cut.windows.len(), 2);
}

#[test]
fn speech_without_end_is_cut_at_its_quietest_point() {
    let mut probabilities = vec![0.99; 1_500];
    probabilities[800..803].fill(0.6);
    let cut = cut(VoiceOptions::default(), 0, &probabilities, 0, 100);
    check(&cut, 0, 1_500 * FRAME as u64);
    assert!((800..803).contains(&(cut.windows[0].end().0 / FRAME as u64)), "{:?}", cut.windows[0].map);
    assert_eq!(cut.speech.0, 1_500 * FRAME as u64);
}

#[test]
fn without_a_detector_windows_end_at_the_quietest_point_of_their_last_seconds() {
    let mut loud: Vec<f32> = (0..960_000).map(|at| (at as f32 * 0.3).sin()).collect();
    loud[440_000..444_000].fill(0.0);
    let mut listener = Listener::new(None, VoiceOptions::default(), Samples(0));
    let mut windows = Vec::new();
    listener.push(&loud, &mut windows).unwrap();
    listener.finish(&mut windows).unwrap();
    assert!((440_000..=444_000).contains(&windows[0].end().0), "{}", windows[0].end().0);
    assert_eq!(windows[0].speech, [Span { start: Samples(0), end: windows[0].end() }]);
}

#[test]
fn a_click_is_no_speech_and_a_short_pause_ends_none() {
    let options = VoiceOptions::default();
    let click = cut(options, 0, &probabilities(&[(50, 2), (50, 1)]), 0, 100);
    assert_eq!((click.windows.len(), click.speech), (0, Samples(0)));
    let pause = cut(options, 0, &probabilities(&[(50, 20), (3, 20)]), 0, 100);
    assert_eq!(spoken(&pause.windows), [(50 * 512, 93 * 512)]);
}

#[test]
fn a_short_first_sound_belongs_to_the_speech_just_behind_it() {
    let options = VoiceOptions::default();
    let near = cut(options, 0, &probabilities(&[(50, 3), (8, 20)]), 0, 100);
    assert_eq!(spoken(&near.windows), [(50 * 512, 81 * 512)]);
    // Further away than what is kept before speech, it is a click; and of two clicks only the one just before counts.
    let far = cut(options, 0, &probabilities(&[(50, 3), (10, 20)]), 0, 100);
    assert_eq!(spoken(&far.windows), [(63 * 512, 83 * 512)]);
    let two = cut(options, 0, &probabilities(&[(50, 2), (6, 2), (6, 20)]), 0, 100);
    assert_eq!(spoken(&two.windows), [(58 * 512, 86 * 512)]);
    let behind = cut(options, 0, &probabilities(&[(50, 20), (12, 3), (8, 20)]), 0, 100);
    assert_eq!(spoken(&behind.windows), [(50 * 512, 70 * 512), (82 * 512, 113 * 512)]);
}
