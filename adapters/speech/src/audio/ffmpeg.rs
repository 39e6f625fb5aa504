//! What the built-in decoders cannot open goes through the program ffmpeg, if the machine has it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use commands::ports::transcription::{SAMPLE_RATE, Samples};

use super::error::AudioError;
use super::{Decoder, Step};

/// Bytes asked of the pipe at a time.
const BLOCK_BYTES: usize = 64 * 1024;

/// The program `name` on PATH.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|program| program.is_file())
}

/// What ffmpeg is to read.
pub(super) enum Input {
    /// A file.
    File(PathBuf),
    /// Bytes, to their end.
    Stream(Box<dyn Read + Send>),
}

/// A running ffmpeg. It is killed when dropped.
pub(super) struct Ffmpeg {
    child: Child,
    out: ChildStdout,
    complaints: Option<JoinHandle<String>>,
    stated: Option<Samples>,
    /// Bytes of a sample that the pipe cut in two.
    rest: Vec<u8>,
    ended: bool,
}

impl Ffmpeg {
    /// Starts it.
    ///
    /// # Errors
    /// Says why it did not start.
    pub(super) fn start(program: &Path, input: Input) -> Result<Self, AudioError> {
        let (name, stated) = match &input {
            Input::File(path) => {
                // Without the prefix a name like `concat:a|b` would be an instruction.
                let mut name = OsString::from("file:");
                name.push(path);
                let stated = stated_duration(program, &name);
                (name, stated)
            }
            Input::Stream(_) => (OsString::from("pipe:0"), None),
        };
        let mut child = Command::new(program)
            .args(["-nostdin", "-hide_banner", "-loglevel", "error"])
            // A playlist must not fetch anything from elsewhere.
            .args(["-protocol_whitelist", "file,pipe", "-i"])
            .arg(name)
            .args(["-map", "0:a:0", "-vn", "-sn", "-dn"])
            // Holes in the timestamps become silence, so that times stay true.
            .args(["-af", "aresample=async=1", "-ac", "1", "-ar", &SAMPLE_RATE.to_string()])
            .args(["-c:a", "pcm_f32le", "-f", "f32le", "pipe:1"])
            .stdin(if matches!(input, Input::Stream(_)) { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| AudioError::FfmpegNotStarted { program: program.to_owned(), source })?;
        if let (Input::Stream(bytes), Some(stdin)) = (input, child.stdin.take()) {
            // It ends with the stream or with ffmpeg; nobody waits for it, since the stream may never end.
            std::thread::spawn(move || feed(bytes, stdin));
        }
        let complaints = child.stderr.take().map(|stderr| std::thread::spawn(move || last_line(stderr)));
        let Some(out) = child.stdout.take() else { return Err(AudioError::FfmpegWithoutOutput) };
        Ok(Self { child, out, complaints, stated, rest: Vec::new(), ended: false })
    }

    /// The exit, and the last thing it said.
    fn end(&mut self) -> Step {
        self.ended = true;
        let status = self.child.wait();
        let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let failed = !status.is_ok_and(|status| status.success());
        match (said.is_empty(), failed) {
            (true, false) => Step::End,
            (true, true) => Step::Broken(AudioError::FfmpegEndedEarly),
            (false, _) => Step::Broken(AudioError::FfmpegSaid(said)),
        }
    }
}

impl Decoder for Ffmpeg {
    fn stated(&self) -> Option<Samples> {
        self.stated
    }

    fn next(&mut self, mono: &mut Vec<f32>) -> Step {
        if self.ended {
            return Step::End;
        }
        let mut block = vec![0; BLOCK_BYTES];
        let read = loop {
            match self.out.read(&mut block) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Ok(read) => break read,
                Err(_) => break 0,
            }
        };
        if read == 0 {
            return self.end();
        }
        self.rest.extend_from_slice(&block[..read]);
        let (samples, tail) = self.rest.as_chunks::<4>();
        mono.extend(samples.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        self.rest = tail.to_vec();
        Step::Audio { rate: SAMPLE_RATE as u32 }
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself meanwhile, which is as good.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn feed(mut bytes: Box<dyn Read + Send>, mut stdin: impl Write) {
    // A broken pipe is ffmpeg's end; what it has to say about it is on its standard error.
    let _ = std::io::copy(&mut bytes, &mut stdin);
}

fn last_line(stderr: impl Read) -> String {
    let lines = BufReader::new(stderr).split(b'\n').map_while(Result::ok);
    lines
        .map(|line| String::from_utf8_lossy(&line).trim().to_owned())
        .filter(|line| !line.is_empty())
        .last()
        .unwrap_or_default()
}

/// The length that the container states, from ffprobe, which is installed along with ffmpeg.
fn stated_duration(ffmpeg: &Path, name: &OsString) -> Option<Samples> {
    let ffprobe = ffmpeg.with_file_name(format!("ffprobe{}", std::env::consts::EXE_SUFFIX));
    let answer = Command::new(ffprobe)
        .args(["-v", "error", "-protocol_whitelist", "file,pipe"])
        .args(["-show_entries", "format=duration", "-of", "default=nw=1:nk=1"])
        .arg(name)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let seconds: f64 = String::from_utf8_lossy(&answer.stdout).trim().parse().ok()?;
    (seconds.is_finite() && seconds > 0.0).then(|| Samples::from_seconds(seconds))
}
