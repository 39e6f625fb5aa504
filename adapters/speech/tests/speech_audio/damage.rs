//! Damage: what can be decoded is, at its right time, and the rest is told.

use std::path::Path;

use adapters_speech::audio::ExternalDecoders;
use commands::ports::transcription::{Source, TranscriptionError};

use super::sounds::{
    CHIRPS, Heard, assert_chirp_at, assert_chirps, chirps_at, fixture, hear, hear_bytes, hear_source,
    hear_stream, to_16, wav_16,
};

#[test]
fn an_empty_file_is_said_to_be_empty() {
    for error in [hear_bytes("empty.wav", b"").unwrap_err(), hear_stream(b"").unwrap_err()] {
        assert_eq!(error.code(), "AUDIO_NOT_DECODABLE");
        assert!(error.to_string().contains("it is empty"), "{error}");
    }
}

#[test]
fn a_wav_file_without_samples_holds_no_audio() {
    let error = hear_bytes("nothing.wav", &wav_16(16_000, &[])).unwrap_err();
    assert_eq!(error.code(), "AUDIO_NOT_DECODABLE");
}

#[test]
fn a_text_is_no_audio_with_ffmpeg_or_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("minutes.mp3");
    std::fs::write(
        &path,
        "The board met at nine and approved the minutes of the last meeting.\n".repeat(200),
    )
    .unwrap();
    for decoders in [ExternalDecoders { ffmpeg: None }, ExternalDecoders::installed()] {
        let error = hear_source(Source::File(path.clone()), &decoders).unwrap_err();
        assert_eq!(error.code(), "AUDIO_NOT_DECODABLE", "{error}");
        assert!(error.to_string().contains("no audio format that is known here"), "{error}");
    }
}

#[test]
fn a_missing_file_and_a_folder_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none.wav"), folder.path().to_owned()] {
        let error = hear(&path).unwrap_err();
        assert!(
            matches!(&error, TranscriptionError::Unreadable { name, .. } if Path::new(name) == path),
            "{error}"
        );
    }
}

#[test]
fn a_truncated_wav_file_gives_what_is_there_and_tells_the_rest() {
    let samples = to_16(&chirps_at(16_000, 2.0));
    let bytes = wav_16(16_000, &samples);
    let heard = hear_bytes("cut.wav", &bytes[..44 + 2 * 20_000]).unwrap();
    assert!((18_000..=20_000).contains(&heard.samples.len()), "{}", heard.samples.len());
    assert_chirp_at("cut.wav", &heard.samples, CHIRPS[1], 0);
    let [lost] = &heard.lost[..] else { panic!("{:?}", heard.lost) };
    assert_eq!((lost.start.0, lost.end.0), (heard.samples.len() as u64, 32_000));
}

#[test]
fn a_stream_of_a_recorder_that_does_not_know_its_length_loses_nothing() {
    let samples = to_16(&chirps_at(16_000, 2.0));
    for (all, data) in [(u32::MAX, u32::MAX), (0x7fff_ffff, 0x7fff_ffff - 36), (0x7fff_f024, 0x7fff_f000)] {
        let mut bytes = wav_16(16_000, &samples);
        bytes[4..8].copy_from_slice(&all.to_le_bytes());
        bytes[40..44].copy_from_slice(&data.to_le_bytes());
        let heard = hear_stream(&bytes).unwrap();
        assert_chirps("endless", &heard.samples, 0);
        assert_eq!(heard.stated, None);
        assert!(heard.lost.is_empty(), "{:?}", heard.lost);
    }
}

#[test]
fn every_truncated_format_gives_what_is_there_and_tells_the_rest() {
    for name in ["chirps.mp3", "chirps_vbr_stereo.mp3", "chirps_index_first.m4a", "chirps.flac"] {
        let bytes = std::fs::read(fixture(name)).unwrap();
        let heard = hear_bytes(name, &bytes[..bytes.len() * 7 / 10])
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!((5_000..31_000).contains(&heard.samples.len()), "{name}: {}", heard.samples.len());
        assert_chirp_at(name, &heard.samples, CHIRPS[0], 1);
        let last = heard.lost.last().unwrap_or_else(|| panic!("{name}: nothing is said to be lost"));
        assert!(last.end.0.abs_diff(32_000) < 800, "{name}: {last:?}");
    }
}

#[test]
fn an_mp4_file_without_its_index_is_refused_with_the_reason() {
    let bytes = std::fs::read(fixture("chirps.m4a")).unwrap();
    for decoders in [ExternalDecoders { ffmpeg: None }, ExternalDecoders::installed()] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crashed.m4a");
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let error = hear_source(Source::File(path), &decoders).unwrap_err();
        assert_eq!(error.code(), "AUDIO_NOT_DECODABLE");
        let told = error.to_string();
        let reason = "its container cannot be opened: unsupported feature: isomp4: missing moov atom";
        assert_eq!(told.matches(reason).count(), 1, "{told}");
        let helps = if decoders.ffmpeg.is_some() {
            "missing moov atom, and ffmpeg is of no help: ffmpeg says: "
        } else {
            "install it (on Debian and Ubuntu: apt-get install ffmpeg)"
        };
        assert!(told.contains(helps), "{told}");
    }
}

#[test]
fn damage_in_the_middle_does_not_move_what_follows() {
    for (name, from, to) in
        [("chirps.flac", 0.55, 0.6), ("chirps.ogg", 0.814, 0.824), ("chirps_index_first.m4a", 0.6, 0.65)]
    {
        let heard = hear_damaged(name, from, to);
        assert_chirp_at(name, &heard.samples, CHIRPS[0], 1);
        assert_chirp_at(name, &heard.samples, CHIRPS[2], 1);
        // Noise in the middle of AAC may well be valid AAC.
        if !name.ends_with("m4a") {
            let [lost] = &heard.lost[..] else { panic!("{name}: {:?}", heard.lost) };
            assert!(CHIRPS[0] < lost.start.seconds() && lost.end.seconds() < CHIRPS[2], "{name}: {lost:?}");
        }
    }
}

#[test]
fn frames_that_an_mp3_file_lost_are_told_at_its_end() {
    // A frame of mp3 does not say when it is, so what follows comes earlier by what was lost.
    let heard = hear_damaged("chirps.mp3", 0.5, 0.55);
    assert_chirp_at("chirps.mp3", &heard.samples, CHIRPS[0], 1);
    let [lost] = &heard.lost[..] else { panic!("{:?}", heard.lost) };
    assert_eq!((lost.start.0, lost.end.0), (heard.samples.len() as u64, 32_000));
    assert!(lost.end.0 - lost.start.0 < 1_600, "{lost:?}");
}

/// A fixture whose bytes between two fractions of its length are noise.
fn hear_damaged(name: &str, from: f64, to: f64) -> Heard {
    let mut bytes = std::fs::read(fixture(name)).unwrap();
    let (from, to) = ((bytes.len() as f64 * from) as usize, (bytes.len() as f64 * to) as usize);
    for (at, byte) in bytes[from..to].iter_mut().enumerate() {
        *byte = (at * 37 % 251) as u8;
    }
    hear_bytes(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn noise_after_the_start_of_a_file_is_no_reason_to_fail_without_an_answer() {
    // Whatever a file holds after its first bytes, there is an answer, and never a panic.
    let mut state = 1_u64;
    for name in [
        "chirps.mp3",
        "chirps.m4a",
        "chirps.flac",
        "chirps.ogg",
        "chirps_vorbis.mkv",
        "chirps_adpcm_ms.wav",
        "chirps.aiff",
    ] {
        let whole = std::fs::read(fixture(name)).unwrap();
        for round in 0..20 {
            let mut bytes = whole.clone();
            for _ in 0..=round {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = 16 + (state >> 33) as usize % (bytes.len() - 16);
                bytes[at] = (state >> 20) as u8;
            }
            match hear_bytes(name, &bytes) {
                Ok(heard) => assert!(heard.samples.len() < 16_000 * 600, "{name}: {}", heard.samples.len()),
                Err(error) => assert_eq!(error.code(), "AUDIO_NOT_DECODABLE", "{name}: {error}"),
            }
        }
    }
}

#[test]
fn an_id3_tag_and_a_lot_of_cover_picture_do_not_hide_the_sound() {
    let sound = std::fs::read(fixture("chirps.mp3")).unwrap();
    let picture = vec![0xff; 1_500_000];
    let size = picture.len() as u32 + 10 + 14;
    let spread = |size: u32| {
        [(size >> 21) as u8 & 0x7f, (size >> 14) as u8 & 0x7f, (size >> 7) as u8 & 0x7f, size as u8 & 0x7f]
    };
    let mut bytes = b"ID3\x04\0\0".to_vec();
    bytes.extend_from_slice(&spread(size));
    bytes.extend_from_slice(b"APIC");
    bytes.extend_from_slice(&spread(picture.len() as u32 + 14));
    bytes.extend_from_slice(b"\0\0\0image/jpeg\0\x03\0");
    bytes.extend_from_slice(&picture);
    bytes.extend_from_slice(&sound);
    assert_chirps("tagged.mp3", &hear_bytes("tagged.mp3", &bytes).unwrap().samples, 1);
}
