//! The plans of list queries: a list that scans or sorts is not flat in the number of executions.

use std::path::Path;

use domain::name::{PrincipalName, UtilityId};
use domain::time::Timestamp;
use rusqlite::params_from_iter;

use super::*;
use crate::migration::migrate;

fn queries() -> Vec<ExecutionQuery> {
    let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(50));
    let utility = UtilityId::parse("id", "a").unwrap();
    let caller = PrincipalName::parse("caller", "tenants/acme/users/ann").unwrap();
    let mut all = Vec::new();
    for utility in [None, Some(utility)] {
        for caller in [None, Some(caller.clone())] {
            for (created_from, created_before) in [(None, None), (Some(early), None), (Some(early), Some(late)), (None, Some(late))] {
                for oldest_first in [false, true] {
                    let (utility, caller, states) = (utility.clone(), caller.clone(), Vec::new());
                    all.push(ExecutionQuery { utility, states, created_from, created_before, caller, oldest_first });
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
    for query in queries() {
        for millis in [None, Some(1), Some(7), Some(90)] {
            let after = millis.map(|millis| Cursor { millis, id: "x".to_owned() }.encode(order_name(query.oldest_first)));
            let list = List::new(TenantId::parse("tenant", "acme").unwrap(), query.clone(), &PageRequest { size: 10, after }).unwrap();
            for state in State::ALL {
                let (sql, values) = list.sql(state);
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let lines = statement.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
                let plan: Vec<String> = lines.map(Result::unwrap).collect();
                let plan = plan.join("; ");
                assert!(plan.contains("COVERING INDEX") && !plan.contains("SCAN") && !plan.contains("TEMP"), "{sql}\n{plan}");
            }
        }
    }
}
