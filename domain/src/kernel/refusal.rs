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

/// What an input field names does not exist, or is another tenant's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} names nothing that exists")]
pub struct NotFound {
    /// The input field, in lower camel case.
    pub field: &'static str,
}

impl Refusal for NotFound {
    fn code(&self) -> &'static str {
        "NOT_FOUND"
    }

    fn kind(&self) -> RefusalKind {
        RefusalKind::NotFound
    }

    fn field(&self) -> Option<&str> {
        Some(self.field)
    }
}

/// What can be told as a [`Detail`]: enumerations by themselves, the values of a context where they are declared.
pub trait ToDetail {
    /// As a program reads it.
    fn to_detail(&self) -> Detail;
}

impl<T: ToDetail + ?Sized> ToDetail for &T {
    fn to_detail(&self) -> Detail {
        (**self).to_detail()
    }
}

impl ToDetail for i64 {
    fn to_detail(&self) -> Detail {
        Detail::Integer(*self)
    }
}

macro_rules! told_as_text {
    ($($type:ty),+) => { $(
        impl ToDetail for $type {
            fn to_detail(&self) -> Detail {
                Detail::Text(self.to_string())
            }
        }
    )+ };
}

told_as_text!(str, String, super::LocalDay);

impl<T: ToString> ToDetail for [T] {
    fn to_detail(&self) -> Detail {
        Detail::List(self.iter().map(ToString::to_string).collect())
    }
}

impl<T: ToString> ToDetail for Vec<T> {
    fn to_detail(&self) -> Detail {
        self.as_slice().to_detail()
    }
}

impl<T: ToString, const N: usize> ToDetail for [T; N] {
    fn to_detail(&self) -> Detail {
        self.as_slice().to_detail()
    }
}

/// Declares why an aggregate refuses: each state of the world with its code, its sentence, the field to blame and the
/// details, in one place.
///
/// ```
/// use domain::{Refusal, kernel::{Detail, NotFound, RefusalKind}, refusals};
///
/// refusals! {
///     /// Why a shelf refuses.
///     pub enum ShelfRefusal {
///         /// Nothing more fits.
///         Full { limit: i64, taken: Vec<String> } = "SHELF_FULL",
///             "{count} boxes stand there, at most {limit} fit", with count = taken.len(),
///             at "boxes", tells { limit, boxes: taken };
///         /// It is somebody else's.
///         NotYours = "NOT_YOURS" as Forbidden, "the shelf is somebody else's";
///     }
/// }
///
/// let full = ShelfRefusal::Full { limit: 1, taken: vec!["A".to_owned()] };
/// assert_eq!((full.code(), full.kind(), full.field()), ("SHELF_FULL", RefusalKind::State, Some("boxes")));
/// assert_eq!(full.to_string(), "1 boxes stand there, at most 1 fit");
/// assert_eq!(full.details()[0], ("limit", Detail::Integer(1)));
/// assert_eq!(ShelfRefusal::NotYours.kind(), RefusalKind::Forbidden);
/// assert_eq!(ShelfRefusal::from(NotFound { field: "shelfId" }).code(), "NOT_FOUND");
/// ```
///
/// `as` names another kind than [`RefusalKind::State`]; `with` gives the sentence an argument; `at` names the field, which
/// may be one of the variant's own; `tells` lists the details by their names, each the field of that name or an expression
/// ([`ToDetail`]). Every such enum also holds [`InvalidInput`](super::InvalidInput) and [`NotFound`], which any command may
/// meet.
#[macro_export]
macro_rules! refusals {
    (@detail $field:ident) => { $field };
    (@detail $field:ident $value:expr) => { $value };
    (@kind) => { $crate::kernel::RefusalKind::State };
    (@kind $kind:ident) => { $crate::kernel::RefusalKind::$kind };
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident $({ $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? })?
                    = $code:literal $(as $kind:ident)?, $sentence:literal
                    $(, with $argument:ident = $argued:expr)?
                    $(, at $at:expr)?
                    $(, tells { $( $detail:ident $(: $value:expr)? ),* $(,)? })? ;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        $visibility enum $name {
            /// A field lies outside its limits.
            #[error(transparent)]
            Invalid(#[from] $crate::kernel::InvalidInput),
            /// What a field names does not exist.
            #[error(transparent)]
            NotFound(#[from] $crate::kernel::NotFound),
            $(
                $(#[$variant_meta])*
                #[error($sentence $(, $argument = $argued)?)]
                $variant $({ $( $(#[$field_meta])* #[doc = concat!("`", stringify!($field), "`")] $field: $type, )* })?,
            )*
        }

        impl $crate::Refusal for $name {
            fn code(&self) -> &'static str {
                match self {
                    Self::Invalid(invalid) => $crate::Refusal::code(invalid),
                    Self::NotFound(not_found) => $crate::Refusal::code(not_found),
                    $( Self::$variant { .. } => $code, )*
                }
            }

            fn kind(&self) -> $crate::kernel::RefusalKind {
                match self {
                    Self::Invalid(invalid) => $crate::Refusal::kind(invalid),
                    Self::NotFound(not_found) => $crate::Refusal::kind(not_found),
                    $( Self::$variant { .. } => $crate::refusals!(@kind $($kind)?), )*
                }
            }

            fn field(&self) -> Option<&str> {
                match self {
                    Self::Invalid(invalid) => $crate::Refusal::field(invalid),
                    Self::NotFound(not_found) => $crate::Refusal::field(not_found),
                    $( Self::$variant { $( $($field,)* )? } => {
                        let _not_every_field_is_read = ($( $($field,)* )?);
                        let at: &[&str] = &[$( AsRef::<str>::as_ref($at) )?];
                        at.first().copied()
                    } )*
                }
            }

            fn details(&self) -> Vec<(&'static str, $crate::kernel::Detail)> {
                match self {
                    Self::Invalid(invalid) => $crate::Refusal::details(invalid),
                    Self::NotFound(not_found) => $crate::Refusal::details(not_found),
                    $( Self::$variant { $( $($field,)* )? } => {
                        let _not_every_field_is_read = ($( $($field,)* )?);
                        vec![$( $( (
                            stringify!($detail),
                            $crate::kernel::ToDetail::to_detail(&$crate::refusals!(@detail $detail $($value)?)),
                        ), )* )?]
                    } )*
                }
            }
        }
    };
}
