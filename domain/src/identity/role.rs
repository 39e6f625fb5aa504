use std::str::FromStr;

use super::{Permission, PermissionSet};

macro_rules! roles {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal ),* $(,)?) => {
        /// What somebody is, in one of the sets of roles. A user may hold roles of several sets.
        ///
        /// A role's name in tokens says its set, `field:OWNER`; those of the plant, and the installation's, stand alone.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Role { $( $(#[$meta])* $variant, )* }

        impl Role {
            /// Every role.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// Its name in tokens.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }
        }
    };
}

roles! {
    // The plant set.
    /// Everything in the plant.
    Admin = "ADMIN",
    /// Everything but users, settings and the end of flows.
    Manager = "MANAGER",
    /// Reads, inspects and measures.
    Auditor = "AUDITOR",
    /// Runs the day.
    Operator = "OPERATOR",
    /// Reads.
    Viewer = "VIEWER",

    // The field-service set.
    /// Owns the business: everything, and what it may spend.
    FieldOwner = "field:OWNER",
    /// Everything but the spending.
    FieldAdmin = "field:ADMIN",
    /// Customers, jobs and opportunities.
    FieldManager = "field:MANAGER",
    /// Customers, jobs and opportunities.
    FieldDispatcher = "field:DISPATCHER",
    /// Does the jobs.
    FieldTechnician = "field:TECHNICIAN",
    /// Reads.
    FieldViewer = "field:VIEWER",

    // The shop set.
    /// Buys.
    ShopUser = "shop:USER",
    /// Runs the shop, and may buy in it.
    ShopAdmin = "shop:ADMIN",

    // The office set.
    /// Everything in the office.
    OfficeAdmin = "office:ADMIN",
    /// Works in it.
    OfficeMember = "office:MEMBER",
    /// Reads.
    OfficeViewer = "office:VIEWER",

    // Machines of a tenant.
    /// Does tasks.
    Runner = "machine:RUNNER",
    /// Buys what shopping lists ask for.
    Fulfiller = "machine:FULFILLER",
    /// Fills the knowledge base and works off the queue.
    Indexer = "machine:INDEXER",
    /// Turns recordings into text.
    Transcriber = "machine:TRANSCRIBER",
    /// Steers agents.
    Orchestrator = "machine:ORCHESTRATOR",

    // The installation's.
    /// A machine of whoever runs the installation: scrapes `/metrics`, which tells of every tenant. No other role may.
    Monitor = "MONITOR",
}

/// The tables of identity.md, section 2: a row for each permission, a column for each role of the set.
macro_rules! granted {
    ($(
        [$($role:ident)+]
        $( $permission:ident [$($mark:tt)+] )+
    )+) => {
        /// What each role of each set may do.
        const GRANTED: [PermissionSet; Role::ALL.len()] = {
            let mut granted = [PermissionSet::NONE; Role::ALL.len()];
            $({
                // One length for roles and marks: a row that is too short or too long does not compile.
                const ROLES: [Role; [$(Role::$role),+].len()] = [$(Role::$role),+];
                $({
                    const MARKS: [bool; ROLES.len()] = [$(granted!(@ $mark)),+];
                    let mut column = 0;
                    while column < ROLES.len() {
                        if MARKS[column] {
                            let role = ROLES[column] as usize;
                            granted[role] = granted[role].with(Permission::$permission);
                        }
                        column += 1;
                    }
                })+
            })+
            granted
        };
    };
    (@ x) => { true };
    (@ -) => { false };
}

granted! {
    // A viewer of the plant reads the audit only where the tenant's setting `viewer_sees_audit` says so.
                            [Admin Manager Auditor Operator Viewer]
    PlantRead               [  x      x       x       x       x   ]
    LotCreate               [  x      x       -       x       -   ]
    QcDecide                [  x      x       x       x       -   ]
    TemperatureRecord       [  x      x       x       x       -   ]
    FlowEdit                [  x      x       -       x       -   ]
    FlowPublish             [  x      x       -       -       -   ]
    RunOperate              [  x      x       -       x       -   ]
    RunControl              [  x      x       -       -       -   ]
    BufferManage            [  x      x       -       x       -   ]
    FlowDeprecate           [  x      -       -       -       -   ]
    AdminUsers              [  x      -       -       -       -   ]
    AdminSettings           [  x      -       -       -       -   ]
    AuditRead               [  x      x       x       x       -   ]

                            [FieldOwner FieldAdmin FieldManager FieldDispatcher FieldTechnician FieldViewer]
    PricebookRead           [    x          x           x              x               x             x     ]
    CustomersRead           [    x          x           x              x               x             x     ]
    JobsRead                [    x          x           x              x               x             x     ]
    PricebookWrite          [    x          x           -              -               -             -     ]
    PricebookSync           [    x          x           -              -               -             -     ]
    PricingManage           [    x          x           -              -               -             -     ]
    CustomersDelete         [    x          x           -              -               -             -     ]
    AdminUsers              [    x          x           -              -               -             -     ]
    AdminSettings           [    x          x           -              -               -             -     ]
    AuditRead               [    x          x           -              -               -             -     ]
    ConnectionsManage       [    x          x           -              -               -             -     ]
    QueueManage             [    x          x           -              -               -             -     ]
    CustomersWrite          [    x          x           x              x               -             -     ]
    JobsWrite               [    x          x           x              x               -             -     ]
    JobsAssign              [    x          x           x              x               -             -     ]
    CrmWrite                [    x          x           x              x               -             -     ]
    JobsComplete            [    x          x           x              x               x             -     ]
    CrmRead                 [    x          x           x              x               -             x     ]
    AdminBilling            [    x          -           -              -               -             -     ]

                            [ShopUser ShopAdmin]
    ListOrdersPlace         [   x         x    ]
    WalletOwn               [   x         x    ]
    PaymentsOwn             [   x         x    ]
    ApiCredentialsOwn       [   x         x    ]
    AiUse                   [   x         x    ]
    CatalogWrite            [   -         x    ]
    StockWrite              [   -         x    ]
    OrdersRead              [   -         x    ]
    OrdersManage            [   -         x    ]
    DatasetsManage          [   -         x    ]
    PaymentsRead            [   -         x    ]
    PaymentsRefund          [   -         x    ]
    WalletAdmin             [   -         x    ]
    AdminUsers              [   -         x    ]
    AdminSettings           [   -         x    ]
    AdminBilling            [   -         x    ]
    AuditRead               [   -         x    ]

                            [OfficeAdmin OfficeMember OfficeViewer]
    BookingsRead            [     x           x            x      ]
    TimeRead                [     x           x            x      ]
    TasksRead               [     x           x            x      ]
    RecordingsRead          [     x           x            x      ]
    KnowledgeRead           [     x           x            x      ]
    BookingsManage          [     x           x            -      ]
    TimeLog                 [     x           x            -      ]
    TicketsCreate           [     x           x            -      ]
    TasksManage             [     x           x            -      ]
    TasksApprove            [     x           x            -      ]
    RecordingsWrite         [     x           x            -      ]
    KnowledgeWrite          [     x           x            -      ]
    EnvironmentsUse         [     x           x            -      ]
    TimeInvoice             [     x           -            -      ]
    ProjectsWrite           [     x           -            -      ]
    WorkOperate             [     x           -            -      ]
    AgentsConfigure         [     x           -            -      ]
    RecordingsConfigure     [     x           -            -      ]
    EnvironmentsManage      [     x           -            -      ]
    ConnectionsManage       [     x           -            -      ]
    QueueManage             [     x           -            -      ]
    AdminUsers              [     x           -            -      ]
    AdminSettings           [     x           -            -      ]
    AdminBilling            [     x           -            -      ]
    AuditRead               [     x           -            -      ]
    PaymentsRead            [     x           -            -      ]
    PaymentsRefund          [     x           -            -      ]

                            [Runner Fulfiller Indexer Transcriber Orchestrator]
    WorkRun                 [  x        -        -         -           -      ]
    ListOrdersClaim         [  -        x        -         -           -      ]
    KnowledgeIngest         [  -        -        x         -           -      ]
    QueueWork               [  -        -        x         -           -      ]
    TranscribeRun           [  -        -        -         x           -      ]
    OrchestrateRun          [  -        -        -         -           x      ]

                            [Monitor]
    OperationsRead          [   x   ]
}

/// No role has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no role {given}; known are {}", Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "))]
pub struct UnknownRole {
    /// What was given.
    pub given: String,
}

impl Role {
    /// What its tables grant it.
    pub const fn permissions(self) -> PermissionSet {
        GRANTED[self as usize]
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
mod tests;
