//! A choice between a few named values, declared once for everybody who writes, stores, shows or reads it.

/// One value of an [`Enumeration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnumValue<T> {
    /// The value.
    pub value: T,
    /// What stands for it in events, in rows and in sentences. Final once stored.
    pub text: &'static str,
    /// What the API calls it: a GraphQL name. Final once released.
    pub shown: &'static str,
    /// What it means, for the contracts.
    pub description: &'static str,
}

/// An enum of the domain without data. Declared by [`enumeration!`](crate::enumeration), never by hand.
pub trait Enumeration: Sized + Copy + Eq + Send + Sync + 'static {
    /// What the API calls the type.
    const NAME: &'static str;
    /// What it says, for the contracts.
    const DESCRIPTION: &'static str;
    /// Every value, in the order of the declaration, which is also that of `Ord`.
    const VALUES: &'static [EnumValue<Self>];

    /// This value with all that is said of it.
    fn about(self) -> &'static EnumValue<Self>;

    /// The value that a text stands for.
    fn from_text(text: &str) -> Option<Self> {
        Self::VALUES.iter().find(|known| known.text == text).map(|known| known.value)
    }

    /// The value that the API calls so.
    fn from_shown(name: &str) -> Option<Self> {
        Self::VALUES.iter().find(|known| known.shown == name).map(|known| known.value)
    }
}

/// Whether GraphQL takes it as a name; asked of every name that is shown, as it compiles.
#[doc(hidden)]
pub const fn is_name(name: &str) -> bool {
    let (bytes, mut at) = (name.as_bytes(), 0);
    while at < bytes.len() {
        let letter = bytes[at].is_ascii_alphabetic() || bytes[at] == b'_';
        if !(letter || at > 0 && bytes[at].is_ascii_digit()) {
            return false;
        }
        at += 1;
    }
    !bytes.is_empty()
}

/// The one text that is shown: the name given after `as`, else the other.
#[doc(hidden)]
pub const fn shown(given: &[&'static str], other: &'static str) -> &'static str {
    match given {
        [name, ..] => name,
        [] => other,
    }
}

/// Declares an enum once: its values, the text that each is stored as, and what is said of it.
///
/// ```
/// use domain::{enumeration, kernel::Enumeration};
///
/// enumeration! {
///     /// The weight class of a rod.
///     pub enum RodClass as "WeightClass" {
///         /// 15 kg.
///         Light = "15" as "KG15",
///         /// As heavy as two.
///         Double = "DOUBLE",
///     }
/// }
///
/// assert_eq!((RodClass::Light.as_str(), RodClass::Light.about().shown), ("15", "KG15"));
/// assert_eq!(RodClass::from_text("DOUBLE"), Some(RodClass::Double));
/// assert_eq!(serde_json::to_string(&RodClass::Light).unwrap(), "\"15\"");
/// assert_eq!((RodClass::NAME, RodClass::DESCRIPTION), ("WeightClass", "The weight class of a rod."));
/// ```
///
/// `as` names what the API shows where that differs: of the type from its Rust name, of a value from its stored text.
/// Several lines of documentation become one paragraph.
#[macro_export]
macro_rules! enumeration {
    (
        $(#[doc = $doc:literal])+
        $visibility:vis enum $name:ident $(as $type_name:literal)? {
            $( $(#[doc = $value_doc:literal])+ $value:ident = $text:literal $(as $shown:literal)? ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        $visibility enum $name {
            $( $(#[doc = $value_doc])+ #[serde(rename = $text)] $value, )+
        }

        impl $name {
            /// As it is stored and as the rules write it.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$value => $text, )+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl $crate::kernel::Enumeration for $name {
            const NAME: &'static str = $crate::kernel::enumeration::shown(&[$($type_name)?], stringify!($name));
            const DESCRIPTION: &'static str = concat!($($doc),+).trim_ascii();
            const VALUES: &'static [$crate::kernel::EnumValue<Self>] = &[ $( $crate::kernel::EnumValue {
                value: Self::$value,
                text: $text,
                shown: $crate::kernel::enumeration::shown(&[$($shown)?], $text),
                description: concat!($($value_doc),+).trim_ascii(),
            }, )+ ];

            fn about(self) -> &'static $crate::kernel::EnumValue<Self> {
                &Self::VALUES[self as usize]
            }
        }

        impl $crate::kernel::ToDetail for $name {
            fn to_detail(&self) -> $crate::kernel::Detail {
                $crate::kernel::Detail::Text(self.as_str().to_owned())
            }
        }

        const _: () = {
            assert!($crate::kernel::enumeration::is_name(<$name as $crate::kernel::Enumeration>::NAME));
            $( assert!(
                $crate::kernel::enumeration::is_name($crate::kernel::enumeration::shown(&[$($shown)?], $text)),
                concat!(stringify!($value), " needs a name to be shown by: as \"NAME\""),
            ); )+
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    enumeration! {
        /// The state of a test,
        /// told in two lines.
        enum Stage as "TestStage" {
            /// Not yet.
            Ready = "ready" as "READY",
            /// Over.
            Done = "DONE",
        }
    }

    #[test]
    fn what_is_declared_once_is_what_is_stored_shown_and_read() {
        assert_eq!(
            (Stage::NAME, Stage::DESCRIPTION),
            ("TestStage", "The state of a test, told in two lines.")
        );
        for known in Stage::VALUES {
            let stored = serde_json::to_value(known.value).unwrap();
            assert_eq!((stored.as_str(), known.value.as_str()), (Some(known.text), known.text));
            assert_eq!(serde_json::from_value::<Stage>(stored).unwrap(), known.value);
            assert_eq!((known.value.about(), known.value.to_string().as_str()), (known, known.text));
            assert_eq!(Stage::from_text(known.text), Some(known.value));
            assert_eq!(Stage::from_shown(known.shown), Some(known.value));
        }
        assert_eq!((Stage::from_text("READY"), Stage::from_shown("ready")), (None, None));
    }

    #[test]
    fn only_what_graphql_takes_as_a_name_is_shown() {
        assert!(is_name("SKW15") && is_name("_a"));
        assert!(!is_name("") && !is_name("6.5") && !is_name("15") && !is_name("A-B"));
    }
}
