//! What an engine says it has done.

use adapters_speech::Engine;
use commands::ports::transcription::Options;

use crate::fixture::{options, transcribe_on};
use crate::support::{mixed, read_wav, recording};

#[test]
fn an_engine_counts_what_it_did_and_why_it_did_it_again() {
    let engine = Engine::start(&options()).unwrap();
    let plain = transcribe_on(&engine, &read_wav(&recording("window_en_01.wav")), Options::default());
    let tally = engine.tally();
    assert_eq!((tally.transcripts, tally.windows), (1, plain.info.windows));
    assert_eq!(tally.audio_s, 30.0);
    assert!(tally.speech_s > 5.0 && tally.speech_s < 30.0, "{tally:?}");
    assert!(tally.again.is_empty() && tally.flags.is_empty(), "{tally:?}");
    let times = [tally.audio_decode_s, tally.voice_s, tally.mel_s, tally.clockwork.step_s];
    assert!(times.iter().all(|seconds| *seconds > 0.0), "{tally:?}");
    assert!(tally.clockwork.waited_s > 0.0, "{tally:?}");

    // Two recordings at once, at which greedy decoding loops.
    let both = mixed(&["single_en_05.wav", "translate_es_01.wav"]);
    let kept = transcribe_on(&engine, &both, Options::default()).segments[0].temperature;
    let tally = engine.tally();
    assert_eq!(tally.transcripts, 2);
    let last = tally.again.last().unwrap_or_else(|| panic!("{tally:?}"));
    assert!(last.temperature >= kept && kept > 0.0, "{tally:?}");
}
