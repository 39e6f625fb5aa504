use std::sync::Arc;

use commands::{engine::Caller, ports::TenantId};
use domain::identity::{PermissionSet, Role};
use serde::{Deserialize, Serialize};

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who: a user's or machine client's id.
    pub sub: String,
    /// For which tenant.
    pub tenant: TenantId,
    /// The roles' names. Names that this program does not know grant nothing.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Who issued it.
    pub iss: String,
    /// When it was issued.
    #[serde(default)]
    pub iat: u64,
    /// When it ends.
    pub exp: u64,
}

impl Claims {
    /// The caller that the claims describe; `None` when the subject is not one that may act.
    pub fn caller(&self) -> Option<Caller> {
        let readable = !self.sub.is_empty()
            && self.sub.len() <= 255
            && self.sub.chars().all(|character| character.is_ascii_graphic());
        // Cairn itself acts as `system`, and whoever has no token as `anonymous`; nobody with a token does.
        if !readable || Caller::is_reserved(&self.sub) || self.tenant.is_nil() {
            return None;
        }
        let roles: Vec<Role> = self.roles.iter().filter_map(|name| name.parse().ok()).collect();
        Some(Caller {
            tenant: self.tenant,
            actor: Arc::from(self.sub.as_str()),
            permissions: PermissionSet::of_roles(&roles),
        })
    }
}
