//! How digests and probabilities are written.

use std::fmt::Write;

/// Bytes as hexadecimal digits, two for each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _a_string_takes_everything = write!(text, "{byte:02x}");
        text
    })
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
