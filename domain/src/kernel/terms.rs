//! What is laid down of a thing as a whole, such as the terms of a service, declared once for everybody: the command that
//! lays it down, the event that keeps it, the state that holds it, and the API that takes and shows it.

use schemars::Schema;
use serde_json::Value;

use super::{IntRule, InvalidInput, Money, TextRule};

/// What is said of one field of [`Terms`].
#[derive(Debug, Clone, Copy)]
pub struct Term {
    /// Its name in the program and in events, in lower snake case.
    pub name: &'static str,
    /// What it is, for whoever reads it.
    pub description: &'static str,
    /// What it is and what it may be, for whoever gives it.
    pub limited: fn() -> String,
}

/// A value whose fields are given and shown as a whole. Declared by [`terms!`](crate::terms), never by hand.
pub trait Terms: Sized {
    /// Its fields, in the order of the declaration.
    const TERMS: &'static [Term];

    /// The same as it is kept, if each field lies within its limits; else the first that does not.
    fn within_limits(self) -> Result<Self, InvalidInput>;
}

/// What a field of [`Terms`] may be.
pub trait Limits<T> {
    /// The value as it is kept, if it lies within.
    fn accept(&self, given: T) -> Result<T, InvalidInput>;

    /// The description of the field, with what it may be.
    fn describe(&self, description: &str) -> String;
}

impl Limits<String> for TextRule {
    fn accept(&self, given: String) -> Result<String, InvalidInput> {
        Ok(Self::accept(self, &given)?)
    }

    /// The limits alone: what a text is, its name says.
    fn describe(&self, _: &str) -> String {
        format!("{} to {} characters.", self.min, grouped(&self.max.to_string()))
    }
}

impl Limits<i32> for IntRule {
    fn accept(&self, given: i32) -> Result<i32, InvalidInput> {
        Self::accept(self, given)
    }

    fn describe(&self, description: &str) -> String {
        let (min, max) = (grouped(&self.min.to_string()), grouped(&self.max.to_string()));
        format!("{}, {min} to {max}.", description.trim_end_matches('.'))
    }
}

/// Of an amount in minor units, whatever its currency.
impl Limits<Money> for IntRule {
    fn accept(&self, given: Money) -> Result<Money, InvalidInput> {
        Self::accept(self, given.amount_minor()).map(|_within| given)
    }

    fn describe(&self, description: &str) -> String {
        let most = if self.max == Money::MOST {
            "or more".to_owned()
        } else {
            format!("to {}", grouped(&self.max.to_string()))
        };
        format!("{}; {} {most}.", description.trim_end_matches('.'), grouped(&self.min.to_string()))
    }
}

/// A number with its thousands apart: `1,000`.
fn grouped(number: &str) -> String {
    let mut text = String::new();
    for (index, digit) in number.chars().enumerate() {
        let before = index.checked_sub(1).and_then(|before| number.as_bytes().get(before));
        if (number.len() - index).is_multiple_of(3) && before.is_some_and(u8::is_ascii_digit) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Tells in the schema of an event what each field may be: the part of its description that no type says.
#[doc(hidden)]
pub fn tell_limits<T: Terms>(schema: &mut Schema) {
    for term in T::TERMS {
        let property = schema.pointer_mut(&format!("/properties/{}", term.name));
        if let Some(property) = property.and_then(Value::as_object_mut) {
            property.insert("description".to_owned(), (term.limited)().into());
        }
    }
}

/// Declares [`Terms`]: each field with what it is and, where its type takes more than it may be, its limits.
///
/// ```
/// use domain::{kernel::{IntRule, Terms, TextRule}, terms};
///
/// terms! {
///     /// How a room is let.
///     pub struct RoomTerms {
///         /// Its name.
///         name: String = TextRule::line("name", 1, 200),
///         /// How many fit in.
///         seat_count: i32 = IntRule::new("seatCount", 1, 1_000),
///         /// Whether it has a window.
///         has_window: bool,
///     }
/// }
///
/// let given = RoomTerms { name: " Yellow ".to_owned(), seat_count: 8, has_window: true };
/// assert_eq!(given.clone().within_limits().unwrap().name, "Yellow");
/// assert_eq!(RoomTerms { seat_count: 0, ..given }.within_limits().unwrap_err().field, "seatCount");
/// assert_eq!(RoomTerms::TERMS[1].description, "How many fit in.");
/// assert_eq!((RoomTerms::TERMS[1].limited)(), "How many fit in, 1 to 1,000.");
/// ```
///
/// Limits are [`Limits`] of the field's type: [`TextRule`] and [`IntRule`]. They are told in the schema of the event and where the
/// API takes the field, so that whoever changes one changes a contract.
#[macro_export]
macro_rules! terms {
    (@accept $given:expr) => { $given };
    (@accept $given:expr, $limits:expr) => { $crate::kernel::Limits::accept(&$limits, $given)? };
    (@describe $type:ty, $description:expr) => { $description.to_owned() };
    (@describe $type:ty, $description:expr, $limits:expr) => {
        $crate::kernel::Limits::<$type>::describe(&$limits, $description)
    };
    (
        $(#[doc = $doc:literal])+
        $visibility:vis struct $name:ident {
            $( $(#[doc = $term_doc:literal])+ $term:ident : $type:ty $(= $limits:expr)? ),+ $(,)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[schemars(transform = $crate::kernel::terms::tell_limits::<$name>)]
        $visibility struct $name {
            $( $(#[doc = $term_doc])+ pub $term: $type, )+
        }

        impl $crate::kernel::Terms for $name {
            const TERMS: &'static [$crate::kernel::Term] = &[ $( $crate::kernel::Term {
                name: stringify!($term),
                description: concat!($($term_doc),+).trim_ascii(),
                limited: || $crate::terms!(@describe $type, concat!($($term_doc),+).trim_ascii() $(, $limits)?),
            }, )+ ];

            fn within_limits(self) -> Result<Self, $crate::kernel::InvalidInput> {
                Ok(Self { $( $term: $crate::terms!(@accept self.$term $(, $limits)?), )+ })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    terms! {
        /// What a test lays down.
        struct TestTerms {
            /// Its name.
            name: String = TextRule::line("name", 1, 5),
            /// How many there are.
            count: i32 = IntRule::new("count", -1_000, 12_345),
            /// What it costs.
            price: Money = IntRule::new("price.amountMinor", 0, Money::MOST),
            /// What is kept back.
            deposit: Money = IntRule::new("deposit.amountMinor", 0, 1_000),
            /// Whether it counts.
            counts: bool,
        }
    }

    fn given() -> TestTerms {
        let money = |text: &str| text.parse().unwrap();
        TestTerms {
            name: " A ".to_owned(),
            count: 1,
            price: money("1.00 EUR"),
            deposit: money("0.00 EUR"),
            counts: true,
        }
    }

    #[test]
    fn terms_are_kept_within_their_limits_and_the_first_that_is_not_is_named() {
        assert_eq!(given().within_limits(), Ok(TestTerms { name: "A".to_owned(), ..given() }));
        let blamed = |terms: TestTerms| terms.within_limits().unwrap_err().field;
        assert_eq!(blamed(TestTerms { name: "abcdef".to_owned(), count: 99_999, ..given() }), "name");
        assert_eq!(blamed(TestTerms { count: -1_001, ..given() }), "count");
        assert_eq!(blamed(TestTerms { price: "-0.01 EUR".parse().unwrap(), ..given() }), "price.amountMinor");
        assert_eq!(
            blamed(TestTerms { deposit: "10.01 EUR".parse().unwrap(), ..given() }),
            "deposit.amountMinor"
        );
    }

    #[test]
    fn limits_are_told_to_whoever_gives_and_in_the_schema() {
        let limited = [
            "1 to 5 characters.",
            "How many there are, -1,000 to 12,345.",
            "What it costs; 0 or more.",
            "What is kept back; 0 to 1,000.",
            "Whether it counts.",
        ];
        let schema = schemars::schema_for!(TestTerms);
        for (term, limited) in TestTerms::TERMS.iter().zip(limited) {
            assert_eq!((term.limited)(), limited);
            let told = schema.pointer(&format!("/properties/{}/description", term.name));
            assert_eq!(told.and_then(Value::as_str), Some(limited));
        }
        assert_eq!(TestTerms::TERMS[0].description, "Its name.");
    }
}
