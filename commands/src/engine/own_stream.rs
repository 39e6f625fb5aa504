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
/// ```ignore
/// replies! {
///     /// A deviation after a command.
///     pub struct DeviationReply of Deviation as deviation_id {
///         /// Where it stands.
///         status: DeviationStatus = |deviation| deviation.found()?.status;
///     }
/// }
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

/// Gives commands of `domain` to their aggregate as they are: what would be said of each by hand follows from one line.
///
/// ```ignore
/// own_stream! {
///     Partner, named partner_id as "partnerId", answers PartnerReply {
///         SavePartner, RunControl => |save, _stage| save;
///     }
/// }
/// ```
///
/// A line names the command, the permission, and what the aggregate is asked; `keyed` after the permission asks clients for an
/// idempotency key, and `counts |reply| …` at the end counts what has come to stand. Where the command's id is an `Option<Uuid>`,
/// leaving it out makes a new aggregate; an id that is given must be that of one that exists, else the answer is `NOT_FOUND` at
/// the field. The stored form is that of the command itself. A line with documentation declares a command that says nothing
/// but whom it is given to:
/// `/// Takes it out of use.` `DeactivateService, BookingsManage => |_it, _stage| ServiceCommand::SetActive(false);`.
#[macro_export]
macro_rules! own_stream {
    (@declare [] $command:ident $id:ident) => {};
    (@declare [$($meta:meta)+] $command:ident $id:ident) => {
        $(#[$meta])+
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $command {
            /// Which one.
            pub $id: uuid::Uuid,
        }
    };
    (@keyed) => { false };
    (@keyed keyed) => { true };
    ($(
        $aggregate:ty, named $id:ident as $field:literal, answers $reply:ty {
            $(
                $(#[$meta:meta])*
                $command:ident, $permission:ident $(, $keyed:ident)?
                    => |$given:ident, $stage:ident| $asked:expr
                    $(, counts |$counted:ident| $count:expr)? ;
            )+
        }
    )+) => { $( $(
        $crate::own_stream!(@declare [$($meta)*] $command $id);

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

        /// Every aggregate of this context, in the order of the reading order.
        #[must_use]
        pub fn aggregates() -> Vec<$crate::engine::AggregateKind> {
            vec![$( $crate::engine::AggregateKind::of::<$aggregate>(), )+]
        }
    };
}
