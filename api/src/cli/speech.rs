//! What a person reads when a model, ONNX Runtime or a card does not do: the reason, a stable code, and the next step.

use std::path::Path;

use super::{Failure, model};
use crate::compose::speech::{AddAlignError, Engine, EngineError, ModelError, RuntimeError, VoiceError};

/// `what` did not work, because of the engine or a model.
pub fn speech_failure(what: &str, error: &EngineError) -> Failure {
    let code = error.code();
    if let EngineError::Model(ModelError::NoFolder(path)) = error
        && let Some(name) = model::name_of(path)
    {
        return Failure::new(format!("there is no model named {name} [{code}]"))
            .because(error)
            .advise("`cairn model list` shows those there are; `cairn model add DIR` keeps one");
    }
    let failure = Failure::new(format!("{what} [{code}]")).because(error);
    match next_step(error) {
        Some(step) => failure.advise(step),
        None => failure,
    }
}

/// The same of a model's folder.
pub fn model_failure(what: &str, error: ModelError) -> Failure {
    speech_failure(what, &EngineError::Model(error))
}

/// What can be done about it, where the message itself does not say.
fn next_step(error: &EngineError) -> Option<String> {
    match error {
        EngineError::Model(error) => Some(model_step(error)),
        EngineError::Runtime(RuntimeError::NoCard { .. }) => Some(
            "--device cpu; for a card, `ops/run --cuda` fetches onnxruntime-gpu and what it needs".to_owned(),
        ),
        EngineError::Runtime(RuntimeError::Unusable { .. }) => {
            Some("leave --ort-lib and ORT_DYLIB_PATH out: ops/run fetches a library that fits".to_owned())
        }
        EngineError::Voice(VoiceError::Unusable { .. }) => {
            Some("leave CAIRN_VAD_MODEL out: ops/run fetches a model that fits".to_owned())
        }
        EngineError::Thread(_) => Some("let the user have more threads (ulimit -u)".to_owned()),
        // These name what fetches it.
        EngineError::Runtime(_) | EngineError::Voice(_) => None,
    }
}

fn model_step(error: &ModelError) -> String {
    match error {
        ModelError::NoFolder(_) => {
            "name the folder that holds config.json, or a model of `cairn model list`".to_owned()
        }
        ModelError::Missing { file, .. } => format!("fetch {file} from where the model comes from"),
        ModelError::NoGraphs { .. } => {
            "choose with --precision what is there, or fetch all graphs of one precision".to_owned()
        }
        ModelError::NotFetched(path) => {
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            format!("git -C {} lfs pull", quoted(folder))
        }
        ModelError::Unreadable { .. } => "let the user read it".to_owned(),
        ModelError::Malformed { .. } => {
            "fetch it again; only Whisper's models in ONNX form are understood".to_owned()
        }
        ModelError::Digest { .. } => {
            "fetch it again; if it was changed on purpose, remove manifest.json".to_owned()
        }
        ModelError::Tokens(_) => {
            "take tokenizer.json and generation_config.json from the model it was made from".to_owned()
        }
        ModelError::Graph { .. } => "take config.json and the graphs from the same model".to_owned(),
        ModelError::Load { .. } => "fetch the file again: it is damaged, or only a part of it".to_owned(),
        ModelError::Trial(_) => "choose another variant with --precision, or fetch it again".to_owned(),
    }
}

/// What makes word times possible with this engine, or why nothing does; none if they are.
pub fn word_times_step(engine: &Engine) -> Option<String> {
    let why_not = engine.why_no_words()?;
    let model = &engine.loaded().model;
    // A graph that is there and does not do is not made better by making it again.
    if model.align.is_some() {
        return Some(why_not.to_owned());
    }
    let heads = model.generation.alignment_heads.as_deref().unwrap_or_default();
    Some(if heads.is_empty() {
        "generation_config.json names no alignment_heads".to_owned()
    } else if model.can_show_attention() {
        let folder = quoted(&model.path);
        format!("cairn model add-align {folder} --precision {}", model.precision)
    } else {
        format!("they need the graph decoder_model of precision {}, beside the merged one", model.precision)
    })
}

/// Why a model got no graph for word times, with the next step.
pub fn align_failure(error: &AddAlignError) -> Failure {
    let step = match error {
        AddAlignError::NoHeads => "take generation_config.json from the model it was made from",
        AddAlignError::Merged(_) => {
            "fetch decoder_model of the same precision too, or choose another with --precision"
        }
        AddAlignError::Unknown { .. } => "export the model with optimum, or take one of onnx-community",
        AddAlignError::Io { .. } => "let the user read and write the model's folder",
    };
    Failure::new("word times cannot be added").because(error).advise(step)
}

/// A path as a shell reads it.
pub fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:@%,".contains(letter);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.into_owned();
    }
    let text = text.replace('\'', r"'\''");
    // What begins with a dash would be read as an option.
    if text.starts_with('-') { format!("'./{text}'") } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_a_path_as_one_word() {
        for (path, expected) in [
            ("models/whisper-base", "models/whisper-base"),
            ("my models/it's", r"'my models/it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("-rf", "'./-rf'"),
        ] {
            assert_eq!(quoted(Path::new(path)), expected);
        }
    }
}
