//! The matrix as the requirements print it, and what follows from it.

use super::*;
use crate::access::Installation;
use crate::access::Targeted as _;
use crate::name::{TenantName, UtilityName};

const COLUMNS: [Column; 5] = [Column::Create, Column::Read, Column::Execute, Column::Delete, Column::Admin];
const WHOS: [Who; 4] = [Who::Own, Who::Tenant, Who::Limited, Who::All];
const OPERATIONS: [Operation; 6] =
    [Operation::Create, Operation::Read, Operation::Update, Operation::Execute, Operation::Delete, Operation::Administer];

fn tenant(code: &str) -> TenantId {
    TenantId::parse("tenant", code).unwrap()
}

fn utility(tenant: &str) -> UtilityName {
    UtilityName::parse("name", &format!("tenants/{tenant}/utilities/some")).unwrap()
}

fn action(operation: Operation, resource: &'static str, who: Who) -> ActionSpec {
    ActionSpec { name: "utility.any", operation, resource, who }
}

fn extent(role: Role, home: &str, action: ActionSpec, target: &str) -> Extent {
    judge(role, &tenant(home), action, utility(target).target()).0
}

#[test]
fn the_four_rows_stand_as_the_requirements_print_them() {
    // Role, Create, Read, Execute, Delete, Admin Functions.
    let printed = "\
        USER        Own  Own  Own  No   No
        CREATOR     Own  Own  Own  Own  No
        ADMIN       All  All  All  All  Limited
        SUPER_ADMIN All  All  All  All  All";
    let word = |cell| match cell {
        Cell::No => "No",
        Cell::Own => "Own",
        Cell::Limited => "Limited",
        // Of the tenant in the third row, of the installation in the fourth.
        Cell::Tenant | Cell::Everywhere => "All",
    };
    for (row, role) in printed.lines().zip(Role::ALL) {
        let cells: Vec<&str> = COLUMNS.into_iter().map(|column| word(cell(role, column))).collect();
        assert_eq!(row.split_whitespace().skip(1).collect::<Vec<_>>(), cells, "{row}");
    }
    assert!(COLUMNS.into_iter().all(|column| cell(Role::Admin, column) != Cell::Everywhere));
}

#[test]
fn changing_follows_the_column_of_creating() {
    for role in Role::ALL {
        let of = |operation| judge(role, &tenant("acme"), action(operation, "utility", Who::Own), utility("acme").target()).0;
        assert_eq!(of(Operation::Update), of(Operation::Create), "{role:?}");
    }
    assert_eq!(extent(Role::User, "acme", action(Operation::Delete, "utility", Who::Own), "acme"), Extent::Nothing);
}

#[test]
fn nobody_but_a_super_admin_reaches_another_tenant_or_the_installation() {
    for role in Role::ALL {
        for who in WHOS {
            for operation in OPERATIONS {
                let action = action(operation, "utility", who);
                assert_eq!(extent(role, "acme", action, "beta"), Extent::Nothing, "{role:?} {action:?}");
                assert_eq!(judge(role, &tenant("acme"), action, Installation.target()).0, Extent::Nothing, "{role:?} {action:?}");
                assert_eq!(extent(Role::SuperAdmin, "system", action, "beta"), Extent::Tenant, "{action:?}");
                assert_eq!(judge(Role::SuperAdmin, &tenant("system"), action, Installation.target()).0, Extent::Tenant, "{action:?}");
            }
        }
    }
}

#[test]
fn what_only_administrators_may_follows_from_the_reach_whatever_it_does() {
    for operation in OPERATIONS {
        for role in [Role::User, Role::Creator] {
            assert_eq!(extent(role, "acme", action(operation, "user", Who::Limited), "acme"), Extent::Nothing, "{role:?} {operation:?}");
        }
        assert_eq!(extent(Role::Admin, "acme", action(operation, "user", Who::Limited), "acme"), Extent::Tenant, "{operation:?}");
        assert_eq!(extent(Role::Admin, "acme", action(operation, "server", Who::All), "acme"), Extent::Nothing, "{operation:?}");
    }
}

#[test]
fn what_a_tenant_shares_is_read_by_every_member_and_changed_by_none() {
    let parent = TenantName { tenant: tenant("acme") };
    let of = |role, operation, resource| judge(role, &tenant("acme"), action(operation, resource, Who::Tenant), parent.target());
    for resource in SHARED {
        for role in [Role::User, Role::Creator] {
            assert_eq!(of(role, Operation::Read, resource), (Extent::Tenant, Because::Shared));
            assert_eq!(of(role, Operation::Update, resource).0, Extent::Nothing);
        }
    }
    assert_eq!(of(Role::User, Operation::Read, "user").0, Extent::Nothing);
    assert_eq!(of(Role::Admin, Operation::Read, "user").0, Extent::Tenant);
}

#[test]
fn the_tenant_of_super_admins_has_no_lesser_administrators() {
    for operation in OPERATIONS {
        for who in [Who::Tenant, Who::Limited, Who::All] {
            assert_eq!(extent(Role::Admin, "system", action(operation, "user", who), "system"), Extent::Nothing, "{operation:?} {who:?}");
        }
        assert_ne!(extent(Role::Admin, "system", action(operation, "user", Who::Own), "system"), Extent::Tenant, "{operation:?}");
    }
}

#[test]
fn a_super_admin_of_another_tenant_than_system_is_nobody() {
    for operation in OPERATIONS {
        for who in WHOS {
            assert_eq!(extent(Role::SuperAdmin, "acme", action(operation, "utility", who), "acme"), Extent::Nothing);
        }
    }
}

/// The rules once more, as a list of permits in whose absence everything is refused: how Cedar would have them. It names no column and
/// no cell.
fn permitted(role: Role, home: &str, action: ActionSpec, target: Option<&str>) -> Extent {
    let member = target == Some(home);
    let administers = role == Role::Admin && home != "system";
    let author = [Role::User, Role::Creator].contains(&role) || (role == Role::Admin && home == "system");
    let deletes = role == Role::Creator || (role == Role::Admin && home == "system");
    let changes = [Operation::Delete, Operation::Administer].contains(&action.operation);
    let permits = [
        (Extent::Tenant, role == Role::SuperAdmin && home == "system"),
        (Extent::Tenant, administers && member && action.who != Who::All),
        (Extent::Own, author && member && action.who == Who::Own && !changes),
        (Extent::Own, deletes && member && action.who == Who::Own && action.operation == Operation::Delete),
        (
            Extent::Tenant,
            author
                && member
                && action.who == Who::Tenant
                && action.operation == Operation::Read
                && ["runtime", "policy"].contains(&action.resource),
        ),
    ];
    if action.who == Who::Anyone {
        return Extent::Own;
    }
    permits.into_iter().find(|(_, holds)| *holds).map_or(Extent::Nothing, |(extent, _)| extent)
}

#[test]
fn a_list_of_permits_agrees_with_the_matrix_on_every_question() {
    let mut asked = 0;
    for role in Role::ALL {
        for home in ["acme", "system"] {
            for who in [Who::Own, Who::Tenant, Who::Limited, Who::All, Who::Anyone] {
                for operation in OPERATIONS {
                    for resource in ["utility", "version", "execution", "runtime", "policy", "user", "grant", "server"] {
                        for target in [Some("acme"), Some("beta"), Some("system"), None] {
                            let action = action(operation, resource, who);
                            let name = utility(target.unwrap_or("acme"));
                            let about = if target.is_some() { name.target() } else { Installation.target() };
                            let judged = judge(role, &tenant(home), action, about).0;
                            assert_eq!(judged, permitted(role, home, action, target), "{role:?} of {home}: {action:?} on {target:?}");
                            asked += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(asked, 4 * 2 * 5 * 6 * 8 * 4);
}
