//! Values of the domain that are given and shown field by field: what is said of each stands where the value is declared.

use std::{any::type_name, borrow::Cow};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, InputType, ObjectType, OutputType, Positioned, ServerResult,
    Value,
    parser::types::Field,
    registry::{MetaType, MetaTypeId, Registry},
    resolver_utils::resolve_container,
};
use domain::kernel::{Enumeration, Money, Terms};

use super::{Amount, Becomes, E, GivenAmount, input::lower_camel};

/// How a field of [`Terms`] is shown and given.
pub trait Face {
    /// What it is in the domain.
    type Of;
    /// As it is shown.
    type Shown<'a>: OutputType;
    /// As it is given.
    type Given: InputType + Becomes<Self::Of>;

    /// Shows it.
    fn shown(value: &Self::Of) -> Self::Shown<'_>;
}

macro_rules! as_it_is {
    ($($type:ty),+) => { $(
        impl Face for $type {
            type Of = Self;
            type Shown<'a> = Self;
            type Given = Self;

            fn shown(value: &Self) -> Self {
                *value
            }
        }
    )+ };
}

as_it_is!(bool, i32);

impl Face for String {
    type Of = Self;
    type Shown<'a> = &'a str;
    type Given = Self;

    fn shown(text: &Self) -> &str {
        text
    }
}

impl Face for Amount {
    type Of = Money;
    type Shown<'a> = Self;
    type Given = GivenAmount;

    fn shown(amount: &Money) -> Self {
        Self(*amount)
    }
}

impl<T: Enumeration> Face for E<T> {
    type Of = T;
    type Shown<'a> = Self;
    type Given = Self;

    fn shown(value: &T) -> Self {
        Self(*value)
    }
}

/// [`Terms`] as the API shows and gives them. Declared by [`terms!`](crate::terms).
pub trait ShownTerms: Terms + Send + Sync + 'static {
    /// Their name in the program.
    const NAME: &'static str;
    /// As they are given.
    type Given: InputType + Becomes<Self>;
    /// As they are shown.
    type Fields<'a>: ObjectType
    where
        Self: 'a;

    /// Shows them.
    fn fields(&self) -> Self::Fields<'_>;
}

/// Terms as they are shown, described as they are declared: flattened into whatever they are the terms of.
pub struct TermsOf<'a, T>(pub &'a T);

impl<T: ShownTerms> OutputType for TermsOf<'_, T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Described", T::NAME).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut shown = registry.create_fake_output_type::<T::Fields<'static>>();
            if let MetaType::Object { name, fields, rust_typename, .. } = &mut shown {
                *name = Self::type_name().into_owned();
                *rust_typename = Some(type_name::<Self>());
                for term in T::TERMS {
                    if let Some(field) = fields.get_mut(&lower_camel(term.name)) {
                        field.description = Some(term.description.to_owned());
                    }
                }
            }
            shown
        })
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        resolve_container(context, self).await
    }
}

impl<T: ShownTerms> ContainerType for TermsOf<'_, T> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        self.0.fields().resolve_field(context).await
    }
}

impl<T: ShownTerms> ObjectType for TermsOf<'_, T> {}

/// Declares how [`Terms`] are shown and given: each field with its [`Face`], and what stands for it when it is left out.
///
/// ```
/// use api::graphql::kernel::{Amount, E};
/// # mod test {
/// # use domain::{enumeration, kernel::{IntRule, Money, TextRule}, terms};
/// # enumeration! {
/// #     /// Where a room lies.
/// #     pub enum Side { /// To the garden.
/// #         Garden = "GARDEN", /// To the street.
/// #         Street = "STREET" }
/// # }
/// # terms! {
/// #     /// How a room is let.
/// #     pub struct RoomTerms {
/// #         /// Its name.
/// #         name: String = TextRule::line("name", 1, 200),
/// #         /// How many fit in.
/// #         seat_count: i32 = IntRule::new("seatCount", 1, 1_000),
/// #         /// What an hour costs.
/// #         price: Money,
/// #         /// Where it lies.
/// #         side: Side,
/// #     }
/// # }
/// # }
/// # use test::{RoomTerms, Side};
///
/// api::terms!(RoomTerms { name: String, seat_count: i32 = 8, price: Amount, side: E<Side> });
/// ```
///
/// The descriptions are those of the declaration in `domain`; documentation here says more to whoever gives the field.
#[macro_export]
macro_rules! terms {
    ($terms:ident {
        $( $(#[$meta:meta])* $term:ident : $face:ty $(= $default:literal)? ),+ $(,)?
    }) => {
        const _: () = {
            use $crate::graphql::kernel as kernel;

            /// As they are given.
            #[derive(async_graphql::InputObject)]
            #[graphql(name_type)]
            pub struct Given {
                $( $(#[$meta])* $(#[graphql(default = $default)])? $term: <$face as kernel::Face>::Given, )+
            }

            impl async_graphql::TypeName for Given {
                fn type_name() -> std::borrow::Cow<'static, str> {
                    concat!(stringify!($terms), "Given").into()
                }
            }

            impl kernel::Given for Given {
                const FIELDS: &'static [kernel::FieldName] = &[ $( $crate::field_name!(
                    $term, <<$face as kernel::Face>::Given as kernel::Given>::FIELDS
                ), )+ ];
            }

            impl kernel::Becomes<$terms> for Given {
                fn read(self, place: &kernel::Place<'_>) -> Result<$terms, kernel::MutationError> {
                    Ok($terms { $( $term: {
                        let name = $crate::field_name!($term, &[]);
                        kernel::Becomes::read(self.$term, &place.field(&name))?
                    }, )+ })
                }
            }

            /// As they are shown.
            pub struct Fields<'a>(&'a $terms);

            impl async_graphql::TypeName for Fields<'_> {
                fn type_name() -> std::borrow::Cow<'static, str> {
                    concat!(stringify!($terms), "Fields").into()
                }
            }

            #[async_graphql::Object(name_type)]
            impl Fields<'_> {
                $(
                    async fn $term(&self) -> <$face as kernel::Face>::Shown<'_> {
                        <$face as kernel::Face>::shown(&self.0.$term)
                    }
                )+
            }

            impl kernel::ShownTerms for $terms {
                const NAME: &'static str = stringify!($terms);
                type Given = Given;
                type Fields<'a> = Fields<'a>;

                fn fields(&self) -> Fields<'_> {
                    Fields(self)
                }
            }
        };
    };
}
