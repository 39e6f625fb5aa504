//! Commands with their types forgotten. The way of a command through the engine is compiled once, not once a command: of the
//! hundreds that there will be, each adds the few lines here and no future, loop or task of its own.

use std::{any::Any, sync::Arc};

use domain::identity::Permission;

use super::{Command, CommandError, Done, Stage, Stop, stage::StopReason};

/// A command's own answer, its type forgotten.
pub(super) type AnyReply = Box<dyn Any + Send>;

/// What a handler came to: the answer, and the text that is kept of it for a repetition.
pub(super) struct Answer {
    pub(super) reply: AnyReply,
    pub(super) text: Arc<str>,
}

/// [`Command`], without its type.
pub(super) trait AnyCommand: Send + Sync {
    fn name(&self) -> &'static str;
    fn permission(&self) -> Permission;
    fn key_required(&self) -> bool;
    /// The content as JSON, for the digest.
    fn content(&self) -> serde_json::Result<Vec<u8>>;
    fn subject(&self) -> Option<(&'static str, String)>;
    fn handle(&self, stage: &mut Stage<'_>) -> Result<Answer, Stop>;
    /// Reads the answer that the command got when it came first.
    fn first_answer(&self, text: &str) -> serde_json::Result<AnyReply>;
    fn count(&self, reply: &AnyReply);
}

/// A command as it was given.
pub(super) struct Given<C>(pub(super) C);

impl<C: Command> AnyCommand for Given<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn permission(&self) -> Permission {
        C::PERMISSION
    }

    fn key_required(&self) -> bool {
        C::KEY_REQUIRED
    }

    fn content(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.0)
    }

    fn subject(&self) -> Option<(&'static str, String)> {
        self.0.subject()
    }

    fn handle(&self, stage: &mut Stage<'_>) -> Result<Answer, Stop> {
        let reply = self.0.handle(stage)?;
        let text = serde_json::to_string(&reply)
            .map_err(|error| Stop(StopReason::Fault(format!("its answer cannot be written: {error}"))))?;
        Ok(Answer { reply: Box::new(reply), text: Arc::from(text) })
    }

    fn first_answer(&self, text: &str) -> serde_json::Result<AnyReply> {
        Ok(Box::new(serde_json::from_str::<C::Reply>(text)?))
    }

    fn count(&self, reply: &AnyReply) {
        if let Some(reply) = reply.downcast_ref() {
            self.0.count(reply);
        }
    }
}

/// Gives the answer its type back.
pub(super) fn typed<C: Command>(done: Done<AnyReply>) -> Result<Done<C::Reply>, CommandError> {
    let Done { reply, position, versions, repeated } = done;
    match reply.downcast() {
        Ok(reply) => Ok(Done { reply: *reply, position, versions, repeated }),
        Err(_foreign) => Err(CommandError::Fault {
            command: C::NAME,
            reason: "it was answered with another command's reply".to_owned(),
        }),
    }
}
