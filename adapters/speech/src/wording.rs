//! How errors, digests and probabilities are written down.

use std::error::Error;

/// What an error says, then each of its causes, from the nearest to the furthest: for where only one line of text has
/// room.
#[must_use]
pub fn in_full(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

/// Bytes as hexadecimal digits, two for each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _a_string_takes_everything = write!(text, "{byte:02x}");
        text
    })
}

/// The first half of a digest: a name that is short, and still no other's by chance.
pub(super) fn half(digest: &[u8]) -> String {
    hexadecimal(&digest[..digest.len() / 2])
}

/// To four decimals: what lies beyond depends on the order of additions.
pub(super) fn rounded(value: f32) -> f32 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_digits_each() {
        assert_eq!(hexadecimal(&[0x00, 0x0f, 0xa0, 0xff]), "000fa0ff");
    }

    #[test]
    fn a_probability_keeps_four_decimals() {
        assert_eq!([0.123_449, 0.123_451, -1.0].map(rounded), [0.123_4, 0.123_5, -1.0]);
    }
}
