/// What codes begin with, in the order of the text that follows a `-`.
const PREFIXES: [&str; 15] = [
    "BULK", "DEB", "FG", "FG15", "FG30", "FRZ", "FRZ15", "FRZ30", "MIXLOT", "PAL", "RAW", "SHIP", "SKW",
    "SKW15", "SKW30",
];
const ODD: u64 = 1 << 63;

/// A lot code in eight bytes, ordered as its text is: prefix 4 bits, year 14, month 4, day 5, site 20, number 14.
///
/// A code that does not follow the pattern (an imported one) has the top bit set and is the number of a text kept
/// elsewhere; such keys sort behind the others, by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CodeKey(pub(super) u64);

impl CodeKey {
    /// The key of a code that follows the pattern.
    pub(super) fn of(code: &str) -> Option<Self> {
        let mut parts = code.split('-');
        let (prefix, day, site, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let prefix = PREFIXES.iter().position(|known| *known == prefix)? as u64;
        if parts.next().is_some() || site.len() != 4 {
            return None;
        }
        let day = digits(day, 8)?;
        let (year, month, day) = (day / 10_000, day / 100 % 100, day % 100);
        if month > 12 || day > 31 {
            return None;
        }
        let mut packed = ((prefix << 14 | year) << 4 | month) << 5 | day;
        for letter in site.bytes() {
            if !letter.is_ascii_uppercase() {
                return None;
            }
            packed = packed << 5 | u64::from(letter - b'A');
        }
        Some(Self(packed << 14 | digits(number, 4)?))
    }

    pub(super) fn odd(number: usize) -> Self {
        Self(ODD | number as u64)
    }

    /// The number of the text of a code that does not follow the pattern.
    pub(super) fn odd_number(self) -> Option<usize> {
        (self.0 & ODD != 0).then_some((self.0 & !ODD) as usize)
    }

    /// The text of a code that follows the pattern.
    pub(super) fn text(self) -> String {
        let bits = |shift: u32, width: u32| (self.0 >> shift) & ((1 << width) - 1);
        let site: String =
            [29, 24, 19, 14].into_iter().map(|shift| char::from(b'A' + bits(shift, 5) as u8)).collect();
        let prefix = PREFIXES.get(bits(57, 4) as usize).copied().unwrap_or_default();
        format!("{prefix}-{:04}{:02}{:02}-{site}-{:04}", bits(43, 14), bits(39, 4), bits(34, 5), bits(0, 14))
    }
}

fn digits(text: &str, width: usize) -> Option<u64> {
    let is_number = text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_its_text_and_its_order_in_eight_bytes() {
        let codes = [
            "BULK-20260302-DUNA-0001",
            "FRZ-20260302-DUNA-0001",
            "FRZ15-20251231-ZZZZ-9999",
            "FRZ15-20260101-AAAA-0001",
            "FRZ30-20260101-AAAA-0001",
            "MIXLOT-20260302-DUNA-0009",
            "MIXLOT-20260302-DUNA-0010",
            "RAW-20260302-DUNA-0001",
            "SHIP-20260302-DUNA-0001",
            "SKW-20260302-DUNA-0001",
            "SKW15-20260302-DUNA-0001",
        ];
        assert!(codes.is_sorted());
        let keys: Vec<CodeKey> = codes.iter().map(|code| CodeKey::of(code).unwrap()).collect();
        assert!(keys.is_sorted());
        assert_eq!(keys.iter().map(|key| key.text()).collect::<Vec<_>>(), codes);
    }

    #[test]
    fn a_code_of_another_pattern_has_no_key() {
        for odd in ["", "RAW", "RAW-20260302-DUNA-0001-1", "OLD-20260302-DUNA-0001", "RAW-20261302-DUNA-0001"]
        {
            assert_eq!(CodeKey::of(odd), None, "{odd}");
        }
        assert_eq!(CodeKey::odd(7).odd_number(), Some(7));
        assert_eq!(CodeKey::of("RAW-20260302-DUNA-0001").unwrap().odd_number(), None);
    }
}
