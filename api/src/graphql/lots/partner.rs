//! Whom the plant works with.

use commands::lots::{PartnerReply, SavePartner};
use domain::lots::PartnerRole;
use projections::{
    Filter, Value,
    lots::{PartnerRow, Partners},
};

use crate::graphql::kernel::{E, Id, Narrowing};

crate::entity! {
    /// A supplier, customer or carrier.
    Partner = PartnerFields of PartnerRow in Partners, needs PlantRead, past, version;
}

crate::fields! {
    PartnerFields |partner| {
        /// Its name.
        name: &str = &partner.name;
        /// Its postal address; without one it cannot take part in a shipment.
        address: Option<&str> = partner.address.as_deref();
        /// What it is to the plant.
        roles: Vec<E<PartnerRole>> = partner.roles.0.iter().copied().map(E).collect();
    }
}

crate::inputs! {
    /// Enters a partner, or replaces what is known of it.
    SavePartnerInput => SavePartner {
        /// The partner to change; left out, a new one is entered.
        partner_id as "partner": Option<Id<Partner>>,
        /// 1 to 200 characters.
        name: String,
        /// 1 to 500 characters; may be missing until the partner takes part in a shipment.
        address: Option<String>,
        /// At least one.
        roles: Vec<E<PartnerRole>>,
    }
}

crate::payloads! {
    /// A partner after a command.
    PartnerPayload of PartnerReply {
        /// The partner, as it is after the command.
        partner: Partner by |reply| Some(reply.partner_id);
    }
}

crate::mutations! {
    /// The command around partners.
    PartnerMutations {
        /// Enters a partner (supplier, customer, carrier), or replaces what is known of it. Needs `run:control`.
        save_partner("savePartner", SavePartnerInput) -> PartnerPayload;
    }
}

crate::lists! {
    /// The list of partners.
    PartnerLists {
        /// The partners, by name.
        partners(role: E<PartnerRole>, "With this role.") -> Partner by name, Ascending:
            |E(role), list| Ok(with_role(role, list));
    }
}

fn with_role(role: PartnerRole, list: Narrowing) -> Narrowing {
    let column = match role {
        PartnerRole::Supplier => "is_supplier",
        PartnerRole::Customer => "is_customer",
        PartnerRole::Carrier => "is_carrier",
    };
    list.keep(Filter::Is(column, Value::Bool(true)))
}
