use async_graphql::Context;
use commands::engine::{Command, Engine};

use super::{
    CommitInfo, FromRequest, IdempotencyKey, Int64, MutationError, fault, idempotency::input_digest,
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

/// Runs a command for a mutation. `Err` is a fault: it becomes a top-level error.
pub async fn run<C: Command>(
    context: &Context<'_>,
    mutation: Mutation<'_>,
    command: C,
) -> async_graphql::Result<Outcome<C::Reply>> {
    let engine = context.data_opt::<Engine>().ok_or_else(|| fault("INTERNAL", "no engine is running"))?;
    let key = match mutation.idempotency_key.map(IdempotencyKey::try_new).transpose() {
        Ok(key) => key,
        Err(malformed) => {
            return Ok(Outcome::failed(MutationError::invalid("idempotencyKey", malformed.to_string())));
        }
    };
    let expected_version = match mutation.expected_version.map(Int64::to_u64) {
        Some(None) => {
            let message = "a version is 0 or more";
            return Ok(Outcome::failed(MutationError::invalid("expectedVersion", message)));
        }
        Some(version) => version,
        None => None,
    };
    let fresh_id = engine.ports().ids.next();
    let mut envelope =
        context.request()?.envelope(mutation.operation, key.as_ref(), expected_version, fresh_id);
    if envelope.key_given {
        envelope.input_digest = context.field().arguments().ok().and_then(input_digest);
    }
    let subject = command.subject();
    if expected_version.is_some() && subject.is_none() {
        // It would be passed over in silence, and the client believe that nobody came in between.
        let message = "what does not exist yet has no version that could be expected";
        return Ok(Outcome::failed(MutationError::invalid("expectedVersion", message)));
    }
    match engine.execute(envelope, command).await {
        Ok(done) => Ok(Outcome {
            commit: Some(CommitInfo::of(&done, subject.or_else(|| C::made(&done.reply)).as_ref())),
            reply: Some(done.reply),
            errors: Vec::new(),
        }),
        Err(error) => Ok(Outcome::failed(MutationError::of_command(&error)?)),
    }
}
