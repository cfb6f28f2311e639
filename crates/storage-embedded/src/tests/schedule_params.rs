//! Schedules on disk: parameters are sealed for their place, and one that cannot be read hides no other.

use domain::ErrorKind;
use domain::page::PageRequest;
use domain::request::Committed;
use domain::schedule::{Program, Schedule, ScheduleQuery, ScheduleRepository};
use rusqlite::Connection;
use test_support::sample::{at, scope};
use test_support::schedule_repository::{creation, id, schedule};

use super::Scratch;
use super::personal::holds;
use crate::error::during;

const CANARY: &str = "correct horse battery staple";

async fn stored(names: &[&str]) -> Scratch {
    let store = Scratch::new();
    for name in names {
        let one = schedule("acme", name);
        let program = Program { params_json: format!("{{\"text\": \"{CANARY}\"}}"), ..one.program.clone() };
        let made = creation(&Schedule { program, ..one });
        assert_eq!(ScheduleRepository::commit(&*store, &scope("acme"), made).await.unwrap(), Committed::Stored);
    }
    store
}

async fn run(store: &Scratch, sql: &'static str) {
    store.write(move |connection: &Connection| connection.execute_batch(sql).map_err(during("testing"))).await.unwrap();
}

async fn found(store: &Scratch, name: &str) -> Result<Option<String>, ErrorKind> {
    let found = ScheduleRepository::find(&**store, &scope("acme"), &id(name)).await.map_err(|error| error.kind())?;
    Ok(found.open_for_system().map(|schedule| schedule.program.params_json))
}

#[tokio::test]
async fn parameters_of_a_schedule_are_in_no_file_and_open_in_their_own_row_only() {
    let store = stored(&["a", "b"]).await;
    assert!(!holds(store.directory.path(), CANARY));
    assert!(found(&store, "a").await.unwrap().is_some_and(|params| params.contains(CANARY)));
    run(&store, "UPDATE schedules SET params = (SELECT params FROM schedules WHERE id = 'a') WHERE id = 'b'").await;
    assert_eq!(found(&store, "b").await, Err(ErrorKind::Internal));
    assert!(found(&store, "a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_schedule_that_cannot_be_read_hides_no_other_and_is_due_still() {
    let store = stored(&["a", "b", "c"]).await;
    run(&store, "UPDATE schedules SET document = 'none' WHERE id = 'a'").await;
    let page = PageRequest { size: 2, after: None };
    let listed = ScheduleRepository::list(&*store, &scope("acme"), &ScheduleQuery::default(), &page).await.unwrap();
    let listed = listed.open_for_system().unwrap();
    assert_eq!(listed.items.iter().map(|schedule| schedule.name.schedule.as_str()).collect::<Vec<_>>(), ["b"]);
    assert!(listed.next.is_some());
    let due = store.due(at(5_000), None, 10).await.unwrap();
    assert_eq!(due.len(), 3);
    assert_eq!(found(&store, "a").await, Err(ErrorKind::Internal));
}

#[tokio::test]
async fn a_schedule_whose_name_is_none_keeps_no_other_from_being_due() {
    let store = stored(&["a", "b", "c"]).await;
    run(&store, "UPDATE schedules SET id = 'A ' || id WHERE id IN ('a', 'b')").await;
    for limit in [1, 2, 10] {
        let due = store.due(at(5_000), None, limit).await.unwrap();
        assert_eq!(due.iter().map(|due| due.name.schedule.as_str()).collect::<Vec<_>>(), ["c"], "{limit}");
    }
}
