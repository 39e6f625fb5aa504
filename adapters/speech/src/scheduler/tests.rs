//! What a window gets whose neighbours, or whose engine, fail: on the fixture model.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::*;
use crate::decode::Search;
use crate::fixtures;
use crate::mel::Spectrogram;
use crate::model::Precision;
use crate::runtime::{Device, Runtime};

fn model() -> ModelFolder {
    ModelFolder::open(&fixtures::whisper_tiny(), &Precision::Auto, Device::Cpu)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn graphs() -> Graphs {
    Graphs::load(&Runtime::load(None).unwrap(), &model(), Device::Cpu, 2).unwrap()
}

/// The scheduler of the fixture model, which is taken for `model`.
fn scheduler(model: ModelFolder) -> Scheduler {
    start(graphs(), model)
}

fn start(graphs: Graphs, model: ModelFolder) -> Scheduler {
    let model = Arc::new(model);
    let last_resort = LastResort::new(&Runtime::load(None).unwrap(), &model, Device::Cpu, 2);
    Scheduler::start(graphs, last_resort, model, 8).unwrap()
}

/// The spectrogram of a recording of the fixtures.
fn speech(file: &str) -> Features {
    let bytes = std::fs::read(fixtures::recording(file)).unwrap();
    let samples: Vec<f32> = bytes[44..]
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0)
        .collect();
    Features::Spectrogram(Arc::new(Spectrogram::new(80).of(&samples).unwrap()))
}

/// A spectrogram that no sound has.
fn not_finite() -> Features {
    Features::Spectrogram(Arc::new(vec![f32::NAN; 80 * 3_000]))
}

fn decode(search: Search) -> Work {
    let tokens = model().tokens;
    let prompt = vec![tokens.start, tokens.languages[0].id, tokens.transcribe.unwrap()];
    Work::Decode { prompt, temperature: 0.0, seed: 0, search }
}

fn ask(scheduler: &Scheduler, features: Features, work: Work) -> Receiver<Outcome> {
    let (answers, answered) = channel();
    scheduler.submit(Request {
        job: 0,
        urgent: false,
        features,
        work,
        since: Instant::now(),
        cancel: Default::default(),
        reply: Reply::new(move |answer| {
            let _ = answers.send(answer.outcome);
        }),
    });
    answered
}

#[track_caller]
fn failure(answered: &Receiver<Outcome>) -> String {
    match answered.recv().unwrap() {
        Outcome::Failed(reason) => reason,
        Outcome::Stopped => panic!("the engine has stopped"),
        Outcome::Languages(_) | Outcome::Decoded(_) | Outcome::Attention(_) | Outcome::Cancelled => {
            panic!("it did not fail")
        }
    }
}

#[test]
fn a_request_that_nobody_takes_is_answered() {
    let (answers, answered) = channel();
    drop(Reply::new(move |answer| {
        let _ = answers.send(matches!(answer.outcome, Outcome::Stopped));
    }));
    assert_eq!(answered.recv(), Ok(true));
}

#[test]
fn a_window_that_is_not_finite_fails_in_either_search_and_its_neighbours_do_not() {
    let scheduler = scheduler(model());
    for search in [Search::Sample, Search::Beam] {
        let sound = ask(&scheduler, speech("single_en_07.wav"), decode(search));
        let spoilt = ask(&scheduler, not_finite(), decode(search));
        let Outcome::Decoded(decoded) = sound.recv().unwrap() else { panic!("no text") };
        let text = model().tokens.text(&decoded.tokens);
        assert!(text.to_lowercase().contains("eight"), "{search:?}: {text}");
        assert_eq!(failure(&spoilt), "the model's answer is not finite", "{search:?}");
    }
    let languages = ask(&scheduler, not_finite(), Work::Languages);
    assert_eq!(failure(&languages), "the model's answer is not finite");
    let counted = scheduler.clockwork();
    assert_eq!((counted.failed, counted.second_tries), (3, 3));
    assert!(counted.batches >= 6 && counted.batch_rows >= counted.batches);
}

#[test]
fn a_batch_over_which_the_decoder_falls_fails_alone() {
    let mut model = model();
    // There are no such logits: whoever looks for them falls over.
    model.tokens.no_speech = u32::MAX;
    let scheduler = scheduler(model);
    for _ in 0..2 {
        let fallen = ask(&scheduler, speech("single_en_07.wav"), decode(Search::Sample));
        assert!(failure(&fallen).contains("fell over"));
        let next = ask(&scheduler, speech("single_en_07.wav"), Work::Languages);
        assert!(matches!(next.recv().unwrap(), Outcome::Languages(_)));
    }
}

#[test]
fn an_engine_whose_sessions_are_broken_says_so_to_everybody() {
    let mut model = model();
    model.tokens.no_speech = u32::MAX;
    // The trial after the fall does not succeed either.
    model.config.vocab_size = 1;
    let scheduler = scheduler(model);
    for work in [decode(Search::Sample), Work::Languages, decode(Search::Beam)] {
        let answered = ask(&scheduler, speech("single_en_07.wav"), work);
        assert!(matches!(answered.recv().unwrap(), Outcome::Stopped));
    }
}

#[test]
fn a_run_that_does_not_come_to_an_end_costs_its_window_alone() {
    let mut graphs = graphs();
    graphs.obey(Brake::after(std::time::Duration::ZERO).unwrap());
    let scheduler = start(graphs, model());
    let stuck = ask(&scheduler, speech("window_en_01.wav"), decode(Search::Sample));
    let answer = loop {
        scheduler.look();
        match stuck.try_recv() {
            Ok(answer) => break answer,
            Err(_) => std::thread::yield_now(),
        }
    };
    let Outcome::Failed(reason) = answer else { panic!("it came to an end") };
    assert!(reason.contains("took longer than"), "{reason}");
    // Nobody looks now.
    let next = ask(&scheduler, speech("single_en_07.wav"), Work::Languages);
    assert!(matches!(next.recv().unwrap(), Outcome::Languages(_)));
}

#[test]
fn what_nobody_waits_for_any_more_ends() {
    let scheduler = scheduler(model());
    let cancel = commands::ports::transcription::Cancel::default();
    let (answers, answered) = channel();
    let window = speech("window_en_01.wav");
    // More than are decoded before this thread has its turn again, however busy the machine is.
    for _ in 0..64 {
        let answers = answers.clone();
        scheduler.submit(Request {
            job: 0,
            urgent: false,
            features: window.clone(),
            work: decode(Search::Sample),
            since: Instant::now(),
            cancel: cancel.clone(),
            reply: Reply::new(move |answer| {
                let _ = answers.send(answer.outcome);
            }),
        });
    }
    cancel.cancel();
    scheduler.look();
    let outcomes: Vec<Outcome> = (0..64).map(|_| answered.recv().unwrap()).collect();
    let done = outcomes.iter().take_while(|outcome| matches!(outcome, Outcome::Decoded(_))).count();
    assert!(done < outcomes.len(), "nothing was left to cancel");
    assert!(outcomes[done..].iter().all(|outcome| matches!(outcome, Outcome::Cancelled)));
}
