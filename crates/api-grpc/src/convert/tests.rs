//! Conversions that are easier to see without a server.

use std::time::Duration;

use api_proto::zona::utility::v1 as pb;
use domain::sandbox::{Limits, LimitsPatch};
use domain::time::Timestamp;
use prost_types::FieldMask;

use super::mask::Mask;
use super::{Violations, limits, time};

fn wire(seconds: i64, nanos: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos })
}

#[test]
fn durations_are_cut_to_milliseconds_and_never_negative() {
    let read = |wire| {
        let mut violations = Violations::default();
        let duration = time::read_duration("field", wire, &mut violations);
        (duration, violations.into_inner().first().map(|violation| violation.reason))
    };
    assert_eq!(read(None), (None, None));
    assert_eq!(read(wire(1, 999_999)), (Some(Duration::from_secs(1)), None));
    assert_eq!(read(wire(0, 1_500_000)), (Some(Duration::from_millis(1)), None));
    assert_eq!(read(wire(-1, 0)), (None, Some("OUT_OF_RANGE")));
    assert_eq!(read(wire(1, -1)), (None, Some("OUT_OF_RANGE")));
    assert_eq!(read(wire(1, i32::MAX)), (None, Some("MALFORMED")));
    assert_eq!(read(wire(i64::MAX, 999_999_999)).1, None);
}

#[test]
fn a_bound_of_time_is_the_first_stored_millisecond_at_or_after_it() {
    let read = |seconds, nanos| {
        let mut violations = Violations::default();
        let time = time::read_bound("field", Some(prost_types::Timestamp { seconds, nanos }), &mut violations);
        assert_eq!(time.is_none(), !violations.into_inner().is_empty());
        time.map(Timestamp::as_millis)
    };
    assert_eq!(read(1, 0), Some(1_000));
    assert_eq!(read(1, 1), Some(1_001));
    assert_eq!(read(1, 1_000_000), Some(1_001));
    // The last second of the year 9999, and the next.
    assert_eq!(read(253_402_300_799, 0), Some(253_402_300_799_000));
    assert_eq!(read(253_402_300_800, 0), None);
    assert_eq!(read(i64::MAX, 0), None);
    assert_eq!(read(-1, 0), None);
    assert_eq!(read(0, -1), None);
    assert_eq!(read(0, 1_000_000_000), None);
}

#[test]
fn limits_that_are_not_set_take_their_defaults_and_come_back_as_they_are() {
    let read = |wire| {
        let mut violations = Violations::default();
        let limits = limits::read("limits", wire, |_| true, &mut violations).apply(Limits::MAX);
        assert_eq!(violations.into_inner(), []);
        limits
    };
    assert_eq!(read(None), Limits::DEFAULT);
    assert_eq!(read(Some(pb::Limits { timeout: wire(0, 0), ..Default::default() })), Limits::DEFAULT);
    for limits in [Limits::DEFAULT, Limits::MAX, Limits { on_output_limit: domain::sandbox::OnOutputLimit::Stop, ..Limits::MIN }] {
        let again = read(Some(limits::to_wire(&limits)));
        // 0 bytes of output cannot be told from an unset field.
        let output = if limits.output == 0 { Limits::DEFAULT.output } else { limits.output };
        assert_eq!(again, Limits { output, ..limits });
    }
}

#[test]
fn only_named_limits_are_read() {
    let broken = pb::Limits { memory_bytes: -1, open_files: 99, ..Default::default() };
    let mut violations = Violations::default();
    let patch = limits::read("limits", Some(broken), |field| field == "open_files", &mut violations);
    assert_eq!(patch, LimitsPatch { open_files: Some(99), ..LimitsPatch::default() });
    assert_eq!(violations.into_inner(), []);
}

#[test]
fn a_mask_names_fields_by_itself_by_their_parent_and_by_star() {
    let mask = |paths: &[&str], utility: &pb::Utility| {
        let mut violations = Violations::default();
        let wire = FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() };
        let mask = Mask::read(Some(wire), utility, &mut violations);
        assert_eq!(violations.into_inner(), []);
        mask
    };
    let empty = pb::Utility::default();
    assert!(mask(&["*"], &empty).names("runtime") && mask(&["*"], &empty).names_limit("grace"));
    assert!(mask(&["limits"], &empty).names_limit("grace") && !mask(&["limits"], &empty).names("runtime"));
    let one = mask(&["limits.grace"], &empty);
    assert!(one.names_limit("grace") && !one.names_limit("timeout") && !one.names("limits"));
    let limits = Some(pb::Limits { open_files: 7, ..Default::default() });
    let implied = mask(&[], &pb::Utility { limits, code: "x".to_owned(), ..Default::default() });
    assert!(implied.names("code") && implied.names_limit("open_files"));
    assert!(!implied.names_limit("timeout") && !implied.names("tags") && !implied.names("store_values"));
}
