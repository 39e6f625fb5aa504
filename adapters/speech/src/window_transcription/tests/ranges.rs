//! Windows of which only a part was asked for.

use super::*;

const SAID: [(f64, &str, f64); 2] = [(0.0, "one two three four", 4.0), (17.0, "seven eight nine ten", 20.0)];

/// The flags of the two texts around a word at 8 s that got none, where these seconds of the window were asked for.
fn flags(asked_for: &[(f64, f64)]) -> Vec<Vec<Flag>> {
    // The window begins at 10 s.
    let at = |seconds: f64| Samples::from_seconds(10.0 + seconds);
    let ranges = asked_for.iter().map(|(start, end)| Span { start: at(*start), end: at(*end) }).collect();
    let plan = Arc::new(Plan { ranges, ..plan() });
    let speech = [(0.0, 4.0), (8.0, 8.4), (17.0, 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&speech));
    let result = done(transcription.decoded(text(&plan.tokens, &SAID, -0.2), features()));
    assert_eq!(uncovered(&result), [(288_000, 294_400)]);
    result.segments.into_iter().map(|segment| segment.flags).collect()
}

#[test]
fn speech_without_text_outside_of_what_was_asked_for_flags_nothing() {
    assert_eq!(flags(&[]), [vec![Flag::UncoveredSpeech], vec![]]);
    assert_eq!(flags(&[(0.0, 6.0)]), [vec![], vec![]]);
}

#[test]
fn speech_without_text_flags_the_nearest_text_that_is_told() {
    assert_eq!(flags(&[(7.0, 20.0)]), [vec![], vec![Flag::UncoveredSpeech]]);
    assert_eq!(flags(&[(7.0, 10.0)]), [vec![], vec![]], "neither of them is");
}
