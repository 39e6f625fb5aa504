//! `config.json`, `generation_config.json` and `preprocessor_config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::ModelError;

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
    /// The languages' tokens, by name; none in a model of one language.
    #[serde(default)]
    pub lang_to_id: BTreeMap<String, u32>,
    /// The tasks' tokens, by name.
    #[serde(default)]
    pub task_to_id: BTreeMap<String, u32>,
    /// Ends a text.
    pub eos_token_id: u32,
    /// Begins a prompt.
    pub decoder_start_token_id: u32,
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
    feature_size: usize,
    hop_length: usize,
    n_fft: usize,
    chunk_length: usize,
    sampling_rate: usize,
}

impl Config {
    pub(super) fn read(folder: &Path) -> Result<Self, ModelError> {
        let config: Self = read(folder, "config.json")?;
        let malformed = |reason: String| ModelError::Malformed { path: folder.join("config.json"), reason };
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
    /// Reads the file and refuses what the spectrogram of this program is not made for.
    pub(super) fn check(folder: &Path, config: &Config) -> Result<(), ModelError> {
        const FILE: &str = "preprocessor_config.json";
        let found: Self = read(folder, FILE)?;
        let wanted = Self {
            feature_size: config.num_mel_bins,
            hop_length: 160,
            n_fft: 400,
            chunk_length: 30,
            sampling_rate: 16_000,
        };
        if found == wanted {
            return Ok(());
        }
        Err(ModelError::Malformed {
            path: folder.join(FILE),
            reason: format!("it asks for {found:?}, this program makes {wanted:?}"),
        })
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
    serde_json::from_slice(&text).map_err(|error| ModelError::Malformed { path, reason: error.to_string() })
}
