//! How a module declares what it shows: [`entity!`](crate::entity) with its [`fields!`](crate::fields).

/// Declares an entity: whose rows it shows, what it needs, its fields, the ways from it, its past, its lists.
///
/// ```
/// use api::graphql::lots::{Lot, Partner};
/// use projections::lots::{DeviationRow, Deviations};
///
/// api::entity! {
///     /// What went wrong, in short.
///     Incident = IncidentFields of DeviationRow in Deviations, needs PlantRead, past, version;
///     fields |incident| {
///         /// Why, in words.
///         reason: &str = &incident.reason;
///     }
///     // Entities that its row names, lists of those that name it, and the one that does.
///     names {
///         /// The lot that was held.
///         lot: Lot = lot_id;
///     }
///     many {
///         /// What came of it, oldest first.
///         held: Lot by deviation_id in created_position;
///     }
///     also {
///         /// What no table tells.
///         async fn greeting(&self) -> String {
///             format!("Dear {}", self.opened_by)
///         }
///     }
///     lists IncidentLists {
///         /// The incidents, newest first.
///         incidents(status: String, "Where it stands.") by opened_position, Descending;
///     }
/// }
/// ```
///
/// The fields are an object of their own, declared as [`fields!`](crate::fields) does, because `asOf` shows the same: with `past`
/// the entity has `history` and `asOf`, told from the stream that has its id, and with `past, version` the version that it shows.
#[macro_export]
macro_rules! entity {
    (
        $(#[$meta:meta])*
        $name:ident = $fields:ident of $row:ident in $model:ident, needs $permission:ident $(, $past:ident $(, $version:ident)?)?;
        $( fields |$shown:ident| { $($field:tt)* } )?
        $( names { $( $(#[$names_meta:meta])* $names:ident: $named:ident = $column:ident; )* } )?
        $( many { $( $(#[$many_meta:meta])* $many:ident: $node:ident $(as $made:ident)? by $start:ident
            $(in $order:ident)?; )* } )?
        $( one { $( $(#[$one_meta:meta])* $one:ident: $other:ident by $other_start:ident; )* } )?
        $( also { $($also:tt)* } )?
        $( lists $lists:ident { $($list:tt)* } )?
    ) => {
        $(#[$meta])*
        pub struct $name($fields);

        #[doc = concat!("What is known of a [`", stringify!($name), "`], now or at a moment of its past.")]
        pub struct $fields($crate::graphql::kernel::Granted<$name>);

        $crate::shown!($name: $row in $model, needs $permission);

        impl $crate::graphql::kernel::Named for $name {
            const TYPE: &'static str = stringify!($name);
        }

        impl $crate::graphql::kernel::Entity for $name {}

        impl From<$crate::graphql::kernel::Granted<$name>> for $name {
            fn from(row: $crate::graphql::kernel::Granted<$name>) -> Self {
                Self($fields(row))
            }
        }

        impl std::ops::Deref for $name {
            type Target = $row;

            fn deref(&self) -> &$row {
                &self.0.0
            }
        }

        impl std::ops::Deref for $fields {
            type Target = $row;

            fn deref(&self) -> &$row {
                &self.0
            }
        }

        $( $crate::told! { $past $name = $fields } )?

        $( $crate::fields! { $fields |$shown| { $($field)* } } )?

        $( $crate::lists! {
            #[doc = concat!("The lists of [`", stringify!($name), "`].")]
            $lists of $name { $($list)* }
        } )?

        $(#[$meta])*
        #[async_graphql::Object]
        impl $name {
            /// Global id.
            pub async fn id(&self) -> async_graphql::ID {
                self.0.0.id()
            }

            #[graphql(flatten)]
            async fn fields(&self) -> &$fields {
                &self.0
            }

            $(
                #[graphql(flatten)]
                async fn $past(&self) -> $crate::graphql::kernel::Past<$fields> {
                    let (tenant, id) = projections::Row::key(&**self);
                    $crate::graphql::kernel::Past::of(tenant, id)
                }

                $(
                    /// The version of its stream that these fields show.
                    async fn $version(&self) -> $crate::graphql::kernel::Int64 {
                        self.$version.into()
                    }
                )?
            )?

            $( $(
                $(#[$names_meta])*
                async fn $names(
                    &self,
                    context: &async_graphql::Context<'_>,
                ) -> async_graphql::Result<Option<$named>> {
                    $crate::graphql::kernel::Shows::entity(context, self.$column).await
                }
            )* )?

            $( $(
                $(#[$many_meta])*
                async fn $many(
                    &self,
                    context: &async_graphql::Context<'_>,
                    #[graphql(desc = "Entries from the front, at most 200.")] first: Option<i32>,
                    #[graphql(desc = "Start behind this cursor.")] after: Option<String>,
                ) -> async_graphql::Result<$crate::graphql::kernel::List<$node>> {
                    $crate::way!($node by $start $(in $order)?);
                    let shown = $crate::made!($node $($made)?);
                    let id = projections::Row::key(&**self).1;
                    $crate::graphql::kernel::Shows::many::<Way, $node>(context, id, (first, after), shown).await
                }
            )* )?

            $( $(
                $(#[$one_meta])*
                async fn $one(
                    &self,
                    context: &async_graphql::Context<'_>,
                ) -> async_graphql::Result<Option<$other>> {
                    $crate::way!($other by $other_start);
                    let id = projections::Row::key(&**self).1;
                    $crate::graphql::kernel::Shows::one::<Way, $other>(context, id).await
                }
            )* )?

            $( $($also)* )?
        }
    };
}

/// Declares the fields of an [`entity!`](crate::entity), told of its row: now, and at a moment of its past.
///
/// ```
/// use projections::lots::{PartnerRow, Partners};
///
/// api::entity! {
///     /// Whom somebody knows.
///     Contact = ContactFields of PartnerRow in Partners, needs PlantRead;
/// }
///
/// api::fields! {
///     ContactFields |contact| {
///         /// Its name.
///         name: &str = &contact.name;
///     }
/// }
/// ```
///
/// `..ServiceTerms = &service.state.terms;` in front shows all fields of [`terms!`](crate::terms).
#[macro_export]
macro_rules! fields {
    ($fields:ident |$row:ident| {
        $( ..$terms:ident = $kept:expr; )?
        $( $(#[$meta:meta])* $field:ident: $type:ty = $value:expr; )*
    }) => {
        #[async_graphql::Object]
        impl $fields {
            $(
                #[graphql(flatten)]
                async fn terms(&self) -> $crate::graphql::kernel::TermsOf<'_, $terms> {
                    let $row = self;
                    $crate::graphql::kernel::TermsOf($kept)
                }
            )?

            $(
                $(#[$meta])*
                async fn $field(&self) -> $type {
                    let $row = self;
                    $value
                }
            )*
        }
    };
}

/// Declares what a type shows: `shown!(Shipment: ShipmentRow in Shipments, needs PlantRead)`.
#[macro_export]
macro_rules! shown {
    ($name:ident: $row:ident in $model:ident, needs $permission:ident) => {
        impl $crate::graphql::kernel::Shown for $name {
            type Model = $model;
            type Row = $row;
            const PERMISSION: domain::identity::Permission = domain::identity::Permission::$permission;
        }
    };
}

/// Declares the `Way` along which an edge goes: to the rows that name where it starts.
#[doc(hidden)]
#[macro_export]
macro_rules! way {
    ($node:ident by $start:ident $(in $order:ident)?) => {
        struct Way;

        impl $crate::graphql::kernel::Edge for Way {
            type Model = <$node as $crate::graphql::kernel::Shown>::Model;
            type Row = <$node as $crate::graphql::kernel::Shown>::Row;
            const COLUMN: &'static str = stringify!($start);
            $( const ORDER: &'static [&'static str] = &[stringify!($order)]; )?

            fn start(row: &Self::Row) -> Option<uuid::Uuid> {
                row.$start.into()
            }
        }
    };
}

/// How a granted row becomes what is shown.
#[doc(hidden)]
#[macro_export]
macro_rules! made {
    ($node:ident) => {
        <$node as From<$crate::graphql::kernel::Granted<$node>>>::from
    };
    ($node:ident $made:ident) => {
        $node::$made
    };
}
