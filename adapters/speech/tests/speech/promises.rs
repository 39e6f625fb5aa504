//! What holds for any recording: hours keep their times, a job that was broken off goes on, nothing depends on what else
//! runs, and what cannot be done is said.

use std::io::Write;

use adapters_speech::{Engine, EngineOptions};
use commands::ports::transcription::{
    Cancel, Job, Language, Options, Progress, Quality, Samples, Segment, Source, Span, SpokenLanguage, Task,
    Transcriber, Transcript, TranscriptionError, VoiceOptions,
};

use crate::fixture::{ENGINE, options, transcribe, transcribe_on, transcribe_samples};
use crate::support::{mixed, of_kind, plain, read_wav, recording};
use crate::timeline::{Timeline, agrees, timeline};

/// Two recordings at once: greedy decoding loops in them, and is tried again at higher temperatures.
const UNSURE: [&str; 2] = ["single_en_05.wav", "translate_es_01.wav"];

/// Pauses in seconds: within a window, longer than what is kept of a silence, and so long that they end a window.
const PAUSES: [f64; 11] = [0.3, 2.2, 0.7, 5.1, 1.1, 29.5, 0.4, 12.3, 1.7, 40.0, 0.9];

/// What was made, transcribed.
fn hours(made: &Timeline, options: Options) -> Transcript {
    let transcript = transcribe_samples(&made.samples, options);
    assert_eq!(transcript.info.duration.0, made.samples.len() as u64);
    transcript
}

#[test]
fn thirty_minutes_lose_nothing_double_nothing_and_keep_their_times_to_the_end() {
    let made = timeline(&of_kind(&["window_en"]), &PAUSES, 30 * 60);
    let transcript = hours(&made, Options { words: true, ..Options::default() });
    agrees("half an hour", &transcript, &made.said);
}

#[test]
fn thirty_minutes_in_two_languages_lose_nothing_and_double_nothing() {
    let kinds = ["single_en", "single_es", "window_en", "window_es", "late_en", "translate_es"];
    let made = timeline(&of_kind(&kinds), &PAUSES, 30 * 60);
    let options = Options { language: SpokenLanguage::Multilingual, words: true, ..Options::default() };
    agrees("half an hour", &hours(&made, options), &made.said);
}

#[test]
fn a_job_that_was_stopped_goes_on_and_gives_the_same_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let path = recording("long_en_01.wav");
    let job = || Job {
        source: Source::File(path.clone()),
        options: Options::default(),
        checkpoint: Some(checkpoint.clone()),
    };
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let mut segments = 0;
    let stopped = ENGINE.transcribe(
        job(),
        &mut |progress: Progress<'_>| {
            segments += usize::from(matches!(progress, Progress::Segment(_)));
            if segments > 0 {
                stop.cancel();
            }
        },
        &cancel,
    );
    assert!(matches!(stopped, Err(TranscriptionError::Cancelled)));
    // As a crash in the middle of a line would leave it.
    std::fs::OpenOptions::new()
        .append(true)
        .open(&checkpoint)
        .unwrap()
        .write_all(b"{\"window\":\"torn")
        .unwrap();

    let mut resumed = ENGINE.transcribe(job(), &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();
    assert!(resumed.info.resumed_windows > 0);
    resumed.info.resumed_windows = 0;
    assert_eq!(resumed, transcribe(&path, Options::default()));

    let other = Job { options: Options { seed: 7, ..Options::default() }, ..job() };
    let refused = ENGINE.transcribe(other, &mut |_: Progress<'_>| (), &Cancel::default());
    assert_eq!(refused.unwrap_err().code(), "TRANSCRIPTION_CHECKPOINT");
}

/// Asks the same alone and in company, and gives by how many rows its decoder's steps were wider than `hypotheses` then.
fn in_company(asked: &[(&[i16], Options)], others: &[&str], quality: Quality, hypotheses: u64) -> u64 {
    // Room for several beams.
    let options = EngineOptions { max_rows: Some(20), ..options() };
    let engine = Engine::start(&options).unwrap_or_else(|error| panic!("{error}"));
    let alone: Vec<Transcript> =
        asked.iter().map(|(samples, options)| transcribe_on(&engine, samples, options.clone())).collect();
    let before = engine.clockwork();
    assert_eq!(before.encoded, asked.len() as u64, "each by itself");
    std::thread::scope(|scope| {
        let engine = &engine;
        for other in others {
            scope.spawn(move || {
                let options = Options { quality, words: true, ..Options::default() };
                transcribe_on(engine, &read_wav(&recording(other)), options)
            });
        }
        for ((samples, options), alone) in asked.iter().zip(&alone) {
            scope.spawn(move || {
                for _ in 0..2 {
                    assert_eq!(&transcribe_on(engine, samples, options.clone()), alone);
                }
            });
        }
    });
    let after = engine.clockwork();
    (after.step_rows - before.step_rows).saturating_sub(hypotheses * (after.steps - before.steps))
}

#[test]
fn a_transcript_does_not_depend_on_what_else_runs() {
    let unsure = mixed(&UNSURE);
    let spanish = read_wav(&recording("window_es_01.wav"));
    let seeded = |seed| Options { seed, words: true, ..Options::default() };
    // The second and the third are drawn at temperatures above zero.
    let asked: [(&[i16], Options); 3] = [(&spanish, seeded(0)), (&unsure, seeded(1)), (&unsure, seeded(2))];
    let others = ["long_en_01.wav", "mixed_en_es_01.wav", "window_en_02.wav"];
    assert!(in_company(&asked, &others, Quality::Fast, 1) > 0, "windows were decoded together");
}

#[test]
fn a_beam_does_not_depend_on_what_else_runs() {
    let spanish = read_wav(&recording("window_es_01.wav"));
    let unsure = mixed(&UNSURE);
    let high = Options { quality: Quality::High, words: true, ..Options::default() };
    let asked: [(&[i16], Options); 2] = [(&spanish, high.clone()), (&unsure, high)];
    let others = ["window_en_02.wav", "window_en_03.wav"];
    assert!(in_company(&asked, &others, Quality::High, 5) > 0, "windows were decoded together");
}

/// The mean log probabilities are those of openai-whisper's rules on the same graphs in numpy, after
/// `<|startofprev|> red green blue` and the like.
#[test]
fn a_prompt_and_hotwords_are_what_the_decoder_reads_first() {
    let voice = VoiceOptions { enabled: false, ..VoiceOptions::default() };
    let prompt = |text: &str| Some(text.to_owned());
    let hotwords = vec!["green".to_owned(), "thanks".to_owned()];
    for (options, text, avg_logprob) in [
        (Options::default(), "green thanks thanks eight start", -0.0050),
        (
            Options { prompt: prompt("red green blue"), ..Options::default() },
            "green thanks thanks eight start",
            -0.0333,
        ),
        (
            Options { hotwords: hotwords.clone(), ..Options::default() },
            "green thanks thanks eight start",
            -0.0294,
        ),
        // The model has seen no prompt as long as this, and mishears a word.
        (
            Options { hotwords, prompt: prompt("red green blue"), ..Options::default() },
            "green thanks thanks right start",
            -0.1172,
        ),
    ] {
        let transcript = transcribe(&recording("single_en_07.wav"), Options { voice, ..options.clone() });
        let [segment] = &transcript.segments[..] else { panic!("{options:?}: {transcript:?}") };
        assert_eq!(plain(&segment.text), text, "{options:?}");
        assert!((segment.avg_logprob - avg_logprob).abs() < 5e-4, "{options:?}: {}", segment.avg_logprob);
    }
}

#[test]
fn a_beam_finds_a_text_that_greedy_decoding_does_not() {
    let high = transcribe_samples(&mixed(&UNSURE), Options { quality: Quality::High, ..Options::default() });
    assert_eq!(plain(&high.text()), "eight one close close close red three open stop");
    assert!(high.segments.iter().all(|segment| segment.temperature == 0.0), "the first text is kept");
    let fast = transcribe_samples(&mixed(&UNSURE), Options::default());
    assert!(high.segments[0].avg_logprob > fast.segments[0].avg_logprob);
    assert!(plain(&fast.text()) != plain(&high.text()));
}

#[test]
fn what_the_model_cannot_do_is_refused() {
    let refuse = |options: Options| {
        let job = Job { source: Source::File(recording("single_en_01.wav")), options, checkpoint: None };
        ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap_err()
    };
    let klingon = SpokenLanguage::Given(Language("tlh".to_owned()));
    let error = refuse(Options { language: klingon, task: Task::Translate, ..Options::default() });
    assert_eq!(error.code(), "TRANSCRIPTION_OPTIONS");
    assert!(error.to_string().contains("it knows en es"), "{error}");
    let backwards = Span { start: Samples(10), end: Samples(5) };
    assert_eq!(
        refuse(Options { ranges: vec![backwards], ..Options::default() }).code(),
        "TRANSCRIPTION_OPTIONS"
    );
}

/// Each window waits for the text of the one before. The fixture model has only ever seen a few words before a window, and
/// makes mistakes after more of them; what counts here is that every window is reached, and with another text before it.
#[test]
fn text_before_in_view_is_carried_through_a_whole_recording() {
    let path = recording("long_en_01.wav");
    let carried = Options { condition_on_previous: true, ..Options::default() };
    let alone = transcribe(&path, Options::default());
    let transcript = transcribe(&path, carried.clone());
    assert_eq!(transcript.info.windows, alone.info.windows);
    assert_eq!(transcript.segments[..5], alone.segments[..5], "nothing stands before the first window");
    // Each window's mean log probability, and whether any of its text is doubtful.
    let windows = |transcript: &Transcript| {
        let segments = &transcript.segments;
        let of_window = segments.chunk_by(|one, next| one.avg_logprob == next.avg_logprob);
        let doubtful = |window: &[Segment]| window.iter().any(|segment| !segment.flags.is_empty());
        of_window.map(|window| (window[0].avg_logprob, doubtful(window))).collect::<Vec<_>>()
    };
    let (with, without) = (windows(&transcript), windows(&alone));
    assert_eq!((with.len(), without.len()), (5, 5));
    assert_ne!(with[1].0, without[1].0, "the second window has the first one's text in view");
    for (place, pair) in with.windows(2).enumerate() {
        let carried = pair[1].0 != without[place + 1].0;
        assert_eq!(carried, !pair[0].1, "doubtful text is not carried on: {with:?} {without:?}");
    }
    assert!(transcript.segments.last().unwrap().end.0.abs_diff(alone.segments.last().unwrap().end.0) < 6_400);
    let several = Options { language: SpokenLanguage::Multilingual, ..carried };
    assert!(!transcribe(&path, several).segments.is_empty());
}

#[test]
fn the_languages_of_a_resumed_recording_in_several_are_those_of_an_undisturbed_one() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = folder.path().join("checkpoint");
    let path = recording("mixed_en_es_01.wav");
    let options = Options { language: SpokenLanguage::Multilingual, words: true, ..Options::default() };
    let undisturbed = transcribe(&path, options.clone());
    let job = || Job {
        source: Source::File(path.clone()),
        options: options.clone(),
        checkpoint: Some(checkpoint.clone()),
    };
    let ask = |job: Job| ENGINE.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default()).unwrap();
    assert_eq!(ask(job()), undisturbed);
    let mut resumed = ask(job());
    assert_eq!(resumed.info.resumed_windows, resumed.info.windows);
    resumed.info.resumed_windows = 0;
    assert_eq!(resumed, undisturbed);
}
