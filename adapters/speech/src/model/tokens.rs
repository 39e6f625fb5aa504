//! Tokens: what the model reads and writes.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use commands::ports::transcription::Language;
use tokenizers::Tokenizer;

use super::layout::is_pointer;
use super::letters::Letters;
use super::{Config, Generation, ModelError};

/// A language and its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageToken {
    /// The language.
    pub language: Language,
    /// The token that names it in a prompt.
    pub id: u32,
}

/// A text that the tokenizer cannot read.
#[derive(Debug, thiserror::Error)]
#[error("the model's tokenizer cannot read '{text}'")]
pub struct EncodeError {
    /// The text.
    pub text: String,
    /// What it said.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

/// The tokenizer and the special tokens, each found by its name and checked against `generation_config.json`.
#[derive(Clone)]
pub struct Tokens {
    tokenizer: Arc<Tokenizer>,
    letters: Arc<Letters>,
    /// Begins every prompt.
    pub start: u32,
    /// Ends every text; every lower id is text.
    pub end: u32,
    /// Begins the text before a prompt.
    pub previous: u32,
    /// Its probability at the start tells whether anything was said.
    pub no_speech: u32,
    /// Asks for text without times.
    pub no_timestamps: u32,
    /// The time 0.00 s; each id above it is 20 ms later.
    pub first_timestamp: u32,
    /// Asks for text in the spoken language, where the model has a choice.
    pub transcribe: Option<u32>,
    /// Asks for English.
    pub translate: Option<u32>,
    /// The languages, by id; none in a model of one language.
    pub languages: Vec<LanguageToken>,
    /// Ids from here on do not exist.
    pub vocabulary: u32,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn read(folder: &Path, config: &Config, generation: &Generation) -> Result<Self, ModelError> {
        let path = folder.join("tokenizer.json");
        if !path.is_file() {
            return Err(ModelError::Missing { folder: folder.to_owned(), file: "tokenizer.json".to_owned() });
        }
        if is_pointer(&path) {
            return Err(ModelError::NotFetched(path));
        }
        let tokenizer =
            Tokenizer::from_file(&path).map_err(|error| ModelError::Malformed { path, source: error })?;
        let named = |names: &[&str]| names.iter().find_map(|name| tokenizer.token_to_id(name));
        let need = |names: &[&str]| {
            named(names)
                .ok_or_else(|| ModelError::Tokens(format!("there is no token {}", names.join(" or "))))
        };
        let no_timestamps = need(&["<|notimestamps|>"])?;
        // Older tokenizers do not list the times; they follow on <|notimestamps|> in every Whisper vocabulary.
        let first_timestamp = named(&["<|0.00|>"]).unwrap_or(no_timestamps + 1);
        let start = need(&["<|startoftranscript|>"])?;
        let languages = languages(&tokenizer, generation, start)?;
        let multilingual = !languages.is_empty();
        let task = |name: &str| -> Result<Option<u32>, ModelError> {
            if !multilingual {
                return Ok(None);
            }
            let token = format!("<|{name}|>");
            let id = need(&[&token])?;
            agree(&token, id, generation.task_to_id.get(name).copied())?;
            Ok(Some(id))
        };
        let end = need(&["<|endoftext|>"])?;
        let tokens = Self {
            start,
            end,
            previous: need(&["<|startofprev|>"])?,
            no_speech: need(&["<|nospeech|>", "<|nocaptions|>"])?,
            no_timestamps,
            first_timestamp,
            transcribe: task("transcribe")?,
            translate: task("translate")?,
            languages,
            vocabulary: config.vocab_size as u32,
            letters: Arc::new(Letters::read(&tokenizer, end)?),
            tokenizer: Arc::new(tokenizer),
        };
        agree("<|startoftranscript|>", tokens.start, generation.decoder_start_token_id)?;
        // A list may hold more than the end of a text.
        if !generation.eos_token_id.contains(&tokens.end) {
            agree("<|endoftext|>", tokens.end, generation.eos_token_id.first().copied())?;
        }
        agree("<|notimestamps|>", tokens.no_timestamps, generation.no_timestamps_token_id)?;
        agree("<|startofprev|>", tokens.previous, generation.prev_sot_token_id)?;
        tokens.fits_vocabulary()?;
        Ok(tokens)
    }

    /// An id outside of the graphs' vocabulary would be looked up where there is nothing.
    fn fits_vocabulary(&self) -> Result<(), ModelError> {
        for (id, name) in [
            (self.start, "<|startoftranscript|>"),
            (self.end, "<|endoftext|>"),
            (self.previous, "<|startofprev|>"),
            (self.no_speech, "<|nospeech|>"),
            (self.no_timestamps, "<|notimestamps|>"),
            (self.languages.last().map_or(0, |language| language.id), "the last language"),
        ] {
            if id >= self.vocabulary {
                return Err(ModelError::Tokens(format!(
                    "{name} is {id}, outside of a vocabulary of {}",
                    self.vocabulary
                )));
            }
        }
        if self.first_timestamp.saturating_add(1_500) >= self.vocabulary {
            return Err(ModelError::Tokens(format!(
                "times begin at {}, which leaves no room for 30 s in a vocabulary of {}",
                self.first_timestamp, self.vocabulary
            )));
        }
        Ok(())
    }

    /// The tokens of a text; special names in it are plain text.
    ///
    /// # Errors
    /// When the tokenizer has nothing for a letter.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, EncodeError> {
        let encoded = self.tokenizer.encode(text, false);
        let encoded = encoded.map_err(|source| EncodeError { text: text.to_owned(), source })?;
        Ok(encoded.get_ids().iter().copied().filter(|id| *id < self.end).collect())
    }

    /// The text of tokens; times and other special tokens have none.
    #[must_use]
    pub fn text(&self, ids: &[u32]) -> String {
        self.letters.text(ids)
    }

    /// Whether a token is a time.
    #[must_use]
    pub fn is_timestamp(&self, id: u32) -> bool {
        id >= self.first_timestamp
    }

    /// The token of a language, if the model knows it.
    #[must_use]
    pub fn language(&self, language: &Language) -> Option<u32> {
        self.languages.iter().find(|known| known.language == *language).map(|known| known.id)
    }

    /// The language that a token names.
    #[must_use]
    pub fn language_of(&self, id: u32) -> Option<&Language> {
        self.languages.iter().find(|known| known.id == id).map(|known| &known.language)
    }
}

/// The languages that a prompt can name; none in a model of one language.
fn languages(
    tokenizer: &Tokenizer,
    generation: &Generation,
    start: u32,
) -> Result<Vec<LanguageToken>, ModelError> {
    let mut languages = Vec::with_capacity(generation.lang_to_id.len());
    for (name, &id) in &generation.lang_to_id {
        let found = tokenizer.token_to_id(name);
        agree(name, found.ok_or_else(|| ModelError::Tokens(format!("there is no token {name}")))?, Some(id))?;
        let code = name.trim_start_matches("<|").trim_end_matches("|>");
        languages.push(LanguageToken { language: Language(code.to_owned()), id });
    }
    match generation.is_multilingual {
        Some(false) => languages.clear(),
        Some(true) if languages.is_empty() => languages = after_start(tokenizer, start),
        // English vocabularies name the languages too, so that the tokenizer alone does not tell.
        None if languages.is_empty() => {
            return Err(ModelError::Tokens(
                "generation_config.json says neither is_multilingual nor lang_to_id (early exporters did not write them), so that nobody knows whether a prompt names a language".to_owned(),
            ));
        }
        Some(true) | None => {}
    }
    languages.sort_by_key(|language| language.id);
    if generation.is_multilingual == Some(true) && languages.is_empty() {
        return Err(ModelError::Tokens("is_multilingual is true, and no language has a token".to_owned()));
    }
    Ok(languages)
}

/// The languages by the order of every Whisper vocabulary: they follow on `<|startoftranscript|>`, up to the tasks.
fn after_start(tokenizer: &Tokenizer, start: u32) -> Vec<LanguageToken> {
    let code = |id: u32| {
        let token = tokenizer.id_to_token(id)?;
        let code = token.strip_prefix("<|")?.strip_suffix("|>")?;
        let is_code = (2..=3).contains(&code.len()) && code.bytes().all(|letter| letter.is_ascii_lowercase());
        is_code.then(|| LanguageToken { language: Language(code.to_owned()), id })
    };
    (start + 1..).map_while(code).collect()
}

fn agree(name: &str, found: u32, configured: Option<u32>) -> Result<(), ModelError> {
    match configured {
        Some(id) if id != found => Err(ModelError::Tokens(format!(
            "{name} is {found} in tokenizer.json and {id} in generation_config.json"
        ))),
        _ => Ok(()),
    }
}
