//! What a model leaves of a window is decoded by itself, as long as that gets anywhere.

use super::*;

/// The same text, with no room for more.
fn cut_off(decoded: Decoded) -> Decoded {
    Decoded { ended_at_cap: true, ..decoded }
}

/// The same text, with a last time said twice: the next text begins there, and is for another window.
fn stopping(tokens: &Tokens, parts: &[(f64, &str, f64)]) -> Decoded {
    let mut said = text(tokens, parts, -0.2);
    said.tokens.extend(said.tokens.last().copied());
    said.logprobs.push(-0.2);
    said
}

/// A text that begins and is cut off.
fn begun(tokens: &Tokens, mut decoded: Decoded, at: f64, more: &str) -> Decoded {
    decoded.tokens.push(tokens.first_timestamp + (at / 0.02).round() as u32);
    decoded.tokens.extend(tokens.encode(&format!(" {more}")).unwrap());
    decoded.logprobs.resize(decoded.tokens.len(), -0.2);
    cut_off(decoded)
}

fn seconds(result: &WindowResult) -> Vec<(f64, f64)> {
    // The window begins at 10 s.
    let seconds = |at: Samples| at.seconds() - 10.0;
    result.segments.iter().map(|segment| (seconds(segment.start), seconds(segment.end))).collect()
}

#[test]
fn a_text_without_room_for_its_end_goes_on_at_its_last_time() {
    for listens in [true, false] {
        let plan = Arc::new(Plan { listens, ..plan() });
        let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
        let first = text(&plan.tokens, &[(0.0, "one two three four", 5.0)], -0.2);
        asked(transcription.decoded(begun(&plan.tokens, first, 5.0, "five six"), features()));
        // The part begins 0.2 s before.
        let more = "five six seven eight nine ten stop";
        let rest = text(&plan.tokens, &[(0.2, more, 15.2)], -0.2);
        let result = done(transcription.decoded(rest, features()));
        assert_eq!(texts(&result), ["one two three four", more]);
        assert_eq!(seconds(&result), [(0.0, 5.0), (5.0, 20.0)]);
        assert!(result.segments.iter().all(|segment| segment.flags.is_empty()));
    }
}

#[test]
fn a_text_that_ends_just_at_its_last_token_goes_on_too() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let first = cut_off(text(&plan.tokens, &[(0.0, "one two three four", 18.6)], -0.2));
    asked(transcription.decoded(first, features()));
}

#[test]
fn a_text_without_room_and_without_times_is_kept_and_flagged() {
    for listens in [true, false] {
        let plan = Arc::new(Plan { listens, ..plan() });
        let mut transcription =
            WindowTranscription::new(Arc::clone(&plan), english(), prepared(&[(5.0, 18.0)]));
        let nothing = text(&plan.tokens, &[], -0.2);
        let said = "one two three four five six seven eight nine ten";
        let result = done(transcription.decoded(begun(&plan.tokens, nothing, 0.0, said), features()));
        assert_eq!(texts(&result), [said]);
        assert_eq!(result.segments[0].flags, [Flag::UncoveredSpeech]);
    }
}

#[test]
fn a_rest_that_always_stops_early_is_followed_to_the_end() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let said = "one two three four five six";
    let mut next = transcription.decoded(stopping(&plan.tokens, &[(0.0, said, 4.0)]), features());
    for _ in 0..3 {
        asked(next);
        next = transcription.decoded(stopping(&plan.tokens, &[(0.2, said, 4.2)]), features());
    }
    asked(next);
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.2, said, 4.2)], -0.2), features()));
    assert_eq!(texts(&result), [said; 5]);
    assert_eq!(seconds(&result), [(0.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 16.0), (16.0, 20.0)]);
    assert!(result.uncovered.is_empty());
}

#[test]
fn a_model_that_gets_nowhere_is_not_asked_for_ever() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let little = || stopping(&plan.tokens, &[(0.0, "one two", 0.3)]);
    let mut next = transcription.decoded(little(), features());
    let mut turns = 0;
    while let Next::Ask(..) = next {
        turns += 1;
        assert!(turns <= 60, "it goes on and on");
        next = transcription.decoded(little(), features());
    }
    let result = done(next);
    assert!(!result.uncovered.is_empty(), "what is left is told");
    assert!(result.segments.iter().any(|segment| segment.flags.contains(&Flag::UncoveredSpeech)));
}

#[test]
fn texts_of_parts_neither_overlap_their_neighbours_nor_repeat_them() {
    let plan = Arc::new(plan());
    let said = [(0.0, "one two three four", 6.0), (15.0, "seven eight nine ten", 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    // The part is heard from 5.8 to 15.2 s: its first and last texts are the neighbours' ends.
    let part = [(0.0, "four", 0.2), (0.2, "start stop five six seven", 9.3), (9.3, "seven", 9.4)];
    let result = done(transcription.decoded(text(&plan.tokens, &part, -0.2), features()));
    assert_eq!(texts(&result), ["one two three four", "start stop five six seven", "seven eight nine ten"]);
    assert_eq!(seconds(&result), [(0.0, 6.0), (6.0, 15.0), (15.0, 20.0)]);
}

#[test]
fn a_text_of_which_only_a_little_is_new_tells_that() {
    let plan = Arc::new(plan());
    let said = [(0.0, "one two three four", 2.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&[(0.0, 12.0)]));
    asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    let part = text(&plan.tokens, &[(0.0, "five six seven eight nine", 10.2)], -0.2);
    let result = done(transcription.decoded(part, features()));
    assert_eq!(seconds(&result), [(0.0, 2.0), (2.0, 12.0)], "not from 1.8 s");
}

#[test]
fn what_stands_before_a_window_stands_before_its_rest_too() {
    for listens in [true, false] {
        let plan = Arc::new(Plan { listens, ..plan() });
        let setting = Setting { before: plan.tokens.encode(" red green blue").unwrap(), ..english() };
        let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
        let whole = asked(transcription.begin()).0;
        assert_eq!(whole[0], plan.tokens.previous);
        let first = stopping(&plan.tokens, &[(0.0, "one two three four", 5.0)]);
        assert_eq!(asked(transcription.decoded(first, features())).0, whole);
    }
}

#[test]
fn speech_that_a_model_passed_over_is_decoded_without_what_stands_before_the_window() {
    let plan = Arc::new(plan());
    let setting = Setting { before: plan.tokens.encode(" red green blue").unwrap(), ..english() };
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    let said = [(0.0, "one two three four", 6.0), (15.0, "seven eight nine ten", 20.0)];
    let prompt = asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features())).0;
    assert_eq!(prompt[0], plan.tokens.start);
}
