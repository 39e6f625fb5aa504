//! Who may do what. Code checks permissions, never role names (rules: identity.md, section 2).

mod permission;
mod role;

pub use permission::{Permission, PermissionSet};
pub use role::{Role, UnknownRole};
