use async_graphql::Pos;

/// Why a document may not run. Branch on `code`; it never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The stable code.
    pub code: Code,
    /// A sentence for people, which names no more of the schema than the document does.
    pub message: String,
    /// Where in the document.
    pub locations: Vec<Pos>,
    /// The variable that is to blame, as a path: `input.weightGrams`.
    pub field: Option<String>,
}

macro_rules! codes {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal ),* $(,)?) => {
        /// What kind of problem it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $( $(#[$meta])* $variant, )* }

        impl Code {
            /// The stable code, upper snake case.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    };
}

codes! {
    /// It is not GraphQL.
    Syntax = "GRAPHQL_PARSE_FAILED",
    /// It does not fit the schema, or breaks a rule of the specification.
    Invalid = "GRAPHQL_VALIDATION_FAILED",
    /// A variable's value does not fit its type.
    Variables = "VALIDATION_FAILED",
    /// The operation that was named is not in it, or none was named where there are several.
    Operation = "OPERATION_RESOLUTION_FAILED",
    /// More lexical tokens than allowed.
    Tokens = "QUERY_TOO_MANY_TOKENS",
    /// Nested deeper than allowed.
    Depth = "QUERY_TOO_DEEP",
    /// More aliases than allowed.
    Aliases = "QUERY_TOO_MANY_ALIASES",
    /// More fields at its root than allowed.
    RootFields = "QUERY_TOO_MANY_ROOT_FIELDS",
    /// More directives than allowed.
    Directives = "QUERY_TOO_MANY_DIRECTIVES",
    /// It would cost more than allowed.
    Cost = "QUERY_TOO_COSTLY",
    /// The installation runs listed documents only, and this is not one.
    NotTrusted = "DOCUMENT_NOT_TRUSTED",
    /// Introspection is switched off.
    Introspection = "INTROSPECTION_DISABLED",
}

const LONGEST_MESSAGE: usize = 300;

impl Problem {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        let mut message = message.into();
        // A document may name things at any length; an answer does not repeat that.
        if message.len() > LONGEST_MESSAGE {
            let end =
                (0..=LONGEST_MESSAGE).rev().find(|at| message.is_char_boundary(*at)).unwrap_or_default();
            message.truncate(end);
            message.push('…');
        }
        Self { code, message, locations: Vec::new(), field: None }
    }

    pub(super) fn at(code: Code, pos: Pos, message: impl Into<String>) -> Self {
        Self { locations: vec![pos], ..Self::new(code, message) }
    }

    pub(super) fn too_much(code: Code, what: &str, count: u64, limit: u64) -> Self {
        Self::new(code, format!("the document has {what} {count}; at most {limit} is allowed"))
    }
}
