//! Uniqueness as a stream: whoever writes the claim's first event has the key (identity.md, section 0).
//!
//! The stream's id is `<scope>:<normalised key>`, for example `lot_code:raw-20260302-duna-0001`. Claiming is part of
//! the owner's own commit, so two owners can never both succeed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

use crate::{Decider, events, refusals};

#[cfg(test)]
mod tests;

/// The key has an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyClaimed {
    /// `<category>-<id>` of the stream that owns it.
    pub owner: String,
}

/// The key is free again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyReleased {
    /// Who had it.
    pub owner: String,
}

events! {
    /// What happens to a key.
    pub enum KeyClaimEvent {
        KeyClaimed = 1;
        KeyReleased = 1;
    }
}

/// A key that at most one owner holds at a time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum KeyClaim {
    /// Nobody has it.
    #[default]
    Free,
    /// Somebody has it.
    Held {
        /// `<category>-<id>` of the owner.
        owner: String,
    },
}

/// What may be asked of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyClaimCommand {
    /// Take it. The same owner again: no event.
    Claim {
        /// `<category>-<id>` of the stream that wants it.
        owner: String,
        /// The code that a second owner is refused with: `CODE_TAKEN`.
        code_when_taken: &'static str,
    },
    /// Give it back. A key that this owner does not hold: no event.
    Release {
        /// `<category>-<id>` of the stream that had it.
        owner: String,
    },
}

refusals! {
    /// The key has another owner.
    pub struct KeyTaken {
        /// The code of the context that asked: `CODE_TAKEN`.
        code: &'static str,
        /// Who has it.
        owner: String,
    } = code, "the key is taken by {owner}", tells { owner };
}

/// The stream id of a key: `<scope>:` and the key trimmed, in NFC and lower case.
pub fn claim_id(scope: &str, key: &str) -> String {
    let normalised: String = key.trim().nfc().flat_map(char::to_lowercase).collect();
    format!("{scope}:{normalised}")
}

impl Decider for KeyClaim {
    const CATEGORY: &'static str = "key_claim";
    type Command = KeyClaimCommand;
    type Event = KeyClaimEvent;
    type Error = KeyTaken;

    fn decide(&self, command: KeyClaimCommand) -> Result<Vec<KeyClaimEvent>, KeyTaken> {
        match (self, command) {
            (Self::Free, KeyClaimCommand::Claim { owner, .. }) => Ok(vec![KeyClaimed { owner }.into()]),
            (Self::Held { owner: holder }, KeyClaimCommand::Claim { owner, code_when_taken }) => {
                if *holder == owner {
                    Ok(Vec::new())
                } else {
                    Err(KeyTaken { code: code_when_taken, owner: holder.clone() })
                }
            }
            (Self::Held { owner: holder }, KeyClaimCommand::Release { owner }) if *holder == owner => {
                Ok(vec![KeyReleased { owner }.into()])
            }
            (Self::Free | Self::Held { .. }, KeyClaimCommand::Release { .. }) => Ok(Vec::new()),
        }
    }

    fn evolve(self, event: &KeyClaimEvent) -> Self {
        match event {
            KeyClaimEvent::KeyClaimed(event) => Self::Held { owner: event.owner.clone() },
            KeyClaimEvent::KeyReleased(_) => Self::Free,
        }
    }
}
