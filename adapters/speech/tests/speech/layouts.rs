//! Models as other exporters save them: other suffixes of the graphs, configurations that leave out or write otherwise
//! what older ones wrote, and files that Git has not fetched.

use std::fs;
use std::path::Path;

use adapters_speech::model::{Manifest, ModelError, ModelFolder, Precision, Variants};
use adapters_speech::{Device, in_full, run_once};
use serde_json::{Value, json};

/// What Git leaves in the place of a large file.
const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3501829\n";

fn original() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/whisper-tiny")
}

/// A copy of the fixture model without its manifest.
fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(original()).unwrap() {
        let file = file.unwrap();
        if file.file_name() != Manifest::FILE {
            fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
        }
    }
    folder
}

/// A copy whose graphs carry these suffixes and lie in `onnx`, as transformers.js wants them.
fn published(suffixes: &[&str]) -> tempfile::TempDir {
    let folder = copy();
    fs::create_dir(folder.path().join("onnx")).unwrap();
    for graph in ["encoder_model", "decoder_model", "decoder_with_past_model", "decoder_model_merged"] {
        let from = folder.path().join(format!("{graph}.onnx"));
        for suffix in suffixes {
            fs::copy(&from, folder.path().join(format!("onnx/{graph}{suffix}.onnx"))).unwrap();
        }
        fs::remove_file(from).unwrap();
    }
    folder
}

fn open(folder: &Path, precision: &str) -> Result<ModelFolder, ModelError> {
    ModelFolder::open(folder, &precision.parse().unwrap(), Device::Cpu)
}

#[track_caller]
fn taken(folder: &Path, precision: &str) -> ModelFolder {
    let model = open(folder, precision).unwrap_or_else(|error| panic!("{error}"));
    run_once(&model, None).unwrap_or_else(|error| panic!("{error}"));
    model
}

#[track_caller]
fn refused(folder: &Path, precision: &str) -> ModelError {
    open(folder, precision).err().unwrap_or_else(|| panic!("it was taken"))
}

/// Changes one of a folder's JSON files.
fn change(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut value);
    fs::write(&path, serde_json::to_vec(&value).unwrap()).unwrap();
}

#[test]
fn the_only_set_of_graphs_is_taken_whatever_its_precision_is_called() {
    for precision in ["q4f16", "bnb4", "q8", "uint8", "quantized", "fp8_e4m3"] {
        let folder = published(&[&format!("_{precision}")]);
        assert_eq!(open(folder.path(), "auto").unwrap().precision, precision);
        assert_eq!(open(folder.path(), precision).unwrap().precision, precision);
    }
    let folder = published(&["", "_quantized"]);
    assert_eq!(open(folder.path(), "q8").unwrap().precision, "quantized", "transformers.js calls it q8");
    assert_eq!(open(folder.path(), "fp32").unwrap().precision, "f32");
    assert_eq!(taken(folder.path(), "auto").precision, "quantized");
}

#[test]
fn a_precision_that_is_not_there_is_answered_with_those_that_are() {
    let folder = published(&["_q4f16", "_fp16"]);
    fs::remove_file(folder.path().join("onnx/encoder_model_fp16.onnx")).unwrap();
    let error = refused(folder.path(), "q8").to_string();
    assert!(
        error.contains("precision q8: there is q4f16; fp16 has a decoder but no encoder_model"),
        "{error}"
    );
    let variants = Variants::of(folder.path());
    assert_eq!(variants.complete, ["q4f16"]);
    assert_eq!(variants.lacking.len(), 1);
}

#[test]
fn the_name_of_a_precision_is_read_as_it_is_written() {
    for precision in [Precision::Auto, Precision::Named("int8".to_owned())] {
        assert_eq!(precision.to_string().parse::<Precision>().unwrap(), precision);
    }
}

#[test]
fn a_file_that_git_has_not_fetched_is_told_as_that() {
    for file in ["encoder_model.onnx", "decoder_model.onnx", "tokenizer.json", "config.json"] {
        let folder = copy();
        fs::write(folder.path().join(file), POINTER).unwrap();
        let error = refused(folder.path(), "auto");
        assert!(matches!(&error, ModelError::NotFetched(path) if path.ends_with(file)), "{error}");
    }
    let folder = copy();
    fs::write(folder.path().join("encoder_model.onnx_data"), POINTER).unwrap();
    let error = refused(folder.path(), "f32");
    assert!(
        matches!(&error, ModelError::NotFetched(path) if path.ends_with("encoder_model.onnx_data")),
        "{error}"
    );
    // Another precision that was fetched is taken.
    let folder = published(&["", "_int8"]);
    fs::write(folder.path().join("onnx/encoder_model_int8.onnx"), POINTER).unwrap();
    assert_eq!(open(folder.path(), "auto").unwrap().precision, "f32");
    assert!(matches!(refused(folder.path(), "int8"), ModelError::NotFetched(_)));
}

#[test]
fn a_generation_config_of_any_year_is_read() {
    let languages = |folder: &Path| -> Vec<(String, u32)> {
        let model = taken(folder, "auto");
        model.tokens.languages.iter().map(|known| (known.language.0.clone(), known.id)).collect()
    };
    let both = vec![("en".to_owned(), 408), ("es".to_owned(), 409)];
    let changes: [fn(&mut Value); 7] = [
        |one| one["lang_to_id"] = Value::Null,
        |one| one["task_to_id"] = Value::Null,
        |one| one["eos_token_id"] = json!([406]),
        |one| one["eos_token_id"] = json!([406, 410]),
        |one| one["decoder_start_token_id"] = Value::Null,
        |one| {
            for key in ["suppress_tokens", "begin_suppress_tokens", "alignment_heads", "prev_sot_token_id"] {
                one[key] = Value::Null;
            }
        },
        |one| {
            let fields = one.as_object_mut().unwrap();
            fields.retain(|key, _| key == "is_multilingual");
        },
    ];
    for one in changes {
        let folder = copy();
        change(folder.path(), "generation_config.json", one);
        assert_eq!(languages(folder.path()), both);
    }
    let folder = copy();
    change(folder.path(), "generation_config.json", |one| one["eos_token_id"] = json!([405]));
    assert!(refused(folder.path(), "auto").to_string().contains("<|endoftext|> is 406"));
}

#[test]
fn a_model_that_does_not_say_whether_it_knows_languages_is_not_guessed_at() {
    let folder = copy();
    change(folder.path(), "generation_config.json", |one| {
        let fields = one.as_object_mut().unwrap();
        fields.remove("is_multilingual");
        fields.remove("lang_to_id");
    });
    let error = refused(folder.path(), "auto").to_string();
    assert!(error.contains("neither is_multilingual nor lang_to_id"), "{error}");
}

#[test]
fn the_spectrogram_may_be_described_by_either_file_or_by_none() {
    let folder = copy();
    let own = folder.path().join("preprocessor_config.json");
    let mut described: Value = serde_json::from_slice(&fs::read(&own).unwrap()).unwrap();
    fs::remove_file(&own).unwrap();
    taken(folder.path(), "auto");
    let shared = folder.path().join("processor_config.json");
    let write = |described: &Value| {
        let text = json!({ "processor_class": "WhisperProcessor", "feature_extractor": described });
        fs::write(&shared, text.to_string()).unwrap();
    };
    write(&described);
    assert!(open(folder.path(), "auto").is_ok());
    described["feature_size"] = json!(128);
    write(&described);
    let error = in_full(&refused(folder.path(), "auto"));
    assert!(error.contains("processor_config.json") && error.contains("feature_size: 128"), "{error}");
    fs::write(&own, r#"{"feature_size": 80, "sampling_rate": 16000}"#).unwrap();
    assert!(open(folder.path(), "auto").is_ok(), "what it does not say is as always");
}

#[test]
fn a_manifest_names_the_files_in_use_and_keeps_what_else_it_said() {
    let folder = published(&["", "_int8"]);
    fs::write(folder.path().join("onnx/encoder_model_fp16.onnx"), "of no use").unwrap();
    let before = json!({ "name": "ours", "files": {}, "scores": { "wer": 0.2 } });
    fs::write(folder.path().join(Manifest::FILE), before.to_string()).unwrap();
    let models = [open(folder.path(), "f32").unwrap(), open(folder.path(), "int8").unwrap()];
    let manifest = Manifest::of(&models).unwrap();
    assert_eq!((manifest.name.as_str(), manifest.precision.as_str()), ("ours", "f32, int8"));
    assert_eq!(manifest.more["scores"]["wer"], 0.2);
    assert!(manifest.files.contains_key("onnx/encoder_model_int8.onnx"));
    assert!(manifest.files.contains_key("tokenizer.json"));
    assert!(!manifest.files.contains_key("onnx/encoder_model_fp16.onnx"));
    assert!(!manifest.files.contains_key("onnx/decoder_model_merged.onnx"), "there are two instead");

    let mut wrong = manifest;
    wrong.files.get_mut("tokenizer.json").unwrap().sha256 = "0".repeat(64);
    fs::write(folder.path().join(Manifest::FILE), serde_json::to_vec(&wrong).unwrap()).unwrap();
    let error = Manifest::of(&[open(folder.path(), "f32").unwrap()]).unwrap_err();
    assert!(matches!(error, ModelError::Digest { path, .. } if path.ends_with("tokenizer.json")));
}
