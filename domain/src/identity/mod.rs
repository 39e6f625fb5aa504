//! Who may do what. Code checks permissions, never role names (rules: identity.md, section 2).

mod permission;

pub use permission::{Permission, PermissionSet, Role, UnknownRole};
