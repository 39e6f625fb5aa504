use std::sync::Arc;

use domain::lots::lot::Dispatcher;

use super::TenantId;

/// What a tenant has chosen and rules need to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantSettings {
    /// Decides where a local day begins.
    pub time_zone: chrono_tz::Tz,
    /// The plant's site in codes: four capitals, such as `DUNA`.
    pub site: Arc<str>,
    /// Name and address as dispatch records need them (EU 931/2011).
    pub dispatcher: Option<Dispatcher>,
}

impl Default for TenantSettings {
    fn default() -> Self {
        Self { time_zone: chrono_tz::Tz::UTC, site: Arc::from("MAIN"), dispatcher: None }
    }
}

/// Knows every tenant's settings.
pub trait TenantDirectory: Send + Sync + 'static {
    /// The tenant's settings; the defaults for a tenant that has chosen nothing.
    fn settings(&self, tenant: TenantId) -> Arc<TenantSettings>;
}

/// The same settings for every tenant.
#[derive(Debug, Clone, Default)]
pub struct UniformSettings(Arc<TenantSettings>);

impl UniformSettings {
    /// Gives these settings to every tenant.
    pub fn new(settings: TenantSettings) -> Self {
        Self(Arc::new(settings))
    }
}

impl TenantDirectory for UniformSettings {
    fn settings(&self, _tenant: TenantId) -> Arc<TenantSettings> {
        Arc::clone(&self.0)
    }
}
