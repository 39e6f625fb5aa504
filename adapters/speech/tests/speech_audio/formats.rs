//! Every format is opened by its contents, and its sounds stand at their times.

use std::fs::File;

use adapters_speech::audio::ExternalDecoders;
use commands::ports::transcription::Source;

use super::sounds::{
    assert_chirps, chirps_at, fixture, hear, hear_bytes, hear_source, hear_stream, to_16, wav, wav_16,
};

/// Name, samples at most above two seconds, and by how many samples a sound may be late.
const FORMATS: [(&str, usize, i64); 13] = [
    ("chirps.mp3", 0, 1),
    ("chirps_vbr_stereo.mp3", 0, 1),
    ("chirps.m4a", 0, 1),
    ("chirps_index_first.m4a", 0, 1),
    ("chirps_alac.m4a", 0, 1),
    ("chirps.flac", 0, 1),
    ("chirps.ogg", 0, 1),
    ("chirps.aiff", 0, 1),
    ("chirps_mulaw.wav", 0, 1),
    // These end with their last block of samples.
    ("chirps_vorbis.mkv", 400, 1),
    ("chirps_adpcm_ms.wav", 800, 1),
    ("chirps_adpcm_ima.wav", 800, 1),
    // A bare stream of AAC does not tell that its first 1,024 frames are the encoder's.
    ("chirps.aac", 800, 373),
];

#[test]
fn each_format_is_decoded_from_a_file_to_the_right_length_and_times() {
    for (name, surplus, late) in FORMATS {
        let heard = hear(fixture(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            (32_000..=32_000 + surplus).contains(&heard.samples.len()),
            "{name}: {}",
            heard.samples.len()
        );
        assert_eq!(heard.lost, [], "{name}");
        assert_chirps(name, &heard.samples, late);
        let stated = heard.stated.unwrap_or_else(|| panic!("{name} states its length"));
        assert!(stated.abs_diff(32_000) <= 800, "{name} states {stated}");
    }
}

#[test]
fn each_format_is_decoded_from_a_stream_as_from_a_file() {
    for (name, _, _) in FORMATS {
        let file = hear(fixture(name)).unwrap();
        let stream = hear_stream(&std::fs::read(fixture(name)).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(stream.lost, [], "{name}");
        assert!(stream.samples == file.samples, "{name}: a stream and a file differ");
    }
}

#[test]
fn a_name_that_lies_about_the_format_does_not_matter() {
    for (name, lie) in [
        ("chirps.mp3", "talk.wav"),
        ("chirps.flac", "talk.mp3"),
        ("chirps.ogg", "talk"),
        ("chirps.m4a", "talk.txt"),
    ] {
        let heard = hear_bytes(lie, &std::fs::read(fixture(name)).unwrap()).unwrap();
        assert_chirps(&format!("{name} called {lie}"), &heard.samples, 1);
    }
}

#[test]
fn wav_files_of_every_width_are_decoded() {
    let sound = chirps_at(16_000, 2.0);
    let scaled = |scale: f64| sound.iter().map(move |sample| (sample * scale).round() as i64);
    let bytes = |width: usize, scale: f64| {
        scaled(scale).flat_map(|sample| sample.to_le_bytes()[..width].to_vec()).collect()
    };
    let eight: Vec<u8> = scaled(127.0).map(|sample| (sample + 128) as u8).collect();
    let twenty_four: Vec<u8> = bytes(3, 8_388_607.0);
    let thirty_two: Vec<u8> = bytes(4, 2_147_483_647.0);
    let float: Vec<u8> = sound.iter().flat_map(|sample| (*sample as f32).to_le_bytes()).collect();
    for (what, code, bits, data) in [
        ("8 bits", 1, 8, eight),
        ("24 bits", 1, 24, twenty_four),
        ("32 bits", 1, 32, thirty_two),
        ("float", 3, 32, float),
    ] {
        let heard = hear_bytes("sound.wav", &wav(code, bits, 1, 16_000, &data)).unwrap();
        assert_eq!(heard.samples.len(), 32_000, "{what}");
        let worst =
            heard.samples.iter().zip(&sound).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(worst < 0.008, "{what}: {worst}");
    }
}

#[test]
fn channels_are_averaged() {
    let interleaved: Vec<i16> = (0..16_000_i16).flat_map(|at| [at % 100 * 40, -(at % 100) * 20]).collect();
    let data: Vec<u8> = interleaved.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let heard = hear_bytes("stereo.wav", &wav(1, 16, 2, 16_000, &data)).unwrap();
    let wanted: Vec<f32> = (0..16_000_i16).map(|at| f32::from(at % 100) * 10.0 / 32_768.0).collect();
    assert_eq!(heard.samples, wanted);
}

#[test]
fn a_recording_of_48_khz_in_stereo_keeps_its_times() {
    let data: Vec<u8> =
        to_16(&chirps_at(48_000, 2.0)).iter().flat_map(|sample| [sample.to_le_bytes(); 2].concat()).collect();
    let heard = hear_bytes("studio.wav", &wav(1, 16, 2, 48_000, &data)).unwrap();
    assert_eq!(heard.samples.len(), 32_000);
    assert_chirps("48 kHz", &heard.samples, 0);
}

#[test]
fn a_number_that_is_none_becomes_silence_and_one_out_of_the_question_a_loud_one() {
    let floats = [0.25_f32, f32::NAN, f32::INFINITY, -0.5, f32::NEG_INFINITY, 0.125, 1e30, -3.0, f32::MIN];
    let data: Vec<u8> = floats.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let heard = hear_bytes("holes.wav", &wav(3, 32, 1, 16_000, &data)).unwrap();
    assert_eq!(heard.samples, [0.25, 0.0, 0.0, -0.5, 0.0, 0.125, 4.0, -3.0, -4.0]);
}

#[test]
fn a_bad_number_spoils_nothing_around_it_at_any_rate() {
    for bad in [f32::NAN, f32::INFINITY, 1e30] {
        let mut sound: Vec<f32> = chirps_at(44_100, 2.0).iter().map(|sample| *sample as f32).collect();
        sound[55_000] = bad;
        let data: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let heard = hear_bytes("bad.wav", &wav(3, 32, 1, 44_100, &data)).unwrap();
        assert_chirps(&format!("with {bad}"), &heard.samples, 0);
    }
}

#[test]
fn webm_and_opus_go_through_ffmpeg_from_a_file_and_from_a_stream() {
    let decoders = ExternalDecoders::installed();
    assert!(
        decoders.ffmpeg.is_some(),
        "ffmpeg is needed for this test; on Debian and Ubuntu: apt-get install ffmpeg"
    );
    for name in ["chirps_opus.webm", "chirps.opus"] {
        let file = hear_source(Source::File(fixture(name)), &decoders).unwrap();
        assert_eq!(file.stated.map(|stated| stated.abs_diff(32_000) < 800), Some(true), "{name}");
        let bytes = Box::new(File::open(fixture(name)).unwrap());
        let stream = hear_source(Source::Stream { name: "-".to_owned(), bytes }, &decoders).unwrap();
        for heard in [&file, &stream] {
            assert!(heard.samples.len().abs_diff(32_000) < 400, "{name}: {}", heard.samples.len());
            assert_chirps(name, &heard.samples, 2);
            assert_eq!(heard.lost, [], "{name}");
        }
    }
}

#[test]
fn without_ffmpeg_webm_and_opus_are_refused_with_what_would_help() {
    for name in ["chirps_opus.webm", "chirps.opus"] {
        let error = hear(fixture(name)).unwrap_err();
        assert_eq!(error.code(), "AUDIO_NOT_DECODABLE");
        let message = error.to_string();
        assert!(
            message.contains("needs the program ffmpeg") && message.contains("apt-get install ffmpeg"),
            "{message}"
        );
    }
}

#[test]
fn ffmpeg_is_ended_when_nobody_listens_any_more() {
    let decoders = ExternalDecoders::installed();
    // It waits for a stream that never ends; dropping the recording must not wait with it.
    let endless = std::io::Read::chain(File::open(fixture("chirps.opus")).unwrap(), std::io::repeat(0));
    let source = Source::Stream { name: "-".to_owned(), bytes: Box::new(endless) };
    drop(adapters_speech::audio::Audio::open(source, &decoders).unwrap());
}

#[test]
fn sixteen_bits_at_16_khz_pass_bit_for_bit() {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let heard = hear_bytes("all.wav", &wav_16(16_000, &samples)).unwrap();
    let wanted: Vec<f32> = samples.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
    assert!(heard.samples == wanted);
}

#[test]
fn eight_bits_at_16_khz_pass_bit_for_bit_around_their_middle() {
    let samples: Vec<u8> = (0..=255).collect();
    let heard = hear_bytes("all.wav", &wav(1, 8, 1, 16_000, &samples)).unwrap();
    let wanted: Vec<f32> = samples.iter().map(|sample| (f32::from(*sample) - 128.0) / 128.0).collect();
    assert!(heard.samples == wanted);
}
