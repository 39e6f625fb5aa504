use std::any::Any;

use async_graphql::Context;
use commands::engine::{Command, CommandError, Done, Engine, Envelope};
use futures::future::BoxFuture;

use super::{
    CommitInfo, FieldName, FromRequest, Given, IdempotencyKey, Input, Int64, MutationError, Place,
    idempotency::input_digest,
};

/// What every mutation takes beside its input.
#[derive(Debug, Clone, Copy)]
pub struct Mutation<'a> {
    /// The mutation's name in the schema: a key serves each operation on its own.
    pub operation: &'static str,
    /// The argument `idempotencyKey`; the header `Idempotency-Key` stands in for it.
    pub idempotency_key: Option<&'a str>,
    /// The argument `expectedVersion`.
    pub expected_version: Option<Int64>,
}

/// What a mutation came to: the command's answer and its place in the log, or errors that the client can act on.
#[derive(Debug)]
pub struct Outcome<R> {
    /// The command's answer.
    pub reply: Option<R>,
    /// Where its events stand.
    pub commit: Option<CommitInfo>,
    /// Why it did not succeed; empty when it did.
    pub errors: Vec<MutationError>,
}

impl<R> Outcome<R> {
    /// A mutation that failed before it became a command: a malformed id in its input, say.
    pub fn failed(error: MutationError) -> Self {
        Self { reply: None, commit: None, errors: vec![error] }
    }
}

/// Gives the command that the input stands for, and shows what came of it. `Err` is a fault: a top-level error.
///
/// This is all that is compiled for each command; `run` does not know which one it runs.
pub async fn give<I, P>(context: &Context<'_>, mutation: Mutation<'_>, input: I) -> async_graphql::Result<P>
where
    I: Input<Made: Command>,
    P: From<Outcome<<I::Made as Command>::Reply>>,
{
    let request = context.request()?;
    let tenant = request.caller.tenant;
    let key_given = mutation.idempotency_key.is_some() || request.idempotency_key.is_some();
    let digest = if key_given { digest(context, &input) } else { None };
    let command = match input.read(&Place::input(tenant)) {
        Ok(command) => Box::new(Known(command)),
        Err(error) => return Ok(Outcome::failed(error).into()),
    };
    let Outcome { reply, commit, errors } =
        run(context, mutation, command, digest, <I as Given>::FIELDS).await?;
    let reply = reply.and_then(|reply| reply.downcast().ok()).map(|reply| *reply);
    Ok(Outcome { reply, commit, errors }.into())
}

/// What a repetition of the input is compared by.
fn digest(context: &Context<'_>, input: &impl Input) -> Option<[u8; 32]> {
    let arguments = context.field().arguments().ok()?;
    let (_name, given) = arguments.into_iter().find(|(name, _)| name == "input")?;
    input_digest(&given, input.to_value())
}

type AnyReply = Box<dyn Any + Send>;

/// A command whatever its type.
trait AnyCommand: Send {
    fn subject(&self) -> Option<(&'static str, String)>;
    fn execute(self: Box<Self>, engine: Engine, envelope: Envelope) -> BoxFuture<'static, Executed>;
}

/// A command's answer, and the stream that it made.
type Executed = Result<(Done<AnyReply>, Option<(&'static str, String)>), CommandError>;

struct Known<C>(C);

impl<C: Command> AnyCommand for Known<C> {
    fn subject(&self) -> Option<(&'static str, String)> {
        self.0.subject()
    }

    fn execute(self: Box<Self>, engine: Engine, envelope: Envelope) -> BoxFuture<'static, Executed> {
        Box::pin(async move {
            let Done { reply, position, versions, repeated } = engine.execute(envelope, self.0).await?;
            let made = C::made(&reply);
            Ok((Done { reply: Box::new(reply) as AnyReply, position, versions, repeated }, made))
        })
    }
}

/// Runs a command for a mutation whose input has these fields.
async fn run(
    context: &Context<'_>,
    mutation: Mutation<'_>,
    command: Box<dyn AnyCommand>,
    input_digest: Option<[u8; 32]>,
    fields: &'static [FieldName],
) -> async_graphql::Result<Outcome<AnyReply>> {
    let engine = context.source::<Engine>("no engine is running")?;
    let key = match mutation.idempotency_key.map(IdempotencyKey::try_new).transpose() {
        Ok(key) => key,
        Err(malformed) => {
            return Ok(Outcome::failed(MutationError::invalid_argument(
                "idempotencyKey",
                malformed.to_string(),
            )));
        }
    };
    let expected_version = match mutation.expected_version.map(Int64::to_u64) {
        Some(None) => {
            let message = "a version is 0 or more";
            return Ok(Outcome::failed(MutationError::invalid_argument("expectedVersion", message)));
        }
        Some(version) => version,
        None => None,
    };
    let fresh_id = engine.ports().ids.next();
    let envelope = Envelope {
        input_digest,
        ..context.request()?.envelope(mutation.operation, key.as_ref(), expected_version, fresh_id)
    };
    let subject = command.subject();
    if expected_version.is_some() && subject.is_none() {
        // It would be passed over in silence, and the client believe that nobody came in between.
        let message = "what does not exist yet has no version that could be expected";
        return Ok(Outcome::failed(MutationError::invalid_argument("expectedVersion", message)));
    }
    match command.execute(engine.clone(), envelope).await {
        Ok((done, made)) => Ok(Outcome {
            commit: Some(CommitInfo::of(&done, subject.or(made).as_ref())),
            reply: Some(done.reply),
            errors: Vec::new(),
        }),
        Err(error) => Ok(Outcome::failed(MutationError::of_command(&error, fields)?)),
    }
}

/// Declares mutations: what each takes and answers. The name in the schema serves keys, so it is final once released.
///
/// ```
/// use api::graphql::{kernel::Asked, bookings::Service};
/// use commands::bookings::{ActivateService, DeactivateService, ServiceReply};
///
/// api::mutations! {
///     UseMutations answer UsePayload of ServiceReply with a service: Service {
///         /// Takes a service out of use. Needs `bookings:manage`.
///         deactivate_service("deactivateService", Asked<Service, DeactivateService>);
///         /// Takes a service into use again. Needs `bookings:manage`.
///         activate_service("activateService", Asked<Service, ActivateService>);
///     }
/// }
/// ```
///
/// The input of a command that [`commands!`](domain::commands) declares is [`Asked`](super::Asked), others are declared by
/// [`inputs!`](crate::inputs). Mutations that answer each in its own way leave the answer out of the head: `UseMutations { … }`, say it in
/// each line, `take("take", TakeInput) -> TakePayload;`, and declare it by [`payloads!`](crate::payloads).
#[macro_export]
macro_rules! mutations {
    (@article a) => { "A" };
    (@article an) => { "An" };
    (
        $root:ident answer $payload:ident of $reply:ident with $article:ident $entity:ident: $object:ident {
            $( $(#[$meta:meta])* $field:ident($operation:literal, $input:ty); )+
        }
    ) => {
        $crate::payloads! {
            #[doc = concat!($crate::mutations!(@article $article), " ", stringify!($entity), " after a command.")]
            $payload of $reply {
                #[doc = concat!("The ", stringify!($entity), ", as it is after the command.")]
                $entity: $object by |reply| Some(commands::engine::Reply::id(reply));
            }
        }

        $crate::mutations! {
            #[doc = concat!("The commands that ask a [`", stringify!($object), "`].")]
            $root { $( $(#[$meta])* $field($operation, $input) -> $payload; )+ }
        }
    };
    (
        $(#[$root_meta:meta])*
        $root:ident { $( $(#[$meta:meta])* $field:ident($operation:literal, $input:ty) -> $payload:ty; )+ }
    ) => {
        $(#[$root_meta])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $root;

        #[async_graphql::Object]
        impl $root {
            $(
                $(#[$meta])*
                async fn $field(
                    &self,
                    context: &async_graphql::Context<'_>,
                    #[graphql(desc = "What to do.")] input: $input,
                    #[graphql(desc = "The same key with the same input gets the first answer again; the header \
                                      Idempotency-Key stands in for it.")]
                    idempotency_key: Option<String>,
                    #[graphql(desc = "The version of the entity that the client has seen; another one answers \
                                      CONCURRENT_MODIFICATION.")]
                    expected_version: Option<$crate::graphql::kernel::Int64>,
                ) -> async_graphql::Result<$payload> {
                    let mutation = $crate::graphql::kernel::Mutation {
                        operation: $operation,
                        idempotency_key: idempotency_key.as_deref(),
                        expected_version,
                    };
                    $crate::graphql::kernel::give(context, mutation, input).await
                }
            )+
        }

        impl $root {
            /// What each mutation needs: its name, and the permission of its command.
            pub const NEEDS: &'static [(&'static str, domain::identity::Permission)] = &[
                $( (
                    $operation,
                    <<$input as $crate::graphql::kernel::Input>::Made as commands::engine::Command>::PERMISSION,
                ), )+
            ];
        }
    };
}

/// Declares what mutations answer: entities by the ids in the command's reply, other values of it, `commit` and `errors`.
#[macro_export]
macro_rules! payloads {
    ($(
        $(#[$meta:meta])*
        $name:ident of $reply:ty {
            $( $(#[$entity_meta:meta])* $entity:ident: $object:ident by $id:expr; )*
            $({ $( $(#[$field_meta:meta])* $field:ident: $type:ty = $value:expr; )* })?
        }
    )*) => { $(
        $(#[$meta])*
        #[derive(async_graphql::SimpleObject)]
        #[graphql(complex)]
        pub struct $name {
            $($( $(#[$field_meta])* pub $field: Option<$type>, )*)?
            /// Where it stands in the log; none when nothing was done.
            pub commit: Option<$crate::graphql::kernel::CommitInfo>,
            /// Why it did not succeed; empty when it did.
            pub errors: Vec<$crate::graphql::kernel::MutationError>,
            #[graphql(skip)]
            reply: Option<$reply>,
        }

        #[async_graphql::ComplexObject]
        impl $name {
            $(
                $(#[$entity_meta])*
                async fn $entity(
                    &self,
                    context: &async_graphql::Context<'_>,
                ) -> async_graphql::Result<Option<$object>> {
                    let id: fn(&$reply) -> Option<uuid::Uuid> = $id;
                    match (self.reply.as_ref().and_then(id), self.commit) {
                        (Some(id), Some(commit)) => {
                            $crate::graphql::kernel::Shows::entity_after(context, id, commit).await
                        }
                        (Some(_) | None, Some(_) | None) => Ok(None),
                    }
                }
            )*
        }

        impl From<$crate::graphql::kernel::Outcome<$reply>> for $name {
            fn from(outcome: $crate::graphql::kernel::Outcome<$reply>) -> Self {
                let $crate::graphql::kernel::Outcome { reply, commit, errors } = outcome;
                $($( let $field: fn(&$reply) -> Option<$type> = $value; )*)?
                Self { $($( $field: reply.as_ref().and_then($field), )*)? commit, errors, reply }
            }
        }
    )* };
}
