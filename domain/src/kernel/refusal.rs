/// What kind of answer a refusal is; the edges map it to a status (identity.md, section 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// A field lies outside its limits: 400.
    Invalid,
    /// A permission is missing, or the caller is not the owner: 403.
    Forbidden,
    /// No such thing, or another tenant's: 404.
    NotFound,
    /// The state of the world refuses: 409.
    State,
}

/// A machine-readable part of a refusal, beside its sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// A number, its unit in the detail's name: `("min_g", Integer(140_000))`.
    Integer(i64),
    /// A text: a gate's key, a reading's type.
    Text(String),
    /// Several ids or codes, such as the lots that wait for a decision.
    List(Vec<String>),
}

/// The domain's answer when the world forbids a command: a stable code, a sentence (`Display`), and the field.
pub trait Refusal: std::error::Error + Send + Sync + 'static {
    /// The stable code, upper snake case: `PARENT_NOT_RELEASED`. Clients branch on it; it never changes.
    fn code(&self) -> &'static str;

    /// How the edges answer it.
    fn kind(&self) -> RefusalKind {
        RefusalKind::State
    }

    /// The input field that is to blame, in lower camel case, when there is one.
    fn field(&self) -> Option<&str> {
        None
    }

    /// What a program would want to read besides the code, in snake case with the unit last.
    fn details(&self) -> Vec<(&'static str, Detail)> {
        Vec::new()
    }
}
