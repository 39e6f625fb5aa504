use std::str::FromStr;

macro_rules! permissions {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal ),* $(,)?) => {
        /// Something that a caller may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $( $(#[$meta])* $variant, )* }

        impl Permission {
            /// Every permission.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// Its stable name, `area:action`.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    };
}

permissions! {
    /// Lots, runs, flows, buffers, moves, QC, temperatures, traceability.
    PlantRead = "plant:read",
    /// Create, register, produce, consume and finish lots.
    LotCreate = "lot:create",
    /// Inspections.
    QcDecide = "qc:decide",
    /// Readings.
    TemperatureRecord = "temperature:record",
    /// Drafts, forks, submission of flows.
    FlowEdit = "flow:edit",
    /// Approve, reject, delete a flow that was never published.
    FlowPublish = "flow:publish",
    /// Create, start, advance, hold, complete runs.
    RunOperate = "run:operate",
    /// Resume, abort, roll back; resolve holds; override; deviations; partners.
    RunControl = "run:control",
    /// Buffers and inventory moves.
    BufferManage = "buffer:manage",
    /// Take a published flow out of use.
    FlowDeprecate = "flow:deprecate",
    /// Users and their roles.
    AdminUsers = "admin:users",
    /// The audit trail.
    AuditRead = "audit:read",
    /// What the installation counts over all of its tenants: `/metrics`.
    OperationsRead = "operations:read",
}

/// A set of permissions; copied freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet(u64);

impl PermissionSet {
    /// Every permission there is: Cairn itself.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// What these roles may do together.
    pub fn of_roles(roles: &[Role]) -> Self {
        roles.iter().flat_map(|role| role.permissions()).copied().collect()
    }

    /// The set with one permission more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | 1 << permission as u64)
    }

    /// Whether the permission is in the set.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    /// The permissions, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |set, permission| set | 1 << permission as u64))
    }
}

/// A role of the plant set, or of the installation. Other sets stand beside them as their domains arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Everything in the plant.
    Admin,
    /// Everything but users and the end of flows.
    Manager,
    /// Reads, inspects and measures.
    Auditor,
    /// Runs the day.
    Operator,
    /// Reads.
    Viewer,
    /// A machine of whoever runs the installation: scrapes `/metrics`, which tells of every tenant. No role of a plant may.
    Monitor,
}

/// No role has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {given}; known are ADMIN, MANAGER, AUDITOR, OPERATOR, VIEWER and MONITOR")]
pub struct UnknownRole {
    /// What was given.
    pub given: String,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] =
        &[Self::Admin, Self::Manager, Self::Auditor, Self::Operator, Self::Viewer, Self::Monitor];

    /// Its name in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "ADMIN",
            Self::Manager => "MANAGER",
            Self::Auditor => "AUDITOR",
            Self::Operator => "OPERATOR",
            Self::Viewer => "VIEWER",
            Self::Monitor => "MONITOR",
        }
    }

    /// The plant matrix, read by column. A viewer reads the audit only where the tenant's settings say so.
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::{
            AdminUsers, AuditRead, BufferManage, FlowDeprecate, FlowEdit, FlowPublish, LotCreate,
            OperationsRead, PlantRead, QcDecide, RunControl, RunOperate, TemperatureRecord,
        };
        match self {
            Self::Admin => &[
                PlantRead,
                LotCreate,
                QcDecide,
                TemperatureRecord,
                FlowEdit,
                FlowPublish,
                RunOperate,
                RunControl,
                BufferManage,
                FlowDeprecate,
                AdminUsers,
                AuditRead,
            ],
            Self::Manager => &[
                PlantRead,
                LotCreate,
                QcDecide,
                TemperatureRecord,
                FlowEdit,
                FlowPublish,
                RunOperate,
                RunControl,
                BufferManage,
                AuditRead,
            ],
            Self::Auditor => &[PlantRead, QcDecide, TemperatureRecord, AuditRead],
            Self::Operator => &[
                PlantRead,
                LotCreate,
                QcDecide,
                TemperatureRecord,
                FlowEdit,
                RunOperate,
                BufferManage,
                AuditRead,
            ],
            Self::Viewer => &[PlantRead],
            Self::Monitor => &[OperationsRead],
        }
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(given: &str) -> Result<Self, UnknownRole> {
        let known = Self::ALL.iter().find(|role| role.as_str().eq_ignore_ascii_case(given));
        known.copied().ok_or_else(|| UnknownRole { given: given.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The matrix of identity.md, section 2, as it stands there: A, M, U, O, V; and beside it the installation's MONITOR.
    const MATRIX: &[(&str, [bool; 6])] = &[
        ("plant:read", [true, true, true, true, true, false]),
        ("lot:create", [true, true, false, true, false, false]),
        ("qc:decide", [true, true, true, true, false, false]),
        ("temperature:record", [true, true, true, true, false, false]),
        ("flow:edit", [true, true, false, true, false, false]),
        ("flow:publish", [true, true, false, false, false, false]),
        ("run:operate", [true, true, false, true, false, false]),
        ("run:control", [true, true, false, false, false, false]),
        ("buffer:manage", [true, true, false, true, false, false]),
        ("flow:deprecate", [true, false, false, false, false, false]),
        ("admin:users", [true, false, false, false, false, false]),
        ("audit:read", [true, true, true, true, false, false]),
        ("operations:read", [false, false, false, false, false, true]),
    ];

    #[test]
    fn roles_grant_what_the_plant_matrix_says() {
        assert_eq!(MATRIX.len(), Permission::ALL.len());
        for (name, row) in MATRIX {
            let permission = Permission::ALL.iter().find(|permission| permission.as_str() == *name).unwrap();
            for (role, granted) in Role::ALL.iter().zip(row) {
                let permissions = PermissionSet::of_roles(&[*role]);
                assert_eq!(permissions.contains(*permission), *granted, "{name} for {}", role.as_str());
            }
        }
    }

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        let set: PermissionSet = [Permission::QcDecide, Permission::AuditRead].into_iter().collect();
        assert_eq!(set.iter().map(Permission::as_str).collect::<Vec<_>>(), ["qc:decide", "audit:read"]);
        assert_eq!(PermissionSet::all().iter().count(), Permission::ALL.len());
        assert_eq!(PermissionSet::default().with(Permission::QcDecide).with(Permission::AuditRead), set);
    }

    #[test]
    fn roles_are_read_by_name() {
        assert!(Role::ALL.iter().all(|role| role.as_str().to_lowercase().parse() == Ok(*role)));
        assert!("OWNER".parse::<Role>().is_err());
    }
}
