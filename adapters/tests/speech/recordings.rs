//! Every fixture recording: what was said, when, and in which language.

use commands::ports::transcription::{Language, Options, SpokenLanguage, Task, Transcript, VoiceOptions};

use crate::fixture::transcribe;
use crate::support::{Recording, Utterance, plain, recording, recordings};

/// How far a segment's times may be off, in seconds.
const SEGMENT: f64 = 0.4;
/// How far a word's times may be off, in seconds.
const WORD: f64 = 0.25;

fn of_kind(kinds: &[&str]) -> Vec<Recording> {
    let found: Vec<Recording> =
        recordings().into_iter().filter(|one| kinds.iter().any(|kind| one.kind == *kind)).collect();
    assert!(!found.is_empty(), "no recording of {kinds:?}");
    found
}

fn texts(transcript: &Transcript) -> Vec<String> {
    transcript.segments.iter().map(|segment| plain(&segment.text)).collect()
}

/// The same number of segments as utterances, each within 0.4 s of its own.
fn times_agree(file: &str, transcript: &Transcript, said: &[Utterance]) {
    assert_eq!(transcript.segments.len(), said.len(), "{file}: {:?}", texts(transcript));
    for (segment, said) in transcript.segments.iter().zip(said) {
        let (start, end) = (segment.start.seconds(), segment.end.seconds());
        assert!((start - said.start).abs() <= SEGMENT, "{file}: begins at {start}, not {}", said.start);
        assert!((end - said.end).abs() <= SEGMENT, "{file}: ends at {end}, not {}", said.end);
    }
}

#[test]
fn every_recording_gives_its_words_at_their_times() {
    for known in of_kind(&["single_en", "single_es", "window_en", "window_es", "late_en", "translate_es"]) {
        let transcript = transcribe(&recording(&known.file), Options::default());
        let said: Vec<String> = known.utterances.iter().map(|one| plain(&one.text)).collect();
        assert_eq!(texts(&transcript), said, "{}", known.file);
        times_agree(&known.file, &transcript, &known.utterances);
        let language = transcript.info.languages.first().expect("a language");
        assert_eq!(Some(&language.language.0), known.language.as_ref(), "{}", known.file);
        for segment in &transcript.segments {
            assert!(segment.flags.is_empty(), "{}: {segment:?}", known.file);
        }
    }
}

/// The model's own mistake in it is among the expected tokens: one doubled word of three minutes.
#[test]
fn minutes_of_speech_keep_their_times_and_nearly_every_word() {
    for known in of_kind(&["long_en"]) {
        let transcript = transcribe(&recording(&known.file), Options::default());
        times_agree(&known.file, &transcript, &known.utterances);
        let said: Vec<String> = known.utterances.iter().map(|one| plain(&one.text)).collect();
        let wrong = texts(&transcript).iter().zip(&said).filter(|(found, said)| found != said).count();
        assert!(wrong <= 1, "{wrong} of {} utterances differ", said.len());
    }
}

#[test]
fn silence_that_is_decoded_all_the_same_is_dropped_and_counted() {
    for known in of_kind(&["silence"]) {
        let voice = VoiceOptions { enabled: false, ..VoiceOptions::default() };
        let transcript = transcribe(&recording(&known.file), Options { voice, ..Options::default() });
        assert!(transcript.segments.is_empty(), "{}: {:?}", known.file, texts(&transcript));
        assert!(transcript.info.windows > 0);
        assert_eq!(transcript.info.dropped_silence, transcript.info.windows);
        assert_eq!(transcript.info.empty_because.as_deref(), Some("what was heard gave no text"));
    }
}

#[test]
fn silence_and_noise_give_no_text_and_say_so() {
    for known in of_kind(&["silence", "noise", "loud_noise"]) {
        let transcript = transcribe(&recording(&known.file), Options::default());
        assert!(transcript.segments.is_empty(), "{}: {:?}", known.file, texts(&transcript));
        assert_eq!(transcript.info.empty_because.as_deref(), Some("no speech was heard"));
        assert_eq!(transcript.info.speech_duration.0, 0);
    }
}

#[test]
fn a_recording_in_two_languages_is_written_in_both() {
    for known in of_kind(&["mixed_en_es"]) {
        let options = Options { language: SpokenLanguage::Multilingual, ..Options::default() };
        let transcript = transcribe(&recording(&known.file), options);
        let said: Vec<String> = known.utterances.iter().map(|one| plain(&one.text)).collect();
        assert_eq!(texts(&transcript), said);
        let languages: Vec<&str> =
            transcript.segments.iter().map(|segment| segment.language.0.as_str()).collect();
        let spoken: Vec<&str> = known.utterances.iter().map(|one| one.language.as_str()).collect();
        assert_eq!(languages, spoken);
        times_agree(&known.file, &transcript, &known.utterances);
    }
}

#[test]
fn spanish_is_translated_to_english() {
    for known in of_kind(&["translate_es", "single_es"]) {
        let options = Options {
            task: Task::Translate,
            language: SpokenLanguage::Given(Language("es".to_owned())),
            ..Options::default()
        };
        let transcript = transcribe(&recording(&known.file), options);
        let english: Vec<String> = known.utterances.iter().map(|one| plain(&one.english)).collect();
        assert_eq!(texts(&transcript), english, "{}", known.file);
        times_agree(&known.file, &transcript, &known.utterances);
    }
}

#[test]
fn words_have_their_times() {
    let mut worst: f64 = 0.0;
    for known in of_kind(&["single_en", "single_es", "window_en", "window_es", "late_en", "translate_es"]) {
        let transcript = transcribe(&recording(&known.file), Options { words: true, ..Options::default() });
        assert_eq!(transcript.info.word_timestamps, None);
        let said: Vec<&(String, f64, f64)> = known.utterances.iter().flat_map(|one| &one.words).collect();
        let found: Vec<_> =
            transcript.segments.iter().flat_map(|segment| segment.words.as_ref().unwrap()).collect();
        assert_eq!(found.len(), said.len(), "{}", known.file);
        for (found, (word, start, end)) in found.iter().zip(said) {
            assert_eq!(plain(&found.text), plain(word));
            let off = (found.start.seconds() - start).abs().max((found.end.seconds() - end).abs());
            if off > WORD {
                eprintln!(
                    "{}: {word} {start:.2}-{end:.2} found {:.2}-{:.2}",
                    known.file,
                    found.start.seconds(),
                    found.end.seconds()
                );
            }
            worst = worst.max(off);
        }
    }
    assert!(worst <= WORD, "a word is off by {worst:.2} s");
}
