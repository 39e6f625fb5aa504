//! The commands around services, slots and bookings (rules: bookings.md).
