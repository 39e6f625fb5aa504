//! What makes a text doubtful makes the engine try again, with the real graphs: higher temperatures, and no text before.

use commands::ports::transcription::{Flag, Options, VoiceOptions};

use crate::fixture::{transcribe, transcribe_samples};
use crate::support::{mixed, plain, read_wav, recording};

/// Greedy decoding gives "close" sixteen times over for these two recordings at once.
fn looping() -> Vec<i16> {
    mixed(&["single_en_05.wav", "translate_es_01.wav"])
}

#[test]
fn a_text_that_repeats_itself_is_drawn_again_at_a_higher_temperature_by_its_seed() {
    let drawn = |seed| transcribe_samples(&looping(), Options { seed, ..Options::default() });
    let mut texts: Vec<String> = (0..4)
        .map(|seed| {
            let transcript = drawn(seed);
            let first = &transcript.segments[0];
            assert!(first.temperature > 0.0, "{first:?}");
            assert!(
                first.compression_ratio <= 2.4,
                "what was kept does not repeat itself as much: {first:?}"
            );
            assert_eq!(drawn(seed), transcript, "the same seed draws the same");
            transcript.text()
        })
        .collect();
    texts.sort();
    texts.dedup();
    assert!(texts.len() > 1, "{texts:?}");
}

/// The same sentence eight times over compresses too well at every temperature. It is what is said: nothing is left out.
#[test]
fn what_is_really_said_again_and_again_is_kept_and_marked() {
    let sentence = read_wav(&recording("single_en_07.wav"));
    let transcript = transcribe_samples(&sentence.repeat(8), Options::default());
    assert_eq!(transcript.segments.len(), 8);
    for segment in &transcript.segments {
        assert!(segment.compression_ratio > 2.4, "{segment:?}");
        assert!(segment.flags.contains(&Flag::Repetition), "{segment:?}");
        assert!(plain(&segment.text).starts_with("green thanks"), "{segment:?}");
    }
}

/// After the very words as a prompt, the text would be the prompt's echo: it is decoded again without. The probabilities
/// are those of the graphs in numpy: -0.0538 with the prompt in view, -0.0050 without.
#[test]
fn an_echo_of_the_prompt_is_decoded_again_without_it() {
    let voice = VoiceOptions { enabled: false, ..VoiceOptions::default() };
    let prompt = Some("green thanks thanks eight start".to_owned());
    let transcript =
        transcribe(&recording("single_en_07.wav"), Options { voice, prompt, ..Options::default() });
    let [segment] = &transcript.segments[..] else { panic!("{transcript:?}") };
    assert_eq!(plain(&segment.text), "green thanks thanks eight start");
    assert!((segment.avg_logprob + 0.0050).abs() < 5e-4, "{segment:?}");
    assert!(!segment.flags.contains(&Flag::PromptEcho), "{segment:?}");
}
