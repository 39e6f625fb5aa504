//! What people ask about services, slots and bookings (rules: bookings.md, section 5).
