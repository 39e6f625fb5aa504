//! The way of a window, played with texts that no model wrote.

mod echoes;
mod following;
mod ranges;
mod silence;

use commands::ports::transcription::VoiceOptions;

use super::*;
use crate::fixtures::whisper_tiny;
use crate::model::{ModelFolder, Precision};
use crate::runtime::Device;
use crate::voice::FRAME;
use crate::windows::Cutter;

fn tokens() -> Tokens {
    ModelFolder::open(&whisper_tiny(), &Precision::Auto, Device::Cpu)
        .unwrap_or_else(|error| panic!("{error}"))
        .tokens
}

fn plan() -> Plan {
    Plan {
        tokens: tokens(),
        spectrogram: Spectrogram::new(80),
        search: Search::Sample,
        translate: false,
        words: false,
        seed: 5,
        ranges: Vec::new(),
        listens: true,
        counter: Counter::default(),
    }
}

/// Twenty seconds, in which somebody speaks at these times, in seconds.
fn prepared(speech: &[(f64, f64)]) -> PreparedWindow {
    let samples = vec![0.01; 320_000];
    let options = VoiceOptions { enabled: false, ..VoiceOptions::default() };
    let mut cutter = Cutter::new(options, Samples(160_000));
    let mut windows: Vec<Window> = Vec::new();
    cutter.push(&samples, &vec![1.0; samples.len() / FRAME], &mut windows);
    cutter.finish(&[1.0], &mut windows);
    let mut window = windows.remove(0);
    assert_eq!(window.samples.len(), 320_000);
    window.speech = speech
        .iter()
        .map(|(start, end)| Span::new(Samples::from_seconds(*start), Samples::from_seconds(*end)))
        .collect();
    PreparedWindow {
        number: 0,
        window,
        digest: "window".to_owned(),
        features: Features::Spectrogram(Arc::default()),
    }
}

fn english() -> Setting {
    Setting { language: Some(Language("en".to_owned())), ..Setting::default() }
}

/// A text with its times, in seconds, and how sure the model was of it.
fn text(tokens: &Tokens, parts: &[(f64, &str, f64)], avg_logprob: f32) -> Decoded {
    let time = |at: f64| tokens.first_timestamp + (at / 0.02).round() as u32;
    let mut ids = Vec::new();
    for (start, text, end) in parts {
        ids.push(time(*start));
        ids.extend(tokens.encode(&format!(" {text}")).unwrap());
        ids.push(time(*end));
    }
    Decoded {
        logprobs: vec![avg_logprob; ids.len()],
        tokens: ids,
        avg_logprob,
        no_speech_prob: 0.01,
        ended_at_cap: false,
    }
}

#[track_caller]
fn asked(next: Next) -> (Vec<u32>, f32, u64) {
    match next {
        Next::Ask(_, Work::Decode { prompt, temperature, seed, .. }) => (prompt, temperature, seed),
        Next::Ask(..) => panic!("something else is asked"),
        Next::Done(result) => panic!("it is finished: {result:?}"),
    }
}

#[track_caller]
fn done(next: Next) -> WindowResult {
    match next {
        Next::Done(result) => result,
        Next::Ask(_, Work::Decode { temperature, .. }) => panic!("decoded again at {temperature}"),
        Next::Ask(..) => panic!("something else is asked"),
    }
}

fn features() -> Option<Features> {
    Some(Features::Spectrogram(Arc::default()))
}

fn texts(result: &WindowResult) -> Vec<&str> {
    result.segments.iter().map(|segment| segment.text.as_str()).collect()
}

fn uncovered(result: &WindowResult) -> Vec<(u64, u64)> {
    result.uncovered.iter().map(|span| (span.start.0, span.end.0)).collect()
}

const ALL: [(f64, f64); 1] = [(0.0, 20.0)];

#[test]
fn a_sound_text_is_taken_as_it_is_at_its_place_in_the_recording() {
    let plan = Arc::new(plan());
    let mut transcription =
        WindowTranscription::new(Arc::clone(&plan), english(), prepared(&[(1.0, 3.0), (5.0, 20.0)]));
    let (prompt, temperature, _) = asked(transcription.begin());
    let language = plan.tokens.language(&Language("en".to_owned())).unwrap();
    assert_eq!(prompt, [plan.tokens.start, language, plan.tokens.transcribe.unwrap()]);
    assert_eq!(temperature, 0.0);
    let said = text(&plan.tokens, &[(0.4, "red green", 3.0), (5.0, "start stop one two three", 20.0)], -0.2);
    let result = done(transcription.decoded(said, features()));
    assert_eq!(texts(&result), ["red green", "start stop one two three"]);
    // The window begins at 10 s; what begins before the speech begins with it.
    assert_eq!((result.segments[0].start, result.segments[0].end), (Samples(176_000), Samples(208_000)));
    assert!(result.segments[0].flags.is_empty() && !result.silent);
}

#[test]
fn a_poor_text_is_tried_at_every_temperature_and_the_best_is_kept_and_flagged() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let mut seeds = vec![asked(transcription.begin()).2];
    let long = "red green blue one two three four five six seven eight nine ten";
    for (turn, logprob) in [-1.9, -1.5, -1.2, -1.7, -1.8].into_iter().enumerate() {
        let next = transcription.decoded(text(&plan.tokens, &[(0.0, long, 20.0)], logprob), features());
        let (_, temperature, seed) = asked(next);
        assert_eq!(temperature, TEMPERATURES[turn + 1]);
        seeds.push(seed);
    }
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.0, long, 20.0)], -1.6), features()));
    assert_eq!(result.segments[0].avg_logprob, -1.2);
    assert_eq!(result.segments[0].temperature, 0.4);
    assert_eq!(result.segments[0].flags, [Flag::LowConfidence]);
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 6, "each temperature draws by itself");
}

#[test]
fn a_text_that_becomes_sound_at_a_higher_temperature_is_not_flagged() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let looping = "start ".repeat(60);
    asked(transcription.decoded(text(&plan.tokens, &[(0.0, &looping, 20.0)], -0.1), features()));
    let sound = "red green blue one two three four five six seven eight nine ten";
    let result = done(transcription.decoded(text(&plan.tokens, &[(0.0, sound, 20.0)], -0.4), features()));
    assert_eq!(texts(&result), [sound]);
    assert_eq!((result.segments[0].temperature, result.segments[0].flags.len()), (0.2, 0));
}

#[test]
fn a_text_that_loops_at_every_temperature_is_flagged_and_never_left_out() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let looping = "start ".repeat(60);
    let again = || text(&plan.tokens, &[(0.0, &looping, 20.0)], -0.1);
    for _ in 1..TEMPERATURES.len() {
        asked(transcription.decoded(again(), features()));
    }
    let result = done(transcription.decoded(again(), features()));
    assert_eq!(result.segments.len(), 1);
    assert!(result.segments[0].flags.contains(&Flag::Repetition), "{:?}", result.segments[0].flags);
}

#[test]
fn speech_without_text_is_cut_out_and_decoded_by_itself() {
    let plan = Arc::new(plan());
    let speech = [(0.0, 4.0), (8.0, 12.0), (16.0, 20.0)];
    let said = [(0.0, "one two three four", 4.0), (16.0, "seven eight nine ten", 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&speech));
    asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    // The part begins 0.2 s before the speech.
    let part = text(&plan.tokens, &[(0.2, "start stop five six", 4.2)], -0.2);
    let result = done(transcription.decoded(part, features()));
    assert_eq!(texts(&result), ["one two three four", "start stop five six", "seven eight nine ten"]);
    assert_eq!(result.segments[1].start, Samples(160_000 + 128_000));
    assert!(result.segments.iter().all(|segment| segment.flags.is_empty()));
}

#[test]
fn speech_that_gets_no_text_by_itself_either_is_flagged_beside_it() {
    let plan = Arc::new(plan());
    let speech = [(0.0, 4.0), (8.0, 12.0), (17.0, 20.0)];
    let said = [(0.0, "one two three four", 4.0), (17.0, "seven eight nine ten", 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&speech));
    asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    let result = done(transcription.decoded(text(&plan.tokens, &[], -0.2), features()));
    assert_eq!(result.segments[0].flags, [Flag::UncoveredSpeech]);
    assert!(result.segments[1].flags.is_empty());
    assert_eq!(uncovered(&result), [(288_000, 352_000)], "8 to 12 s of a window that begins at 10 s");
}

#[test]
fn the_middle_that_a_model_leaves_out_of_one_stretch_of_speech_is_decoded_by_itself() {
    let plan = Arc::new(plan());
    let said = [(0.0, "one two three four", 6.0), (15.0, "seven eight nine ten", 20.0)];
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    asked(transcription.decoded(text(&plan.tokens, &said, -0.2), features()));
    let part = text(&plan.tokens, &[(0.2, "start stop five six seven", 9.2)], -0.2);
    let result = done(transcription.decoded(part, features()));
    assert_eq!(texts(&result), ["one two three four", "start stop five six seven", "seven eight nine ten"]);
    assert_eq!((result.segments[1].start, result.segments[1].end), (Samples(256_000), Samples(400_000)));
}

#[test]
fn what_lies_behind_the_point_where_the_model_stopped_is_decoded_by_itself() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let mut said = text(&plan.tokens, &[(0.0, "one two three four five six seven", 18.6)], -0.2);
    // A second time at the end: the next text begins there, and is for another window.
    said.tokens.extend(said.tokens.last().copied());
    said.logprobs.push(-0.2);
    asked(transcription.decoded(said, features()));
    let result =
        done(transcription.decoded(text(&plan.tokens, &[(0.2, "eight nine", 1.6)], -0.2), features()));
    assert_eq!(texts(&result), ["one two three four five six seven", "eight nine"]);
}

#[test]
fn a_window_that_the_engine_fails_on_is_told_with_its_times_and_the_rest_goes_on() {
    let plan = Arc::new(plan());
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let result = done(transcription.failed("out of memory".to_owned()));
    assert_eq!(result.failed, [(Span::new(Samples(160_000), Samples(480_000)), "out of memory".to_owned())]);
}

#[test]
fn a_text_whose_words_cannot_be_timed_stays_a_text() {
    let plan = Arc::new(Plan { words: true, ..plan() });
    let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
    let sound = "one two three four five six seven eight nine ten";
    let next = transcription.decoded(text(&plan.tokens, &[(0.0, sound, 20.0)], -0.2), features());
    assert!(matches!(next, Next::Ask(_, Work::Attention { .. })));
    let result = done(transcription.failed("out of memory".to_owned()));
    assert_eq!((texts(&result), result.segments[0].words.as_deref()), (vec![sound], None));
    assert_eq!(result.untimed.as_deref(), Some("out of memory"));
    assert!(result.failed.is_empty());
}

#[test]
fn equal_seeds_ask_for_equal_draws_and_other_seeds_for_others() {
    let draws = |seed: u64| {
        let plan = Arc::new(Plan { seed, ..plan() });
        let mut transcription = WindowTranscription::new(Arc::clone(&plan), english(), prepared(&ALL));
        let first = asked(transcription.begin()).2;
        let poor = text(&plan.tokens, &[(0.0, "one two three four five six seven", 20.0)], -1.5);
        (first, asked(transcription.decoded(poor, features())).2)
    };
    assert_eq!(draws(5), draws(5));
    assert_ne!(draws(5), draws(6));
}
