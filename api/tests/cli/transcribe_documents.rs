//! A transcript in every format, letter for letter, and what the benchmark prints.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    shell::Shell,
    speech::{ran, recording, speech, tiny},
};

/// What a transcript of `late_en_01.wav` should be.
fn wanted(extension: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli/documents");
    std::fs::read_to_string(folder.join(format!("late_en_01.{extension}"))).unwrap()
}

/// Numbers to three decimals: what lies beyond depends on the processor.
fn rounded(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(rounded),
        Value::Object(fields) => fields.values_mut().for_each(rounded),
        Value::Number(number) if number.is_f64() => {
            *value = json!((number.as_f64().unwrap() * 1_000.0).round() / 1_000.0);
        }
        _ => {}
    }
}

#[test]
fn a_recording_in_every_format_is_written_like_this() {
    let shell = Shell::new();
    let model = shell.path().join("words");
    std::fs::create_dir(&model).unwrap();
    for file in std::fs::read_dir(tiny()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), model.join(file.file_name())).unwrap();
    }
    ran(&mut speech(&shell, "model add-align words")).succeeds();
    std::fs::copy(recording("late_en_01.wav"), shell.path().join("late_en_01.wav")).unwrap();
    let written = |format: &str| {
        let words = format!("transcribe late_en_01.wav --model words --device cpu --quiet --format {format}");
        ran(&mut speech(&shell, &words)).succeeds()
    };
    assert_eq!(written("text"), wanted("txt"));
    assert_eq!(written("srt"), wanted("srt"));
    assert_eq!(written("vtt"), wanted("vtt"));

    let mut document: Value = serde_json::from_str(&written("json --words")).unwrap();
    // Another release of the library is another runtime, and the graph for word times is one more file of the model.
    for (field, length) in [("runtime", 5..12), ("model_sha256", 64..65)] {
        let found = document["info"][field].take();
        assert!(length.contains(&found.as_str().unwrap().len()), "{field}: {found}");
    }
    // What was asked for is not what was heard.
    let info = document["info"].as_object_mut().unwrap();
    info.retain(|field, _| field != "revision" && field != "ranges");
    rounded(&mut document);
    let mut wanted: Value = serde_json::from_str(&wanted("json")).unwrap();
    rounded(&mut wanted);
    assert_eq!(document, wanted, "{document:#}");
}

#[test]
fn a_name_that_begins_with_a_dash_is_a_recording_behind_two_dashes() {
    let shell = Shell::new();
    std::fs::copy(recording("single_en_06.wav"), shell.path().join("-name.wav")).unwrap();
    let words = format!("transcribe --model {} --device cpu --quiet --", tiny().display());
    let text = ran(speech(&shell, &words).arg("-name.wav")).succeeds();
    assert!(text.contains("eight music."), "{text}");
    ran(speech(&shell, &words[..words.len() - 3]).arg("-name.wav")).misuses();
}

#[test]
fn word_times_are_not_added_twice_nor_to_what_is_no_model() {
    let shell = Shell::new();
    let error = ran(&mut speech(&shell, "model add-align nowhere")).fails();
    assert!(error.contains("nowhere") && error.contains("is no folder"), "{error}");
    std::fs::create_dir(shell.path().join("half")).unwrap();
    for file in ["config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"] {
        std::fs::copy(tiny().join(file), shell.path().join("half").join(file)).unwrap();
    }
    let error = ran(&mut speech(&shell, "model add-align half")).fails();
    assert!(error.contains("no complete set of graphs"), "{error}");
}

#[test]
fn the_benchmark_prints_every_stage() {
    let shell = Shell::new();
    let file = recording("window_en_01.wav");
    let words = format!(
        "bench transcribe --model {} --device cpu --file {} --rows 2 --repeats 1 --tokens 20 --json",
        tiny().display(),
        file.display()
    );
    let printed: Value = serde_json::from_str(&ran(&mut speech(&shell, &words)).succeeds()).unwrap();
    let figures = printed.to_string();
    for stage in [
        "load_s",
        "audio_decode_s",
        "voice_s",
        "mel_ms_a_window",
        "encoder_s",
        "prefill_ms",
        "step_ms",
        "gather_ms",
        "total_s",
        "outside_percent",
        "times_real_time",
        "real_time_factor",
    ] {
        assert!(figures.contains(&format!("\"{stage}\"")), "{stage}: {printed:#}");
    }
}
