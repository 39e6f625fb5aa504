use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// An error as RFC 9457 tells it, for everything that is not GraphQL. Branch on `code`; it never changes.
#[derive(Debug, Clone)]
pub struct HttpProblem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    headers: Vec<(&'static str, HeaderValue)>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    code: &'static str,
    detail: &'a str,
}

impl HttpProblem {
    /// A problem with a status, a stable code and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    /// With a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// A technical fault, masked.
    pub fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "something failed inside the program")
    }

    /// The method does not serve here; `allow` says which do.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "the method does not serve here")
            .with_header("allow", allow)
    }
}

impl IntoResponse for HttpProblem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
        };
        let mut response = (self.status, Json(body)).into_response();
        let problem = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, problem);
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

pub(super) async fn no_such_route() -> HttpProblem {
    HttpProblem::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this address")
}

pub(super) async fn only_get(_method: Method) -> HttpProblem {
    HttpProblem::method_not_allowed("GET, HEAD")
}
