//! Commands that write to their own aggregate's stream alone: where they look nothing up, the command of `domain` is the whole of
//! them, and [`own_stream!`](crate::own_stream) gives it to the aggregate as it is.

use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use super::{Aggregate, Stage, Stop};

/// What a command answers that touches one aggregate. Declared by [`replies!`](crate::replies), or by hand where more is told.
pub trait Reply<A>: Serialize + DeserializeOwned + Send + Sized + 'static {
    /// The answer of the aggregate as the command has left it.
    fn of(id: Uuid, aggregate: &A) -> Result<Self, Stop>;

    /// Whom it speaks of.
    fn id(&self) -> Uuid;
}

/// How a command names its aggregate. An id that may be left out is that of a command which also makes one.
pub trait Names {
    /// The aggregate, if it is there already.
    fn named(&self) -> Option<Uuid>;
}

impl Names for Uuid {
    fn named(&self) -> Option<Uuid> {
        Some(*self)
    }
}

impl Names for Option<Uuid> {
    fn named(&self) -> Option<Uuid> {
        *self
    }
}

/// Gives a command to the aggregate that it names, which must exist, or to a new one.
#[doc(hidden)]
pub fn give<A: Aggregate, R: Reply<A>>(
    stage: &mut Stage<'_>,
    named: Option<Uuid>,
    field: &'static str,
    command: impl FnOnce(&mut Stage<'_>) -> Result<A::Command, Stop>,
) -> Result<R, Stop> {
    let id = match named {
        Some(id) => stage.existing::<A>(field, id).map(|_state| id)?,
        None => stage.next_id(),
    };
    let command = command(stage)?;
    let aggregate = stage.decide::<A>(&id.to_string(), command)?;
    R::of(id, &aggregate)
}

/// The stream that a command names.
#[doc(hidden)]
pub fn stream<A: Aggregate>(id: Uuid) -> (&'static str, String) {
    (A::CATEGORY, id.to_string())
}

/// Declares what the commands of an aggregate answer: its id, and what else is asked for.
///
/// ```
/// use commands::{engine::Reply as _, replies};
/// use domain::lots::{Deviation, DeviationStatus};
///
/// replies! {
///     /// A deviation after a command.
///     pub struct DeviationAnswer of Deviation as deviation_id {
///         /// Where it stands.
///         status: DeviationStatus = |deviation| deviation.found()?.status;
///     }
/// }
///
/// assert!(DeviationAnswer::of(uuid::Uuid::nil(), &Deviation::default()).is_err(), "it was never opened");
/// ```
///
/// A repeated command gets its first answer again, so the names of the fields are final once stored.
#[macro_export]
macro_rules! replies {
    ($(
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident of $aggregate:ty as $id:ident {
            $( $(#[$field_meta:meta])* $field:ident : $type:ty = |$state:ident| $value:expr ; )*
        }
    )+) => { $(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        $visibility struct $name {
            /// Its id.
            pub $id: uuid::Uuid,
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $crate::engine::Reply<$aggregate> for $name {
            fn of(id: uuid::Uuid, aggregate: &$aggregate) -> Result<Self, $crate::engine::Stop> {
                let _not_every_answer_reads_it = aggregate;
                Ok(Self { $id: id, $( $field: { let $state = aggregate; $value }, )* })
            }

            fn id(&self) -> uuid::Uuid {
                self.$id
            }
        }
    )+ };
}

/// Gives commands to their aggregate as they are: what would be said of each by hand follows from one line.
///
/// Of those that [`commands!`](domain::commands) declares nothing is left to say but what they need, and what all of them
/// answer: `commands/src/bookings.rs` does, together with the version of the [state](crate::aggregates). Others are a struct each,
/// and a line that also says what the aggregate is asked:
///
/// ```
/// use commands::{engine::Command as _, lots::PartnerReply, own_stream};
/// use domain::{identity::Permission, lots::{Partner, PartnerRole, SavePartner}};
/// use uuid::Uuid;
///
/// /// Enters a supplier by name alone.
/// #[derive(Clone, serde::Serialize, serde::Deserialize)]
/// pub struct EnterSupplier {
///     /// The partner to change; left out, a new one is entered.
///     pub partner_id: Option<Uuid>,
///     /// 1 to 200 characters.
///     pub name: String,
/// }
///
/// own_stream! {
///     Partner, named partner_id as "partnerId", answers PartnerReply {
///         EnterSupplier, RunControl => |enter, _stage| SavePartner {
///             partner_id: enter.partner_id,
///             name: enter.name,
///             address: None,
///             roles: [PartnerRole::Supplier].into(),
///         };
///     }
/// }
///
/// assert_eq!((EnterSupplier::NAME, EnterSupplier::PERMISSION), ("EnterSupplier", Permission::RunControl));
/// ```
///
/// `keyed` after the permission asks clients for an idempotency key, and `counts |reply| …` at the end counts what has come to
/// stand. Where the command's id is an `Option<Uuid>`, leaving it out makes a new aggregate; an id that is given must be that of
/// one that exists, else the answer is `NOT_FOUND` at the field. The stored form is that of the command itself.
#[macro_export]
macro_rules! own_stream {
    (@keyed) => { false };
    (@keyed keyed) => { true };
    (
        $aggregate:ty, state version $version:literal, answers $reply:ident as $id:ident;
        $( $permission:ident : $($command:ident),+ ; )+
    ) => {
        $crate::aggregates! {
            $aggregate = $version;
        }

        $crate::replies! {
            #[doc = concat!("A [`", stringify!($aggregate), "`] after a command.")]
            pub struct $reply of $aggregate as $id {}
        }

        $( $( $crate::own_stream! {
            $aggregate, named $id as <$command as domain::kernel::Asks>::FIELD, answers $reply {
                $command, $permission => |command, _stage| domain::kernel::Asks::asked(command);
            }
        } )+ )+
    };
    ($(
        $aggregate:ty, named $id:ident as $field:expr, answers $reply:ty {
            $(
                $command:ident, $permission:ident $(, $keyed:ident)?
                    => |$given:ident, $stage:ident| $asked:expr
                    $(, counts |$counted:ident| $count:expr)? ;
            )+
        }
    )+) => { $( $(
        impl $crate::engine::Command for $command {
            const NAME: &'static str = stringify!($command);
            const PERMISSION: domain::identity::Permission = domain::identity::Permission::$permission;
            const KEY_REQUIRED: bool = $crate::own_stream!(@keyed $($keyed)?);
            type Reply = $reply;

            fn subject(&self) -> Option<(&'static str, String)> {
                $crate::engine::Names::named(&self.$id).map($crate::engine::stream::<$aggregate>)
            }

            fn made(reply: &$reply) -> Option<(&'static str, String)> {
                Some($crate::engine::stream::<$aggregate>($crate::engine::Reply::<$aggregate>::id(reply)))
            }

            $( fn count(&self, $counted: &$reply) {
                $count;
            } )?

            fn handle(&self, stage: &mut $crate::engine::Stage<'_>) -> Result<$reply, $crate::engine::Stop> {
                let named = $crate::engine::Names::named(&self.$id);
                $crate::engine::give::<$aggregate, $reply>(stage, named, $field, |$stage| {
                    let $given = self.clone();
                    Ok($asked)
                })
            }
        }
    )+ )+ };
}

/// Declares aggregates: the category of streams is the decider's, the number the version of its state's stored form.
///
/// Raise the number whenever the state's fields or their meaning change: snapshots of other versions are ignored.
#[macro_export]
macro_rules! aggregates {
    ($( $aggregate:ty = $version:literal ; )+) => {
        $( impl $crate::engine::Aggregate for $aggregate {
            const STATE_VERSION: u32 = $version;
        } )+
    };
}
