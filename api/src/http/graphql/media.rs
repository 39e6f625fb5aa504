use axum::http::{HeaderMap, StatusCode, header};

use crate::http::HttpProblem;

/// The media type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/graphql-response+json`: the status says whether the request was at fault.
    GraphqlResponse,
    /// `application/json`: 200 for every well-formed request, as older clients expect.
    Json,
}

impl Media {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Json => "application/json; charset=utf-8",
        }
    }

    /// What the client prefers of the two; `application/json` when it does not care, 406 when neither will do.
    pub(super) fn negotiate(headers: &HeaderMap) -> Result<Self, HttpProblem> {
        let mut accept = headers.get_all(header::ACCEPT).iter().peekable();
        if accept.peek().is_none() {
            return Ok(Self::Json);
        }
        let ranges: Vec<Range> = accept
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(Range::read)
            .collect();
        let quality = |media: Self| {
            // The most specific range decides.
            let fitting = ranges.iter().filter(|range| range.fits(media));
            fitting.max_by_key(|range| range.specificity()).map_or(0, |range| range.per_mille)
        };
        let place =
            |media: Self| ranges.iter().position(|range| range.fits(media) && range.specificity() == 2);
        let (graphql, json) = (quality(Self::GraphqlResponse), quality(Self::Json));
        match (graphql, json) {
            (0, 0) => Err(HttpProblem::new(
                StatusCode::NOT_ACCEPTABLE,
                "NOT_ACCEPTABLE",
                "answers are application/graphql-response+json or application/json, in UTF-8",
            )),
            _ if graphql > json => Ok(Self::GraphqlResponse),
            _ if json > graphql => Ok(Self::Json),
            _ => match (place(Self::GraphqlResponse), place(Self::Json)) {
                (Some(graphql), Some(json)) if graphql < json => Ok(Self::GraphqlResponse),
                (Some(_), None) => Ok(Self::GraphqlResponse),
                _ => Ok(Self::Json),
            },
        }
    }
}

/// One entry of an `Accept` header.
struct Range {
    kind: String,
    per_mille: u16,
    charset: Option<String>,
}

impl Range {
    fn read(text: &str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut range = Self { kind, per_mille: 1_000, charset: None };
        for part in parts {
            match part.split_once('=') {
                Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => {
                    range.per_mille = quality(value.trim()).unwrap_or(0);
                }
                Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                    range.charset = Some(value.trim().trim_matches('"').to_ascii_lowercase());
                }
                _ => {}
            }
        }
        range
    }

    fn fits(&self, media: Media) -> bool {
        let exact = match media {
            Media::GraphqlResponse => "application/graphql-response+json",
            Media::Json => "application/json",
        };
        let utf8 = self.charset.as_deref().is_none_or(|charset| charset == "utf-8" || charset == "utf8");
        utf8 && (self.kind == exact || self.kind == "application/*" || self.kind == "*/*")
    }

    fn specificity(&self) -> u8 {
        match self.kind.as_str() {
            "*/*" => 0,
            "application/*" => 1,
            _ => 2,
        }
    }
}

/// `0.25` as 250; up to three digits behind the dot.
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(whole, "0" | "1") || fraction.len() > 3 || !digits(fraction) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    Some(if whole == "1" { 1_000 } else { fraction })
}

/// A body must say that it is JSON in UTF-8, and come as it is.
pub(super) fn require_json(headers: &HeaderMap) -> Result<(), HttpProblem> {
    let refuse = |detail: &str| {
        let problem = HttpProblem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", detail);
        Err(problem.with_header("accept-post", "application/json"))
    };
    let mut given = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        return refuse("a request's body needs the content type application/json");
    };
    let Ok(value) = value.to_str() else { return refuse("the content type cannot be read") };
    let range = Range::read(value);
    if range.kind != "application/json" {
        return refuse("a request's body has the content type application/json");
    }
    if range.charset.is_some_and(|charset| charset != "utf-8" && charset != "utf8") {
        return refuse("a request's body is in UTF-8");
    }
    let encoded = |value: &axum::http::HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().any(encoded) {
        return refuse("a request's body comes without a content encoding");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn negotiated(accept: &'static str) -> Option<Media> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Media::negotiate(&headers).ok()
    }

    #[test]
    fn the_client_gets_what_it_prefers() {
        assert_eq!(Media::negotiate(&HeaderMap::new()).ok(), Some(Media::Json));
        for accept in [
            "*/*",
            "application/*",
            "application/json",
            "application/json; charset=utf-8",
            "text/html, */*;q=0.1",
        ] {
            assert_eq!(negotiated(accept), Some(Media::Json), "{accept}");
        }
        for accept in [
            "application/graphql-response+json",
            "application/graphql-response+json, application/json;q=0.9",
            "application/graphql-response+json, application/json",
            "application/json;q=0.5, application/graphql-response+json;q=0.501",
            "*/*, application/graphql-response+json",
            "application/json;q=0, */*",
        ] {
            assert_eq!(negotiated(accept), Some(Media::GraphqlResponse), "{accept}");
        }
    }

    #[test]
    fn nothing_acceptable_is_406() {
        for accept in [
            "",
            "text/html",
            "application/xml",
            "application/json;q=0",
            "application/json;charset=latin1",
            "*/*;q=x",
        ] {
            assert_eq!(negotiated(accept), None, "{accept}");
        }
    }

    #[test]
    fn a_body_must_say_that_it_is_json() {
        let check = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            require_json(&headers).is_ok()
        };
        assert!(check("application/json") && check("Application/JSON; charset=\"UTF-8\""));
        for value in [
            "text/plain",
            "application/json+x",
            "application/json; charset=latin1",
            "application/graphql",
            "",
        ] {
            assert!(!check(value), "{value}");
        }
        assert!(require_json(&HeaderMap::new()).is_err());
    }
}
