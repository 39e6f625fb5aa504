//! Lots, production runs, quality and traceability of a food plant (rules: lots.md).
