//! Numbers as people read them.

/// A whole number in groups of three: `1,050,000`.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { String::from("-") } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Grams as kilograms, to the gram: `1,050.000`.
pub fn kilograms(grams: i64) -> String {
    let sign = if grams < 0 { "-" } else { "" };
    let grams = grams.saturating_abs();
    format!("{sign}{}.{:03}", grouped(grams / 1_000), grams % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        let written: Vec<String> = [0, 999, 1_000, -12_345, 1_050_000].into_iter().map(grouped).collect();
        assert_eq!(written, ["0", "999", "1,000", "-12,345", "1,050,000"]);
        assert_eq!(kilograms(1_050_007), "1,050.007");
        assert_eq!(kilograms(-7), "-0.007");
    }
}
