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

crate::refusals! {
    /// What an input field names does not exist, or is another tenant's.
    #[derive(Copy)]
    pub struct NotFound {
        /// The input field, in lower camel case.
        field: &'static str,
    } = "NOT_FOUND" as NotFound, "{field} names nothing that exists", at field;
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
/// use domain::{Refusal, kernel::{Detail, InvalidInput, NotFound, RefusalKind}, refusals};
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
///
/// refusals! {
///     /// Why a shelf is not counted.
///     pub enum CountRefusal holds (Invalid: InvalidInput) {
///         /// It was counted today.
///         CountedToday = "COUNTED_TODAY", "the shelf was counted today";
///     }
/// }
///
/// assert_eq!(CountRefusal::from(InvalidInput::new("count", "must not be negative")).field(), Some("count"));
///
/// refusals! {
///     /// It stands already.
///     pub struct Standing { field: &'static str, code: &'static str } = code, "{field} stands already", at field;
/// }
///
/// assert_eq!(Standing { field: "shelf", code: "SHELF_STANDS" }.code(), "SHELF_STANDS");
/// ```
///
/// `as` names another kind than [`RefusalKind::State`]; `with` gives the sentence an argument; `at` names the field, and
/// `tells` the details, each the field of that name or an expression ([`ToDetail`]). Code and field may be fields of the
/// refusal's own.
///
/// Such an enum also holds [`InvalidInput`] and [`NotFound`], which any command may meet; one that meets less, or other
/// refusals, says which it `holds`. The only one of its kind is a `struct`.
///
/// [`InvalidInput`]: crate::kernel::InvalidInput
#[macro_export]
macro_rules! refusals {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident { $($states:tt)* }
    ) => {
        $crate::refusals! {
            $(#[$meta])*
            $visibility enum $name holds (
                /// A field lies outside its limits.
                Invalid: $crate::kernel::InvalidInput,
                /// What a field names does not exist.
                NotFound: $crate::kernel::NotFound,
            ) { $($states)* }
        }
    };
    (
        $(#[$meta:meta])*
        $visibility:vis enum $name:ident holds ( $( $(#[$held_meta:meta])* $held:ident : $held_type:ty ),* $(,)? ) {
            $(
                $(#[$variant_meta:meta])*
                $variant:ident $({ $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? })?
                    = $code:tt $(as $kind:ident)?, $sentence:literal
                    $(, with $argument:ident = $argued:expr)?
                    $(, at $at:expr)?
                    $(, tells { $($details:tt)* })? ;
            )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        $visibility enum $name {
            $(
                $(#[$held_meta])*
                #[error(transparent)]
                $held(#[from] $held_type),
            )*
            $(
                $(#[$variant_meta])*
                #[error($sentence $(, $argument = $argued)?)]
                $variant $({ $( $(#[$field_meta])* #[doc = concat!("`", stringify!($field), "`")] $field: $type, )* })?,
            )*
        }

        $crate::refusals! { @told $name holds ( $($held)* ) {
            $( Self::$variant { $( $($field)* )? } = $code $(as $kind)? $(, at $at)? $(, tells { $($details)* })? ; )*
        } }
    };
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident $({ $( $(#[$field_meta:meta])* $field:ident : $type:ty ),* $(,)? })?
            = $code:tt $(as $kind:ident)?, $sentence:literal
            $(, with $argument:ident = $argued:expr)?
            $(, at $at:expr)?
            $(, tells { $($details:tt)* })? ;
    ) => {
        $crate::refusals! {
            @struct
            $(#[$meta])*
            #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
            #[error($sentence $(, $argument = $argued)?)]
            $visibility $name
            $({ $( $(#[$field_meta])* #[doc = concat!("`", stringify!($field), "`")] $visibility $field: $type, )* })?
        }

        $crate::refusals! { @told $name holds () {
            Self { $( $($field)* )? } = $code $(as $kind)? $(, at $at)? $(, tells { $($details)* })? ;
        } }
    };
    (@struct $(#[$meta:meta])* $visibility:vis $name:ident) => {
        $(#[$meta])*
        $visibility struct $name;
    };
    (@struct $(#[$meta:meta])* $visibility:vis $name:ident { $($fields:tt)* }) => {
        $(#[$meta])*
        $visibility struct $name { $($fields)* }
    };
    (@kind) => { $crate::kernel::RefusalKind::State };
    (@kind $kind:ident) => { $crate::kernel::RefusalKind::$kind };
    (@detail $field:ident) => { $field };
    (@detail $field:ident $value:expr) => { $value };
    (@told $name:ident holds ( $($held:ident)* ) { $(
        $place:path { $($field:ident)* } = $code:tt $(as $kind:ident)?
            $(, at $at:expr)?
            $(, tells { $( $detail:ident $(: $value:expr)? ),* $(,)? })? ;
    )* }) => {
        impl $crate::Refusal for $name {
            fn code(&self) -> &'static str {
                match self {
                    $( Self::$held(held) => $crate::Refusal::code(held), )*
                    $( $place { $($field),* } => {
                        let _not_every_field_is_read = ($($field,)*);
                        let code: &&'static str = &$code;
                        code
                    } )*
                }
            }

            fn kind(&self) -> $crate::kernel::RefusalKind {
                match self {
                    $( Self::$held(held) => $crate::Refusal::kind(held), )*
                    $( $place { .. } => $crate::refusals!(@kind $($kind)?), )*
                }
            }

            fn field(&self) -> Option<&str> {
                match self {
                    $( Self::$held(held) => $crate::Refusal::field(held), )*
                    $( $place { $($field),* } => {
                        let _not_every_field_is_read = ($($field,)*);
                        let at: &[&str] = &[$( AsRef::<str>::as_ref($at) )?];
                        at.first().copied()
                    } )*
                }
            }

            fn details(&self) -> Vec<(&'static str, $crate::kernel::Detail)> {
                match self {
                    $( Self::$held(held) => $crate::Refusal::details(held), )*
                    $( $place { $($field),* } => {
                        let _not_every_field_is_read = ($($field,)*);
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
