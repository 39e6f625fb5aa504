use super::Role;

macro_rules! permissions {
    ($( $(#[$meta:meta])* $variant:ident = $name:literal ),* $(,)?) => {
        /// Something that a caller may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Permission { $( $(#[$meta])* $variant, )* }

        impl Permission {
            /// Every permission, of every domain.
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
    /// Create, weigh, register, produce, consume, ship and finish lots.
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
    /// Resume, abort, roll back; resolve holds; override; deviations; disposal; partners; plans.
    RunControl = "run:control",
    /// Buffers and inventory moves.
    BufferManage = "buffer:manage",
    /// Take a published flow out of use.
    FlowDeprecate = "flow:deprecate",
    /// Users and their roles.
    AdminUsers = "admin:users",
    /// The tenant's settings.
    AdminSettings = "admin:settings",
    /// The cap of AI spending.
    AdminBilling = "admin:billing",
    /// The audit trail.
    AuditRead = "audit:read",
    /// What the installation counts over all of its tenants: `/metrics`.
    OperationsRead = "operations:read",
    /// The price book.
    PricebookRead = "pricebook:read",
    /// Change the price book.
    PricebookWrite = "pricebook:write",
    /// Take the price book over from upstream.
    PricebookSync = "pricebook:sync",
    /// Technicians, vehicles, expenses: what prices are made of.
    PricingManage = "pricing:manage",
    /// Contacts and their upstream records.
    CustomersRead = "customers:read",
    /// Change contacts.
    CustomersWrite = "customers:write",
    /// Delete contacts.
    CustomersDelete = "customers:delete",
    /// Jobs and install opportunities.
    JobsRead = "jobs:read",
    /// Change jobs and install opportunities.
    JobsWrite = "jobs:write",
    /// Say who does a job.
    JobsAssign = "jobs:assign",
    /// Say that a job is done.
    JobsComplete = "jobs:complete",
    /// Opportunities, by stage.
    CrmRead = "crm:read",
    /// Change opportunities.
    CrmWrite = "crm:write",
    /// Connections to other systems.
    ConnectionsManage = "connections:manage",
    /// Retry, cancel and promote jobs; pause and clean queues.
    QueueManage = "queue:manage",
    /// Work off the queue, as a machine.
    QueueWork = "queue:work",
    /// Shopping lists of one's own.
    ListOrdersPlace = "list_orders:place",
    /// Fulfil shopping lists, as a machine.
    ListOrdersClaim = "list_orders:claim",
    /// One's own wallet.
    WalletOwn = "wallet:own",
    /// Everybody's wallets.
    WalletAdmin = "wallet:admin",
    /// One's own payments.
    PaymentsOwn = "payments:own",
    /// Everybody's payments.
    PaymentsRead = "payments:read",
    /// Give money back.
    PaymentsRefund = "payments:refund",
    /// One's own credentials for other systems.
    ApiCredentialsOwn = "api_credentials:own",
    /// Ask language models at the tenant's cost.
    AiUse = "ai:use",
    /// Categories, products, variants.
    CatalogWrite = "catalog:write",
    /// What lies in stock.
    StockWrite = "stock:write",
    /// Everybody's orders.
    OrdersRead = "orders:read",
    /// Process, ship, cancel orders.
    OrdersManage = "orders:manage",
    /// Import product data and switch between its versions.
    DatasetsManage = "datasets:manage",
    /// Services, hours, bookings.
    BookingsRead = "bookings:read",
    /// Change services, hours, bookings.
    BookingsManage = "bookings:manage",
    /// Time entries, projects, invoices.
    TimeRead = "time:read",
    /// Log time.
    TimeLog = "time:log",
    /// Rates and invoices.
    TimeInvoice = "time:invoice",
    /// Projects and their clients.
    ProjectsWrite = "projects:write",
    /// Tickets and tasks.
    TasksRead = "tasks:read",
    /// Change tasks.
    TasksManage = "tasks:manage",
    /// Approve or deny what waits for a person.
    TasksApprove = "tasks:approve",
    /// Ask for something.
    TicketsCreate = "tickets:create",
    /// Queue, retry, revive and signal an agent's work.
    WorkOperate = "work:operate",
    /// Do tasks, as a machine.
    WorkRun = "work:run",
    /// How agents work.
    AgentsConfigure = "agents:configure",
    /// Steer agents, as a machine.
    OrchestrateRun = "orchestrate:run",
    /// Recordings and transcripts.
    RecordingsRead = "recordings:read",
    /// Make and correct recordings and transcripts.
    RecordingsWrite = "recordings:write",
    /// How recordings become text.
    RecordingsConfigure = "recordings:configure",
    /// Turn recordings into text, as a machine.
    TranscribeRun = "transcribe:run",
    /// The knowledge base.
    KnowledgeRead = "knowledge:read",
    /// Change the knowledge base.
    KnowledgeWrite = "knowledge:write",
    /// Fill the knowledge base, as a machine.
    KnowledgeIngest = "knowledge:ingest",
    /// Start and stop environments.
    EnvironmentsUse = "environments:use",
    /// Define, change, clone and delete environments.
    EnvironmentsManage = "environments:manage",
}

/// How many permissions one word of a set holds.
const WORD_BITS: usize = u64::BITS as usize;
const WORDS: usize = Permission::ALL.len().div_ceil(WORD_BITS);

/// A set of permissions, as many as there are; copied freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PermissionSet([u64; WORDS]);

impl PermissionSet {
    /// No permission: nobody who is known.
    pub const NONE: Self = Self([0; WORDS]);

    /// Every permission there is: Cairn itself.
    pub const fn all() -> Self {
        Self::of(Permission::ALL)
    }

    /// These permissions.
    pub const fn of(permissions: &[Permission]) -> Self {
        let mut set = Self::NONE;
        let mut index = 0;
        while index < permissions.len() {
            set = set.with(permissions[index]);
            index += 1;
        }
        set
    }

    /// What these roles may do together.
    pub fn of_roles(roles: &[Role]) -> Self {
        roles.iter().fold(Self::NONE, |set, role| set.union(role.permissions()))
    }

    /// The set with one permission more.
    #[must_use]
    pub const fn with(mut self, permission: Permission) -> Self {
        self.0[permission as usize / WORD_BITS] |= 1 << (permission as usize % WORD_BITS);
        self
    }

    /// What is in this set, in the other, or in both.
    #[must_use]
    pub const fn union(mut self, other: Self) -> Self {
        let mut word = 0;
        while word < WORDS {
            self.0[word] |= other.0[word];
            word += 1;
        }
        self
    }

    /// Whether the permission is in the set.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0[permission as usize / WORD_BITS] & (1 << (permission as usize % WORD_BITS)) != 0
    }

    /// The permissions, in the order of their declaration.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_it_was_made_of() {
        let set: PermissionSet = [Permission::QcDecide, Permission::AuditRead].into_iter().collect();
        assert_eq!(set.iter().map(Permission::as_str).collect::<Vec<_>>(), ["qc:decide", "audit:read"]);
        assert_eq!(set, PermissionSet::NONE.with(Permission::QcDecide).with(Permission::AuditRead));
        assert_eq!(PermissionSet::all().iter().collect::<Vec<_>>(), Permission::ALL);
    }

    #[test]
    fn the_sixty_fifth_permission_is_one_of_its_own() {
        let sixty_fifth = Permission::ALL[64];
        let set = PermissionSet::NONE.with(sixty_fifth);
        assert_eq!(set.iter().collect::<Vec<_>>(), [sixty_fifth]);
        for permission in Permission::ALL {
            assert_eq!(PermissionSet::of(&[*permission]).iter().collect::<Vec<_>>(), [*permission]);
        }
    }
}
