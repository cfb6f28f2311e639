//! Names of types, and which of them somebody wants.

use super::selection::MAX_SELECTED;
use super::{EventKind, EventSelection};
use crate::violation::Violations;

fn read(names: &[&str]) -> Result<EventSelection, Vec<(String, &'static str)>> {
    let mut violations = Violations::default();
    let selection = EventSelection::read("types", names.iter().map(ToString::to_string).collect(), &mut violations);
    let found = violations.into_inner();
    if found.is_empty() { Ok(selection) } else { Err(found.into_iter().map(|violation| (violation.field, violation.reason)).collect()) }
}

fn held(names: &[&str]) -> usize {
    let selection = read(names).unwrap();
    EventKind::ALL.into_iter().filter(|kind| selection.holds(*kind)).count()
}

#[test]
fn every_type_is_found_by_its_own_name_and_no_two_share_one() {
    for kind in EventKind::ALL {
        assert_eq!((EventKind::parse(kind.as_str()), held(&[kind.as_str()])), (Some(kind), 1));
    }
}

#[test]
fn the_beginning_of_a_name_up_to_a_dot_stands_for_all_that_begin_so() {
    assert_eq!(held(&[]), EventKind::ALL.len());
    assert_eq!(held(&["dev.zona"]), EventKind::ALL.len());
    assert_eq!(held(&["dev.zona.utility", "dev.zona.utility.created"]), 5);
    assert_eq!(held(&["dev.zona.access", "dev.zona.principal.disabled"]), 3);
}

#[test]
fn what_cannot_be_read_is_told_to_everybody_and_named_by_nobody() {
    assert!(read(&["dev.zona.access"]).unwrap().holds(EventKind::Unreadable));
    assert_eq!(EventKind::parse(EventKind::Unreadable.as_str()), Some(EventKind::Unreadable), "webhooks keep copies of it");
    assert!(read(&[EventKind::Unreadable.as_str()]).is_err());
}

#[test]
fn what_begins_no_type_is_refused_with_its_place() {
    let unknown = |index: usize| (format!("types[{index}]"), "UNKNOWN_EVENT_TYPE");
    let refused = read(&["dev.zona.util", "dev.zona.utility.", "", "dev.zona.utility", "x"]).unwrap_err();
    assert_eq!(refused, [unknown(0), unknown(1), unknown(2), unknown(4)]);
    assert_eq!(read(&["x"; MAX_SELECTED + 1]).unwrap_err(), [("types".to_owned(), "TOO_LONG")]);
}
