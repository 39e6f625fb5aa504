//! How long each stage of transcription takes, and how much of it passes outside of ONNX Runtime.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use serde_json::json;

use super::Report;
use crate::{
    cli::SpeechEngineSettings,
    compose::speech::{Heard, Loaded, Probe, SAMPLE_RATE, Source, Trial},
};

/// Seconds of a window.
const WINDOW_S: usize = 30;
/// Samples of a window.
const WINDOW: usize = WINDOW_S * SAMPLE_RATE as usize;
/// What `cairn bench transcribe` is asked.
#[derive(Debug, Args)]
pub struct TranscribeArgs {
    #[command(flatten)]
    pub engine: SpeechEngineSettings,
    /// A recording, cut every 30 s and repeated as often as there are rows [default: tones and noise]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write exactly so many tokens a window, whatever it holds: comparable work for models with random weights
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=444))]
    pub tokens: Option<u16>,
    /// Ask for text without times
    #[arg(long)]
    pub no_times: bool,
    /// How often to measure, after one time that does not count; the fastest counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub repeats: u16,
    /// Keep the spectrograms (32-bit floats), the prompt and the tokens in this folder, for comparisons
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Measures it.
pub async fn run(args: TranscribeArgs) -> anyhow::Result<Report> {
    let mut report = Report::begin("transcribe");
    tokio::task::spawn_blocking(move || measure(&args, &mut report).map(|()| report)).await?
}

fn measure(args: &TranscribeArgs, report: &mut Report) -> anyhow::Result<()> {
    let mut probe = Probe::start(&args.engine.options())?;
    let rows = args.engine.machine.rows.map_or(probe.loaded().usual_rows(), usize::from);
    tell_conditions(args, &probe, rows, report);
    report.figure("load_s", probe.loaded().load_s);

    let heard = match &args.file {
        Some(file) => probe.hear(Source::File(file.clone()))?,
        None => {
            let samples = tones(rows * WINDOW);
            Heard { decode_s: 0.0, voice_s: probe.listen(&samples)?, samples }
        }
    };
    let audio_s = heard.samples.len() as f64 / SAMPLE_RATE as f64;
    report.fact("audio_s", audio_s);
    if args.file.is_some() {
        report.figure("audio_decode_s", heard.decode_s);
    }
    report.figure("voice_s", heard.voice_s);
    report.figure("voice_times_real_time", audio_s / heard.voice_s);

    let started = Instant::now();
    let windows: Vec<Vec<f32>> = heard
        .samples
        .chunks(WINDOW)
        .take(rows)
        .map(|window| probe.spectrogram(window))
        .collect::<Result<_, _>>()?;
    anyhow::ensure!(!windows.is_empty(), "there is no audio to measure with");
    let mel_s = started.elapsed().as_secs_f64() / windows.len() as f64;
    report.figure("mel_ms_a_window", mel_s * 1_000.0);
    let batch: Vec<&[f32]> = windows.iter().map(Vec::as_slice).cycle().take(rows).collect();

    let count = args.tokens.map(usize::from);
    let mut trials = Vec::with_capacity(usize::from(args.repeats) + 1);
    for _ in 0..=args.repeats {
        let trial = probe.transcribe(&batch, !args.no_times, count)?;
        anyhow::ensure!(
            trials.last().is_none_or(|before: &Trial| before.tokens == trial.tokens),
            "equal input gave other tokens"
        );
        trials.push(trial);
    }
    let warm_up = trials.remove(0);
    report.figure("first_batch_s", warm_up.encoder_s + warm_up.decoder_s);
    let fastest = trials.iter().min_by(|a, b| total_s(a).total_cmp(&total_s(b))).unwrap_or(&warm_up);
    tell_stages(&trials, fastest, rows, report);
    // As if one stage came after the other; in the engine, audio and spectrograms are ready before they are needed.
    let window_s = (rows * WINDOW_S) as f64;
    let prepare_s = rows as f64 * mel_s + heard.decode_s / audio_s * window_s;
    let before_s = prepare_s + heard.voice_s / audio_s * window_s;
    let outside_s = fastest.outside_s() + prepare_s;
    report.figure("outside_percent_all_stages", outside_s / (total_s(fastest) + before_s) * 100.0);
    report.figure("times_real_time_all_stages", window_s / (total_s(fastest) + before_s));
    report.figure("real_time_factor", (total_s(fastest) + before_s) / window_s);
    match &args.keep {
        Some(folder) => keep(folder, &probe.prompt(!args.no_times), &batch, fastest),
        None => Ok(()),
    }
}

fn total_s(trial: &Trial) -> f64 {
    trial.encoder_s + trial.decoder_s
}

fn tell_conditions(args: &TranscribeArgs, probe: &Probe, rows: usize, report: &mut Report) {
    let Loaded { model, runtime, device, device_reason, threads, .. } = probe.loaded();
    report.fact("model", model.name());
    report.fact("precision", model.precision.as_str());
    report.fact("device", device.name());
    report.fact("device_reason", device_reason.as_str());
    report.fact("runtime", format!("ONNX Runtime {}", runtime.version()));
    report.fact("threads", *threads);
    report.fact("rows", rows);
    report.fact("prompt_tokens", probe.prompt(!args.no_times).len());
    report.fact("tokens", args.tokens.map_or_else(|| json!("until the end"), |count| json!(count)));
    report.fact("repeats", args.repeats);
}

fn tell_stages(trials: &[Trial], fastest: &Trial, rows: usize, report: &mut Report) {
    let clockwork = fastest.clockwork;
    let mut totals: Vec<f64> = trials.iter().map(total_s).collect();
    totals.sort_by(f64::total_cmp);
    report.figure("total_s", total_s(fastest));
    report.figure("total_median_s", totals.get(totals.len() / 2).copied().unwrap_or_default());
    report.figure("encoder_s", fastest.encoder_s);
    report.figure("decoder_s", fastest.decoder_s);
    report.figure("encoder_ms_a_window", fastest.encoder_s * 1_000.0 / rows as f64);
    report.figure("prefill_ms", clockwork.prefill_s * 1_000.0);
    report.figure("step_ms", clockwork.step_s * 1_000.0 / clockwork.steps.max(1) as f64);
    report.figure("steps", clockwork.steps as f64);
    report.figure("rows_a_step", clockwork.step_rows as f64 / clockwork.steps.max(1) as f64);
    report.figure("gather_ms", clockwork.gather_s * 1_000.0);
    report.figure("outside_ms", fastest.outside_s() * 1_000.0);
    report.figure("outside_percent", fastest.outside_s() / total_s(fastest) * 100.0);
    report.figure("outside_percent_of_decoder", fastest.outside_s() / fastest.decoder_s * 100.0);
    report.figure("times_real_time", (rows * WINDOW_S) as f64 / total_s(fastest));
}

/// Writes what another engine needs to do the same work, and what it should come to.
fn keep(folder: &Path, prompt: &[u32], batch: &[&[f32]], trial: &Trial) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let bytes: Vec<u8> =
        batch.iter().flat_map(|window| window.iter()).flat_map(|value| value.to_le_bytes()).collect();
    fs::write(folder.join("spectrograms.f32"), bytes)?;
    let told = json!({ "rows": batch.len(), "prompt": prompt, "tokens": trial.tokens });
    fs::write(folder.join("tokens.json"), told.to_string())?;
    Ok(())
}

/// Three tones that rise, and noise: another sound in each window, the same in each run.
fn tones(samples: usize) -> Vec<f32> {
    let mut noise = 0x9e37_79b9_u32;
    let mut phases = [0.0_f32; 3];
    let tone = |sample: usize| {
        let rising = sample as f32 / samples as f32;
        for (phase, hertz) in phases.iter_mut().zip([140.0, 720.0, 2_300.0]) {
            *phase = (*phase + hertz * (1.0 + rising) / SAMPLE_RATE as f32).fract();
        }
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (noise >> 8) as f32 / 16_777_216.0 - 0.5;
        let loud = 0.5 + 0.5 * (std::f32::consts::TAU * 3.0 * sample as f32 / SAMPLE_RATE as f32).sin();
        let sum: f32 = phases.iter().map(|phase| (std::f32::consts::TAU * phase).sin()).sum();
        0.2 * loud * sum + 0.02 * noise
    };
    (0..samples).map(tone).collect()
}
