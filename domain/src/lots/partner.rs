use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Decider, enumeration, events,
    kernel::{InvalidInput, TextFault, TextRule, unless},
    refusals,
};

enumeration! {
    /// What a partner is to the plant.
    pub enum PartnerRole {
        /// Delivers raw material.
        Supplier = "SUPPLIER",
        /// Receives shipments.
        Customer = "CUSTOMER",
        /// Carries them.
        Carrier = "CARRIER",
    }
}

/// A partner was entered or changed; the whole of it, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartnerSaved {
    /// Its name.
    pub name: String,
    /// Its postal address. Without one it cannot take part in a shipment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What it does for the plant.
    pub roles: BTreeSet<PartnerRole>,
}

events! {
    /// What happens to a partner.
    pub enum PartnerEvent {
        PartnerSaved = 1;
    }
}

/// A supplier, customer or carrier.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Partner {
    saved: Option<PartnerSaved>,
}

/// Enters a partner, or replaces what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavePartner {
    /// The partner to change; left out, a new one is entered.
    pub partner_id: Option<Uuid>,
    /// 1 to 200 characters.
    pub name: String,
    /// 1 to 500 characters; may be missing until the partner takes part in a shipment.
    pub address: Option<String>,
    /// At least one.
    pub roles: BTreeSet<PartnerRole>,
}

refusals! {
    /// Why a partner cannot be saved.
    pub enum PartnerRefusal {
        /// A field that a partner must have is missing.
        Incomplete { missing: &'static str } = "PARTNER_INCOMPLETE",
            "a partner needs its {missing}", at missing, tells { missing: [*missing] };
    }
}

const NAME: TextRule = TextRule::line("name", 1, 200);
const ADDRESS: TextRule = TextRule::lines("address", 1, 500);

impl Partner {
    /// The partner, if it was ever saved.
    pub fn existing(&self) -> Option<&PartnerSaved> {
        self.saved.as_ref()
    }
}

impl Decider for Partner {
    const CATEGORY: &'static str = "partner";
    type Command = SavePartner;
    type Event = PartnerEvent;
    type Error = PartnerRefusal;

    fn decide(&self, command: SavePartner) -> Result<Vec<PartnerEvent>, PartnerRefusal> {
        let name = NAME.accept(&command.name).map_err(|fault| match fault {
            TextFault::TooShort { field, .. } => PartnerRefusal::Incomplete { missing: field },
            TextFault::Invalid(invalid) => invalid.into(),
        })?;
        let address = ADDRESS.accept_optional(command.address.as_deref()).map_err(InvalidInput::from)?;
        if command.roles.is_empty() {
            return Err(PartnerRefusal::Incomplete { missing: "roles" });
        }
        let saved = PartnerSaved { name, address, roles: command.roles };
        Ok(unless(self.saved.as_ref() == Some(&saved), saved))
    }

    fn evolve(self, event: &PartnerEvent) -> Self {
        match event {
            PartnerEvent::PartnerSaved(event) => Self { saved: Some(event.clone()) },
        }
    }
}

#[cfg(test)]
mod tests;
