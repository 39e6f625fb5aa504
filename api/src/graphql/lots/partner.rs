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
    fields |partner| {
        /// Its name.
        name: &str = &partner.name;
        /// Its postal address; without one it cannot take part in a shipment.
        address: Option<&str> = partner.address.as_deref();
        /// What it is to the plant.
        roles: Vec<E<PartnerRole>> = partner.roles.iter().copied().map(E).collect();
    }
    lists PartnerLists {
        /// The partners, by name.
        partners(role: E<PartnerRole>, "With this role.") by name, Ascending:
            |E(role), list| Ok(with_role(role, list));
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

crate::mutations! {
    PartnerMutations answer PartnerPayload of PartnerReply with a partner: Partner {
        /// Enters a partner (supplier, customer, carrier), or replaces what is known of it. Needs `run:control`.
        save_partner("savePartner", SavePartnerInput);
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
