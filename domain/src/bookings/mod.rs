//! Services, their slots, and who has booked a seat (rules: bookings.md).

mod service;

pub use service::*;
