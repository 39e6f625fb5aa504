//! How somebody or something is reached. The limits bind whoever writes; what already lies on the log is read as it is.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    net::Ipv6Addr,
    str::FromStr,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{InvalidInput, TextRule};

/// An e-mail address: 3 to 320 characters around one `@`. Kept as it was given, compared in lower case.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The address in a field of that name, if it can be one.
    pub fn accept(field: &'static str, given: &str) -> Result<Self, InvalidInput> {
        let text = TextRule::line(field, 3, 320).accept(given)?;
        let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
        match parts {
            Some((_name, host)) if !host.contains('@') && !text.contains(char::is_whitespace) => {
                Ok(Self(text))
            }
            _ => Err(InvalidInput::new(field, "must be an e-mail address, with one @")),
        }
    }

    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What addresses are compared and claimed by.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Email {}

impl PartialOrd for Email {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Email {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Email {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// A telephone number as people write it: 1 to 30 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// The number in a field of that name.
    pub fn accept(field: &'static str, given: &str) -> Result<Self, InvalidInput> {
        Ok(Self(TextRule::line(field, 1, 30).accept(given)?))
    }

    /// The number as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An absolute address of the web.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Url(String);

/// The limits of a field that holds a [`Url`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlRule {
    /// The input field, in lower camel case.
    pub field: &'static str,
    /// The greatest length.
    pub max: usize,
    /// Whether an address without TLS is taken too: for machines of one's own network.
    pub plain_http: bool,
}

impl UrlRule {
    /// A field of `https` addresses.
    pub const fn https(field: &'static str, max: usize) -> Self {
        Self { field, max, plain_http: false }
    }

    /// A field of `https` and `http` addresses.
    pub const fn http(field: &'static str, max: usize) -> Self {
        Self { field, max, plain_http: true }
    }

    /// The address, if it is one that may stand here.
    ///
    /// Refused are names and passwords before the host: they would be logged, and hide where an address leads.
    pub fn accept(&self, given: &str) -> Result<Url, InvalidInput> {
        let text = TextRule::line(self.field, 1, self.max).accept(given)?;
        let rest = text.strip_prefix("https://").or_else(|| {
            let plain = text.strip_prefix("http://");
            plain.filter(|_rest| self.plain_http)
        });
        let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
        let unsafe_character = |c: char| c.is_whitespace() || "\"<>\\^`{|}".contains(c);
        if authority.is_some_and(is_host_and_port) && !text.contains(unsafe_character) {
            return Ok(Url(text));
        }
        let schemes = if self.plain_http { "http:// or https://" } else { "https://" };
        Err(InvalidInput::new(self.field, format!("must be an address that begins with {schemes}")))
    }
}

fn is_host_and_port(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) if address.parse::<Ipv6Addr>().is_ok() => (None, port),
        Some(_) => return false,
        None => {
            let end = authority.find(':').unwrap_or(authority.len());
            (Some(&authority[..end]), &authority[end..])
        }
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let named = host.is_none_or(|host| host.strip_suffix('.').unwrap_or(host).split('.').all(label));
    let number = port.strip_prefix(':');
    named && (port.is_empty() || number.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)))
}

impl Url {
    /// The address as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidInput;

    fn from_str(given: &str) -> Result<Self, InvalidInput> {
        Self::accept("email", given)
    }
}

impl FromStr for Phone {
    type Err = InvalidInput;

    fn from_str(given: &str) -> Result<Self, InvalidInput> {
        Self::accept("phone", given)
    }
}

impl FromStr for Url {
    type Err = InvalidInput;

    fn from_str(given: &str) -> Result<Self, InvalidInput> {
        UrlRule::http("url", 2_000).accept(given)
    }
}

impl fmt::Display for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_has_one_at_sign_and_is_compared_in_lower_case() {
        let anna: Email = " Anna.Kovács@Example.com ".parse().unwrap();
        assert_eq!(
            (anna.as_str(), anna.key().as_str()),
            ("Anna.Kovács@Example.com", "anna.kovács@example.com")
        );
        assert_eq!(anna, "ANNA.KOVÁCS@example.COM".parse().unwrap());
        assert_eq!("a@b".parse::<Email>().map(|email| email.to_string()), Ok("a@b".to_owned()));
        let long = format!("{}@b", "a".repeat(319));
        for bad in ["a@", "@bc", "a@b@c", "abc", "a b@c", "a@b\nc", long.as_str()] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
        assert_eq!(Email::accept("contactEmail", "x").unwrap_err().field, "contactEmail");
    }

    #[test]
    fn a_phone_number_has_at_most_30_characters() {
        assert!("+36 (1) 234-5678 / 12".parse::<Phone>().is_ok());
        assert!("".parse::<Phone>().is_err() && "1".repeat(31).parse::<Phone>().is_err());
    }

    #[test]
    fn a_web_address_is_absolute_and_hides_nothing() {
        let rule = UrlRule::https("imageUrl", 60);
        for good in [
            "https://shop.example/ok?a=1#b",
            "https://shop.example",
            "https://localhost:8443/",
            "https://[::1]:443/x",
            "https://sörgården.se/å",
            "https://10.0.0.7/",
        ] {
            assert_eq!(rule.accept(good).map(|url| url.to_string()), Ok(good.to_owned()));
        }
        for bad in [
            "http://shop.example",
            "https://",
            "https:///path",
            "https://user:secret@shop.example/",
            "https://shop.example:0/",
            "https://shop.example:99999/",
            "https://shop..example/",
            "https://[::g]/",
            "https://shop.example/a b",
            "javascript:alert(1)",
            "//shop.example",
            "https://shop.example\\@evil.example/",
        ] {
            assert!(rule.accept(bad).is_err(), "{bad}");
        }
        assert!(UrlRule::http("ollama", 60).accept("http://localhost:11434").is_ok());
        assert_eq!(rule.accept("x").unwrap_err().field, "imageUrl");
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_as_it_is_written(text in "\\PC{0,40}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email.to_string().parse(), Ok(email));
            }
            if let Ok(url) = format!("https://{text}").parse::<Url>() {
                prop_assert_eq!(url.to_string().parse(), Ok(url));
            }
        }
    }
}
