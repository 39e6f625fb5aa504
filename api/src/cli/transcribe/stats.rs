//! `--stats`: where the time of a command went.

use std::time::Duration;

use crate::compose::speech::{Again, Cause, Tally};

/// What an engine has done in `took`, a line for each thing that there is to say.
pub fn lines(tally: &Tally, took: Duration, load_s: f64) -> Vec<String> {
    let work = &tally.clockwork;
    let seconds = took.as_secs_f64();
    let mut lines = vec![
        format!(
            "{:.1} s of audio with {:.1} s of speech in {seconds:.2} s: {:.0} × real time; before that, {load_s:.2} s of loading",
            tally.audio_s,
            tally.speech_s,
            tally.audio_s / seconds.max(f64::EPSILON),
        ),
        format!(
            "beside the model: audio {:.2} s, voice detector {:.2} s, spectrograms {:.2} s",
            tally.audio_decode_s, tally.voice_s, tally.mel_s
        ),
        format!(
            "the model: {} windows encoded {:.2} s, {} prefills {:.2} s, {} steps of {:.1} rows {:.2} s, rows moved {:.2} s, word times {:.2} s, outside of ONNX Runtime {:.2} s",
            work.encoded,
            work.encoder_s,
            work.prefills,
            work.prefill_s,
            work.steps,
            mean(work.step_rows as f64, work.steps),
            work.step_s,
            work.gather_s,
            work.align_s,
            work.around_s,
        ),
        format!(
            "{} batches of {:.1} windows, each of which waited {:.2} s; {} failed, {} came on the second try",
            work.batches,
            mean(work.batch_rows as f64, work.batches),
            mean(work.waited_s, work.batch_rows),
            work.failed,
            work.second_tries,
        ),
        format!(
            "{} windows, {} of them silence and {} done before; {:.1} s of speech without text",
            tally.windows, tally.dropped_silence, tally.resumed_windows, tally.uncovered_s
        ),
    ];
    if !tally.again.is_empty() {
        lines.push(format!("decoded again: {}", listed(tally.again.iter().map(again))));
    }
    if !tally.flags.is_empty() {
        let flags = tally.flags.iter().map(|(flag, segments)| format!("{segments} {flag}"));
        lines.push(format!("segments marked: {}", listed(flags)));
    }
    lines
}

fn again(again: &Again) -> String {
    let why = match again.cause {
        Cause::Compression => "text that compresses too well",
        Cause::Confidence => "want of confidence",
        Cause::NoText => "speech without text",
        Cause::Echo => "an echo",
    };
    format!("{} for {why} at temperature {:.1}", again.times, again.temperature)
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn mean(sum: f64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { sum / count as f64 }
}
