//! The tables as they stand in identity.md, section 2, typed here once more and from the other side: permission by
//! permission with the names of the roles that have it.

use std::collections::BTreeSet;

use super::*;

/// Permissions, and the roles that they are granted to, as a row of the rules says it.
type Row = (&'static str, &'static str);

const PLANT: &[Row] = &[
    ("plant:read", "ADMIN MANAGER AUDITOR OPERATOR VIEWER"),
    ("lot:create", "ADMIN MANAGER OPERATOR"),
    ("qc:decide temperature:record", "ADMIN MANAGER AUDITOR OPERATOR"),
    ("flow:edit", "ADMIN MANAGER OPERATOR"),
    ("flow:publish", "ADMIN MANAGER"),
    ("run:operate", "ADMIN MANAGER OPERATOR"),
    ("run:control", "ADMIN MANAGER"),
    ("buffer:manage", "ADMIN MANAGER OPERATOR"),
    ("flow:deprecate admin:users admin:settings", "ADMIN"),
    ("audit:read", "ADMIN MANAGER AUDITOR OPERATOR"),
];

const FIELD: &[Row] = &[
    (
        "pricebook:read customers:read jobs:read",
        "field:OWNER field:ADMIN field:MANAGER field:DISPATCHER field:TECHNICIAN field:VIEWER",
    ),
    (
        "pricebook:write pricebook:sync pricing:manage customers:delete admin:users admin:settings audit:read \
         connections:manage",
        "field:OWNER field:ADMIN",
    ),
    (
        "customers:write jobs:write jobs:assign crm:write",
        "field:OWNER field:ADMIN field:MANAGER field:DISPATCHER",
    ),
    ("jobs:complete", "field:OWNER field:ADMIN field:MANAGER field:DISPATCHER field:TECHNICIAN"),
    ("crm:read", "field:OWNER field:ADMIN field:MANAGER field:DISPATCHER field:VIEWER"),
    ("admin:billing", "field:OWNER"),
];

const OTHERS: &[Row] = &[
    ("list_orders:place wallet:own payments:own api_credentials:own ai:use", "shop:USER shop:ADMIN"),
    (
        "catalog:write stock:write orders:read orders:manage datasets:manage payments:read payments:refund \
         wallet:admin admin:users admin:settings admin:billing audit:read",
        "shop:ADMIN",
    ),
    (
        "bookings:read time:read tasks:read recordings:read knowledge:read",
        "office:ADMIN office:MEMBER office:VIEWER",
    ),
    (
        "bookings:manage time:log tickets:create tasks:manage tasks:approve recordings:write knowledge:write \
         environments:use",
        "office:ADMIN office:MEMBER",
    ),
    (
        "time:invoice projects:write work:operate agents:configure recordings:configure environments:manage \
         connections:manage admin:users admin:settings admin:billing audit:read payments:read payments:refund",
        "office:ADMIN",
    ),
    ("work:run", "machine:RUNNER"),
    ("list_orders:claim", "machine:FULFILLER"),
    ("knowledge:ingest queue:work", "machine:INDEXER"),
    ("transcribe:run", "machine:TRANSCRIBER"),
    ("orchestrate:run", "machine:ORCHESTRATOR"),
    ("queue:manage", "field:OWNER field:ADMIN office:ADMIN"),
    ("operations:read", "MONITOR"),
];

/// The lines `Permissions:` of the other files of the rules.
const ELSEWHERE: &str = "bookings:read bookings:manage \
    knowledge:read knowledge:write knowledge:ingest environments:use environments:manage \
    payments:own payments:read payments:refund wallet:own wallet:admin \
    recordings:read recordings:write recordings:configure transcribe:run \
    connections:manage pricebook:read pricebook:write pricebook:sync pricing:manage customers:read customers:write \
    customers:delete jobs:read jobs:write jobs:assign jobs:complete crm:read crm:write queue:manage queue:work \
    tickets:create work:operate tasks:read tasks:manage tasks:approve agents:configure work:run orchestrate:run \
    time:log time:read time:invoice projects:write";

fn grants(tables: &[&[Row]]) -> BTreeSet<(&'static str, &'static str)> {
    let rows = tables.iter().copied().flatten();
    let cells = rows.flat_map(|(permissions, roles)| {
        permissions
            .split_whitespace()
            .flat_map(|permission| roles.split_whitespace().map(move |role| (role, permission)))
    });
    cells.collect()
}

#[test]
fn roles_grant_what_the_tables_say_and_nothing_else() {
    let granted = Role::ALL
        .iter()
        .flat_map(|role| role.permissions().iter().map(|permission| (role.as_str(), permission.as_str())));
    assert_eq!(granted.collect::<BTreeSet<_>>(), grants(&[PLANT, FIELD, OTHERS]));
}

#[test]
fn every_permission_of_the_rules_is_declared_once_and_no_other() {
    let declared: Vec<&str> = Permission::ALL.iter().map(|permission| permission.as_str()).collect();
    let mut named: BTreeSet<&str> =
        grants(&[PLANT, FIELD, OTHERS]).into_iter().map(|(_role, permission)| permission).collect();
    named.extend(ELSEWHERE.split_whitespace());
    assert_eq!(declared.iter().copied().collect::<BTreeSet<_>>(), named);
    assert_eq!(declared.len(), named.len(), "no name stands twice");
}

#[test]
fn roles_of_several_sets_add_up() {
    let both = PermissionSet::of_roles(&[Role::Viewer, Role::FieldTechnician]);
    let names: BTreeSet<_> = both.iter().map(Permission::as_str).collect();
    let expected = ["customers:read", "jobs:complete", "jobs:read", "plant:read", "pricebook:read"];
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn roles_are_read_by_name_and_a_plant_role_needs_no_set() {
    assert!(Role::ALL.iter().all(|role| role.as_str().to_lowercase().parse() == Ok(*role)));
    assert_eq!("ADMIN".parse(), Ok(Role::Admin));
    assert_eq!("field:ADMIN".parse(), Ok(Role::FieldAdmin));
    let unknown = "OWNER".parse::<Role>().unwrap_err();
    assert!(unknown.to_string().starts_with("there is no role OWNER; known are ADMIN, "), "{unknown}");
    assert!(unknown.to_string().contains("field:OWNER"), "{unknown}");
}
