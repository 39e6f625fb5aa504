//! The tenants of the configuration, as the rules ask for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use commands::ports::{TenantDirectory, TenantId, TenantSettings};
use uuid::Uuid;

/// One tenant of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The section's name: lower case, digits and hyphens.
    pub slug: String,
    /// Every stream, row and key carries it.
    pub id: TenantId,
    /// What people read.
    pub name: String,
    /// What rules need to know.
    pub settings: TenantSettings,
    /// Whether viewers may read the audit trail.
    pub viewer_sees_audit: bool,
}

/// The id of a tenant whose section names none: it follows from the slug, so that every machine finds the same.
pub fn tenant_id(slug: &str) -> TenantId {
    /// Names Cairn's tenants among all name-based UUIDs.
    const TENANTS: Uuid = Uuid::from_u128(0x7d1f_0a52_93c4_5e0b_8a66_1b2f_c0de_7e11);
    Uuid::new_v5(&TENANTS, slug.as_bytes())
}

/// Answers the rules from the configuration; a tenant that stands nowhere has the defaults.
#[derive(Debug, Clone, Default)]
pub struct ConfiguredTenants {
    settings: BTreeMap<TenantId, Arc<TenantSettings>>,
    defaults: Arc<TenantSettings>,
}

impl ConfiguredTenants {
    /// Takes the tenants of the configuration.
    pub fn new(tenants: &[Tenant]) -> Self {
        let settings = tenants.iter().map(|tenant| (tenant.id, Arc::new(tenant.settings.clone()))).collect();
        Self { settings, defaults: Arc::default() }
    }
}

impl TenantDirectory for ConfiguredTenants {
    fn settings(&self, tenant: TenantId) -> Arc<TenantSettings> {
        Arc::clone(self.settings.get(&tenant).unwrap_or(&self.defaults))
    }
}
