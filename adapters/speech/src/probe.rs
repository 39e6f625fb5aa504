//! The stages of transcription one by one, each with its time: what benchmarks measure. The same code as in the engine, on
//! the caller's thread, without jobs and batches of chance.

use std::time::Instant;

use commands::ports::transcription::{Source, TranscriptionError};

use super::audio::{Audio, ExternalDecoders};
use super::clockwork::Clockwork;
use super::decode::{self, Decoded, Found, Row, Rules, Search};
use super::graphs::{Encoded, Graphs, RunError};
use super::loading::{EngineError, EngineOptions, Loaded};
use super::mel::Spectrogram;

/// A model and a voice detector that are ready.
pub struct Probe {
    graphs: Graphs,
    rules: Rules,
    spectrogram: Spectrogram,
    loaded: Loaded,
}

/// A recording that was decoded and listened to.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// 16 kHz, mono.
    pub samples: Vec<f32>,
    /// Seconds that decoding the file took.
    pub decode_s: f64,
    /// Seconds that the voice detector took, on one thread.
    pub voice_s: f64,
}

/// What a batch of windows came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The text of each window.
    pub tokens: Vec<Vec<u32>>,
    /// Seconds from spectrograms to states.
    pub encoder_s: f64,
    /// Seconds from states to text.
    pub decoder_s: f64,
    /// Where that time went.
    pub clockwork: Clockwork,
}

impl Trial {
    /// Seconds outside of ONNX Runtime: rules, choice, and copies to and from it.
    #[must_use]
    pub fn outside_s(&self) -> f64 {
        let Clockwork { encoder_s, prefill_s, step_s, gather_s, .. } = self.clockwork;
        (self.encoder_s + self.decoder_s - encoder_s - prefill_s - step_s - gather_s).max(0.0)
    }
}

impl Probe {
    /// Loads a model as the engine does.
    ///
    /// # Errors
    /// As [`super::Engine::start`].
    pub fn start(options: &EngineOptions) -> Result<Self, EngineError> {
        let (loaded, graphs) = Loaded::load(options)?;
        let model = &loaded.model;
        Ok(Self {
            rules: Rules::new(&model.tokens, &model.generation),
            spectrogram: Spectrogram::new(model.config.num_mel_bins),
            graphs,
            loaded,
        })
    }

    /// The model, and what it runs on.
    #[must_use]
    pub fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// Decodes a whole recording into memory and listens to it.
    ///
    /// # Errors
    /// When there is no audio in it, or the voice detector fails.
    pub fn hear(&self, source: Source) -> Result<Heard, TranscriptionError> {
        let started = Instant::now();
        let mut audio = Audio::open(source, &ExternalDecoders::installed())?;
        let mut samples = Vec::new();
        while let Some(block) = audio.next_block()? {
            samples.extend_from_slice(block);
        }
        let decode_s = started.elapsed().as_secs_f64();
        let voice_s = self.listen(&samples)?;
        Ok(Heard { samples, decode_s, voice_s })
    }

    /// Seconds that the voice detector takes for these samples, on one thread.
    ///
    /// # Errors
    /// When it fails.
    pub fn listen(&self, samples: &[f32]) -> Result<f64, TranscriptionError> {
        let started = Instant::now();
        let mut detector = self.loaded.voice.detector();
        let mut probabilities = Vec::new();
        let heard = detector.push(samples, &mut probabilities);
        heard
            .and_then(|()| detector.finish(&mut probabilities))
            .map_err(|error| TranscriptionError::Engine(error.into()))?;
        Ok(started.elapsed().as_secs_f64())
    }

    /// The spectrogram of a window of at most 30 s: bands by 3,000 frames.
    ///
    /// # Errors
    /// When it cannot be computed.
    pub fn spectrogram(&self, samples: &[f32]) -> Result<Vec<f32>, TranscriptionError> {
        self.spectrogram.of(samples).map_err(|error| TranscriptionError::Engine(error.into()))
    }

    /// What the decoder reads first: start, and in a model of several languages one of them and the task. Without
    /// `times`, the token that asks for text alone.
    #[must_use]
    pub fn prompt(&self, times: bool) -> Vec<u32> {
        let tokens = &self.loaded.model.tokens;
        let mut prompt = vec![tokens.start];
        let english = tokens.languages.iter().find(|known| known.language.0 == "en");
        prompt.extend(english.or(tokens.languages.first()).map(|language| language.id));
        prompt.extend(tokens.transcribe);
        if !times {
            prompt.push(tokens.no_timestamps);
        }
        prompt
    }

    /// Decodes a batch of windows greedily. With `count`, the end is not allowed and each text gets so many tokens, so
    /// that models that know no language have comparable work.
    ///
    /// # Errors
    /// When ONNX Runtime fails, or `count` is more than the model can hold.
    pub fn transcribe(
        &mut self,
        spectrograms: &[&[f32]],
        times: bool,
        count: Option<usize>,
    ) -> Result<Trial, TranscriptionError> {
        let prompt = self.prompt(times);
        let room = self.graphs.positions().saturating_sub(prompt.len());
        if count.is_some_and(|count| count == 0 || count > room) {
            return Err(TranscriptionError::Unsuitable(format!("this model writes 1 to {room} tokens")));
        }
        let failed = |error: RunError| TranscriptionError::Engine(error.into());
        self.graphs.clockwork.reset();
        let started = Instant::now();
        let encoded = self.graphs.encode(spectrograms).map_err(failed)?;
        let encoder_s = started.elapsed().as_secs_f64();
        let row = |encoded: Encoded| Row {
            encoded,
            prompt: prompt.clone(),
            temperature: 0.0,
            seed: 0,
            cancel: Default::default(),
        };
        let rows: Vec<Row> = encoded.into_iter().map(row).collect();
        let started = Instant::now();
        let decoded = match count {
            None => decode::decode(
                &mut self.graphs,
                &self.rules,
                &self.loaded.model.tokens,
                &rows,
                Search::Sample,
            ),
            Some(count) => {
                decode::forced(&mut self.graphs, &self.rules, &self.loaded.model.tokens, &rows, count)
            }
        };
        let decoded = decoded.map_err(failed)?;
        let decoder_s = started.elapsed().as_secs_f64();
        let text = |found: Found<Decoded>| match found {
            Found::Answer(decoded) => Ok(decoded.tokens),
            Found::NotFinite => Err(TranscriptionError::Engine("the model's answer is not finite".into())),
            Found::Cancelled => Err(TranscriptionError::Cancelled),
        };
        let tokens = decoded.into_iter().map(text).collect::<Result<_, _>>()?;
        Ok(Trial { tokens, encoder_s, decoder_s, clockwork: self.graphs.clockwork })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceChoice;
    use crate::fixtures::{recording, whisper_tiny};

    #[test]
    fn a_text_gets_as_many_tokens_as_were_asked_for_and_does_not_depend_on_its_batch() {
        let options =
            EngineOptions { model: whisper_tiny(), device: DeviceChoice::Cpu, ..EngineOptions::default() };
        let mut probe = Probe::start(&options).unwrap();
        let heard = probe.hear(Source::File(recording("window_en_01.wav"))).unwrap();
        assert_eq!(heard.samples.len(), 480_000);
        let speech = probe.spectrogram(&heard.samples).unwrap();
        let silence = probe.spectrogram(&[]).unwrap();
        let free = probe.transcribe(&[&speech], true, None).unwrap();
        assert_eq!(
            free.clockwork.steps as usize,
            free.tokens[0].len(),
            "one step for each token, the end among them"
        );
        for times in [true, false] {
            let alone = probe.transcribe(&[&speech], times, Some(60)).unwrap();
            let both = probe.transcribe(&[&silence, &speech], times, Some(60)).unwrap();
            assert_eq!(both.tokens.iter().map(Vec::len).collect::<Vec<_>>(), [60, 60]);
            assert_eq!(both.tokens[1], alone.tokens[0]);
            assert_eq!(both.clockwork.step_rows, 2 * 59);
        }
        assert!(probe.transcribe(&[&speech], true, Some(446)).is_err());
    }
}
