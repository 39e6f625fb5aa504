//! Windows and parts of them that come without text.

use super::*;

/// A text of which the model says that nobody spoke.
fn invented(tokens: &Tokens, parts: &[(f64, &str, f64)], avg_logprob: f32) -> Decoded {
    Decoded { no_speech_prob: 0.9, ..text(tokens, parts, avg_logprob) }
}

#[test]
fn where_nobody_listens_silence_is_what_the_model_takes_for_it_and_is_not_tried_again() {
    for parts in [&[(0.0, "thanks thanks", 2.0)][..], &[]] {
        let plan = Arc::new(Plan { listens: false, ..plan() });
        let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
        let result = done(transcription.decoded(invented(&plan.tokens, parts, -1.3), features()));
        assert!(result.silent && result.segments.is_empty() && result.failed.is_empty());
        assert!(result.uncovered.is_empty());
    }
}

#[test]
fn no_text_is_not_silence_where_the_model_does_not_say_so() {
    let plan = Arc::new(Plan { listens: false, ..plan() });
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    assert_eq!(asked(transcription.decoded(text(&plan.tokens, &[], -0.2), features())).1, 0.2);
    let result = done(transcription.decoded(text(&plan.tokens, &[], -0.2), features()));
    assert!(!result.silent);
    assert_eq!(uncovered(&result), [(160_000, 480_000)]);
}

#[test]
fn what_the_voice_detector_hears_is_never_dropped_as_silence() {
    let plan = Arc::new(plan());
    let speech = [(1.0, 14.9)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&speech));
    let said = [(0.0, "thanks thanks", 2.0)];
    let again = asked(transcription.decoded(invented(&plan.tokens, &said, -1.3), features()));
    assert_eq!(again.1, 0.2, "it is decoded once more");
    let result = done(transcription.decoded(invented(&plan.tokens, &said, -1.2), features()));
    assert!(!result.silent && result.segments.is_empty());
    assert_eq!(uncovered(&result), [(176_000, 398_400)]);
}

#[test]
fn what_is_decoded_once_more_and_has_text_is_kept() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    asked(transcription.decoded(invented(&plan.tokens, &[(0.0, "thanks", 2.0)], -1.3), features()));
    let said = "red green blue one two three four five six seven eight nine ten";
    let result = done(transcription.decoded(invented(&plan.tokens, &[(0.0, said, 20.0)], -0.4), features()));
    assert_eq!(texts(&result), [said]);
    assert!(result.segments[0].flags.is_empty() && result.uncovered.is_empty());
}

#[test]
fn a_window_with_a_prompt_is_decoded_once_more_without_it() {
    let plan = Arc::new(plan());
    let before = plan.tokens.encode(" red green blue").unwrap();
    let setting = Setting { before, ..english() };
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    let (prompt, temperature, _) = asked(transcription.decoded(text(&plan.tokens, &[], -0.2), features()));
    assert_eq!((prompt[0], temperature), (plan.tokens.start, 0.0));
}

#[test]
fn speech_of_a_whole_window_without_any_text_is_told() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    asked(transcription.decoded(text(&plan.tokens, &[], -0.2), features()));
    let result = done(transcription.decoded(text(&plan.tokens, &[], -0.2), features()));
    assert!(result.segments.is_empty() && !result.silent && result.failed.is_empty());
    assert_eq!(uncovered(&result), [(160_000, 480_000)]);
}

#[test]
fn a_part_that_is_taken_for_silence_is_told() {
    let plan = Arc::new(plan());
    let speech = [(0.0, 4.0), (8.0, 12.0), (17.0, 20.0)];
    let said = [(0.0, "one two three four", 4.0), (17.0, "seven eight nine ten", 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&speech));
    asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    let result =
        done(transcription.decoded(invented(&plan.tokens, &[(0.2, "thanks", 4.0)], -1.4), features()));
    assert_eq!(texts(&result), ["one two three four", "seven eight nine ten"]);
    assert_eq!(result.segments[0].flags, [Flag::UncoveredSpeech]);
    assert_eq!(uncovered(&result), [(288_000, 352_000)]);
}

#[test]
fn a_short_word_without_text_is_flagged_and_told() {
    let plan = Arc::new(plan());
    let speech = [(0.0, 4.0), (8.0, 8.4), (17.0, 20.0)];
    let said = [(0.0, "one two three four", 4.0), (17.0, "seven eight nine ten", 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&speech));
    let result = done(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    assert_eq!(result.segments[0].flags, [Flag::UncoveredSpeech]);
    assert_eq!(uncovered(&result), [(288_000, 294_400)]);
}

#[test]
fn text_behind_the_audio_is_flagged_and_has_a_length() {
    for listens in [true, false] {
        let plan = Arc::new(Plan { listens, ..plan() });
        let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
        let said = [(0.0, "one two three four five six seven eight nine", 20.0), (21.0, "thank you", 23.0)];
        let result = done(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
        assert_eq!(result.segments.len(), 2);
        assert!(result.segments[0].flags.is_empty(), "{:?}", result.segments[0].flags);
        assert_eq!(result.segments[1].flags, [Flag::NoSpeechOverlap]);
        assert!(result.segments[1].end.0 - result.segments[1].start.0 >= 320);
        assert!(result.segments[1].start >= result.segments[0].end);
        assert_eq!(result.segments[1].end, Samples(480_000));
    }
}
