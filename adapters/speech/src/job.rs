//! One recording: its windows are asked for as they are ready, followed to their end in any order, and told in time
//! order.

mod asking;
mod language;
#[cfg(test)]
mod tests;
mod text_before;
mod told;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use commands::ports::transcription::{
    Cancel, Job, Language, LanguageGuess, Options, Progress, Quality, Samples, Task, Transcript,
    TranscriptInfo, TranscriptionError, Watcher,
};

use super::checkpoint::{Checkpoint, Keeping, Revision};
use super::decode::Search;
use super::feeder::{Fed, Feeder, Permits};
use super::running_model::RunningModel;
use super::scheduler::Answer;
use super::window::{PreparedWindow, WindowResult};
use super::window_transcription::{Plan, Setting, WindowTranscription};
use language::{LANGUAGE_WINDOWS, RecordingLanguage};
use text_before::TextBefore;
use told::Told;

/// How often a job looks whether it was stopped.
const LOOK: Duration = Duration::from_millis(50);

/// What a job hears from its feeder and from the scheduler.
enum Event {
    Fed(Fed),
    /// To the window with this number.
    Answer(u64, Answer),
}

/// Transcribes one recording; blocks until it is done.
pub(super) fn run(
    model: &RunningModel,
    number: u64,
    job: Job,
    watcher: &mut dyn Watcher,
    cancel: &Cancel,
) -> Result<Transcript, TranscriptionError> {
    let options = job.options;
    let checkpoint = match &job.checkpoint {
        Some(path) => Some(Checkpoint::open(
            path,
            model.sha256(options.words),
            &model.loaded.model.precision,
            &options,
        )?),
        None => None,
    };
    let (events, hear) = channel();
    // One batch decodes while the next is prepared; at least what the language is decided by.
    let permits = Permits::new((2 * model.max_rows).max(LANGUAGE_WINDOWS + 1));
    let feeder = Feeder::new(model, options.clone(), permits.clone());
    let fed = events.clone();
    let _feeding = feeder
        .start(job.source, move |item| fed.send(Event::Fed(item)).is_ok())
        .map_err(|error| TranscriptionError::Engine(error.into()))?;
    let ties = Ties { events, permits, cancel: cancel.clone() };
    let mut transcription = Transcription::new(model, number, options, checkpoint, ties)?;
    transcription.follow(&hear, watcher)?;
    transcription.finish(watcher)
}

/// What ties a job to its caller, its feeder and the scheduler.
struct Ties {
    /// Where answers go.
    events: Sender<Event>,
    /// How many windows the feeder may prepare.
    permits: Permits,
    /// The caller's wish to stop.
    cancel: Cancel,
}

struct Transcription<'m> {
    model: &'m RunningModel,
    number: u64,
    plan: Arc<Plan>,
    options: Options,
    keeping: Keeping,
    revision: Revision,
    ties: Ties,

    /// Prepared and not begun, in order; those at the front may wait for the language.
    ready: VecDeque<PreparedWindow>,
    running: HashMap<u64, WindowTranscription>,
    /// Windows whose language is asked for.
    asking: HashMap<u64, PreparedWindow>,
    /// Windows whose language was asked for; nothing where the engine failed to say.
    heard: Vec<(PreparedWindow, Result<Vec<f32>, String>)>,
    language: RecordingLanguage,
    /// Finished and not told.
    finished: BTreeMap<u64, (Samples, WindowResult)>,
    told: Told,
    resumed: u64,
    all_fed: bool,
    duration: Samples,
    speech: Samples,
}

impl<'m> Transcription<'m> {
    fn new(
        model: &'m RunningModel,
        number: u64,
        options: Options,
        checkpoint: Option<Checkpoint>,
        ties: Ties,
    ) -> Result<Self, TranscriptionError> {
        let tokens = model.loaded.model.tokens.clone();
        let language = RecordingLanguage::of(&options.language, &tokens);
        let before = TextBefore::new(&options, &tokens, model.loaded.model.config.max_target_positions)
            .map_err(|error| TranscriptionError::Engine(error.into()))?;
        let plan = Plan {
            tokens,
            spectrogram: model.spectrogram.clone(),
            search: match options.quality {
                Quality::Fast => Search::Sample,
                Quality::High => Search::Beam,
            },
            translate: options.task == Task::Translate,
            words: options.words && model.why_no_words().is_none(),
            seed: options.seed,
            ranges: options.ranges.clone(),
            listens: options.voice.enabled,
            counter: model.counter.clone(),
        };
        Ok(Self {
            model,
            number,
            plan: Arc::new(plan),
            told: Told::new(options.ranges.clone(), before),
            revision: Revision::new(model.sha256(options.words), &model.loaded.model.precision, &options),
            options,
            keeping: Keeping::new(checkpoint),
            ties,
            ready: VecDeque::new(),
            running: HashMap::new(),
            asking: HashMap::new(),
            heard: Vec::new(),
            language,
            finished: BTreeMap::new(),
            resumed: 0,
            all_fed: false,
            duration: Samples::default(),
            speech: Samples::default(),
        })
    }

    /// Until every window is told.
    fn follow(
        &mut self,
        hear: &Receiver<Event>,
        watcher: &mut dyn Watcher,
    ) -> Result<(), TranscriptionError> {
        let windows = self.keeping.kept().map_or(0, |kept| kept.finished());
        if windows > 0 {
            watcher.progress(Progress::Resumed { windows });
        }
        loop {
            self.model.scheduler.look();
            if self.ties.cancel.is_cancelled() {
                // Asked between the two, it is seen here; what runs for nobody else ends.
                self.model.scheduler.look();
                return Err(TranscriptionError::Cancelled);
            }
            match hear.recv_timeout(LOOK) {
                Ok(Event::Fed(fed)) => self.fed(fed, watcher)?,
                Ok(Event::Answer(ticket, answer)) => self.answered(ticket, answer)?,
                Err(_) => continue,
            }
            // What is told may be what the next window waits for.
            loop {
                self.begin_windows(watcher)?;
                self.keeping.tell(watcher);
                if !self.tell(watcher) {
                    break;
                }
            }
            if self.all_fed && self.is_idle() {
                return Ok(());
            }
        }
    }

    fn is_idle(&self) -> bool {
        self.ready.is_empty()
            && self.running.is_empty()
            && self.asking.is_empty()
            && self.heard.is_empty()
            && self.finished.is_empty()
    }

    fn fed(&mut self, fed: Fed, watcher: &mut dyn Watcher) -> Result<(), TranscriptionError> {
        match fed {
            Fed::Opened { duration } => watcher.progress(Progress::Opened { duration }),
            Fed::Window(prepared) => {
                self.revision.follow(&prepared.digest);
                self.recall_languages(&prepared, watcher);
                self.ready.push_back(*prepared);
            }
            Fed::Failed(error) => return Err(error),
            Fed::End { duration, speech, lost } => {
                self.all_fed = true;
                self.duration = duration;
                self.speech = speech;
                self.told.lose(lost);
            }
        }
        Ok(())
    }

    /// Begins as many windows as can be begun.
    fn begin_windows(&mut self, watcher: &mut dyn Watcher) -> Result<(), TranscriptionError> {
        loop {
            self.begin_ready()?;
            // With the language, those that it was decided by are ready again.
            if !self.decide_when_heard(watcher)? {
                return Ok(());
            }
        }
    }

    fn begin_ready(&mut self) -> Result<(), TranscriptionError> {
        while let Some(prepared) = self.ready.pop_front() {
            if let Some(result) = self.recall(&prepared) {
                self.resumed += 1;
                self.finish_window(prepared.number, prepared.window.end(), result);
                continue;
            }
            // With the text before in view, windows come one after another; their language can be heard before.
            if self.options.condition_on_previous
                && prepared.number != self.told.windows
                && !matches!(self.language, RecordingLanguage::Unknown)
            {
                self.ready.push_front(prepared);
                break;
            }
            match self.language.clone() {
                RecordingLanguage::Known { language, uncertain } => {
                    self.start(prepared, language, uncertain, None)?;
                }
                RecordingLanguage::EachWindow => self.ask_language(prepared),
                RecordingLanguage::Unknown if self.asking.len() + self.heard.len() < LANGUAGE_WINDOWS => {
                    self.ask_language(prepared);
                }
                RecordingLanguage::Unknown => {
                    self.ready.push_front(prepared);
                    break;
                }
            }
        }
        Ok(())
    }

    fn start(
        &mut self,
        prepared: PreparedWindow,
        language: Option<Language>,
        uncertain: bool,
        heard: Option<LanguageGuess>,
    ) -> Result<(), TranscriptionError> {
        let before = self.told.before.tokens();
        let setting = Setting { language, uncertain, heard, before };
        let number = prepared.number;
        let end = prepared.window.end();
        let transcription = WindowTranscription::new(Arc::clone(&self.plan), setting, prepared);
        let next = transcription.begin();
        self.running.insert(number, transcription);
        self.go_on(number, end, next)
    }

    fn finish_window(&mut self, number: u64, end: Samples, result: WindowResult) {
        self.finished.insert(number, (end, result));
    }

    /// Tells, in time order, what is finished; whether there was anything.
    fn tell(&mut self, watcher: &mut dyn Watcher) -> bool {
        let before = self.told.windows;
        while let Some((end, result)) = self.finished.remove(&self.told.windows) {
            self.ties.permits.give_back();
            self.told.tell(end, result, watcher);
        }
        self.told.windows > before
    }

    fn finish(self, watcher: &mut dyn Watcher) -> Result<Transcript, TranscriptionError> {
        if let Some(reason) = self.told.why_nothing() {
            return Err(TranscriptionError::Engine(reason.into()));
        }
        watcher.progress(Progress::Done { until: self.duration });
        let empty_because = self.told.why_empty(self.duration).map(str::to_owned);
        let why_no_words = self.model.why_no_words().map(str::to_owned).or_else(|| self.told.why_untimed());
        let word_timestamps =
            why_no_words.filter(|_| self.options.words).map(|why| format!("unavailable: {why}"));
        let Told { segments, mut languages, mut lost, windows, silent, uncovered, .. } = self.told;
        languages.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        languages.truncate(language::LANGUAGES_TOLD);
        lost.sort_by_key(|part| part.start);
        Ok(Transcript {
            segments,
            info: TranscriptInfo {
                revision: self.revision.name(),
                ranges: self.options.ranges,
                languages,
                duration: self.duration,
                speech_duration: self.speech,
                uncovered_speech: uncovered,
                windows,
                dropped_silence: silent,
                resumed_windows: self.resumed,
                lost,
                word_timestamps,
                empty_because,
                model: self.model.loaded.model.name(),
                model_sha256: self.model.sha256(self.options.words).to_owned(),
                depends_on_batch: self.model.depends_on_batch.clone(),
                not_resumable: self.keeping.into_ended(),
                device: self.model.loaded.device.name().to_owned(),
                runtime: self.model.loaded.runtime.version().to_owned(),
            },
        })
    }
}
