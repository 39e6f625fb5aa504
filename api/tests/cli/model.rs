//! `cairn model`: models of all sorts are added, checked and listed, and those that do not work are told with the reason.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    shell::{Ran, Shell},
    speech::{published, ran, recording, speech, tiny},
};

const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3501829\n";

fn model(shell: &Shell, words: &str) -> Ran {
    ran(&mut speech(shell, &format!("model {words}")))
}

fn listed(shell: &Shell) -> Value {
    serde_json::from_str(&model(shell, "list --json").succeeds()).unwrap()
}

fn half(path: &Path) {
    let whole = fs::read(path).unwrap();
    fs::write(path, &whole[..whole.len() / 2]).unwrap();
}

#[test]
fn a_folder_is_checked_by_its_place_or_by_its_name() {
    let shell = Shell::new();
    published(&shell, "ours", &[""]);
    assert!(model(&shell, "check ours --device cpu").succeeds().contains("loaded and run once"));
    model(&shell, "add ours --name tiny").succeeds();
    assert!(model(&shell, "check tiny --device cpu").succeeds().contains("tiny: f32, 80 mel bands"));
    let mut named = speech(&shell, "model check ours --device cpu");
    assert!(ran(named.env("CAIRN_MODEL", "nowhere")).succeeds().contains("loaded and run once"));
    assert!(model(&shell, "check").misuses().contains("<DIR>"));
}

#[test]
fn a_name_that_nobody_has_is_answered_with_what_to_do() {
    let shell = Shell::new();
    let error = model(&shell, "check base --device cpu").fails();
    assert!(error.starts_with("error: there is no model named base [SPEECH_MODEL]\n  because: "), "{error}");
    assert!(
        error.contains("try: `cairn model list` shows those there are; `cairn model add DIR`"),
        "{error}"
    );
    let error = model(&shell, "check ./base --device cpu").fails();
    assert!(error.contains("./base is no folder") && error.contains("that holds config.json"), "{error}");
}

#[test]
fn every_complete_variant_is_added_or_those_that_were_asked_for() {
    let shell = Shell::new();
    let folder = published(&shell, "ours", &["", "_quantized", "_fp16"]);
    fs::remove_file(folder.join("onnx/encoder_model_fp16.onnx")).unwrap();
    fs::write(folder.join("onnx/encoder_model.onnx.tmp"), "half a download").unwrap();
    let added = model(&shell, "add ours");
    assert!(added.err.contains("left out: fp16 has a decoder but no encoder_model"), "{}", added.err);
    assert!(added.err.contains("quantized: 9 MiB of graphs"), "{}", added.err);
    assert!(added.err.contains("f32: loaded and run once"), "{}", added.err);
    added.succeeds();
    let files = |name: &str| {
        let mut files: Vec<String> = fs::read_dir(shell.path().join("models").join(name).join("onnx"))
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        files
    };
    assert_eq!(files("ours").len(), 6, "{:?}", files("ours"));
    assert_eq!(listed(&shell)[0]["precisions"], json!(["f32", "quantized"]));

    model(&shell, "add ours --name small --precision q8").succeeds();
    assert_eq!(
        files("small"),
        [
            "decoder_model_quantized.onnx",
            "decoder_with_past_model_quantized.onnx",
            "encoder_model_quantized.onnx"
        ]
    );
    let error = model(&shell, "add ours --name other --precision int8").fails();
    assert!(error.contains("precision int8: there is f32, quantized"), "{error}");
}

#[test]
fn a_model_that_cannot_run_is_not_added() {
    let shell = Shell::new();
    let folder = published(&shell, "ours", &["", "_int8"]);
    half(&folder.join("onnx/encoder_model_int8.onnx"));
    let error = model(&shell, "add ours").fails();
    assert!(error.contains("its graphs of precision int8 cannot be used [SPEECH_MODEL]"), "{error}");
    assert!(error.contains("try: fetch the file again") && error.contains("--precision f32"), "{error}");
    let kept = fs::read_dir(shell.path().join("models")).unwrap().count();
    assert_eq!(kept, 0, "nothing of it stays");
    model(&shell, "add ours --precision f32").succeeds();

    let graph = published(&shell, "lacking", &[""]).join("onnx/encoder_model.onnx_data");
    fs::write(graph, POINTER).unwrap();
    let error = model(&shell, "add lacking").fails();
    assert!(error.contains("encoder_model.onnx_data is a pointer of Git LFS"), "{error}");
    assert!(error.contains("try: git -C lacking/onnx lfs pull"), "{error}");
}

#[test]
fn what_is_said_of_a_model_replaces_what_its_manifest_says() {
    let shell = Shell::new();
    let mut add = speech(&shell, "model add --name mine --licence MIT --source here");
    ran(add.arg(tiny())).succeeds();
    let manifest = |name: &str| -> Value {
        let path = shell.path().join("models").join(name).join("manifest.json");
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let mine = manifest("mine");
    assert_eq!(
        (&mine["name"], &mine["licence"], &mine["source"]),
        (&json!("mine"), &json!("MIT"), &json!("here"))
    );
    assert!(mine["scores"].is_object(), "what else it said stays");
    ran(speech(&shell, "model add").arg(tiny())).succeeds();
    let own = manifest("whisper-tiny-fixture");
    assert_eq!(own["licence"], "Apache-2.0");
    assert!(own["files"]["encoder_model.onnx"]["sha256"].is_string());

    let folder = published(&shell, "ours", &[""]);
    fs::write(folder.join("manifest.json"), mine.to_string()).unwrap();
    fs::write(
        folder.join("tokenizer.json"),
        fs::read_to_string(tiny().join("tokenizer.json")).unwrap() + "\n",
    )
    .unwrap();
    let error = model(&shell, "add ours --name other").fails();
    assert!(error.contains("tokenizer.json is damaged or another version"), "{error}");
}

#[test]
fn models_are_listed_with_their_weights_and_broken_ones_with_the_reason() {
    let shell = Shell::new();
    for name in ["whole", "broken"] {
        let folder = published(&shell, &format!("models/{name}"), &[""]);
        fs::write(folder.join("onnx/encoder_model.onnx_data"), vec![0; 5 << 20]).unwrap();
    }
    fs::remove_file(shell.path().join("models/broken/tokenizer.json")).unwrap();
    fs::create_dir(shell.path().join("models/.unfinished")).unwrap();
    let list = listed(&shell);
    assert_eq!(list.as_array().unwrap().len(), 2, "{list}");
    assert!(list[0]["problem"].as_str().unwrap().contains("has no tokenizer.json"), "{list}");
    assert!(list[1]["bytes"].as_u64().unwrap() > 15_000_000, "{list}");
    let text = model(&shell, "list").succeeds();
    assert!(text.contains("broken cannot be used: ") && text.contains("whole"), "{text}");
}

#[test]
fn advice_for_word_times_can_be_followed() {
    let shell = Shell::new();
    published(&shell, "my models/ours", &["", "_int8"]);
    let check = |precision: &str| {
        let mut check = speech(&shell, "model check --device cpu --precision");
        ran(check.arg(precision).arg("my models/ours")).succeeds()
    };
    let advice = "word times: no; cairn model add-align 'my models/ours' --precision f32\n";
    assert!(check("f32").contains(advice), "{}", check("f32"));
    let mut align = speech(&shell, "model add-align");
    ran(align.args(["my models/ours", "--precision", "f32"])).succeeds();
    assert!(check("f32").contains("word times: yes"));
    assert!(check("int8").contains("--precision int8"));

    let merged = published(&shell, "merged", &[""]);
    fs::remove_file(merged.join("onnx/decoder_with_past_model.onnx")).unwrap();
    fs::remove_file(merged.join("onnx/decoder_model.onnx")).unwrap();
    let checked = model(&shell, "check merged --device cpu").succeeds();
    assert!(checked.contains("they need the graph decoder_model of precision f32"), "{checked}");
    let error = model(&shell, "add-align merged").fails();
    assert!(error.contains("try: fetch decoder_model of the same precision too"), "{error}");
}

#[test]
fn word_times_that_the_model_cannot_give_are_told_before_the_work() {
    let shell = Shell::new();
    let folder = published(&shell, "ours", &[""]);
    model(&shell, "add-align ours").succeeds();
    let path = folder.join("generation_config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    // A head that the layer does not have.
    config["alignment_heads"] = json!([[2, 40]]);
    fs::write(&path, config.to_string()).unwrap();

    let checked = model(&shell, "check ours --device cpu").succeeds();
    assert!(checked.contains("word times: no; ") && checked.contains("alignment_heads"), "{checked}");
    let mut transcribe = speech(&shell, "transcribe --model ours --device cpu --words");
    let told = ran(transcribe.arg(recording("single_en_07.wav"))).err;
    let before = told.find("there will be no word times: ").expect(&told);
    assert!(before < told.find("word times are unavailable").expect(&told), "{told}");
}

#[test]
fn what_keeps_the_engine_from_starting_has_a_code_and_a_next_step() {
    let shell = Shell::new();
    let folder = published(&shell, "ours", &[""]);
    let file = recording("single_en_07.wav");
    let transcribe = |words: &str| {
        let mut command = speech(&shell, &format!("transcribe --model ours {words}"));
        ran(command.arg(&file)).fails()
    };
    fs::write(shell.path().join("notes.so"), "these are notes").unwrap();
    for (words, code) in [
        ("--device cpu --ort-lib nowhere.so", "[SPEECH_RUNTIME]"),
        ("--device cpu --ort-lib notes.so", "[SPEECH_RUNTIME]"),
        ("--device cpu --precision q4", "[SPEECH_MODEL]"),
    ] {
        let error = transcribe(words);
        assert!(error.starts_with(&format!("error: the speech engine does not start {code}\n")), "{error}");
    }
    let error = transcribe("--device cpu --ort-lib notes.so");
    assert!(error.contains("invalid ELF header") || error.contains("file too short"), "{error}");
    if !Path::new("/dev/nvidia0").exists() {
        let error = transcribe("--device cuda");
        assert!(error.contains("[SPEECH_DEVICE]") && error.contains("try: --device cpu"), "{error}");
    }
    assert!(transcribe("--precision q4 --device cpu").contains("precision q4: there is f32"));
    half(&folder.join("onnx/decoder_model.onnx"));
    let error = transcribe("--device cpu");
    assert!(error.contains("decoder_model.onnx") && error.contains("try: fetch the file again"), "{error}");
}
