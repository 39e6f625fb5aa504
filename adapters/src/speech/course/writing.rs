//! The text that was kept becomes segments and words of the source, with their doubts.

use std::ops::Range;

use commands::ports::transcription::{Flag, Language, Samples, Segment, Word};
use ndarray::Array2;

use super::Course;
use super::part::Kept;
use crate::speech::doubts::{self, COMPRESSION_LIMIT};
use crate::speech::segments::TimedText;
use crate::speech::words::{SpokenWord, word_times};

impl Course {
    /// One segment of the text.
    pub(super) fn segment(&self, kept: &Kept, timed: &TimedText, attention: &[Array2<f32>]) -> Segment {
        let text = self.plan.tokens.text(&timed.tokens);
        let speech = self.part.speech();
        let speech = self.plan.listens.then_some(speech.as_slice());
        let span = speech.map_or(timed.start..timed.end, |speech| to_speech(timed.start..timed.end, speech));
        let mut flags = doubts::of_times(&text, &span, speech);
        let looping = doubts::loops(&text) || kept.attempt.compression_ratio > COMPRESSION_LIMIT;
        for (found, flag) in [
            (kept.doubtful, Flag::LowConfidence),
            (looping, Flag::Repetition),
            (self.echoes(&text), Flag::PromptEcho),
            (self.setting.uncertain, Flag::UncertainLanguage),
            (self.part.second_try, Flag::SecondTry),
        ] {
            if found {
                flags.push(flag);
            }
        }
        flags.sort_unstable();
        let (start, end) = self.in_source(&span);
        Segment {
            start,
            end,
            text: text.trim().to_owned(),
            words: self.plan.words.then(|| self.words(timed, attention, &span)),
            tokens: timed.tokens.clone(),
            avg_logprob: rounded(kept.attempt.decoded.avg_logprob),
            compression_ratio: rounded(kept.attempt.compression_ratio),
            no_speech_prob: rounded(kept.attempt.decoded.no_speech_prob),
            temperature: kept.attempt.temperature,
            language: self.setting.language.clone().unwrap_or_else(|| Language("en".to_owned())),
            flags,
        }
    }

    /// The words of one segment, inside of its times.
    fn words(&self, timed: &TimedText, attention: &[Array2<f32>], span: &Range<u64>) -> Vec<Word> {
        let language = self.setting.language.as_ref().map(|language| language.0.as_str());
        // The line in which a token is decided is that of the token before it.
        let line = self.prompt().len() + timed.first - 1;
        let words = word_times(&self.plan.tokens, &timed.tokens, attention, line, span, language);
        let word = |word: SpokenWord| {
            let (start, end) = self.in_source(&(word.start..word.end));
            let logprobs = &timed.logprobs[word.tokens.clone()];
            let sum: f32 = logprobs.iter().map(|logprob| logprob.exp()).sum();
            Word { start, end, probability: rounded(sum / logprobs.len().max(1) as f32), text: word.text }
        };
        words.into_iter().map(word).collect()
    }

    /// Where a stretch of the part begins and ends in the source. What has no length has none there either, even where
    /// silence is left out just at it.
    fn in_source(&self, span: &Range<u64>) -> (Samples, Samples) {
        let found = self.part.in_source(span);
        (Samples(found.start), Samples(found.end.max(found.start)))
    }
}

/// Moves ends that lie in silence to the speech next to them, inside of the span.
fn to_speech(span: Range<u64>, speech: &[Range<u64>]) -> Range<u64> {
    let mut inside = speech.iter().filter(|one| one.start < span.end && one.end > span.start);
    let (first, last) = (inside.clone().next(), inside.next_back());
    match (first, last) {
        (Some(first), Some(last)) => span.start.max(first.start)..span.end.min(last.end),
        _ => span,
    }
}

/// To four decimals: what lies beyond depends on the order of additions.
fn rounded(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}
