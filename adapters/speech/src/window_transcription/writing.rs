//! The text that was kept becomes segments and words with their doubts: in samples of the window first, in the source's
//! time when the window is finished.

use commands::ports::transcription::{Flag, Language, Samples, Segment, Span, Word};
use ndarray::Array2;

use super::WindowTranscription;
use super::part::Attempt;
use super::timeline::TimedText;
use super::word_times::{FRAME, SpokenWord, Untimed, word_times};
use crate::doubts::{self, COMPRESSION_LIMIT, PlainWords};
use crate::wording::rounded;

/// The shortest segment, one frame of the encoder or 20 ms: a cue without a length is shown by no player.
pub(super) const SHORTEST_SEGMENT: Samples = FRAME;

impl WindowTranscription {
    /// Puts texts at their places in the window, beside those that are there. Of a part, those that lie outside of what
    /// it was asked about are told already; as for ranges, the middle decides. Gives the number of the first.
    pub(super) fn place(
        &mut self,
        kept: &Attempt,
        texts: &[TimedText],
        attention: Option<&[Array2<f32>]>,
    ) -> usize {
        let speech = self.plan.listens.then_some(self.window.speech.as_slice());
        let placed: Vec<(&TimedText, Span)> =
            texts.iter().filter_map(|timed| Some((timed, self.place_of(timed, speech)?))).collect();
        let words = attention.map(|attention| self.words(kept, &placed, attention, speech));
        let mut words = words.map(Vec::into_iter);
        let segments: Vec<Segment> = placed
            .into_iter()
            .map(|(timed, span)| {
                let mut segment = self.segment(kept, timed, span, speech);
                segment.words = words.as_mut().and_then(Iterator::next);
                segment
            })
            .collect();
        let first = self.texts.len();
        self.texts.extend(segments);
        first
    }

    /// Where a text stands in the window: its ends in speech, and inside of what its part was asked about.
    fn place_of(&self, timed: &TimedText, speech: Option<&[Span]>) -> Option<Span> {
        let (heard, asked) = (self.part.heard.start, self.part.asked);
        let span = Span::new(heard + timed.span.start, heard + timed.span.end);
        let span = speech.map_or(span, |speech| to_speech(span, speech));
        let is_asked_for = asked.start <= span.middle() && span.middle() <= asked.end;
        let inside = |at: Samples| at.clamp(asked.start, asked.end);
        is_asked_for.then(|| Span::new(inside(span.start), inside(span.end)))
    }

    fn segment(&self, kept: &Attempt, timed: &TimedText, span: Span, speech: Option<&[Span]>) -> Segment {
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
            start: span.start,
            end: span.end,
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
        texts: &[(&TimedText, Span)],
        attention: &[Array2<f32>],
        speech: Option<&[Span]>,
    ) -> Vec<Vec<Word>> {
        let language = self.setting.language.as_ref().map(|language| language.0.as_str());
        let heard = self.part.heard.start;
        let in_part =
            |span: &Span| Span::new(span.start.saturating_sub(heard), span.end.saturating_sub(heard));
        let prompt = self.prompt(kept.prompted).len();
        let untimed: Vec<Untimed<'_>> = texts
            .iter()
            .map(|(timed, span)| {
                let mut span = in_part(span);
                span.start = span.start.min(span.end.saturating_sub(SHORTEST_SEGMENT));
                // The line in which a token is decided is that of the token before it.
                Untimed { tokens: &timed.tokens, line: prompt + timed.first - 1, span }
            })
            .collect();
        let speech: Option<Vec<Span>> = speech.map(|speech| speech.iter().map(in_part).collect());
        let found = word_times(&self.plan.tokens, &untimed, attention, speech.as_deref(), language);
        let word = |timed: &TimedText, word: SpokenWord| {
            let logprobs = &timed.logprobs[word.tokens.clone()];
            let sum: f32 = logprobs.iter().map(|logprob| logprob.exp()).sum();
            Word {
                start: heard + word.span.start,
                end: heard + word.span.end,
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
fn to_speech(span: Span, speech: &[Span]) -> Span {
    let mut inside = speech.iter().filter(|one| one.overlaps(span));
    let (first, last) = (inside.clone().next(), inside.next_back());
    match (first, last) {
        (Some(first), Some(last)) => span.within(Span::new(first.start, last.end)),
        _ => span,
    }
}
