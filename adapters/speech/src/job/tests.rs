//! What a job makes of windows on which the engine fails: real ones, of which some are spoilt on their way.

use super::*;
use crate::fixtures;
use crate::loading::{DeviceChoice, EngineOptions};
use crate::scheduler::Features;
use crate::wording::in_full;
use commands::ports::transcription::{LostTo, Segment, Source, SpokenLanguage};

/// A segment of these samples with this text, which nothing is doubtful about.
pub(super) fn segment(start: u64, end: u64, text: &str) -> Segment {
    Segment {
        start: Samples(start),
        end: Samples(end),
        text: text.to_owned(),
        tokens: Vec::new(),
        words: None,
        avg_logprob: 0.0,
        compression_ratio: 1.0,
        no_speech_prob: 0.0,
        temperature: 0.0,
        language: Language("en".to_owned()),
        flags: Vec::new(),
    }
}

fn model() -> RunningModel {
    let model = fixtures::whisper_tiny();
    let options = EngineOptions { model, device: DeviceChoice::Cpu, ..EngineOptions::default() };
    RunningModel::start(&options).unwrap_or_else(|error| panic!("{error}"))
}

/// A recording of the fixtures, so many times over.
fn recording(file: &str, times: usize) -> Source {
    let mut bytes = std::fs::read(fixtures::recording(file)).unwrap();
    let samples = bytes[44..].repeat(times);
    bytes.truncate(40);
    bytes.extend((samples.len() as u32).to_le_bytes());
    bytes.extend(samples);
    Source::Stream { name: file.to_owned(), bytes: Box::new(std::io::Cursor::new(bytes)) }
}

/// Transcribes a recording of which the windows with these numbers are not finite.
fn transcribe(
    model: &RunningModel,
    source: Source,
    options: Options,
    spoilt: fn(u64) -> bool,
) -> Result<Transcript, TranscriptionError> {
    follow(model, source, options, None, spoilt, &mut |_| ())
}

fn follow(
    model: &RunningModel,
    source: Source,
    options: Options,
    checkpoint: Option<Checkpoint>,
    spoilt: fn(u64) -> bool,
    mut watcher: &mut dyn FnMut(Progress<'_>),
) -> Result<Transcript, TranscriptionError> {
    let (events, hear) = channel();
    let permits = Permits::new(16);
    let feeder = Feeder::new(model, options.clone(), permits.clone());
    let fed = events.clone();
    let tell = move |mut item| {
        if let Fed::Window(prepared) = &mut item
            && spoilt(prepared.number)
        {
            prepared.features = Features::Spectrogram(Arc::new(vec![f32::NAN; 80 * 3_000]));
        }
        fed.send(Event::Fed(item)).is_ok()
    };
    let _feeding = feeder.start(source, tell).unwrap();
    let ties = Ties { events, permits, cancel: Cancel::default() };
    let mut transcription = Transcription::new(model, 0, options, checkpoint, ties)?;
    transcription.follow(&hear, &mut watcher)?;
    transcription.finish(&mut watcher)
}

#[test]
fn a_window_that_fails_is_lost_and_no_other() {
    let model = model();
    let auto = Options::default();
    for options in [
        auto.clone(),
        Options { language: SpokenLanguage::Multilingual, ..auto.clone() },
        Options { quality: Quality::High, ..auto },
    ] {
        let long = || recording("long_en_01.wav", 1);
        let whole = transcribe(&model, long(), options.clone(), |_| false).unwrap();
        let part = transcribe(&model, long(), options.clone(), |number| number == 2).unwrap();
        let [lost] = &part.info.lost[..] else { panic!("{options:?}: {:?}", part.info.lost) };
        assert_eq!(lost.to, LostTo::Engine);
        assert_eq!(lost.reason, "the model's answer is not finite");
        assert_eq!(part.info.languages[0].language.0, "en");
        let outside = |segment: &&Segment| segment.end <= lost.start || segment.start >= lost.end;
        let texts = |transcript: &Transcript| -> Vec<String> {
            transcript.segments.iter().filter(outside).map(|segment| segment.text.clone()).collect()
        };
        assert!(texts(&whole).len() > 10);
        assert_eq!(texts(&part), texts(&whole), "{options:?}");
    }
}

#[test]
fn a_disk_that_is_full_costs_the_resume_and_not_the_transcript() {
    let model = model();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let options = Options::default();
    let precision = &model.loaded.model.precision;
    let mut checkpoint = Checkpoint::open(&path, model.sha256(false), precision, &options).unwrap();
    checkpoint.fill_disk();
    let mut told = Vec::new();
    let source = recording("window_en_01.wav", 2);
    let mut found = follow(&model, source, options.clone(), Some(checkpoint), |_| false, &mut |progress| {
        if let Progress::NotKept(reason) = progress {
            told.push(reason.to_owned());
        }
    })
    .unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(found.info.not_resumable.take(), told.pop());
    assert_eq!(found, transcribe(&model, recording("window_en_01.wav", 2), options, |_| false).unwrap());
}

#[test]
fn the_language_is_that_of_the_first_windows_that_answer() {
    let model = model();
    let part =
        transcribe(&model, recording("long_en_01.wav", 2), Options::default(), |number| number < 5).unwrap();
    assert_eq!(part.info.languages[0].language.0, "en");
    assert_eq!(part.info.lost.len(), 5);
    assert!(!part.segments.is_empty());
}

#[test]
fn a_job_whose_every_window_fails_is_no_success() {
    let model = model();
    let english = SpokenLanguage::Given(Language("en".to_owned()));
    for options in [
        Options::default(),
        Options { language: english.clone(), ..Options::default() },
        Options { language: english, quality: Quality::High, ..Options::default() },
    ] {
        let error = transcribe(&model, recording("window_en_01.wav", 1), options, |_| true).unwrap_err();
        assert_eq!(error.code(), "TRANSCRIPTION_ENGINE");
        let told = in_full(&error);
        assert!(told.contains("not finite"), "{told}");
    }
}
