//! `config.json`, `generation_config.json` and `preprocessor_config.json`, as the exporters of several years write them:
//! what newer ones leave out or write as null, or as a list, means the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::ModelError;
use super::layout::is_pointer;

/// The shape of the network, from `config.json`. Encoder and decoder may have different numbers of heads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Width.
    pub d_model: usize,
    /// Layers of the decoder, each with a cache of its own.
    pub decoder_layers: usize,
    /// Heads of each layer of the decoder.
    pub decoder_attention_heads: usize,
    /// Bands of the spectrogram: 80, or 128 from large-v3 on.
    pub num_mel_bins: usize,
    /// Frames that the encoder gives for a window: 1,500 for 30 s.
    pub max_source_positions: usize,
    /// Tokens that the decoder can hold: 448.
    pub max_target_positions: usize,
    /// Tokens that there are.
    pub vocab_size: usize,
    /// `whisper`.
    pub model_type: String,
}

/// How text is made, from `generation_config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Generation {
    /// The languages' tokens, by name; none in a model of one language, and in files that leave them to the tokenizer.
    #[serde(default, deserialize_with = "or_nothing")]
    pub lang_to_id: BTreeMap<String, u32>,
    /// The tasks' tokens, by name.
    #[serde(default, deserialize_with = "or_nothing")]
    pub task_to_id: BTreeMap<String, u32>,
    /// Ends a text; newer exporters write a list.
    #[serde(default, deserialize_with = "one_or_more")]
    pub eos_token_id: Vec<u32>,
    /// Begins a prompt.
    #[serde(default)]
    pub decoder_start_token_id: Option<u32>,
    /// Asks for text without times.
    pub no_timestamps_token_id: Option<u32>,
    /// Begins the text before.
    pub prev_sot_token_id: Option<u32>,
    /// Never written.
    #[serde(default)]
    pub suppress_tokens: Option<Vec<i64>>,
    /// Never written first.
    #[serde(default)]
    pub begin_suppress_tokens: Option<Vec<i64>>,
    /// Layer and head of the attention that follows the words.
    #[serde(default)]
    pub alignment_heads: Option<Vec<(usize, usize)>>,
    /// The latest first timestamp, in steps of 20 ms.
    pub max_initial_timestamp_index: Option<u32>,
    /// Whether prompts name language and task.
    pub is_multilingual: Option<bool>,
}

/// How audio becomes a spectrogram, from `preprocessor_config.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Preprocessor {
    feature_size: Option<usize>,
    hop_length: Option<usize>,
    n_fft: Option<usize>,
    chunk_length: Option<usize>,
    sampling_rate: Option<usize>,
}

/// `processor_config.json`, in which newer exporters write the same.
#[derive(Deserialize)]
struct Processor {
    feature_extractor: Option<Preprocessor>,
}

impl Config {
    pub(super) fn read(folder: &Path) -> Result<Self, ModelError> {
        let config: Self = read(folder, "config.json")?;
        let malformed = |reason: String| ModelError::Malformed {
            path: folder.join("config.json"),
            source: reason.into(),
        };
        if config.model_type != "whisper" {
            return Err(malformed(format!("model_type is '{}'", config.model_type)));
        }
        if !matches!(config.num_mel_bins, 80 | 128) {
            return Err(malformed(format!("num_mel_bins is {}, not 80 or 128", config.num_mel_bins)));
        }
        if config.max_source_positions != 1_500 {
            return Err(malformed(format!(
                "max_source_positions is {}, not 1500",
                config.max_source_positions
            )));
        }
        if config.decoder_attention_heads == 0
            || !config.d_model.is_multiple_of(config.decoder_attention_heads)
        {
            return Err(malformed("d_model is no multiple of decoder_attention_heads".to_owned()));
        }
        Ok(config)
    }

    /// The width of one head of the decoder.
    #[must_use]
    pub fn head_width(&self) -> usize {
        self.d_model / self.decoder_attention_heads
    }
}

impl Generation {
    pub(super) fn read(folder: &Path) -> Result<Self, ModelError> {
        read(folder, "generation_config.json")
    }
}

impl Preprocessor {
    /// Refuses what the spectrogram of this program is not made for. What no file says is as in every Whisper model, with
    /// the bands of `config.json`.
    pub(super) fn check(folder: &Path, config: &Config) -> Result<(), ModelError> {
        let (file, found) = match lenient(read(folder, OWN))? {
            Some(found) => (OWN, found),
            None => match lenient(read::<Processor>(folder, SHARED))?.and_then(|all| all.feature_extractor) {
                Some(found) => (SHARED, found),
                None => return Ok(()),
            },
        };
        for (name, found, made) in [
            ("feature_size", found.feature_size, config.num_mel_bins),
            ("hop_length", found.hop_length, 160),
            ("n_fft", found.n_fft, 400),
            ("chunk_length", found.chunk_length, 30),
            ("sampling_rate", found.sampling_rate, 16_000),
        ] {
            if let Some(asked) = found.filter(|asked| *asked != made) {
                return Err(ModelError::Malformed {
                    path: folder.join(file),
                    source: format!("it asks for {name}: {asked}, and this program makes {made}").into(),
                });
            }
        }
        Ok(())
    }
}

/// The file of older exporters.
const OWN: &str = "preprocessor_config.json";
/// The file of newer ones.
const SHARED: &str = "processor_config.json";

/// A file that need not be there.
fn lenient<T>(read: Result<T, ModelError>) -> Result<Option<T>, ModelError> {
    match read {
        Err(ModelError::Missing { .. }) => Ok(None),
        other => other.map(Some),
    }
}

fn read<T: DeserializeOwned>(folder: &Path, file: &str) -> Result<T, ModelError> {
    let path = folder.join(file);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(ModelError::Missing { folder: folder.to_owned(), file: file.to_owned() });
        }
        Err(source) => return Err(ModelError::Unreadable { path, source }),
    };
    if is_pointer(&path) {
        return Err(ModelError::NotFetched(path));
    }
    serde_json::from_slice(&text).map_err(|error| ModelError::Malformed { path, source: error.into() })
}

/// A value that may be null.
fn or_nothing<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A number, a list of numbers, or null.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a token's number, or a list of them")]
    enum Ids {
        One(u32),
        More(Vec<u32>),
    }
    Ok(match Option::deserialize(from)? {
        None => Vec::new(),
        Some(Ids::One(id)) => vec![id],
        Some(Ids::More(ids)) => ids,
    })
}
