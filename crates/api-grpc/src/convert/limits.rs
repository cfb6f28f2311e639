//! Limits of executions. A field that is 0 or not set takes its default; ranges are the domain's.

use std::time::Duration;

use api_proto::zona::utility::v1 as pb;
use domain::sandbox::{Limits, LimitsPatch, OnOutputLimit};

use crate::convert::{Violations, WireViolations as _, size, time};

/// Paths of the fields below `limits`.
pub(crate) const FIELDS: [&str; 9] =
    ["memory_bytes", "timeout", "grace", "cpu_time", "output_bytes", "result_bytes", "tmpfs_bytes", "open_files", "on_output_limit"];

/// Reads the fields that `named` names; `path` is where the limits stand in the request.
pub(crate) fn read(path: &str, wire: Option<pb::Limits>, named: impl Fn(&str) -> bool, violations: &mut Violations) -> LimitsPatch {
    let wire = wire.unwrap_or_default();
    let defaults = Limits::DEFAULT;
    let mut reader = Reader { path, violations };
    LimitsPatch {
        memory: named("memory_bytes").then(|| reader.bytes("memory_bytes", wire.memory_bytes, defaults.memory)),
        wall: named("timeout").then(|| reader.duration("timeout", wire.timeout, defaults.wall)),
        grace: named("grace").then(|| reader.duration("grace", wire.grace, defaults.grace)),
        cpu: named("cpu_time").then(|| reader.duration("cpu_time", wire.cpu_time, defaults.cpu)),
        output: named("output_bytes").then(|| reader.bytes("output_bytes", wire.output_bytes, defaults.output)),
        on_output_limit: named("on_output_limit").then(|| {
            let action = read_action(&reader.at("on_output_limit"), wire.on_output_limit, reader.violations);
            action.unwrap_or(defaults.on_output_limit)
        }),
        result: named("result_bytes").then(|| reader.bytes("result_bytes", wire.result_bytes, defaults.result)),
        tmpfs: named("tmpfs_bytes").then(|| reader.bytes("tmpfs_bytes", wire.tmpfs_bytes, defaults.tmpfs)),
        open_files: named("open_files").then(|| {
            let files = reader.bytes("open_files", wire.open_files.into(), defaults.open_files.into());
            u32::try_from(files).expect("a positive i32, or the default")
        }),
    }
}

/// Which fields are not empty: what an update without a mask names.
pub(crate) fn non_empty(wire: &pb::Limits) -> impl Iterator<Item = &'static str> {
    let set = [
        wire.memory_bytes != 0,
        wire.timeout.is_some(),
        wire.grace.is_some(),
        wire.cpu_time.is_some(),
        wire.output_bytes != 0,
        wire.result_bytes != 0,
        wire.tmpfs_bytes != 0,
        wire.open_files != 0,
        wire.on_output_limit != 0,
    ];
    FIELDS.into_iter().zip(set).filter_map(|(field, set)| set.then_some(field))
}

/// Limits as they are answered: every field holds the value in force.
pub(crate) fn to_wire(limits: &Limits) -> pb::Limits {
    let action = match limits.on_output_limit {
        OnOutputLimit::Drop => pb::OutputLimitAction::Drop,
        OnOutputLimit::Stop => pb::OutputLimitAction::Stop,
    };
    pb::Limits {
        memory_bytes: size(limits.memory),
        timeout: Some(time::duration(limits.wall)),
        grace: Some(time::duration(limits.grace)),
        cpu_time: Some(time::duration(limits.cpu)),
        output_bytes: size(limits.output),
        result_bytes: size(limits.result),
        tmpfs_bytes: size(limits.tmpfs),
        open_files: crate::convert::count(limits.open_files),
        on_output_limit: action.into(),
    }
}

/// Reads what happens beyond the output limit; unspecified is `None`.
pub(crate) fn read_action(field: &str, number: i32, violations: &mut Violations) -> Option<OnOutputLimit> {
    match violations.known::<pb::OutputLimitAction>(field, number) {
        pb::OutputLimitAction::Unspecified => None,
        pb::OutputLimitAction::Drop => Some(OnOutputLimit::Drop),
        pb::OutputLimitAction::Stop => Some(OnOutputLimit::Stop),
    }
}

struct Reader<'a> {
    path: &'a str,
    violations: &'a mut Violations,
}

impl Reader<'_> {
    fn at(&self, field: &str) -> String {
        format!("{}.{field}", self.path)
    }

    fn bytes(&mut self, field: &str, number: i64, default: u64) -> u64 {
        match u64::try_from(number) {
            Ok(0) => default,
            Ok(number) => number,
            Err(_) => {
                let field = self.at(field);
                self.violations.push(field, "OUT_OF_RANGE", "must not be negative");
                default
            }
        }
    }

    fn duration(&mut self, field: &str, wire: Option<prost_types::Duration>, default: Duration) -> Duration {
        let is_set = |duration: &prost_types::Duration| (duration.seconds, duration.nanos) != (0, 0);
        time::read_duration(&self.at(field), wire.filter(is_set), self.violations).unwrap_or(default)
    }
}
