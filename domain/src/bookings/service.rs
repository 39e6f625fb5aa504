use serde::{Deserialize, Serialize};

use crate::kernel::{Entry, IntRule, Money, NotFound, Terms as _, TextRule, unless};
use crate::{Decider, commands, enumeration, events, refusals, terms};

enumeration! {
    /// How a service is paid.
    pub enum PaymentMode {
        /// Not at all: its price is 0.
        Free = "FREE",
        /// Before the visit.
        Prepaid = "PREPAID",
        /// At the visit.
        OnSite = "ON_SITE",
    }
}

terms! {
    /// What is offered.
    pub struct ServiceTerms {
        /// Its name.
        name: String = TextRule::line("name", 1, 200),
        /// How long it takes, in minutes.
        duration_min: i32 = IntRule::new("durationMin", 5, 480),
        /// How many seats a new slot gets.
        capacity: i32 = IntRule::new("capacity", 1, 1_000),
        /// What a seat costs.
        price: Money = IntRule::new("price.amountMinor", 0, Money::MOST),
        /// How that is paid.
        payment_mode: PaymentMode,
    }
}

events! {
    /// What happens to a service.
    pub enum ServiceEvent {
        /// It came to be.
        ServiceCreated of ServiceTerms = 1;
        /// It is offered on other terms; bookings keep those that they were made on.
        ServiceChanged of ServiceTerms = 1;
        /// Nobody can book it any more.
        ServiceDeactivated {} = 1;
        /// It can be booked again.
        ServiceActivated {} = 1;
    }
}

/// Something that can be booked, while it is in use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service(pub Option<Entry<ServiceTerms>>);

commands! {
    /// What may be asked of a service.
    pub enum ServiceCommand of Service, named service_id as "serviceId" {
        /// Offers a service, or changes its terms.
        SaveService(ServiceTerms), makes "The service to change; left out, a new one is offered.";
        /// Takes a service out of use.
        DeactivateService;
        /// Takes a service into use again.
        ActivateService;
    }
}

refusals! {
    /// Why a service cannot be offered so.
    pub enum ServiceRefusal {
        /// What costs nothing is free, and nothing else is.
        PaymentModeMismatch { payment_mode: PaymentMode, price: Money } = "PAYMENT_MODE_MISMATCH" as Invalid,
            "{payment_mode} does not fit a price of {price}", at "paymentMode", tells { payment_mode };
    }
}

fn accept(given: ServiceTerms) -> Result<ServiceTerms, ServiceRefusal> {
    let terms = given.within_limits()?;
    let ServiceTerms { payment_mode, price, .. } = terms;
    if (price.amount_minor() == 0) != (payment_mode == PaymentMode::Free) {
        return Err(ServiceRefusal::PaymentModeMismatch { payment_mode, price });
    }
    Ok(terms)
}

impl Decider for Service {
    const CATEGORY: &'static str = "service";
    type Command = ServiceCommand;
    type Event = ServiceEvent;
    type Error = ServiceRefusal;

    fn decide(&self, command: ServiceCommand) -> Result<Vec<ServiceEvent>, ServiceRefusal> {
        let existing = self.0.as_ref().ok_or(NotFound { field: "serviceId" });
        Ok(match command {
            ServiceCommand::SaveService(given) => match (existing, accept(given)?) {
                (Ok(service), terms) => unless(terms == service.terms, ServiceChanged(terms)),
                (Err(_), terms) => vec![ServiceCreated(terms).into()],
            },
            ServiceCommand::DeactivateService => unless(!existing?.is_active, ServiceDeactivated {}),
            ServiceCommand::ActivateService => unless(existing?.is_active, ServiceActivated {}),
        })
    }

    fn evolve(self, event: &ServiceEvent) -> Self {
        Self(match event {
            ServiceEvent::ServiceCreated(created) => Some(Entry::new(created.0.clone())),
            ServiceEvent::ServiceChanged(changed) => self.0.map(|it| it.on(changed.0.clone())),
            ServiceEvent::ServiceDeactivated(_) => self.0.map(|it| it.in_use(false)),
            ServiceEvent::ServiceActivated(_) => self.0.map(|it| it.in_use(true)),
        })
    }
}

#[cfg(test)]
mod tests;
