//! Resampling keeps lengths and times exactly, whatever the rate; skipping lands on the sample.

use adapters_speech::audio::{Audio, ExternalDecoders};
use commands::ports::transcription::{Samples, Source};

use super::sounds::{assert_chirps, chirps_at, fixture, hear, hear_bytes, to_16, wav_16};

#[test]
fn a_click_stays_at_its_time_at_every_rate() {
    for rate in [8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000, 17_777] {
        let mut samples = vec![0_i16; rate as usize * 2];
        samples[rate as usize] = 30_000;
        let heard = hear_bytes("click.wav", &wav_16(rate, &samples)).unwrap();
        assert_eq!(heard.samples.len(), 32_000, "{rate} Hz");
        let loudest = (0..heard.samples.len())
            .max_by(|a, b| heard.samples[*a].abs().total_cmp(&heard.samples[*b].abs()));
        assert!(
            loudest.unwrap().abs_diff(16_000) <= 1,
            "{rate} Hz: the click of second 1 is at sample {loudest:?}"
        );
    }
}

#[test]
fn what_is_below_8_khz_survives_and_what_is_above_is_gone() {
    for rate in [22_050, 44_100, 48_000] {
        let heard = hear_bytes("chirps.wav", &wav_16(rate, &to_16(&chirps_at(rate, 2.0)))).unwrap();
        assert_chirps(&format!("{rate} Hz"), &heard.samples, 0);
    }
    let tone: Vec<f64> = (0..96_000)
        .map(|at| 0.5 * (f64::from(at) * 9_000.0 / 48_000.0 * std::f64::consts::TAU).sin())
        .collect();
    let heard = hear_bytes("high.wav", &wav_16(48_000, &to_16(&tone))).unwrap();
    let loudest = heard.samples[2_000..30_000].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    assert!(loudest < 0.001, "a tone of 9 kHz is left at {loudest}");
}

#[test]
fn the_length_is_that_of_the_recording_to_the_sample() {
    for (rate, frames) in [
        (44_100, 1_usize),
        (44_100, 441),
        (44_100, 100_003),
        (8_000, 12_345),
        (48_000, 3_073),
        (48_000, 47_999),
    ] {
        let heard = hear_bytes("some.wav", &wav_16(rate, &vec![100; frames])).unwrap();
        assert_eq!(
            heard.samples.len(),
            (frames * 16_000).div_ceil(rate as usize),
            "{frames} frames at {rate} Hz"
        );
        assert_eq!(heard.stated, Some(heard.samples.len() as u64));
    }
}

fn skip(audio: &mut Audio, until: Samples) {
    while audio.next_block_until(until).unwrap().is_some() {}
}

#[test]
fn skipping_lands_on_the_sample_and_keeps_what_comes_after() {
    let whole = hear(fixture("chirps.m4a")).unwrap().samples;
    for at in [1_u64, 777, 12_345, 31_999] {
        let mut audio =
            Audio::open(Source::File(fixture("chirps.m4a")), &ExternalDecoders { ffmpeg: None }).unwrap();
        skip(&mut audio, Samples(at));
        assert_eq!(audio.position(), Samples(at));
        let block = audio.next_block().unwrap().unwrap();
        let length = block.len();
        assert!(block == &whole[at as usize..at as usize + length], "after {at}");
        // Back it does not go.
        skip(&mut audio, Samples(0));
        assert_eq!(audio.position(), Samples(at + length as u64));
    }
    let mut audio =
        Audio::open(Source::File(fixture("chirps.m4a")), &ExternalDecoders { ffmpeg: None }).unwrap();
    skip(&mut audio, Samples(1_000_000));
    assert_eq!(audio.position(), Samples(32_000));
    assert_eq!(audio.next_block().unwrap(), None);
}

#[test]
fn a_recording_in_stretches_is_the_recording() {
    for name in ["chirps.flac", "chirps.mp3", "chirps.m4a", "chirps.ogg"] {
        let whole = hear(fixture(name)).unwrap().samples;
        let mut audio = Audio::open(Source::File(fixture(name)), &ExternalDecoders { ffmpeg: None }).unwrap();
        let mut together = Vec::new();
        for until in [1, 2, 5_000, 5_001, 20_000, u64::MAX] {
            while let Some(block) = audio.next_block_until(Samples(until)).unwrap() {
                together.extend_from_slice(block);
            }
            assert_eq!(audio.position().0, until.min(whole.len() as u64), "{name}");
        }
        assert!(together == whole, "{name}");
    }
}
