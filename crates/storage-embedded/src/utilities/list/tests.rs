//! The plans of list queries: a list that scans or sorts is not flat in the size of its tenant.

use std::path::Path;

use domain::name::PrincipalName;
use rusqlite::params_from_iter;

use super::*;
use crate::migration::migrate;

fn plan(connection: &Connection, sql: &str, values: Vec<Value>) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let lines = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
    lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

fn queries() -> Vec<UtilityQuery> {
    let owner = PrincipalName::parse("owner", "tenants/acme/users/ann").unwrap();
    let mut all = Vec::new();
    for order in [UtilityOrder::Id, UtilityOrder::NewestFirst, UtilityOrder::LastChangedFirst] {
        for owner in [None, Some(owner.clone())] {
            for tag in [None, Some("ioc".to_owned())] {
                for id_prefix in [None, Some("ex".to_owned())] {
                    all.push(UtilityQuery { owner: owner.clone(), tag: tag.clone(), id_prefix, order, ..UtilityQuery::default() });
                }
            }
        }
    }
    all
}

#[test]
fn no_list_scans_a_table_or_sorts() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("x")).unwrap();
    let cursor = Cursor { millis: 5, id: "m".to_owned() };
    for query in queries() {
        let parts = match query.order {
            UtilityOrder::Id => vec![Part::Whole, Part::Beyond(&cursor)],
            UtilityOrder::NewestFirst | UtilityOrder::LastChangedFirst => vec![Part::Whole, Part::Ties(&cursor), Part::Earlier(&cursor)],
        };
        let page = PageRequest { size: 10, after: None };
        let list = List::new(TenantId::parse("tenant", "acme").unwrap(), query.clone(), &page).unwrap();
        for part in parts {
            let (sql, values) = list.sql(false, Kind::Script, part, 11);
            let plan = plan(&connection, &sql, values);
            assert!(plan.contains("COVERING INDEX") && !plan.contains("SCAN") && !plan.contains("TEMP"), "{query:?}\n{sql}\n{plan}");
        }
    }
}

#[test]
fn granted_utilities_are_looked_up_by_their_names() {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new("x")).unwrap();
    let (tenant, owner) = (TenantId::parse("tenant", "acme").unwrap(), PrincipalName::parse("owner", "tenants/acme/users/ann").unwrap());
    for query in queries() {
        let (sql, values) = granted::sql(&tenant, &query, time_column(query.order), &["one", "two"], &owner);
        let plan = plan(&connection, &sql, values);
        let by_name = plan.contains("(tenant=? AND id=?)");
        assert!(by_name && !plan.contains("SCAN utilities") && !plan.contains("SCAN utility_tags"), "{query:?}\n{sql}\n{plan}");
    }
}
