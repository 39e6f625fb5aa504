use async_graphql::Pos;

use super::{
    problem::{Code, Problem},
    strings,
};

/// A lexical token of a GraphQL document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Punctuator(char),
    /// `...`
    Spread,
    Name(&'a str),
    Int(&'a str),
    Float(&'a str),
    String(String),
    End,
}

/// Cuts a document into tokens, at most `limit`, so that nothing larger is ever parsed.
pub(super) fn tokens(source: &str, limit: usize) -> Result<Vec<(Token<'_>, Pos)>, Problem> {
    let mut cursor = Cursor { source, offset: 0, line: 1, line_start: 0 };
    let mut tokens = Vec::new();
    loop {
        cursor.skip_ignored();
        let pos = cursor.pos();
        let token = cursor.token()?;
        let ended = token == Token::End;
        tokens.push((token, pos));
        if ended {
            return Ok(tokens);
        }
        if tokens.len() > limit {
            let message = format!("the document has more than {limit} tokens");
            return Err(Problem::at(Code::Tokens, pos, message));
        }
    }
}

pub(super) struct Cursor<'a> {
    source: &'a str,
    offset: usize,
    line: usize,
    line_start: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.offset..]
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.offset + ahead).copied()
    }

    fn pos(&self) -> Pos {
        Pos { line: self.line, column: self.source[self.line_start..self.offset].chars().count() + 1 }
    }

    fn syntax(&self, message: impl Into<String>) -> Problem {
        Problem::at(Code::Syntax, self.pos(), message)
    }

    /// Moves on by whole characters, keeping count of lines.
    fn advance(&mut self, bytes: usize) {
        let passed = &self.source.as_bytes()[self.offset..self.offset + bytes];
        for (index, byte) in passed.iter().enumerate() {
            let next = self.source.as_bytes().get(self.offset + index + 1);
            if *byte == b'\n' || (*byte == b'\r' && next != Some(&b'\n')) {
                self.line += 1;
                self.line_start = self.offset + index + 1;
            }
        }
        self.offset += bytes;
    }

    fn skip_ignored(&mut self) {
        loop {
            match self.byte(0) {
                Some(b' ' | b'\t' | b',' | b'\n' | b'\r') => self.advance(1),
                Some(b'#') => {
                    let length = self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
                    self.advance(length);
                }
                Some(0xef) if self.rest().starts_with('\u{feff}') => self.advance('\u{feff}'.len_utf8()),
                _ => return,
            }
        }
    }

    fn token(&mut self) -> Result<Token<'a>, Problem> {
        let Some(byte) = self.byte(0) else { return Ok(Token::End) };
        match byte {
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => {
                self.advance(1);
                Ok(Token::Punctuator(char::from(byte)))
            }
            b'.' if self.rest().starts_with("...") => {
                self.advance(3);
                Ok(Token::Spread)
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let in_name = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
                let length = self.rest().bytes().take_while(in_name).count();
                let name = &self.rest()[..length];
                self.advance(length);
                Ok(Token::Name(name))
            }
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => {
                let (string, length) = strings::read(self.rest()).map_err(|message| self.syntax(message))?;
                self.advance(length);
                Ok(Token::String(string))
            }
            _ => Err(self.syntax("there is a character that GraphQL does not know")),
        }
    }

    /// `-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?`, with neither a digit, a dot nor a name behind it.
    fn number(&mut self) -> Result<Token<'a>, Problem> {
        let digits = |cursor: &Self, from: usize| {
            (from..).take_while(|at| cursor.byte(*at).is_some_and(|byte| byte.is_ascii_digit())).count()
        };
        let mut length = usize::from(self.byte(0) == Some(b'-'));
        let whole = digits(self, length);
        if whole == 0 || (whole > 1 && self.byte(length) == Some(b'0')) {
            return Err(self.syntax("a number is malformed"));
        }
        length += whole;
        let mut is_float = false;
        if self.byte(length) == Some(b'.') {
            let fraction = digits(self, length + 1);
            if fraction == 0 {
                return Err(self.syntax("a number is malformed"));
            }
            (length, is_float) = (length + 1 + fraction, true);
        }
        if matches!(self.byte(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.byte(length + 1), Some(b'+' | b'-')));
            let exponent = digits(self, length + 1 + sign);
            if exponent == 0 {
                return Err(self.syntax("a number is malformed"));
            }
            (length, is_float) = (length + 1 + sign + exponent, true);
        }
        if self.byte(length).is_some_and(|byte| byte == b'.' || byte == b'_' || byte.is_ascii_alphanumeric())
        {
            return Err(self.syntax("a number is malformed"));
        }
        let text = &self.rest()[..length];
        self.advance(length);
        Ok(if is_float { Token::Float(text) } else { Token::Int(text) })
    }
}
