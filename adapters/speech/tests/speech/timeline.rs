//! Transcripts beside what was said, and long recordings made of the fixtures.

use commands::ports::transcription::{Segment, Transcript};

use crate::support::{Recording, Utterance, plain, read_wav, recording};

/// How far a segment's times may be off, in seconds.
const SEGMENT: f64 = 0.4;
/// How far a word's times may be off, in seconds.
const WORD: f64 = 0.25;

/// Recordings one after another, and what is said in them.
pub struct Timeline {
    pub samples: Vec<i16>,
    pub said: Vec<Utterance>,
}

/// Where another language follows, the engine is told by a pause of two seconds.
const CHANGE_OF_LANGUAGE: f64 = 2.5;

/// A recording of at least so many seconds: those that are given in turn, again and again, each after the next of the
/// pauses, in seconds.
pub fn timeline(known: &[Recording], pauses: &[f64], seconds: usize) -> Timeline {
    let sounds: Vec<Vec<i16>> = known.iter().map(|one| read_wav(&recording(&one.file))).collect();
    let turns = known.iter().zip(&sounds).cycle().zip(pauses.iter().cycle());
    let mut made = Timeline { samples: Vec::new(), said: Vec::new() };
    let mut before = &known[0].language;
    for ((one, sound), pause) in turns {
        if made.samples.len() >= seconds * 16_000 {
            break;
        }
        let pause = if *before == one.language { *pause } else { pause.max(CHANGE_OF_LANGUAGE) };
        before = &one.language;
        made.samples.extend(std::iter::repeat_n(0, (pause * 16_000.0) as usize));
        let start = made.samples.len() as f64 / 16_000.0;
        made.samples.extend(sound);
        made.said.extend(one.utterances.iter().map(|said| said.later(start)));
    }
    made
}

/// One segment for each utterance, in order: its text, its language, its times to 0.4 s, and those of its words, where they
/// were asked for, to 0.25 s. Nothing is lost or doubled.
#[track_caller]
pub fn agrees(what: &str, transcript: &Transcript, said: &[Utterance]) {
    agrees_but_for(what, transcript, said, &[]);
}

/// The same, but that the utterances with these numbers got other texts.
#[track_caller]
pub fn agrees_but_for(what: &str, transcript: &Transcript, said: &[Utterance], misheard: &[(usize, &str)]) {
    let mut wrong = Vec::new();
    for (number, (segment, said)) in transcript.segments.iter().zip(said).enumerate() {
        let other = misheard.iter().find(|(at, _)| *at == number).map(|(_, text)| *text);
        let text = plain(&said.text);
        if plain(&segment.text) != other.unwrap_or(&text) {
            wrong.push(format!("{number} at {:.2} s: '{}', said was '{text}'", said.start, segment.text));
        }
        let off = (segment.start.seconds() - said.start).abs().max((segment.end.seconds() - said.end).abs());
        if off > SEGMENT {
            let (start, end) = (segment.start.seconds(), segment.end.seconds());
            wrong.push(format!("{number}: {start:.3}-{end:.3}, said {:.3}-{:.3}", said.start, said.end));
        }
        if segment.language.0 != said.language {
            wrong.push(format!("{number}: language {} of '{text}'", segment.language.0));
        }
        if other.is_none() {
            wrong.extend(words_off(segment, said));
        }
    }
    let (found, wanted) = (transcript.segments.len(), said.len());
    assert!(wrong.is_empty() && found == wanted, "{what}: {found} segments of {wanted}; {wrong:#?}");
}

/// What is wrong with the words of a segment.
fn words_off(segment: &Segment, said: &Utterance) -> Vec<String> {
    let Some(words) = &segment.words else { return Vec::new() };
    let found: Vec<String> = words.iter().map(|word| plain(&word.text)).collect();
    let wanted: Vec<String> = said.words.iter().map(|(word, ..)| plain(word)).collect();
    if found != wanted {
        return vec![format!("words {found:?}, said {wanted:?}")];
    }
    let off = words.iter().zip(&said.words).filter_map(|(found, (word, start, end))| {
        let (from, to) = (found.start.seconds(), found.end.seconds());
        let off = (from - start).abs().max((to - end).abs());
        (off > WORD).then(|| format!("'{word}' {from:.3}-{to:.3}, said {start:.3}-{end:.3}"))
    });
    off.collect()
}
