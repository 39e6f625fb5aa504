use unicode_normalization::UnicodeNormalization;

crate::refusals! {
    /// An input lies outside its limits; answered with the field's name.
    pub struct InvalidInput {
        /// The input field, in lower camel case.
        field: &'static str,
        /// What is wrong and what is allowed, to be read after the field's name: `must not be empty`.
        problem: String,
    } = "VALIDATION_FAILED" as Invalid, "{field} {problem}", at field, tells { fields: [field] };
}

impl InvalidInput {
    /// Names the field and what is wrong with it.
    pub fn new(field: &'static str, problem: impl Into<String>) -> Self {
        Self { field, problem: problem.into() }
    }
}

/// Whether a text may have several lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lines {
    /// No control characters at all.
    One,
    /// Line feed and tab are allowed.
    Many,
}

/// The limits of one text field. Lengths count Unicode scalar values after trimming and NFC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRule {
    /// The input field, in lower camel case.
    pub field: &'static str,
    /// The least length.
    pub min: usize,
    /// The greatest length.
    pub max: usize,
    /// One line or several.
    pub lines: Lines,
}

/// Why a text was not accepted. Too short is apart, because some fields answer it with a code of their own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextFault {
    /// Shorter than the rule's least length.
    #[error("{field} must have at least {min} characters, it has {found}")]
    TooShort {
        /// The input field.
        field: &'static str,
        /// The least length.
        min: usize,
        /// The length given, trimmed.
        found: usize,
    },
    /// Too long, or with characters that are refused.
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
}

impl From<TextFault> for InvalidInput {
    fn from(fault: TextFault) -> Self {
        match fault {
            TextFault::TooShort { field, min, found } => {
                Self::new(field, format!("must have at least {min} characters, it has {found}"))
            }
            TextFault::Invalid(invalid) => invalid,
        }
    }
}

impl TextRule {
    /// A field of one line.
    pub const fn line(field: &'static str, min: usize, max: usize) -> Self {
        Self { field, min, max, lines: Lines::One }
    }

    /// A field of several lines.
    pub const fn lines(field: &'static str, min: usize, max: usize) -> Self {
        Self { field, min, max, lines: Lines::Many }
    }

    /// The text as it is kept: trimmed and in NFC.
    pub fn accept(&self, given: &str) -> Result<String, TextFault> {
        let text: String = given.trim().nfc().collect();
        let allowed = |character: char| match self.lines {
            Lines::One => !character.is_control(),
            Lines::Many => !character.is_control() || character == '\n' || character == '\t',
        };
        if !text.chars().all(allowed) {
            return Err(InvalidInput::new(self.field, "must not hold control characters").into());
        }
        let found = text.chars().count();
        if found < self.min {
            return Err(TextFault::TooShort { field: self.field, min: self.min, found });
        }
        if found > self.max {
            let problem = format!("must have at most {} characters, it has {found}", self.max);
            return Err(InvalidInput::new(self.field, problem).into());
        }
        Ok(text)
    }

    /// As [`Self::accept`], for a field that may be left out: an empty text counts as left out.
    pub fn accept_optional(&self, given: Option<&str>) -> Result<Option<String>, TextFault> {
        match given.map(str::trim) {
            None | Some("") => Ok(None),
            Some(text) => self.accept(text).map(Some),
        }
    }
}

/// The limits of one field that holds a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntRule {
    /// The input field, in lower camel case.
    pub field: &'static str,
    /// The least value.
    pub min: i64,
    /// The greatest value.
    pub max: i64,
}

impl IntRule {
    /// A field within these limits, both included.
    pub const fn new(field: &'static str, min: i64, max: i64) -> Self {
        Self { field, min, max }
    }

    /// The number, if it lies within the limits.
    pub fn accept<N: Copy + Into<i64>>(&self, given: N) -> Result<N, InvalidInput> {
        let number = given.into();
        if (self.min..=self.max).contains(&number) {
            return Ok(given);
        }
        let problem = format!("must be {} to {}, it is {number}", self.min, self.max);
        Err(InvalidInput::new(self.field, problem))
    }

    /// As [`Self::accept`], for a field that may be left out.
    pub fn accept_optional<N: Copy + Into<i64>>(&self, given: Option<N>) -> Result<Option<N>, InvalidInput> {
        given.map(|number| self.accept(number)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Refusal as _;

    #[test]
    fn a_number_lies_within_its_limits_or_is_refused_with_its_field() {
        const CAPACITY: IntRule = IntRule::new("capacity", 1, 1_000);
        assert_eq!((CAPACITY.accept(1_u16), CAPACITY.accept(1_000_i64)), (Ok(1), Ok(1_000)));
        let refused = CAPACITY.accept(0).unwrap_err();
        assert_eq!((refused.code(), refused.field()), ("VALIDATION_FAILED", Some("capacity")));
        assert_eq!(refused.to_string(), "capacity must be 1 to 1000, it is 0");
        assert_eq!(CAPACITY.accept_optional(None::<i32>), Ok(None));
        assert!(CAPACITY.accept_optional(Some(1_001)).is_err());
    }

    const NAME: TextRule = TextRule::line("name", 1, 5);

    #[test]
    fn a_text_is_trimmed_and_composed_before_it_is_counted() {
        assert_eq!(NAME.accept("  a\u{301}bcde "), Ok("ábcde".to_owned()));
        assert!(matches!(NAME.accept("ábcdef"), Err(TextFault::Invalid(_))));
        assert_eq!(NAME.accept("   "), Err(TextFault::TooShort { field: "name", min: 1, found: 0 }));
    }

    #[test]
    fn control_characters_are_refused_but_for_the_line_feed_and_tab_of_a_field_of_several_lines() {
        assert!(NAME.accept("a\nb").is_err());
        assert!(TextRule::lines("notes", 0, 9).accept("a\n\tb").is_ok());
        assert!(TextRule::lines("notes", 0, 9).accept("a\u{7}b").is_err());
    }
}
