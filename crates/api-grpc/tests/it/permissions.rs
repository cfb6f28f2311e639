//! docs/permissions.md says what each method demands and who may call it, as the contract and the matrix say it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use domain::access::{ActionSpec, Because, Cell, Column, LocalRules, MatrixRules, Reach, Target, Who, cell};
use domain::identity::Role;
use domain::name::PrincipalName;
use futures_util::FutureExt as _;
use test_support::{FakeClock, InMemoryGrantRepository, sample};

/// Around the generated part of docs/permissions.md.
const BEGIN: &str = "<!-- The tables: `cargo xtask permissions` writes them from the contract and the matrix. -->\n\n";
const END: &str = "\n<!-- End of the tables. -->\n";

const COLUMNS: [Column; 5] = [Column::Create, Column::Read, Column::Execute, Column::Delete, Column::Admin];

fn tables() -> String {
    let mut text = String::from("| role |");
    COLUMNS.iter().for_each(|column| write!(text, " {} |", column.as_str()).unwrap());
    text += "\n|---|---|---|---|---|---|\n";
    for role in Role::ALL {
        write!(text, "| {} |", role.as_str().to_uppercase()).unwrap();
        COLUMNS.iter().for_each(|column| write!(text, " {} |", word(cell(role, *column))).unwrap());
        text += "\n";
    }
    text += "\n| method | action | operation | reach | USER | CREATOR | ADMIN | SUPER_ADMIN |\n|---|---|---|---|---|---|---|---|\n";
    for method in api_proto::methods() {
        let permission = &method.permission;
        let spec = domain::actions().find(|action| action.name == permission.action).expect("checked at start");
        let operation = permission.operation().as_str_name().trim_start_matches("OPERATION_").to_lowercase();
        let who = permission.who().as_str_name().trim_start_matches("WHO_").to_lowercase();
        let service = method.service.rsplit('.').next().unwrap();
        write!(text, "| {service}.{} | `{}` | {operation} | {who} |", method.name, permission.action).unwrap();
        Role::ALL.iter().for_each(|role| write!(text, " {} |", verdict(*role, spec)).unwrap());
        text += "\n";
    }
    text
}

fn word(cell: Cell) -> &'static str {
    match cell {
        Cell::No => "no",
        Cell::Own => "own",
        Cell::Tenant => "all of the tenant",
        Cell::Limited => "limited",
        Cell::Everywhere => "everywhere",
    }
}

/// What a role may do with an action by the rules of the server, where nothing is granted.
fn verdict(role: Role, action: ActionSpec) -> &'static str {
    let clock = Arc::new(FakeClock::default());
    let demo = sample::tenant("demo");
    let rules = MatrixRules::new(LocalRules::new(demo.clone()), Arc::new(InMemoryGrantRepository::default()), clock);
    let home = if role == Role::SuperAdmin { "system" } else { "demo" };
    let principal = PrincipalName::parse("principal", &format!("tenants/{home}/users/ann")).unwrap();
    let target = if action.who == Who::All { Target::Installation } else { Target::Tenant(&demo) };
    let decision = rules.decide_for(&principal, role, action, target).now_or_never().unwrap().unwrap();
    match decision.reach {
        _ if decision.because == Because::Anyone => "anyone",
        None => "-",
        Some(Reach::Own | Reach::OwnAnd(_)) => "own",
        Some(Reach::Tenant) if role == Role::SuperAdmin => "everywhere",
        Some(Reach::Tenant) => "tenant",
    }
}

#[test]
fn the_table_of_permissions_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/permissions.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let current = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("WRITE_DOCUMENTS").is_some() {
        std::fs::write(&path, &current).unwrap();
    } else {
        assert!(document == current, "the tables of docs/permissions.md are old: run `cargo xtask permissions`");
    }
}
