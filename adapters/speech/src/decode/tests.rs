//! Every window of the fixture recordings gives the tokens on which ONNX Runtime, transformers and CTranslate2 agree.

use serde_json::Value;

use super::{Decoded, Found, Row, Rules, Search, decode};
use crate::fixtures::{expected, mixed, read_wav, recording, whisper_tiny};
use crate::graphs::Graphs;
use crate::mel::Spectrogram;
use crate::model::{ModelFolder, Precision};
use crate::runtime::{Device, Runtime};

fn model() -> ModelFolder {
    ModelFolder::open(&whisper_tiny(), &Precision::Auto, Device::Cpu)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn as_floats(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

/// A window with its prompt and what is expected of it.
struct Case {
    name: String,
    audio: Vec<f32>,
    prompt: Vec<u32>,
    ids: Vec<u32>,
    avg_logprob: f64,
    no_speech_prob: f64,
}

fn cases() -> Vec<Case> {
    let expected = expected();
    let mut cases = Vec::new();
    for file in expected["files"].as_array().unwrap() {
        let name = file["file"].as_str().unwrap();
        let all = as_floats(&read_wav(&recording(name)));
        for window in file["windows"].as_array().unwrap() {
            let at = |key: &str| window[key].as_u64().unwrap() as usize;
            for one in window["decodes"].as_array().unwrap() {
                cases.push(Case {
                    name: format!("{name} {} {}", at("start_sample"), one["prompt"]),
                    audio: all[at("start_sample")..at("end_sample")].to_vec(),
                    prompt: ids(&one["prompt"]),
                    ids: ids(&one["ids"]),
                    avg_logprob: one["avg_logprob"].as_f64().unwrap(),
                    no_speech_prob: window["no_speech_prob"].as_f64().unwrap(),
                });
            }
        }
    }
    cases
}

fn decode_all(graphs: &mut Graphs, model: &ModelFolder, cases: &[&Case], search: Search) -> Vec<Decoded> {
    let mut generation = model.generation.clone();
    // The expected tokens were made without any suppressed ones.
    generation.begin_suppress_tokens = None;
    let rules = Rules::new(&model.tokens, &generation);
    let spectrogram = Spectrogram::new(model.config.num_mel_bins);
    let rows: Vec<Row> = cases
        .iter()
        .map(|case| Row {
            encoded: graphs.encode(&[&spectrogram.of(&case.audio).unwrap()]).unwrap().remove(0),
            prompt: case.prompt.clone(),
            temperature: 0.0,
            seed: 1,
            cancel: Default::default(),
        })
        .collect();
    let text = |found: Found<Decoded>| match found {
        Found::Answer(decoded) => decoded,
        other => panic!("{other:?}"),
    };
    decode(graphs, &rules, &model.tokens, &rows, search).unwrap().into_iter().map(text).collect()
}

#[test]
fn every_fixture_window_gives_the_expected_tokens_alone_and_in_a_batch() {
    let model = model();
    let mut graphs = Graphs::load(&Runtime::load(None).unwrap(), &model, Device::Cpu, 2).unwrap();
    let cases = cases();
    assert_eq!(cases.len(), 59);
    for length in [3, 4] {
        let group: Vec<&Case> = cases.iter().filter(|case| case.prompt.len() == length).collect();
        let together = decode_all(&mut graphs, &model, &group, Search::Sample);
        for (case, batch) in group.iter().zip(together) {
            let alone = decode_all(&mut graphs, &model, &[case], Search::Sample).remove(0);
            assert_eq!(alone.tokens, case.ids, "{}", case.name);
            assert_eq!(batch.tokens, case.ids, "{} in a batch", case.name);
            // On silence, special tokens are likely, and the expected values were made without ruling them out.
            let heard = case.no_speech_prob < 0.5;
            assert!(
                !heard || (f64::from(alone.avg_logprob) - case.avg_logprob).abs() < 2e-3,
                "{}: {}",
                case.name,
                alone.avg_logprob
            );
            assert_eq!(alone.avg_logprob, batch.avg_logprob, "{} does not depend on its batch", case.name);
            assert!((f64::from(alone.no_speech_prob) - case.no_speech_prob).abs() < 2e-3, "{}", case.name);
        }
    }
}

#[test]
fn a_merged_decoder_gives_the_same_tokens() {
    let split = model();
    let mut merged = split.clone();
    merged.decoders = crate::model::DecoderFiles::Merged(split.path.join("decoder_model_merged.onnx"));
    let runtime = Runtime::load(None).unwrap();
    let mut graphs = Graphs::load(&runtime, &merged, Device::Cpu, 2).unwrap();
    let cases = cases();
    for length in [3, 4] {
        let group: Vec<&Case> = cases.iter().filter(|case| case.prompt.len() == length).collect();
        for (case, found) in group.iter().zip(decode_all(&mut graphs, &merged, &group, Search::Sample)) {
            assert_eq!(found.tokens, case.ids, "{}", case.name);
        }
    }
}

/// Recordings all at once, or one by itself.
fn together(files: &[&str]) -> Case {
    Case {
        name: files.join(" and "),
        audio: as_floats(&mixed(files)),
        prompt: vec![407, 408, 411],
        ids: Vec::new(),
        avg_logprob: 0.0,
        no_speech_prob: 0.0,
    }
}

/// What openai-whisper's rules give on the same graphs in numpy and ONNX Runtime: with one hypothesis, and with five.
#[test]
fn a_beam_finds_likelier_texts_that_greed_passes_by() {
    let model = model();
    let mut graphs = Graphs::load(&Runtime::load(None).unwrap(), &model, Device::Cpu, 2).unwrap();
    let looping = format!(" eight one{}. stop.", " close".repeat(16));
    let expected = [
        (together(&["loud_noise_01.wav"]), " left. thanks.s. two. two.", " left. left. two. two."),
        (
            together(&["single_en_05.wav", "translate_es_01.wav"]),
            looping.as_str(),
            " eight one close close close red three open. stop.",
        ),
    ];
    for (case, one, five) in &expected {
        let greedy = decode_all(&mut graphs, &model, &[case], Search::Sample).remove(0);
        let beam = decode_all(&mut graphs, &model, &[case], Search::Beam).remove(0);
        assert_eq!(model.tokens.text(&greedy.tokens), *one, "{}", case.name);
        assert_eq!(model.tokens.text(&beam.tokens), *five, "{}", case.name);
        let sum = |found: &Decoded| found.avg_logprob * (found.tokens.len() + 1) as f32;
        assert!(sum(&beam) > sum(&greedy) + 1.0, "{}: {beam:?} {greedy:?}", case.name);
    }
    let cases: Vec<&Case> = expected.iter().map(|(case, ..)| case).collect();
    for (found, (case, _, five)) in
        decode_all(&mut graphs, &model, &cases, Search::Beam).iter().zip(&expected)
    {
        assert_eq!(model.tokens.text(&found.tokens), *five, "{} in a batch", case.name);
    }
}

#[test]
fn a_beam_keeps_the_text_of_clear_speech() {
    let model = model();
    let mut graphs = Graphs::load(&Runtime::load(None).unwrap(), &model, Device::Cpu, 2).unwrap();
    let cases = cases();
    let group: Vec<&Case> =
        cases.iter().filter(|case| case.prompt.len() == 3 && case.name.contains("single")).collect();
    let greedy = decode_all(&mut graphs, &model, &group, Search::Sample);
    let beam = decode_all(&mut graphs, &model, &group, Search::Beam);
    let text = |found: &Decoded| -> Vec<u32> {
        found.tokens.iter().copied().filter(|id| *id < model.tokens.end).collect()
    };
    for ((case, greedy), beam) in group.iter().zip(&greedy).zip(&beam) {
        assert!(beam.avg_logprob >= greedy.avg_logprob - 1e-3, "{}: {beam:?} {greedy:?}", case.name);
        assert_eq!(text(beam), text(greedy), "{}", case.name);
    }
}
