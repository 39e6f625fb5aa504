//! The checks of the house: what stands where, who may know whom, and how the code reads.
//!
//! The package has no code of its own; `tests/house/` holds the checks, as tests that fail, and `house/` what they
//! compare with: the allow-list of dependencies and the exceptions, each with its reason. Beside them live the two
//! commands that everybody runs, `run` and `test`, and `bench`, the peer that Cairn is measured against.
