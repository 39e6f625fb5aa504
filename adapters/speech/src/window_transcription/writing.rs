//! The text that was kept becomes segments and words with their doubts: in samples of the window first, in the source's
//! time when the window is finished.

use std::ops::Range;

use commands::ports::transcription::{Flag, Language, Samples, Segment, Word};
use ndarray::Array2;

use super::WindowTranscription;
use super::part::Attempt;
use super::timeline::TimedText;
use super::word_times::{FRAME_SAMPLES, SpokenWord, Untimed, word_times};
use crate::doubts::{self, COMPRESSION_LIMIT, PlainWords};
use crate::wording::rounded;

/// The shortest segment, one frame of the encoder or 20 ms: a cue without a length is shown by no player.
pub(super) const SHORTEST_SEGMENT: Samples = Samples(FRAME_SAMPLES);

impl WindowTranscription {
    /// Puts texts at their places in the window, beside those that are there. Of a part, those that lie outside of what
    /// it was asked about are told already; as for ranges, the middle decides. Gives the number of the first.
    pub(super) fn place(
        &mut self,
        kept: &Attempt,
        texts: &[TimedText],
        attention: Option<&[Array2<f32>]>,
    ) -> usize {
        let speech = self.plan.listens.then(|| self.speech());
        let speech = speech.as_deref();
        let placed: Vec<(&TimedText, Range<u64>)> =
            texts.iter().filter_map(|timed| Some((timed, self.place_of(timed, speech)?))).collect();
        let words = attention.map(|attention| self.words(kept, &placed, attention, speech));
        let mut words = words.map(Vec::into_iter);
        let segments: Vec<Segment> = placed
            .into_iter()
            .map(|(timed, span)| {
                let mut segment = self.segment(kept, timed, &span, speech);
                segment.words = words.as_mut().and_then(Iterator::next);
                segment
            })
            .collect();
        let first = self.texts.len();
        self.texts.extend(segments);
        first
    }

    /// Where a text stands in the window: its ends in speech, and inside of what its part was asked about.
    fn place_of(&self, timed: &TimedText, speech: Option<&[Range<u64>]>) -> Option<Range<u64>> {
        let (heard, asked) = (self.part.heard.start, &self.part.asked);
        let span = heard + timed.start..heard + timed.end;
        let span = speech.map_or(span.clone(), |speech| to_speech(span, speech));
        let middle = span.start.midpoint(span.end);
        (asked.start <= middle && middle <= asked.end)
            .then(|| span.start.clamp(asked.start, asked.end)..span.end.clamp(asked.start, asked.end))
    }

    fn segment(
        &self,
        kept: &Attempt,
        timed: &TimedText,
        span: &Range<u64>,
        speech: Option<&[Range<u64>]>,
    ) -> Segment {
        let text = self.plan.tokens.text(&timed.tokens);
        let words = PlainWords::of(&text);
        let mut flags = doubts::of_times(&text, span, speech);
        for (found, flag) in [
            (kept.is_poor(), Flag::LowConfidence),
            (words.loops() || kept.compression_ratio > COMPRESSION_LIMIT, Flag::Repetition),
            (timed.is_behind_audio, Flag::NoSpeechOverlap),
            (self.is_echo(&words, kept.prompted), Flag::PromptEcho),
            (self.setting.uncertain, Flag::UncertainLanguage),
            (self.part.second_try, Flag::SecondTry),
        ] {
            if found {
                doubts::add(&mut flags, flag);
            }
        }
        Segment {
            start: Samples(span.start),
            end: Samples(span.end),
            text: text.trim().to_owned(),
            words: None,
            tokens: timed.tokens.clone(),
            avg_logprob: rounded(kept.decoded.avg_logprob),
            compression_ratio: rounded(kept.compression_ratio),
            no_speech_prob: rounded(kept.decoded.no_speech_prob),
            temperature: kept.temperature,
            language: self.setting.language.clone().unwrap_or_else(|| Language("en".to_owned())),
            flags,
        }
    }

    /// The words of each text, inside of its times.
    fn words(
        &self,
        kept: &Attempt,
        texts: &[(&TimedText, Range<u64>)],
        attention: &[Array2<f32>],
        speech: Option<&[Range<u64>]>,
    ) -> Vec<Vec<Word>> {
        let language = self.setting.language.as_ref().map(|language| language.0.as_str());
        let heard = self.part.heard.start;
        let in_part = |span: &Range<u64>| span.start.saturating_sub(heard)..span.end.saturating_sub(heard);
        let prompt = self.prompt(kept.prompted).len();
        let untimed: Vec<Untimed<'_>> = texts
            .iter()
            .map(|(timed, span)| {
                let mut span = in_part(span);
                span.start = span.start.min(span.end.saturating_sub(SHORTEST_SEGMENT.0));
                // The line in which a token is decided is that of the token before it.
                Untimed { tokens: &timed.tokens, line: prompt + timed.first - 1, span }
            })
            .collect();
        let speech: Option<Vec<Range<u64>>> = speech.map(|speech| speech.iter().map(in_part).collect());
        let found = word_times(&self.plan.tokens, &untimed, attention, speech.as_deref(), language);
        let word = |timed: &TimedText, word: SpokenWord| {
            let logprobs = &timed.logprobs[word.tokens.clone()];
            let sum: f32 = logprobs.iter().map(|logprob| logprob.exp()).sum();
            Word {
                start: Samples(heard + word.start),
                end: Samples(heard + word.end),
                probability: rounded(sum / logprobs.len().max(1) as f32),
                text: word.text,
            }
        };
        let of_text = |((timed, _), words): (&(&TimedText, _), Vec<SpokenWord>)| {
            words.into_iter().map(|spoken| word(timed, spoken)).collect()
        };
        texts.iter().zip(found).map(of_text).collect()
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
