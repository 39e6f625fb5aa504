//! What a person reads when something did not work: what happened, to what, why, and what to do.

use std::{error::Error, fmt::Display, io, process::ExitCode};

/// How a subcommand ends: 0 when it did what was asked, else see [`Failure::exit_code`].
pub type Outcome<T = ()> = Result<T, Failure>;

/// Why a subcommand did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    what: String,
    code: Option<&'static str>,
    causes: Vec<String>,
    advice: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    /// Nobody reads standard output any more: `cairn trace … | head`.
    ReaderGone,
}

impl Failure {
    /// It was refused or did not work. `what` is one sentence without a full stop that names the file or stream.
    pub fn new(what: impl Display) -> Self {
        Self {
            kind: Kind::Failed,
            what: what.to_string(),
            code: None,
            causes: Vec::new(),
            advice: Vec::new(),
        }
    }

    /// The command line asks for something that cannot be.
    pub fn usage(what: impl Display) -> Self {
        Self { kind: Kind::Usage, ..Self::new(what) }
    }

    /// A name that stays, for scripts and for whoever looks it up.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The reason, with everything that lies below it.
    #[must_use]
    pub fn because(mut self, cause: &dyn Error) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// What the reader can do about it: one line, told last.
    #[must_use]
    pub fn advise(mut self, advice: impl Display) -> Self {
        self.advice.push(advice.to_string());
        self
    }

    /// The same where it helps.
    #[must_use]
    pub fn advise_if(self, helps: bool, advice: impl Display) -> Self {
        if helps { self.advise(advice) } else { self }
    }

    /// 1: refused or failed. 2: the command line is wrong. 0 when only the reader of the output went away.
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::Failed => ExitCode::from(1),
            Kind::Usage => ExitCode::from(2),
            Kind::ReaderGone => ExitCode::SUCCESS,
        }
    }

    /// The lines for standard error; none when only the reader of the output went away.
    pub fn lines(&self) -> Vec<String> {
        if self.kind == Kind::ReaderGone {
            return Vec::new();
        }
        let code = self.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let first = format!("error: {}{code}", self.what);
        let causes = self.causes.iter().map(|cause| format!("  because: {cause}"));
        let advice = self.advice.iter().map(|advice| format!("  try: {advice}"));
        std::iter::once(first).chain(causes).chain(advice).collect()
    }

    /// Nobody reads standard output any more.
    pub fn reader_gone() -> Self {
        Self { kind: Kind::ReaderGone, ..Self::new("nobody reads the output any more") }
    }

    /// Whether only the reader of the output went away.
    pub fn is_of_the_reader(&self) -> bool {
        self.kind == Kind::ReaderGone
    }

    /// A fault of standard output: a reader that went away is no failure.
    pub fn output(fault: &io::Error) -> Self {
        if fault.kind() == io::ErrorKind::BrokenPipe {
            Self::reader_gone()
        } else {
            Self::new("the output cannot be written").because(fault)
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast_ref::<io::Error>() {
            Some(fault) if fault.kind() == io::ErrorKind::BrokenPipe => Self::output(fault),
            Some(_) | None => {
                let causes = error.chain().skip(1).map(ToString::to_string).collect();
                Self { causes, ..Self::new(&error) }
            }
        }
    }
}

/// Says of any error what was being done when it came.
pub trait Context<T> {
    /// The sentence is only made when there is an error.
    fn or_fail<D: Display>(self, what: impl FnOnce() -> D) -> Outcome<T>;
}

impl<T, E: Error + 'static> Context<T> for Result<T, E> {
    fn or_fail<D: Display>(self, what: impl FnOnce() -> D) -> Outcome<T> {
        self.map_err(|error| Failure::new(what()).because(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_tells_what_happened_why_and_what_to_do() {
        let cause = io::Error::new(io::ErrorKind::PermissionDenied, "permission denied");
        let failure =
            Failure::new("data/cairn.db cannot be opened").because(&cause).advise("chmod u+rw data");
        assert_eq!(Failure::new("it is late").coded("LATE").lines(), ["error: it is late (LATE)"]);
        assert_eq!(
            failure.lines(),
            [
                "error: data/cairn.db cannot be opened",
                "  because: permission denied",
                "  try: chmod u+rw data"
            ]
        );
    }

    #[test]
    fn a_reader_that_goes_away_is_no_failure() {
        assert!(Failure::output(&io::Error::from(io::ErrorKind::BrokenPipe)).lines().is_empty());
    }
}
