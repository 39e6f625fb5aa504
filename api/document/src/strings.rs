//! String literals: quoted and block strings, as the specification reads them.

/// Reads the literal that `source` starts with: its value, and how many bytes it takes.
pub(super) fn read(source: &str) -> Result<(String, usize), &'static str> {
    match source.strip_prefix("\"\"\"") {
        Some(rest) => read_block(rest),
        None => read_quoted(source),
    }
}

const UNTERMINATED: &str = "a string is not terminated";
const ESCAPE: &str = "a string has an escape that GraphQL does not know";

fn read_quoted(source: &str) -> Result<(String, usize), &'static str> {
    let mut value = String::new();
    let mut characters = source.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, at + 1)),
            '\n' | '\r' => return Err(UNTERMINATED),
            '\\' => {
                let (unescaped, extra) = escape(&source[at + 1..])?;
                value.push(unescaped);
                for _ in 0..extra {
                    characters.next();
                }
            }
            other => value.push(other),
        }
    }
    Err(UNTERMINATED)
}

/// What follows a backslash: the character it stands for, and how many characters it takes.
fn escape(source: &str) -> Result<(char, usize), &'static str> {
    let simple = match source.chars().next().ok_or(UNTERMINATED)? {
        '"' => '"',
        '\\' => '\\',
        '/' => '/',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => return unicode(&source[1..]).map(|(character, length)| (character, length + 1)),
        _ => return Err(ESCAPE),
    };
    Ok((simple, 1))
}

fn unicode(source: &str) -> Result<(char, usize), &'static str> {
    if let Some(rest) = source.strip_prefix('{') {
        let digits = rest.split('}').next().unwrap_or_default();
        if rest.len() == digits.len() || digits.len() > 8 {
            return Err(ESCAPE);
        }
        return Ok((char::from_u32(hex(digits)?).ok_or(ESCAPE)?, digits.len() + 2));
    }
    let first = hex(source.get(..4).ok_or(ESCAPE)?)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Ok((char::from_u32(first).ok_or(ESCAPE)?, 4));
    }
    // The first half of a surrogate pair; the second must follow.
    let second = hex(source.get(4..).and_then(|rest| rest.strip_prefix("\\u")?.get(..4)).ok_or(ESCAPE)?)?;
    if !(0xdc00..0xe000).contains(&second) {
        return Err(ESCAPE);
    }
    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
    Ok((char::from_u32(code).ok_or(ESCAPE)?, 10))
}

fn hex(digits: &str) -> Result<u32, &'static str> {
    let all_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten().ok_or(ESCAPE)
}

fn read_block(rest: &str) -> Result<(String, usize), &'static str> {
    let mut raw = String::new();
    let mut at = 0;
    loop {
        let tail = &rest[at..];
        if tail.starts_with("\\\"\"\"") {
            raw.push_str("\"\"\"");
            at += 4;
        } else if tail.starts_with("\"\"\"") {
            return Ok((dedent(&raw), at + 6));
        } else {
            let character = tail.chars().next().ok_or(UNTERMINATED)?;
            raw.push(character);
            at += character.len_utf8();
        }
    }
}

/// `BlockStringValue` of the specification: common indentation goes, and so do blank lines at both ends.
fn dedent(raw: &str) -> String {
    let normalised = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = normalised.split('\n').collect();
    let blank = |line: &&str| line.bytes().all(|byte| byte == b' ' || byte == b'\t');
    let indent = |line: &&str| line.bytes().take_while(|byte| *byte == b' ' || *byte == b'\t').count();
    let common = lines.iter().skip(1).filter(|line| !blank(line)).map(indent).min().unwrap_or(0);
    let cut = |(index, line): (usize, &&'_ str)| {
        if index == 0 { (*line).to_owned() } else { line.get(common..).unwrap_or_default().to_owned() }
    };
    let first = lines.iter().position(|line| !blank(line)).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !blank(line)).map_or(first, |index| index + 1);
    lines.iter().enumerate().take(last).skip(first).map(cut).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_as_the_specification_says() {
        let cases = [
            (r#""plain" rest"#, "plain", 7),
            (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t", 18),
            (r#""\u00e5\u{1F600}\uD83D\uDE00""#, "å😀😀", 29),
            (r#""""""""#, "", 6),
            ("\"\"\"\n    a\n      b\n    \"\"\"", "a\n  b", 25),
            (r#""""\""" x""""#, "\"\"\" x", 12),
        ];
        for (source, value, length) in cases {
            assert_eq!(read(source), Ok((value.to_owned(), length)), "{source}");
        }
    }

    #[test]
    fn malformed_strings_are_refused() {
        let cases = [
            "\"",
            "\"a",
            "\"a\nb\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\uD800""#,
            r#""\uD800\u0041""#,
            r#""\uDC00""#,
            r#""\u{}""#,
            r#""\u{110000}""#,
            r#""\u{41""#,
            r#""\u{000000041}""#,
            r#""\u+041""#,
            r#"""" x"#,
            "\"\\",
            "\"\\u00é9\"",
        ];
        for source in cases {
            assert!(read(source).is_err(), "{source}");
        }
    }
}
