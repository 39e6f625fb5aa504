use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kernel::{IntRule, InvalidInput, Money, NotFound, TextRule};
use crate::{Decider, enumeration, events, refusals};

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

/// What is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceTerms {
    /// 1 to 200 characters.
    pub name: String,
    /// How long it takes, in minutes, 5 to 480.
    pub duration_min: i32,
    /// How many seats a new slot gets, 1 to 1,000.
    pub capacity: i32,
    /// What a seat costs; 0 or more.
    pub price: Money,
    /// How that is paid.
    pub payment_mode: PaymentMode,
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

/// A service that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// On what terms it is offered.
    pub terms: ServiceTerms,
    /// Whether it can be booked.
    pub is_active: bool,
}

/// Something that can be booked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Service(pub Option<ServiceState>);

/// Offers a service, or changes its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SaveService {
    /// The service to change; left out, a new one is offered.
    pub service_id: Option<Uuid>,
    /// All of its terms.
    pub terms: ServiceTerms,
}

/// What may be asked of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceCommand {
    /// Offers it on these terms.
    Save(ServiceTerms),
    /// Takes it into use, or out of it.
    SetActive(bool),
}

refusals! {
    /// Why a service cannot be offered so.
    pub enum ServiceRefusal {
        /// What costs nothing is free, and nothing else is.
        PaymentModeMismatch { payment_mode: PaymentMode, price: Money } = "PAYMENT_MODE_MISMATCH" as Invalid,
            "{payment_mode} does not fit a price of {price}", at "paymentMode", tells { payment_mode };
    }
}

const NAME: TextRule = TextRule::line("name", 1, 200);
const DURATION: IntRule = IntRule::new("durationMin", 5, 480);
const CAPACITY: IntRule = IntRule::new("capacity", 1, 1_000);
const PRICE: IntRule = IntRule::new("price.amountMinor", 0, Money::MOST);

fn accept(terms: ServiceTerms) -> Result<ServiceTerms, ServiceRefusal> {
    let name = NAME.accept(&terms.name).map_err(InvalidInput::from)?;
    DURATION.accept(terms.duration_min)?;
    CAPACITY.accept(terms.capacity)?;
    let amount = PRICE.accept(terms.price.amount_minor())?;
    if (amount == 0) != (terms.payment_mode == PaymentMode::Free) {
        let ServiceTerms { payment_mode, price, .. } = terms;
        return Err(ServiceRefusal::PaymentModeMismatch { payment_mode, price });
    }
    Ok(ServiceTerms { name, ..terms })
}

impl Decider for Service {
    const CATEGORY: &'static str = "service";
    type Command = ServiceCommand;
    type Event = ServiceEvent;
    type Error = ServiceRefusal;

    fn initial() -> Self {
        Self::default()
    }

    fn decide(&self, command: ServiceCommand) -> Result<Vec<ServiceEvent>, ServiceRefusal> {
        Ok(match (command, &self.0) {
            (ServiceCommand::Save(terms), None) => vec![ServiceCreated(accept(terms)?).into()],
            (ServiceCommand::Save(terms), Some(service)) => {
                let terms = accept(terms)?;
                if terms == service.terms { vec![] } else { vec![ServiceChanged(terms).into()] }
            }
            (ServiceCommand::SetActive(_), None) => return Err(NotFound { field: "serviceId" }.into()),
            (ServiceCommand::SetActive(active), Some(service)) if active == service.is_active => vec![],
            (ServiceCommand::SetActive(true), Some(_)) => vec![ServiceActivated {}.into()],
            (ServiceCommand::SetActive(false), Some(_)) => vec![ServiceDeactivated {}.into()],
        })
    }

    fn evolve(self, event: &ServiceEvent) -> Self {
        let is_active = self.0.as_ref().is_none_or(|service| service.is_active);
        Self(match event {
            ServiceEvent::ServiceCreated(ServiceCreated(terms))
            | ServiceEvent::ServiceChanged(ServiceChanged(terms)) => {
                Some(ServiceState { terms: terms.clone(), is_active })
            }
            ServiceEvent::ServiceDeactivated(_) => self.0.map(|it| ServiceState { is_active: false, ..it }),
            ServiceEvent::ServiceActivated(_) => self.0.map(|it| ServiceState { is_active: true, ..it }),
        })
    }
}

#[cfg(test)]
mod tests;
