//! Text that comes back: the prompt's, or that of the window before.

use super::*;

fn prompted(tokens: &Tokens, prompt: &str) -> Setting {
    Setting { before: tokens.encode(&format!(" {prompt}")).unwrap(), ..english() }
}

#[test]
fn a_loop_with_a_prompt_in_view_is_decoded_again_without_it() {
    let plan = Arc::new(plan());
    let setting = prompted(&plan.tokens, "red green blue");
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    let (prompt, ..) = asked(transcription.begin());
    assert_eq!(
        (prompt[0], prompt.len()),
        (plan.tokens.previous, 1 + 3 + plan.tokens.encode(" red green blue").unwrap().len())
    );
    let looping = "one two one two one two and so on";
    let (prompt, temperature, _) =
        asked(transcription.decoded(text(&plan.tokens, &[(0.0, looping, 20.0)], -0.2), features()));
    assert_eq!((prompt[0], temperature), (plan.tokens.start, 0.0));
    let sound = "one two three four five six seven eight nine ten";
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.0, sound, 20.0)], -0.2), features()));
    assert_eq!(texts(&result), [sound]);
    assert!(result.segments[0].flags.is_empty());
}

#[test]
fn a_prompt_that_comes_back_as_text_is_decoded_again_without_it() {
    let plan = Arc::new(plan());
    let setting = prompted(&plan.tokens, "red green blue one");
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    asked(transcription.begin());
    let echo = text(&plan.tokens, &[(0.0, "red green blue", 20.0)], -0.2);
    let (prompt, ..) = asked(transcription.decoded(echo, features()));
    assert!(!prompt.contains(&plan.tokens.previous));
    // Said without the prompt in view it is no echo.
    let said = "red green blue six seven eight nine ten eleven";
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.0, said, 20.0)], -0.2), features()));
    assert!(!result.segments[0].flags.contains(&Flag::PromptEcho));
}

const ECHO: [(f64, &str, f64); 2] =
    [(0.0, "red green blue", 2.0), (2.0, "six seven eight nine ten stop start seven six five", 20.0)];

#[test]
fn one_segment_that_is_the_text_before_is_decoded_again_without_it() {
    let plan = Arc::new(plan());
    let setting = prompted(&plan.tokens, "red green blue one");
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    let (prompt, temperature, _) = asked(transcription.decoded(text(&plan.tokens, &ECHO, -0.2), features()));
    assert_eq!((prompt[0], temperature), (plan.tokens.start, 0.0));
    let said = "one two six seven eight nine ten stop start";
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.0, said, 20.0)], -0.3), features()));
    assert_eq!(texts(&result), [said]);
    assert!(result.segments[0].flags.is_empty(), "{:?}", result.segments[0].flags);
}

#[test]
fn the_text_before_with_more_words_behind_it_is_an_echo() {
    let plan = Arc::new(plan());
    let setting = prompted(&plan.tokens, "red green blue one");
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    let more = "red green blue one six seven eight nine ten stop start seven six five";
    let (prompt, ..) =
        asked(transcription.decoded(text(&plan.tokens, &[(0.0, more, 20.0)], -0.2), features()));
    assert!(!prompt.contains(&plan.tokens.previous));
}

#[test]
fn a_text_that_repeats_itself_is_kept_where_the_one_without_a_prompt_is_worse() {
    let plan = Arc::new(plan());
    let setting = prompted(&plan.tokens, "red green blue");
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    let said = "start start start one two seven eight nine ten six five four";
    asked(transcription.decoded(text(&plan.tokens, &[(0.0, said, 20.0)], -0.2), features()));
    let worse = "stop one two seven eight nine ten six five four three";
    for temperature in &TEMPERATURES[1..] {
        let next = transcription.decoded(text(&plan.tokens, &[(0.0, worse, 20.0)], -1.5), features());
        assert_eq!(asked(next).1, *temperature);
    }
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.0, worse, 20.0)], -1.5), features()));
    assert_eq!(texts(&result), [said]);
    assert_eq!(result.segments[0].flags, [Flag::Repetition]);
    assert_eq!((result.segments[0].avg_logprob, result.segments[0].temperature), (-0.2, 0.0));
}

#[test]
fn an_echo_that_stays_is_flagged_where_it_stands() {
    let plan = Arc::new(plan());
    let setting = prompted(&plan.tokens, "red green blue one");
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), setting, prepared(&ALL));
    asked(transcription.decoded(text(&plan.tokens, &ECHO, -0.2), features()));
    let result = done(transcription.failed("out of memory".to_owned()));
    assert_eq!(result.segments[0].flags, [Flag::PromptEcho]);
    assert!(result.segments[1].flags.is_empty(), "{:?}", result.segments[1].flags);
    assert!(result.failed.is_empty(), "there is a text");
}
