//! Starts the writers, kills them, restarts the database, and lets the judge look all the while.

use std::{ffi::OsString, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, Command},
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};

use super::{
    TortureError, Verdict,
    idler::Idler,
    ledger::Ledger,
    tail::Tail,
    writer::{Dice, open},
};

/// A reader that sees nothing for longer than this has been stalled.
const STALL: Duration = Duration::from_secs(1);
/// Writers that start, or that have lost their database, are given this long to come back.
const RECOVERY: Duration = Duration::from_secs(10);
/// Between two looks of the judge at a log in which nothing is new.
const GLANCE: Duration = Duration::from_millis(5);
/// How long the judge waits for the end of the log when the database does not answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is to be done to a log.
#[derive(Debug, Clone)]
pub struct Torture {
    /// `sqlite:PATH` or `postgres://…`. It may hold events already; it fills up.
    pub url: String,
    /// How long the writers write.
    pub duration: Duration,
    /// Writer processes at a time.
    pub writers: u32,
    /// Program and arguments of a process that calls [`super::write`].
    pub writer_command: Vec<OsString>,
    /// A shell command that restarts the database at once and answers when it is back; run at half time.
    pub restart_command: Option<String>,
}

/// Tortures a log and says what came of it.
///
/// # Errors
/// [`TortureError`] when the torture itself could not be done.
pub async fn run(torture: &Torture) -> Result<Verdict, TortureError> {
    let head = open(&torture.url).await?.head().await?;
    let (say, heard) = mpsc::unbounded_channel();
    let ledger = Ledger::from(i64::try_from(head).unwrap_or(i64::MAX));
    let mut foreman = Foreman {
        torture,
        say,
        writers: Vec::new(),
        idler: Idler::sit_down(&torture.url).await,
        dice: Dice::new(),
        kills: 0,
    };
    for _ in 0..torture.writers {
        let writer = foreman.start_writer().await?;
        foreman.writers.push(writer);
    }
    let mut judge = Judge::new(Tail::of(&torture.url)?, ledger, heard);
    let restarts = foreman.supervise(&mut judge).await?;
    // Killed like the others, all at once: what they were told before must be there.
    for mut writer in std::mem::take(&mut foreman.writers) {
        writer.child.kill().await?;
    }
    let kills = foreman.kills;
    // The last handle on the writers' lines goes with the foreman: the judge hears the end.
    drop(foreman);
    let verdict = judge.conclude().await?;
    let seconds = torture.duration.as_secs();
    Ok(Verdict { seconds, writers: torture.writers, kills, restarts, ..verdict })
}

struct Foreman<'torture> {
    torture: &'torture Torture,
    say: mpsc::UnboundedSender<String>,
    writers: Vec<Writer>,
    idler: Option<Idler>,
    dice: Dice,
    kills: u64,
}

struct Writer {
    child: Child,
    /// Held open: a writer ends when it closes.
    _stdin: Option<ChildStdin>,
}

impl Foreman<'_> {
    async fn start_writer(&self) -> Result<Writer, TortureError> {
        let [program, arguments @ ..] = &self.torture.writer_command[..] else {
            return Err(TortureError::Process(std::io::ErrorKind::InvalidInput.into()));
        };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        if let Some(stdout) = child.stdout.take() {
            let say = self.say.clone();
            tokio::spawn(async move {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    if say.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // Not among its arguments, where everybody could read the password. One that has died already is replaced
            // when its turn comes.
            let _died = stdin.write_all(format!("{}\n", self.torture.url).as_bytes()).await;
        }
        Ok(Writer { child, _stdin: stdin })
    }

    /// Kills and restarts while the judge looks, until the time is over. Answers the restarts of the database.
    async fn supervise(&mut self, judge: &mut Judge) -> Result<u64, TortureError> {
        let started = Instant::now();
        let end = started + self.torture.duration;
        let mut restart_at =
            self.torture.restart_command.as_ref().map(|_| started + self.torture.duration / 2);
        let mut restarts = 0;
        let mut kill_at = started + STALL;
        while Instant::now() < end {
            judge.look().await;
            if restart_at.is_some_and(|at| Instant::now() >= at) {
                restart_at = None;
                restarts += 1;
                self.restart(judge).await?;
            }
            if Instant::now() >= kill_at {
                kill_at = Instant::now() + Duration::from_millis(100 + self.dice.below(400));
                self.kill_one().await?;
            }
            if self.idler.as_ref().is_none_or(Idler::is_gone) {
                self.idler = Idler::sit_down(&self.torture.url).await;
            }
            sleep_until(end.min(Instant::now() + GLANCE)).await;
        }
        Ok(restarts)
    }

    async fn kill_one(&mut self) -> Result<(), TortureError> {
        let victim = self.dice.below(self.writers.len() as u64) as usize;
        // SIGKILL: it can neither finish nor say anything.
        self.writers[victim].child.kill().await?;
        self.kills += 1;
        self.writers[victim] = self.start_writer().await?;
        Ok(())
    }

    async fn restart(&self, judge: &mut Judge) -> Result<(), TortureError> {
        let Some(command) = &self.torture.restart_command else { return Ok(()) };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::null());
        let mut restarting = shell.spawn()?;
        judge.clock = Clock::Stopped;
        // The judge goes on looking: what was visible before must not be seen again, nor be missing, afterwards.
        let status = loop {
            tokio::select! {
                status = restarting.wait() => break status?,
                () = sleep(GLANCE) => drop(judge.look().await),
            }
        };
        if !status.success() {
            return Err(TortureError::Process(std::io::Error::other(format!(
                "{command} ended with {status}"
            ))));
        }
        Ok(())
    }
}

/// How long the judge has waited for the next event, and how patiently.
#[derive(Clone, Copy)]
enum Clock {
    /// Nobody is waited for: writers or database are down on purpose.
    Stopped,
    /// Writers start, or come back after a restart of the database.
    Recovering(Instant),
    /// The last event came then.
    Running(Instant),
    /// It has been too long, and was counted.
    Stalled(Instant),
}

/// Looks, listens, and keeps the book.
struct Judge {
    tail: Tail,
    ledger: Ledger,
    heard: mpsc::UnboundedReceiver<String>,
    clock: Clock,
    last_failure: String,
}

impl Judge {
    fn new(tail: Tail, ledger: Ledger, heard: mpsc::UnboundedReceiver<String>) -> Self {
        Self { tail, ledger, heard, clock: Clock::Recovering(Instant::now()), last_failure: String::new() }
    }

    /// Takes in what is new. True when there was something.
    async fn look(&mut self) -> bool {
        while let Ok(line) = self.heard.try_recv() {
            self.ledger.hear(&line);
        }
        let sightings = match self.tail.after(self.ledger.last).await {
            Ok(sightings) => sightings,
            Err(failure) => {
                self.last_failure = failure;
                return false;
            }
        };
        sightings.iter().for_each(|sighting| self.ledger.see(sighting));
        self.time(!sightings.is_empty());
        !sightings.is_empty()
    }

    fn time(&mut self, something_new: bool) {
        let now = Instant::now();
        let verdict = &mut self.ledger.verdict;
        if let Clock::Running(since) | Clock::Stalled(since) = self.clock {
            verdict.longest_wait_ms = verdict.longest_wait_ms.max((now - since).as_millis() as u64);
        }
        self.clock = match self.clock {
            Clock::Stopped => Clock::Stopped,
            Clock::Running(since) if now - since > STALL => {
                verdict.stalls += 1;
                Clock::Stalled(since)
            }
            Clock::Recovering(since) if now - since > RECOVERY => {
                verdict.stalls += 1;
                Clock::Stalled(since)
            }
            waiting if !something_new => waiting,
            Clock::Recovering(_) | Clock::Running(_) | Clock::Stalled(_) => Clock::Running(now),
        };
        if something_new && matches!(self.clock, Clock::Stalled(_)) {
            self.clock = Clock::Running(now);
        }
    }

    /// Hears the writers out, reads to the end of the log, and settles the book.
    async fn conclude(mut self) -> Result<Verdict, TortureError> {
        while let Some(line) = self.heard.recv().await {
            self.ledger.hear(&line);
        }
        // A database that nobody could use again after its restart.
        if matches!(self.clock, Clock::Recovering(_)) {
            self.ledger.verdict.stalls += 1;
        }
        // The writers are gone: their silence is nobody's stall.
        self.clock = Clock::Stopped;
        let give_up = Instant::now() + PATIENCE;
        let mut quiet = 0;
        while quiet < 3 {
            self.last_failure.clear();
            let something_new = self.look().await;
            if !self.last_failure.is_empty() && Instant::now() > give_up {
                return Err(TortureError::Judge(self.last_failure));
            }
            quiet = if something_new || !self.last_failure.is_empty() { 0 } else { quiet + 1 };
            // A database may still be finishing a statement whose client was killed.
            sleep(Duration::from_millis(200)).await;
        }
        Ok(self.ledger.settle())
    }
}
