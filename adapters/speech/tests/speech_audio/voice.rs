//! The voice detector hears the speech of every fixture, and nothing in noise.

use std::sync::OnceLock;

use adapters_speech::Runtime;
use adapters_speech::voice::{FRAME, VoiceModel};
use adapters_speech::windows::{LONGEST_WINDOW, Listener, Window};
use commands::ports::transcription::{Samples, Span, VoiceOptions};
use serde_json::Value;

use super::sounds::hear;
use crate::support::{self, recording};

pub fn model() -> &'static VoiceModel {
    static MODEL: OnceLock<VoiceModel> = OnceLock::new();
    MODEL.get_or_init(|| {
        let runtime = Runtime::load(None).unwrap_or_else(|error| panic!("{error}"));
        VoiceModel::load(&runtime, None).unwrap_or_else(|error| panic!("{error}"))
    })
}

fn expected() -> Vec<Value> {
    support::expected()["files"].as_array().unwrap().clone()
}

/// The windows of some audio, given in portions of some size.
fn listen(samples: &[f32], portion: usize, origin: u64) -> (Vec<Window>, Samples) {
    let mut listener = Listener::new(Some(model()), VoiceOptions::default(), Samples(origin));
    let mut windows = Vec::new();
    for portion in samples.chunks(portion) {
        listener.push(portion, &mut windows).unwrap();
    }
    let speech = listener.finish(&mut windows).unwrap();
    (windows, speech)
}

/// The speech of all windows, in the recording's time, in seconds.
fn heard(windows: &[Window]) -> Vec<(f64, f64)> {
    let span = |window: &Window, span: &Span| {
        (window.map.source_of_start(span.start).seconds(), window.map.source_of_end(span.end).seconds())
    };
    windows.iter().flat_map(|window| window.speech.iter().map(move |speech| span(window, speech))).collect()
}

#[test]
fn every_utterance_of_the_fixtures_is_found_to_three_tenths_of_a_second() {
    for file in expected() {
        let name = file["file"].as_str().unwrap();
        let samples = hear(recording(name)).unwrap().samples;
        let (windows, _) = listen(&samples, 4_096, 0);
        let heard = heard(&windows);
        for utterance in file["utterances"].as_array().unwrap() {
            let (start, end) = (utterance["start"].as_f64().unwrap(), utterance["end"].as_f64().unwrap());
            let inside: Vec<_> = heard.iter().filter(|(from, to)| *to > start && *from < end).collect();
            let first = inside
                .first()
                .unwrap_or_else(|| panic!("{name}: nothing is heard of {utterance}: {heard:?}"));
            let last = inside.last().unwrap();
            // An utterance may be one region with its neighbour.
            assert!(
                first.0 < start + 0.3 && last.1 > end - 0.3,
                "{name}: {start}..{end} is heard as {inside:?}"
            );
        }
        for (from, to) in &heard {
            let utterances = file["utterances"].as_array().unwrap();
            let near = utterances.iter().any(|utterance| {
                utterance["start"].as_f64().unwrap() < to + 0.3
                    && utterance["end"].as_f64().unwrap() > from - 0.3
            });
            assert!(near, "{name}: {from}..{to} is no speech");
        }
    }
}

#[test]
fn silence_and_noise_are_no_speech() {
    for name in ["silence_01.wav", "noise_01.wav", "loud_noise_01.wav"] {
        let samples = hear(recording(name)).unwrap().samples;
        let (windows, speech) = listen(&samples, 4_096, 0);
        assert_eq!((windows.len(), speech), (0, Samples(0)), "{name}");
    }
}

#[test]
fn the_portions_in_which_audio_comes_change_nothing() {
    let samples = hear(recording("long_en_01.wav")).unwrap().samples;
    let (whole, speech) = listen(&samples, samples.len(), 0);
    assert!(whole.len() >= 4, "{}", whole.len());
    for portion in [997, 16_000, 262_145] {
        assert!(listen(&samples, portion, 0) == (whole.clone(), speech), "portions of {portion}");
    }
    // A range of a recording is heard as if it were a recording, at its own times.
    let origin = 7_777_777;
    let (moved, _) = listen(&samples, 16_000, origin);
    for (window, moved) in whole.iter().zip(&moved) {
        assert!(window.samples == moved.samples && window.speech == moved.speech);
        assert_eq!(window.start().0 + origin, moved.start().0);
    }
}

#[test]
fn probabilities_do_not_depend_on_how_many_frames_go_into_a_call() {
    let samples = hear(recording("window_en_01.wav")).unwrap().samples;
    let of = |samples: &[f32], portion: usize| {
        let (mut detector, mut probabilities) = (model().detector(), Vec::new());
        for portion in samples.chunks(portion) {
            detector.push(portion, &mut probabilities).unwrap();
        }
        detector.finish(&mut probabilities).unwrap();
        probabilities
    };
    let whole = of(&samples, samples.len());
    assert_eq!(whole.len(), samples.len().div_ceil(FRAME));
    assert!(whole.iter().all(|probability| (0.0..=1.0).contains(probability)));
    // What was said does not change when more follows, although it went into calls of other lengths.
    for length in [FRAME, 100 * FRAME, 600 * FRAME, 900 * FRAME] {
        let part = of(&samples[..length], length);
        let worst = part.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-6, "{length}: {worst}");
    }
}

#[test]
fn windows_hold_the_speech_of_the_long_recording_and_no_more_than_30_s_each() {
    let samples = hear(recording("long_en_01.wav")).unwrap().samples;
    let (windows, _) = listen(&samples, 16_000, 0);
    for window in &windows {
        assert!(window.samples.len() as u64 <= LONGEST_WINDOW);
        for piece in window.map.pieces() {
            let (from, to) = (piece.source_start as usize, piece.source_end as usize);
            let at = piece.window_start as usize;
            assert!(window.samples[at..at + (to - from)] == samples[from..to], "{piece:?}");
        }
    }
    let lengths: Vec<f64> = windows.iter().map(|window| window.map.window_length().seconds()).collect();
    assert!(lengths[..lengths.len() - 1].iter().all(|length| *length >= 15.0), "{lengths:?}");
}
