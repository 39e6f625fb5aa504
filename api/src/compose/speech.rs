//! The speech engine, as the command line sees it.

pub use adapters_speech::model::{
    AddAlignError, Manifest, ModelError, ModelFolder, Precision, Variants, add_align,
};
pub use adapters_speech::voice::VoiceError;
pub use adapters_speech::{
    Again, Cause, Clockwork, Device, DeviceChoice, Engine, EngineError, EngineOptions, Heard, Loaded, Probe,
    RuntimeError, Tally, Trial, cache_folder, hexadecimal, run_once,
};
pub use commands::ports::transcription::{
    Cancel, Flag, Job, Language, LanguageGuess, LostPart, LostTo, Options, Progress, Quality, SAMPLE_RATE,
    Samples, Segment, Source, Span, SpokenLanguage, Task, Transcriber, Transcript, TranscriptInfo,
    TranscriptionError, VoiceOptions, Watcher, Word,
};
