//! Services, their slots, and who has booked a seat.
