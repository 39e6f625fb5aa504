//! `--stats`: where the time of a command went.

use std::time::Duration;

use crate::compose::speech::{Again, Cause, Tally};

/// What an engine has done in `took`, a line for each thing that there is to say.
pub fn lines(tally: &Tally, took: Duration, load_s: f64) -> Vec<String> {
    let work = &tally.clockwork;
    let seconds = took.as_secs_f64();
    let mut lines = whole(tally, seconds);
    lines.extend([
        format!("in all {seconds:.2} s, and before that {load_s:.2} s of loading"),
        format!(
            "beside the model: audio, where it is waited for included, {:.2} s, finding speech {:.2} s, spectrograms {:.2} s",
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
            "{} batches of {:.1} windows, each of which waited {:.2} s; {} failed, {} were tried once more on the most exact graphs",
            work.batches,
            mean(work.batch_rows as f64, work.batches),
            mean(work.waited_s, work.batch_rows),
            work.failed,
            work.second_tries,
        ),
    ]);
    if !tally.again.is_empty() {
        lines.push(format!("decoded again: {}", listed(tally.again.iter().map(again))));
    }
    if !tally.flags.is_empty() {
        let flags = tally.flags.iter().map(|(flag, segments)| format!("{segments} {flag}"));
        lines.push(format!("segments marked: {}", listed(flags)));
    }
    lines
}

/// What came of the recordings that were done to their end, if any was.
fn whole(tally: &Tally, seconds: f64) -> Vec<String> {
    if tally.transcripts == 0 {
        return Vec::new();
    }
    let windows = format!(
        "{} windows, {} of them silence and {} done before; {:.1} s of speech without text",
        tally.windows, tally.dropped_silence, tally.resumed_windows, tally.uncovered_s
    );
    // What was done before took its time then.
    let speed = (tally.resumed_windows == 0)
        .then(|| format!(": {:.0} × real time", tally.audio_s / seconds.max(f64::EPSILON)));
    let audio = format!(
        "{:.1} s of audio with {:.1} s of speech{}",
        tally.audio_s,
        tally.speech_s,
        speed.unwrap_or_default()
    );
    vec![audio, windows]
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
