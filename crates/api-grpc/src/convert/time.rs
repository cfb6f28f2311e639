//! Times and durations. Ours are milliseconds; what a caller writes more precisely is cut to them.

use std::time::Duration;

use domain::time::Timestamp;

use crate::convert::Violations;

const NANOS_PER_SECOND: i32 = 1_000_000_000;
const NANOS_PER_MILLI: u64 = 1_000_000;
/// The last second that the contract's times have: that of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// A time as it is answered.
pub(crate) fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let millis = time.as_millis();
    let nanos = (millis % 1_000) * NANOS_PER_MILLI;
    prost_types::Timestamp { seconds: crate::convert::size(millis / 1_000), nanos: crate::convert::count(nanos) }
}

/// A duration as it is answered.
pub(crate) fn duration(duration: Duration) -> prost_types::Duration {
    prost_types::Duration { seconds: crate::convert::size(duration.as_secs()), nanos: crate::convert::count(duration.subsec_nanos()) }
}

/// A duration in microseconds as it is answered.
pub(crate) fn micros(micros: u64) -> prost_types::Duration {
    duration(Duration::from_micros(micros))
}

/// Reads a duration; a negative or malformed one is a violation.
pub(crate) fn read_duration(field: &str, wire: Option<prost_types::Duration>, violations: &mut Violations) -> Option<Duration> {
    let wire = wire?;
    if wire.seconds < 0 || wire.nanos < 0 {
        violations.push(field, "OUT_OF_RANGE", "must not be negative");
        return None;
    }
    if wire.nanos >= NANOS_PER_SECOND {
        violations.push(field, "MALFORMED", format!("{} nanoseconds; at most 999999999 are allowed beside the seconds", wire.nanos));
        return None;
    }
    let millis = u64::from(wire.nanos.unsigned_abs()) / NANOS_PER_MILLI;
    Some(Duration::from_secs(wire.seconds.unsigned_abs()) + Duration::from_millis(millis))
}

/// Reads the bound of a range of times: the first stored millisecond at or after it.
pub(crate) fn read_bound(field: &str, wire: Option<prost_types::Timestamp>, violations: &mut Violations) -> Option<Timestamp> {
    let wire = wire?;
    let nanos = u64::try_from(wire.nanos).ok().filter(|_| wire.nanos < NANOS_PER_SECOND);
    let seconds = u64::try_from(wire.seconds).ok().filter(|seconds| *seconds <= LAST_SECOND);
    let (Some(seconds), Some(nanos)) = (seconds, nanos) else {
        violations.push(field, "OUT_OF_RANGE", "must be a valid time of the years 1970 to 9999");
        return None;
    };
    Some(Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_add(nanos.div_ceil(NANOS_PER_MILLI))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_the_contract_does_not_have_are_refused() {
        for (seconds, nanos, read) in [
            (0, 0, Some(0)),
            (5, 1, Some(5_001)),
            (253_402_300_799, 0, Some(253_402_300_799_000)),
            (253_402_300_800, 0, None),
            (i64::MAX, 0, None),
            (-1, 0, None),
            (1, -1, None),
            (1, NANOS_PER_SECOND, None),
        ] {
            let mut violations = Violations::default();
            let bound = read_bound("expire_time", Some(prost_types::Timestamp { seconds, nanos }), &mut violations);
            assert_eq!(bound.map(Timestamp::as_millis), read, "{seconds} s");
            assert_eq!(violations.into_inner().is_empty(), read.is_some(), "{seconds} s");
        }
    }
}
