use async_graphql::{ErrorExtensionValues, Interface, ServerError, SimpleObject, Union, Value};
use commands::engine::CommandError;
use domain::kernel::{Detail, Refusal, RefusalKind};

use super::{FieldName, GlobalIdError, Int64, PageError};

/// An error that the client can act on. Branch on `code`; `message` is for people and may change.
#[derive(Debug, Clone, PartialEq, Eq, Interface)]
#[expect(clippy::duplicated_attributes, reason = "the lint takes two fields of one type for one")]
#[graphql(
    field(name = "message", ty = "&String", desc = "A sentence for people."),
    field(name = "code", ty = "&String", desc = "The stable code, upper snake case."),
    field(
        name = "path",
        ty = "&Vec<String>",
        desc = "The argument that is to blame, with the field below it; empty when there is none."
    )
)]
pub enum UserError {
    /// A field lies outside its limits.
    ValidationFailed(ValidationFailed),
    /// The caller may not do this.
    PermissionMissing(PermissionMissing),
    /// No such thing.
    NotFound(NotFound),
    /// The state of the world refuses.
    RuleRefused(RuleRefused),
    /// The entity has changed since the client saw it.
    ConcurrentModification(ConcurrentModification),
    /// Others were faster.
    VersionConflict(VersionConflict),
    /// The idempotency key forbids it.
    IdempotencyRefused(IdempotencyRefused),
}

/// Why a mutation did not succeed. Every member implements `UserError`.
#[derive(Debug, Clone, PartialEq, Eq, Union)]
pub enum MutationError {
    /// A field lies outside its limits.
    ValidationFailed(ValidationFailed),
    /// The caller may not do this.
    PermissionMissing(PermissionMissing),
    /// No such thing.
    NotFound(NotFound),
    /// The state of the world refuses.
    RuleRefused(RuleRefused),
    /// The entity has changed since the client saw it.
    ConcurrentModification(ConcurrentModification),
    /// Others were faster.
    VersionConflict(VersionConflict),
    /// The idempotency key forbids it.
    IdempotencyRefused(IdempotencyRefused),
}

macro_rules! user_error {
    ($(#[$meta:meta])* $name:ident { $( $(#[$field_meta:meta])* $field:ident: $type:ty ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
        pub struct $name {
            /// The stable code, upper snake case.
            pub code: String,
            /// A sentence for people.
            pub message: String,
            /// The argument that is to blame, with the field below it; empty when there is none.
            pub path: Vec<String>,
            $( $(#[$field_meta])* pub $field: $type, )*
        }
    };
}

user_error! {
    /// A field lies outside its limits, an id is malformed, or a cursor is unknown.
    ValidationFailed {
        /// The fields, in lower camel case.
        fields: Vec<String>,
        /// What a program would want to know besides.
        details: Vec<ErrorDetail>,
    }
}
user_error! {
    /// The caller lacks a permission, or is not the owner.
    PermissionMissing {
        /// The permissions that are missing.
        required: Vec<String>,
    }
}
user_error! {
    /// There is no such thing, or it is another tenant's.
    NotFound {}
}
user_error! {
    /// The rules refuse: the code names the state of the world that is in the way.
    RuleRefused {
        /// What a program would want to know besides.
        details: Vec<ErrorDetail>,
    }
}
user_error! {
    /// The entity is not at `expectedVersion`: read it again and decide anew.
    ConcurrentModification {
        /// The version it is at.
        current_version: Int64,
    }
}
user_error! {
    /// The command lost the race for its streams again and again. Trying it again later is safe.
    VersionConflict {}
}
user_error! {
    /// The idempotency key is missing, was used with other content, or its first use is still being worked on.
    IdempotencyRefused {}
}

/// A machine-readable part of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ErrorDetail {
    /// In snake case, with the unit last.
    pub name: String,
    /// One value, or several.
    pub values: Vec<String>,
}

impl ErrorDetail {
    fn all(refusal: &dyn Refusal) -> Vec<Self> {
        let text = |detail| match detail {
            Detail::Integer(number) => vec![number.to_string()],
            Detail::Text(text) => vec![text],
            Detail::List(texts) => texts,
        };
        let details = refusal.details();
        details
            .into_iter()
            .map(|(name, detail)| Self { name: name.to_owned(), values: text(detail) })
            .collect()
    }
}

impl MutationError {
    /// A field of the input that is outside its limits.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::ValidationFailed(ValidationFailed {
            code: "VALIDATION_FAILED".to_owned(),
            message: message.into(),
            path: input_path(Some(field)),
            fields: vec![field.to_owned()],
            details: Vec::new(),
        })
    }

    /// An argument beside the input that is outside its limits.
    pub fn invalid_argument(name: &'static str, message: impl Into<String>) -> Self {
        Self::ValidationFailed(ValidationFailed {
            code: "VALIDATION_FAILED".to_owned(),
            message: message.into(),
            path: vec![name.to_owned()],
            fields: vec![name.to_owned()],
            details: Vec::new(),
        })
    }

    /// An id that leads nowhere, in a field of the input.
    pub fn not_found(field: &str, message: impl Into<String>) -> Self {
        Self::NotFound(NotFound {
            code: "NOT_FOUND".to_owned(),
            message: message.into(),
            path: input_path(Some(field)),
        })
    }

    /// The domain's refusal as the member that its kind calls for. The domain knows the command's fields; the client is
    /// told of those of its input.
    pub fn refusal(refusal: &dyn Refusal, fields: &[FieldName]) -> Self {
        let field = refusal.field().map(|field| FieldName::path(fields, field));
        let (code, path) = (refusal.code().to_owned(), input_path(field.as_deref()));
        let message = message_of(refusal, field.as_deref());
        let details = ErrorDetail::all(refusal);
        match refusal.kind() {
            RefusalKind::Invalid => {
                let fields = field.into_iter().collect();
                Self::ValidationFailed(ValidationFailed { code, message, path, fields, details })
            }
            RefusalKind::Forbidden => {
                let required = details.into_iter().filter(|detail| detail.name == "required");
                let required = required.flat_map(|detail| detail.values).collect();
                Self::PermissionMissing(PermissionMissing { code, message, path, required })
            }
            RefusalKind::NotFound => Self::NotFound(NotFound { code, message, path }),
            RefusalKind::State => Self::RuleRefused(RuleRefused { code, message, path, details }),
        }
    }

    /// The engine's error as what the client can act on; a fault (top-level, masked where it must be) otherwise.
    pub fn of_command(error: &CommandError, fields: &[FieldName]) -> async_graphql::Result<Self> {
        let (code, message, path) = (error.code().to_owned(), error.to_string(), Vec::new());
        match error {
            CommandError::Refused(refusal) => Ok(Self::refusal(refusal.as_ref(), fields)),
            CommandError::Forbidden { required, .. } => {
                let required = vec![required.as_str().to_owned()];
                Ok(Self::PermissionMissing(PermissionMissing { code, message, path, required }))
            }
            CommandError::KeyRequired { .. } | CommandError::KeyReused | CommandError::InFlight => {
                let path = vec!["idempotencyKey".to_owned()];
                Ok(Self::IdempotencyRefused(IdempotencyRefused { code, message, path }))
            }
            CommandError::ConcurrentModification { expected, current, .. } => {
                let message = format!("the entity is at version {current}, not {expected}");
                let (path, current_version) = (vec!["expectedVersion".to_owned()], Int64::from(*current));
                Ok(Self::ConcurrentModification(ConcurrentModification {
                    code,
                    message,
                    path,
                    current_version,
                }))
            }
            CommandError::VersionConflict { .. } => {
                Ok(Self::VersionConflict(VersionConflict { code, message, path }))
            }
            CommandError::TooLarge { .. } => {
                Ok(Self::RuleRefused(RuleRefused { code, message, path, details: Vec::new() }))
            }
            CommandError::Overloaded => Err(fault("OVERLOADED", message)),
            // The engine has logged these with all they know; the client learns the code alone.
            CommandError::Unavailable(_) => Err(fault(error.code(), message)),
            CommandError::Fault { .. } | CommandError::Outdated { .. } => {
                Err(fault("INTERNAL", "the command failed inside the program"))
            }
        }
    }
}

/// The refusal's sentence, which names the field that is to blame first, if it does, as the API does.
fn message_of(refusal: &dyn Refusal, shown: Option<&str>) -> String {
    let message = refusal.to_string();
    let rest =
        refusal.field().and_then(|field| message.strip_prefix(field)).filter(|rest| rest.starts_with(' '));
    match (rest, shown) {
        (Some(rest), Some(shown)) => format!("{shown}{rest}"),
        (Some(_) | None, Some(_) | None) => message,
    }
}

fn input_path(field: Option<&str>) -> Vec<String> {
    match field {
        Some(field) => std::iter::once("input").chain(field.split('.')).map(ToOwned::to_owned).collect(),
        None => Vec::new(),
    }
}

/// A query's refusal as a top-level error with a stable code.
pub fn refused(code: &'static str, message: impl Into<String>) -> async_graphql::Error {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code);
    async_graphql::Error { message: message.into(), source: None, extensions: Some(extensions) }
}

/// Says which value a query's refusal is about, from the inside out: the field of a filter, then the argument that holds it.
/// What is nobody's fault but the program's is left as it is.
pub fn blame(mut error: async_graphql::Error, name: &str) -> async_graphql::Error {
    let source = error.source.as_deref();
    let malformed = source.and_then(|source| source.downcast_ref()) == Some(&GlobalIdError::Malformed);
    let set = error.extensions.as_ref();
    let refused = set.and_then(|set| set.get("code")) == Some(&Value::from("VALIDATION_FAILED"));
    if malformed || refused {
        let below = match set.and_then(|set| set.get("fields")) {
            Some(Value::List(fields)) => fields.first().cloned(),
            Some(_) | None => None,
        };
        let field = match below {
            Some(Value::String(below)) => format!("{name}.{below}"),
            Some(_) | None => name.to_owned(),
        };
        error.extensions.get_or_insert_default().set("fields", Value::List(vec![field.into()]));
    }
    error
}

/// A technical failure that may be named: `OVERLOADED`, `UNAVAILABLE`, `READ_MODEL_LAGGING`. Errors without a code are
/// masked as `INTERNAL` and logged by the HTTP layer; this one passes as it is, so it carries no inner detail.
pub fn fault(code: &'static str, message: impl Into<String>) -> async_graphql::Error {
    refused(code, message)
}

/// Gives an error the code that its source calls for, so that a resolver may pass the kernel's own errors on with `?`.
/// Answers whether the client may see it; otherwise it is a fault of the program, to be masked.
pub fn classify(error: &mut ServerError) -> bool {
    let has_code = |error: &ServerError| {
        error.extensions.as_ref().is_some_and(|extensions| extensions.get("code").is_some())
    };
    let source = error.source.as_deref();
    let named = if let Some(page) = source.and_then(|source| source.downcast_ref::<PageError>()) {
        Some(("VALIDATION_FAILED", Some(page.field())))
    } else if let Some(id) = source.and_then(|source| source.downcast_ref::<GlobalIdError>()) {
        match id {
            GlobalIdError::Malformed => Some(("VALIDATION_FAILED", Some("id"))),
            GlobalIdError::Foreign => Some(("NOT_FOUND", None)),
        }
    } else if source.is_none() && !has_code(error) && error.message.starts_with("Failed to parse \"") {
        // A scalar or validator has refused an argument while the resolver was being called.
        Some(("VALIDATION_FAILED", None))
    } else {
        None
    };
    if let Some((code, field)) = named {
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", code);
        if let Some(field) = field.filter(|_| extensions.get("fields").is_none()) {
            extensions.set("fields", Value::List(vec![field.into()]));
        }
    }
    has_code(error)
}
