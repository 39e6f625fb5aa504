//! Whose data a call is about (identity.md, section 0): the token's tenant; without a token, the one that the path names.

use std::collections::HashMap;

use axum::http::StatusCode;
use commands::ports::TenantId;

use super::HttpProblem;

/// The tenants of the installation, by the slugs that paths name them with.
#[derive(Debug, Clone, Default)]
pub struct TenantSlugs(HashMap<String, TenantId>);

impl FromIterator<(String, TenantId)> for TenantSlugs {
    fn from_iter<I: IntoIterator<Item = (String, TenantId)>>(tenants: I) -> Self {
        Self(tenants.into_iter().collect())
    }
}

/// The path names no tenant, or not the caller's: one answer for all of it, so that no path tells which tenants there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSuchTenant;

impl TenantSlugs {
    /// The tenant of a caller without a token: the one that the path names, else the only one.
    pub(super) fn of_stranger(&self, slug: Option<&str>) -> Result<TenantId, NoSuchTenant> {
        match slug {
            Some(slug) => self.0.get(slug).copied().ok_or(NoSuchTenant),
            None => {
                let mut tenants = self.0.values();
                match (tenants.next(), tenants.next()) {
                    (Some(only), None) => Ok(*only),
                    (_, _) => Err(NoSuchTenant),
                }
            }
        }
    }

    /// Whether the path names no other tenant than the token does.
    pub(super) fn agree(&self, slug: Option<&str>, of_token: TenantId) -> Result<(), NoSuchTenant> {
        match slug {
            Some(slug) if self.0.get(slug) != Some(&of_token) => Err(NoSuchTenant),
            Some(_) | None => Ok(()),
        }
    }
}

impl From<NoSuchTenant> for HttpProblem {
    fn from(_none: NoSuchTenant) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such tenant, or it is not the token's")
    }
}

/// What stands between `/t/` and the next slash.
pub(super) fn slug(path: &str) -> Option<&str> {
    path.strip_prefix("/t/")?.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: TenantId = TenantId::from_u128(1);
    const OTHER: TenantId = TenantId::from_u128(2);

    fn slugs(tenants: &[(&str, TenantId)]) -> TenantSlugs {
        tenants.iter().map(|(slug, id)| ((*slug).to_owned(), *id)).collect()
    }

    /// Acceptance case 23 of identity.md.
    #[test]
    fn a_stranger_is_at_the_tenant_of_the_path_or_the_only_one() {
        let two = slugs(&[("acme", ACME), ("other", OTHER)]);
        assert_eq!(two.of_stranger(None), Err(NoSuchTenant));
        assert_eq!(two.of_stranger(slug("/t/acme/graphql")), Ok(ACME));
        assert_eq!(two.of_stranger(slug("/t/nobody/graphql")), Err(NoSuchTenant));
        assert_eq!(slugs(&[("acme", ACME)]).of_stranger(None), Ok(ACME));
        assert_eq!(slugs(&[]).of_stranger(None), Err(NoSuchTenant));
    }

    #[test]
    fn a_token_opens_no_other_tenants_path() {
        let two = slugs(&[("acme", ACME), ("other", OTHER)]);
        assert_eq!(two.agree(None, ACME), Ok(()));
        assert_eq!(two.agree(Some("acme"), ACME), Ok(()));
        assert_eq!(two.agree(Some("other"), ACME), Err(NoSuchTenant));
        assert_eq!(two.agree(Some("nobody"), ACME), Err(NoSuchTenant));
    }
}
