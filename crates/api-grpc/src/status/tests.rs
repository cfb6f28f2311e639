//! The mapper by itself: kinds that no test through a server can bring about, and bounds of what is sent.

use std::time::Duration;

use super::*;

fn shown(error: &Error) -> (Code, String, ErrorDetails) {
    let status = from_error(error, "build-7");
    (status.code(), status.message().to_owned(), status.get_error_details())
}

#[test]
fn an_internal_error_shows_the_request_and_nothing_of_its_cause() {
    let error = Error::internal("reading the ledger", "password=hunter2");
    let (code, message, details) = shown(&error);
    assert_eq!((code, message.as_str()), (Code::Internal, INTERNAL_TEXT));
    assert_eq!(details.request_info().unwrap().request_id, "build-7");
    assert_eq!(details.error_info().unwrap().reason, "INTERNAL");
    let status = from_error(&error, "build-7");
    let bytes = String::from_utf8_lossy(status.details()).into_owned();
    assert!(!bytes.contains("hunter2") && !bytes.contains("ledger"), "{bytes}");
    assert_eq!(causes(&error), "password=hunter2", "the log has it");
}

#[test]
fn an_unavailable_dependency_says_when_to_come_back_and_not_why() {
    let error = Error::Unavailable { dependency: "store", retry_after: Duration::from_secs(3), source: Some("disk on fire".into()) };
    let (code, message, details) = shown(&error);
    assert_eq!((code, message.as_str()), (Code::Unavailable, "store is unavailable"));
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(3)));
    assert_eq!(details.error_info().unwrap().metadata.get("dependency").unwrap(), "store");
}

#[test]
fn a_server_that_stops_is_unavailable_for_a_second() {
    let error = Error::stopping();
    assert!(error.is_of_a_stop() && !Error::Unavailable { dependency: "store", retry_after: Duration::ZERO, source: None }.is_of_a_stop());
    let (code, message, details) = shown(&error);
    assert_eq!((code, message.as_str()), (Code::Unavailable, "server is unavailable"));
    assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
}

#[test]
fn unauthenticated_and_out_of_range_have_codes_of_their_own() {
    assert_eq!(shown(&Error::Unauthenticated).0, Code::Unauthenticated);
    let pruned = Error::OutOfRange { reason: "EVENTS_PRUNED", description: "event 3 is gone".to_owned() };
    let (code, message, details) = shown(&pruned);
    assert_eq!((code, message.as_str()), (Code::OutOfRange, "event 3 is gone"));
    assert_eq!(details.error_info().unwrap().reason, "EVENTS_PRUNED");
}

#[test]
fn the_largest_status_fits_a_header() {
    let long = "\u{1f40d}".repeat(10_000);
    let violation = || Violation::new(long.clone(), "TOO_LONG", long.clone());
    let errors = [
        Error::Invalid((0..1_000).map(|_| violation()).collect()),
        Error::NotFound { resource: long.clone() },
        Error::Denied { action: "utility.get", resource: long.clone() },
        Error::Precondition { reason: "SOME", subject: long.clone(), description: long.clone() },
        Error::Exhausted { reason: "SOME", subject: long.clone(), description: long.clone(), retry_after: Duration::MAX },
    ];
    for error in errors {
        let status = from_error(&error, "build-7");
        let mut headers = http::HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        assert!(bytes <= 8 * 1024, "{bytes} bytes for {}", error.reason());
    }
}
