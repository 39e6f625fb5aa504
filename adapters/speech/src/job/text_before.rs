//! What stands before a window's text in the decoder's view: likely words, a prompt and, where it is asked for, what was
//! said last.

use commands::ports::transcription::{Options, Segment};

use crate::model::{EncodeError, Tokens};

/// Text of a higher temperature than this is not carried on, as in openai-whisper.
const HIGHEST_TEMPERATURE: f32 = 0.5;

/// The text before a window. Hotwords have a share of its room for themselves and stand first, as in faster-whisper;
/// what is left belongs to the newest of the prompt and, after it, of what was said.
pub(super) struct TextBefore {
    /// The likely words, and what parts them from the rest.
    hotwords: Vec<u32>,
    separator: Vec<u32>,
    prompt: Vec<u32>,
    /// What was said last, none where nobody wants it in view.
    said: Option<Vec<u32>>,
    /// Tokens that there is room for.
    room: usize,
}

impl TextBefore {
    /// What the options ask for, in a decoder that holds so many tokens. Half of them, less one for the token that begins
    /// the text before, are for it, as in openai-whisper; hotwords get at most half of that.
    ///
    /// # Errors
    /// When the tokenizer cannot read them.
    pub(super) fn new(options: &Options, tokens: &Tokens, positions: usize) -> Result<Self, EncodeError> {
        let room = (positions / 2).saturating_sub(1);
        let hotwords: Vec<&str> =
            options.hotwords.iter().map(|word| word.trim()).filter(|word| !word.is_empty()).collect();
        let prompt = options.prompt.as_deref().map(str::trim).filter(|prompt| !prompt.is_empty());
        let prompt = prompt.map(|prompt| tokens.encode(&format!(" {prompt}"))).transpose()?;
        Ok(Self {
            hotwords: whole_words(&hotwords, tokens, room / 2)?,
            separator: tokens.encode(".")?,
            prompt: prompt.unwrap_or_default(),
            said: options.condition_on_previous.then(Vec::new),
            room,
        })
    }

    /// What the next window has in view.
    pub(super) fn tokens(&self) -> Vec<u32> {
        let said = self.said.as_deref().unwrap_or_default();
        if self.prompt.is_empty() && said.is_empty() {
            return self.hotwords.clone();
        }
        let mut before = self.hotwords.clone();
        if !before.is_empty() {
            before.extend_from_slice(&self.separator);
        }
        let room = self.room.saturating_sub(before.len());
        let newest = last(said, room);
        before.extend_from_slice(last(&self.prompt, room - newest.len()));
        before.extend_from_slice(newest);
        before
    }

    /// Takes what was said next, a window whole. Doubtful text would carry its doubts on, a loop first of all: after a window
    /// with any flag only the prompt is left, and so after one of a high temperature, as in openai-whisper.
    pub(super) fn follow(&mut self, window: &[Segment]) {
        let Some(said) = &mut self.said else { return };
        let is_sound =
            |segment: &Segment| segment.flags.is_empty() && segment.temperature <= HIGHEST_TEMPERATURE;
        if !window.iter().all(is_sound) {
            said.clear();
            return;
        }
        said.extend(window.iter().flat_map(|segment| &segment.tokens));
        said.drain(..said.len().saturating_sub(self.room));
    }
}

/// The first of the words, as many as fit whole.
fn whole_words(words: &[&str], tokens: &Tokens, room: usize) -> Result<Vec<u32>, EncodeError> {
    let mut fitting = Vec::new();
    for (place, word) in words.iter().enumerate() {
        let next = tokens.encode(&if place == 0 { format!(" {word}") } else { format!(", {word}") })?;
        if fitting.len() + next.len() > room {
            tracing::warn!(
                taken = place,
                given = words.len(),
                "there is no room for all hotwords before a window; the first of them are in view"
            );
            break;
        }
        fitting.extend(next);
    }
    Ok(fitting)
}

fn last(tokens: &[u32], count: usize) -> &[u32] {
    &tokens[tokens.len().saturating_sub(count)..]
}

#[cfg(test)]
mod tests {
    use commands::ports::transcription::Flag;

    use super::*;
    use crate::fixtures::whisper_tiny;
    use crate::model::{ModelFolder, Precision};
    use crate::runtime::Device;

    fn tokens() -> Tokens {
        ModelFolder::open(&whisper_tiny(), &Precision::Auto, Device::Cpu).unwrap().tokens
    }

    fn options(hotwords: &[&str], prompt: Option<&str>, carries: bool) -> Options {
        Options {
            hotwords: hotwords.iter().map(|word| (*word).to_owned()).collect(),
            prompt: prompt.map(str::to_owned),
            condition_on_previous: carries,
            ..Options::default()
        }
    }

    fn segment(tokens: Vec<u32>, flags: Vec<Flag>) -> Segment {
        Segment { tokens, flags, ..super::super::tests::segment(0, 1, "") }
    }

    #[test]
    fn hotwords_stay_in_view_however_long_the_prompt_is() {
        let tokens = tokens();
        let long = "red green blue ".repeat(200);
        let before =
            TextBefore::new(&options(&["seven", "eight"], Some(&long), false), &tokens, 448).unwrap();
        let view = before.tokens();
        assert_eq!(view.len(), 223, "half of the positions, less one");
        assert!(tokens.text(&view).starts_with(" seven, eight. "), "{}", tokens.text(&view));
        assert!(tokens.text(&view).ends_with(" red green blue"), "the prompt's end is what a window follows");
        let short = TextBefore::new(&options(&["seven"], Some("red green"), false), &tokens, 448).unwrap();
        assert_eq!(tokens.text(&short.tokens()), " seven. red green");
    }

    #[test]
    fn the_newest_of_what_was_said_is_kept_after_the_hotwords() {
        let tokens = tokens();
        let mut before = TextBefore::new(&options(&["seven"], Some("red"), true), &tokens, 64).unwrap();
        assert_eq!(tokens.text(&before.tokens()), " seven. red");
        before.follow(&[segment(tokens.encode(" green").unwrap(), Vec::new())]);
        assert_eq!(tokens.text(&before.tokens()), " seven. red green");
        for _ in 0..40 {
            before.follow(&[segment(tokens.encode(" blue").unwrap(), Vec::new())]);
        }
        before.follow(&[segment(tokens.encode(" stop").unwrap(), Vec::new())]);
        let view = tokens.text(&before.tokens());
        assert_eq!(before.tokens().len(), 31);
        assert!(view.starts_with(" seven. blue") && view.ends_with(" blue stop"), "{view}");
        before.follow(&[segment(tokens.encode(" blue").unwrap(), vec![Flag::Repetition])]);
        assert_eq!(tokens.text(&before.tokens()), " seven. red", "a loop is not carried on");
    }

    #[test]
    fn nothing_of_a_doubtful_window_is_carried_on() {
        let tokens = tokens();
        let sound = || segment(tokens.encode(" green").unwrap(), Vec::new());
        let carried = |window: &[Segment]| {
            let mut before = TextBefore::new(&options(&[], Some("red"), true), &tokens, 448).unwrap();
            before.follow(&[sound()]);
            before.follow(window);
            tokens.text(&before.tokens())
        };
        assert_eq!(carried(&[sound(), sound()]), " red green green green");
        for flag in [Flag::LowConfidence, Flag::Rate, Flag::UncoveredSpeech, Flag::PromptEcho] {
            let doubtful = segment(tokens.encode(" blue").unwrap(), vec![flag]);
            assert_eq!(carried(&[sound(), doubtful, sound()]), " red", "{flag:?}");
        }
        assert_eq!(carried(&[Segment { temperature: 0.6, ..sound() }]), " red");
        assert_eq!(carried(&[Segment { temperature: 0.4, ..sound() }]), " red green green");
        assert_eq!(carried(&[]), " red green", "silence says nothing");
    }

    #[test]
    fn what_was_said_is_not_in_view_where_nobody_asked_for_it() {
        let tokens = tokens();
        let mut before = TextBefore::new(&options(&[], None, false), &tokens, 448).unwrap();
        before.follow(&[segment(tokens.encode(" blue").unwrap(), Vec::new())]);
        assert!(before.tokens().is_empty());
    }

    #[test]
    fn hotwords_take_half_of_the_room_and_none_is_cut_in_two() {
        let tokens = tokens();
        let many = vec!["seven"; 200];
        let before = TextBefore::new(&options(&many, None, false), &tokens, 448).unwrap();
        let view = tokens.text(&before.tokens());
        assert!(before.tokens().len() <= 111 && before.tokens().len() > 100, "{}", before.tokens().len());
        assert!(view.split(',').all(|word| word.trim() == "seven"), "{view}");
        let tiny = TextBefore::new(&options(&["seven"], Some("red"), true), &tokens, 2).unwrap();
        assert!(tiny.tokens().is_empty(), "a decoder without room has nothing in view");
    }
}
