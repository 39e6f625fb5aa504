//! What is wrong with a model's folder is said before anything is transcribed, each with its own reason.

use std::error::Error;
use std::path::Path;

use adapters_speech::model::{Manifest, ModelError, Precision};
use adapters_speech::{DeviceChoice, Engine, EngineError, EngineOptions, in_full};
use commands::ports::transcription::{
    Cancel, Job, Language, Options, Progress, Source, SpokenLanguage, Task, Transcriber,
};
use serde_json::{Value, json};

use crate::support::{recording, whisper_tiny};

/// A copy of the fixture model without its manifest, so that files in it may be changed.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(whisper_tiny()).unwrap() {
        let file = file.unwrap();
        if file.file_name() != Manifest::FILE {
            std::fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    folder
}

fn start(folder: &Path, precision: Precision) -> Result<Engine, EngineError> {
    let model = folder.to_owned();
    Engine::start(&EngineOptions {
        model,
        precision,
        device: DeviceChoice::Cpu,
        threads: Some(1),
        ..EngineOptions::default()
    })
}

/// Why the folder is refused.
#[track_caller]
fn refusal(folder: &Path) -> ModelError {
    match start(folder, Precision::Auto) {
        Err(EngineError::Model(error)) => error,
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("it was taken"),
    }
}

/// Why the fixture model is refused after a change to one of its JSON files.
#[track_caller]
fn after(file: &str, change: impl FnOnce(&mut Value)) -> String {
    let folder = copy();
    let path = folder.path().join(file);
    let mut value: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    std::fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
    let error = in_full(&refusal(folder.path()));
    assert!(!error.contains('\n'), "{error}");
    error
}

#[track_caller]
fn says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "'{part}' is not in: {error}");
    }
}

#[test]
fn a_folder_that_is_not_there_or_is_a_file_is_no_model() {
    let folder = copy();
    for path in [folder.path().join("nowhere"), folder.path().join("config.json")] {
        let error = refusal(&path);
        assert!(matches!(error, ModelError::NoFolder(_)), "{error}");
        says(&error.to_string(), &["is no folder"]);
    }
}

#[test]
fn each_missing_configuration_is_named() {
    for file in ["config.json", "generation_config.json", "tokenizer.json"] {
        let folder = copy();
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let error = refusal(folder.path());
        assert!(matches!(&error, ModelError::Missing { file: named, .. } if named == file), "{error}");
    }
}

#[test]
fn half_a_set_of_graphs_is_told_by_what_it_lacks() {
    let without = |files: &[&str]| {
        let folder = copy();
        for file in files {
            std::fs::remove_file(folder.path().join(file)).unwrap();
        }
        let error = refusal(folder.path());
        assert!(matches!(error, ModelError::NoGraphs { .. }), "{error}");
        error.to_string()
    };
    let decoders = ["decoder_model.onnx", "decoder_with_past_model.onnx", "decoder_model_merged.onnx"];
    says(&without(&decoders), &["has an encoder but neither decoder_model"]);
    says(&without(&decoders[1..]), &["has an encoder but neither decoder_model"]);
    says(&without(&["encoder_model.onnx"]), &["has a decoder but no encoder_model"]);
    says(
        &without(&[&decoders[..], &["encoder_model.onnx"]].concat()),
        &["no complete set of graphs of precision any", "there are no *.onnx files"],
    );
}

#[test]
fn a_precision_that_is_not_there_is_named() {
    let folder = copy();
    for (name, said) in [("fp16", "precision fp16"), ("", "precision"), ("../f32", "precision ../f32")] {
        match start(folder.path(), Precision::Named(name.to_owned())) {
            Err(EngineError::Model(error @ ModelError::NoGraphs { .. })) => says(&error.to_string(), &[said]),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("'{name}' was taken"),
        }
    }
}

#[test]
fn another_kind_of_model_is_refused_by_its_configuration() {
    says(&after("config.json", |config| config["model_type"] = json!("bert")), &["model_type is 'bert'"]);
    says(&after("config.json", |config| config["num_mel_bins"] = json!(100)), &["num_mel_bins is 100"]);
    says(&after("config.json", |config| config["max_source_positions"] = json!(750)), &["is 750, not 1500"]);
    says(&after("config.json", |config| config["decoder_attention_heads"] = json!(3)), &["no multiple of"]);
    says(&after("config.json", |config| config["d_model"] = json!("wide")), &["config.json", "invalid type"]);
    says(&after("config.json", |config| *config = json!([])), &["config.json is not a Whisper model's"]);
    for (key, value) in [("feature_size", 128), ("hop_length", 256), ("n_fft", 512), ("sampling_rate", 8_000)]
    {
        let error = after("preprocessor_config.json", |config| config[key] = json!(value));
        says(&error, &["preprocessor_config.json", &format!("{key}: {value}")]);
    }
}

#[test]
fn graphs_of_another_shape_than_the_configuration_are_refused() {
    says(&after("config.json", |config| config["vocab_size"] = json!(51_865)), &["logits", "1917", "51865"]);
    says(&after("config.json", |config| config["vocab_size"] = json!(1_900)), &["vocabulary of 1900"]);
    says(
        &after("config.json", |config| config["vocab_size"] = json!(400)),
        &["outside of a vocabulary of 400"],
    );
    says(&after("config.json", |config| config["d_model"] = json!(384)), &["encoder_model.onnx", "384"]);
    says(&after("config.json", |config| config["decoder_layers"] = json!(4)), &["present.3.decoder.key"]);
    says(&after("config.json", |config| config["decoder_layers"] = json!(2)), &["more than the 2 layers"]);
    says(
        &after("config.json", |config| config["decoder_attention_heads"] = json!(4)),
        &["past_key_values.0.decoder.key", "2 wide where the configuration says 4"],
    );
}

#[test]
fn tokens_that_tokenizer_and_configuration_call_differently_are_refused() {
    let generation = |change: fn(&mut Value)| after("generation_config.json", change);
    says(&generation(|one| one["eos_token_id"] = json!(405)), &["<|endoftext|> is 406", "405"]);
    says(&generation(|one| one["decoder_start_token_id"] = json!(1)), &["<|startoftranscript|> is 407", "1"]);
    says(&generation(|one| one["lang_to_id"]["<|es|>"] = json!(408)), &["<|es|> is 409", "408"]);
    says(&generation(|one| one["lang_to_id"]["<|de|>"] = json!(410)), &["there is no token <|de|>"]);
    says(&generation(|one| one["task_to_id"]["translate"] = json!(411)), &["<|translate|> is 410", "411"]);
    says(&generation(|one| one["no_timestamps_token_id"] = json!(7)), &["<|notimestamps|> is 415", "7"]);
    says(&generation(|one| one["prev_sot_token_id"] = json!(7)), &["<|startofprev|> is 413", "7"]);
}

#[test]
fn a_tokenizer_that_is_none_is_refused() {
    for text in ["", "{}", "not JSON"] {
        let folder = copy();
        std::fs::write(folder.path().join("tokenizer.json"), text).unwrap();
        let error = refusal(folder.path()).to_string();
        says(&error, &["tokenizer.json is not a Whisper model's"]);
    }
}

#[test]
fn a_tokenizer_that_would_make_other_texts_is_refused() {
    for decoder in [
        Value::Null,
        json!({ "type": "Fuse" }),
        json!({ "type": "WordPiece", "prefix": "er", "cleanup": true }),
    ] {
        says(&after("tokenizer.json", |one| one["decoder"] = decoder), &["makes other texts", "ByteLevel"]);
    }
}

#[test]
fn words_that_the_tokenizer_cannot_read_are_told_and_not_left_out() {
    let folder = copy();
    let path = folder.path().join("tokenizer.json");
    let mut tokenizer: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let model = tokenizer["model"].as_object_mut().unwrap();
    model.insert("unk_token".to_owned(), json!("<unk>"));
    let letters = model["vocab"].as_object_mut().unwrap();
    let id = letters.remove("~").unwrap();
    letters.insert("~~".to_owned(), id);
    std::fs::write(&path, serde_json::to_vec(&tokenizer).unwrap()).unwrap();
    let engine = start(folder.path(), Precision::Auto).unwrap_or_else(|error| panic!("{error}"));
    let asked = |options: Options| {
        let job = Job { source: Source::File(recording("single_en_07.wav")), options, checkpoint: None };
        engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default())
    };
    for options in [
        Options { hotwords: vec!["red".to_owned(), "~".to_owned()], ..Options::default() },
        Options { prompt: Some("a~b".to_owned()), ..Options::default() },
    ] {
        let error = in_full(&asked(options).unwrap_err());
        says(&error, &["tokenizer cannot read", "~"]);
    }
    assert!(asked(Options::default()).is_ok());
}

#[test]
fn a_graph_that_is_cut_off_or_no_graph_is_refused() {
    for file in ["encoder_model.onnx", "decoder_model.onnx", "decoder_with_past_model.onnx"] {
        let folder = copy();
        let path = folder.path().join(file);
        let whole = std::fs::read(&path).unwrap();
        for bytes in [&whole[..whole.len() / 2], b"", b"not ONNX"] {
            std::fs::write(&path, bytes).unwrap();
            let error = refusal(folder.path());
            assert!(matches!(&error, ModelError::Load { path: named, .. } if *named == path), "{error}");
            // What ONNX Runtime says stands below, once.
            let said = error.source().unwrap().to_string();
            assert!(!said.is_empty() && !error.to_string().contains(&said), "{error}: {said}");
        }
    }
}

#[test]
fn graphs_in_each_others_place_are_refused() {
    let folder = copy();
    let at = |file: &str| folder.path().join(file);
    std::fs::copy(at("decoder_model.onnx"), at("encoder_model.onnx")).unwrap();
    says(&refusal(folder.path()).to_string(), &["encoder_model.onnx", "there is no 'input_features'"]);

    let folder = copy();
    let at = |file: &str| folder.path().join(file);
    std::fs::copy(at("decoder_model.onnx"), at("decoder_with_past_model.onnx")).unwrap();
    says(
        &refusal(folder.path()).to_string(),
        &["decoder_with_past_model.onnx", "past_key_values.0.decoder.key"],
    );
}

#[test]
fn a_file_that_differs_from_the_manifest_is_refused_by_its_digest() {
    let folder = copy();
    std::fs::copy(whisper_tiny().join(Manifest::FILE), folder.path().join(Manifest::FILE)).unwrap();
    assert!(start(folder.path(), Precision::Auto).is_ok(), "the fixture is as its manifest says");
    let path = folder.path().join("decoder_model.onnx");
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = refusal(folder.path());
    assert!(matches!(&error, ModelError::Digest { path: named, .. } if *named == path), "{error}");
    bytes.truncate(middle);
    std::fs::write(&path, &bytes).unwrap();
    assert!(matches!(refusal(folder.path()), ModelError::Digest { .. }));
    std::fs::remove_file(&path).unwrap();
    says(&refusal(folder.path()).to_string(), &["has no decoder_model.onnx"]);
    std::fs::write(folder.path().join(Manifest::FILE), "{").unwrap();
    says(&refusal(folder.path()).to_string(), &["manifest.json"]);
}

#[test]
fn a_model_of_one_language_is_taken_and_refuses_to_translate() {
    let folder = copy();
    let path = folder.path().join("generation_config.json");
    let mut generation: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    generation["is_multilingual"] = json!(false);
    let fields = generation.as_object_mut().unwrap();
    fields.remove("lang_to_id");
    fields.remove("task_to_id");
    std::fs::write(&path, serde_json::to_vec(&generation).unwrap()).unwrap();
    let engine = start(folder.path(), Precision::Auto).unwrap_or_else(|error| panic!("{error}"));
    let ask = |options: Options| {
        let source = Source::File(recording("single_en_01.wav"));
        let job = Job { source, options, checkpoint: None };
        engine.transcribe(job, &mut |_: Progress<'_>| (), &Cancel::default())
    };
    let transcript = ask(Options::default()).unwrap();
    assert!(transcript.info.languages.is_empty());
    assert!(transcript.segments.iter().all(|segment| segment.language.0 == "en"));
    let given = |code: &str| SpokenLanguage::Given(Language(code.to_owned()));
    assert!(ask(Options { language: given("en"), ..Options::default() }).is_ok());
    assert!(ask(Options { language: SpokenLanguage::Multilingual, ..Options::default() }).is_ok());
    for options in [
        Options { task: Task::Translate, ..Options::default() },
        Options { language: given("es"), ..Options::default() },
    ] {
        let error = ask(options).unwrap_err();
        assert_eq!(error.code(), "TRANSCRIPTION_OPTIONS");
        says(&error.to_string(), &["knows English alone"]);
    }
}
