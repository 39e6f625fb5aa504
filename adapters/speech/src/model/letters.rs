//! From tokens to text. Every Whisper vocabulary writes bytes as letters, in GPT-2's alphabet; a token may end in the middle
//! of a letter of many bytes, so that texts are put together as bytes.

use std::collections::HashMap;

use tokenizers::Tokenizer;

use super::ModelError;

/// The bytes that each token stands for, by its id.
pub(super) struct Letters(Vec<Box<[u8]>>);

impl Letters {
    /// Of the tokens below `end`. Whatever this and the tokenizer's own decoder make of them must be the same: that one
    /// may also fail, in the middle of a recording.
    pub(super) fn read(tokenizer: &Tokenizer, end: u32) -> Result<Self, ModelError> {
        let bytes = alphabet();
        let bytes_of = |token: String| -> Box<[u8]> {
            let written: Option<Vec<u8>> = token.chars().map(|letter| bytes.get(&letter).copied()).collect();
            // A token that was added by hand is written as it is.
            written.unwrap_or_else(|| token.into_bytes()).into()
        };
        let letters =
            Self((0..end).map(|id| tokenizer.id_to_token(id).map(bytes_of).unwrap_or_default()).collect());
        let all: Vec<u32> = (0..end).collect();
        match tokenizer.decode(&all, false) {
            Ok(text) if text == letters.text(&all) => Ok(letters),
            _ => Err(ModelError::Tokens(
                "tokenizer.json makes other texts of its tokens than Whisper's, whose decoder is ByteLevel"
                    .to_owned(),
            )),
        }
    }

    /// The text of tokens; ids that it does not know have none.
    pub(super) fn text(&self, ids: &[u32]) -> String {
        let bytes = |id: &u32| self.0.get(*id as usize).map_or(&[][..], |bytes| bytes);
        let text: Vec<u8> = ids.iter().flat_map(bytes).copied().collect();
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Which byte a letter stands for: itself where it can be seen, else the next letter from U+0100 on, as in GPT-2's
/// `bytes_to_unicode`.
fn alphabet() -> HashMap<char, u8> {
    let is_seen = |byte: &u8| matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff);
    let (seen, others): (Vec<u8>, Vec<u8>) = (0..=u8::MAX).partition(is_seen);
    let own = seen.into_iter().map(|byte| (char::from(byte), byte));
    own.chain(('\u{100}'..).zip(others)).collect()
}
