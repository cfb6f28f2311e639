//! Limits of one execution: defaults, maxima and the rule that a request may lower them but never raise them.

use std::time::Duration;

use crate::violation::Violation;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Limits of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory beyond the interpreter's own.
    pub memory: u64,
    /// Time from the hand-over of the program to the kill.
    pub wall: Duration,
    /// Last part of `wall` in which user code sees `KeyboardInterrupt`; zero gives no notice.
    pub grace: Duration,
    /// CPU time; whole seconds are enforced.
    pub cpu: Duration,
    /// Bytes of output that are kept, stdout and stderr together.
    pub output: u64,
    /// What happens beyond `output`.
    pub on_output_limit: OnOutputLimit,
    /// Bytes of JSON in a result.
    pub result: u64,
    /// Bytes of the private `/tmp`.
    pub tmpfs: u64,
    /// Open descriptors.
    pub open_files: u32,
}

/// Limits to change; `None` leaves a limit as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "named like the fields of Limits")]
pub struct LimitsPatch {
    pub memory: Option<u64>,
    pub wall: Option<Duration>,
    pub grace: Option<Duration>,
    pub cpu: Option<Duration>,
    pub output: Option<u64>,
    pub on_output_limit: Option<OnOutputLimit>,
    pub result: Option<u64>,
    pub tmpfs: Option<u64>,
    pub open_files: Option<u32>,
}

/// What happens when a run has printed more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnOutputLimit {
    /// The rest is dropped and counted; the run goes on.
    #[default]
    Drop,
    /// The run is stopped with reason `OUTPUT_LIMIT`.
    Stop,
}

impl Limits {
    /// What holds when a utility asks for nothing.
    pub const DEFAULT: Limits = Limits {
        memory: 256 * MIB,
        wall: Duration::from_secs(10),
        grace: Duration::ZERO,
        cpu: Duration::from_secs(10),
        output: MIB,
        on_output_limit: OnOutputLimit::Drop,
        result: MIB,
        tmpfs: 16 * MIB,
        open_files: 64,
    };

    /// The most that a utility may ask for.
    pub const MAX: Limits = Limits {
        memory: 1024 * MIB,
        wall: Duration::from_secs(300),
        grace: Duration::from_secs(60),
        cpu: Duration::from_secs(300),
        output: 64 * MIB,
        on_output_limit: OnOutputLimit::Drop,
        result: 4 * MIB,
        tmpfs: 64 * MIB,
        open_files: 256,
    };

    /// The least that makes sense; below it nothing could run.
    pub const MIN: Limits = Limits {
        memory: 16 * MIB,
        wall: Duration::from_millis(10),
        grace: Duration::ZERO,
        cpu: Duration::from_secs(1),
        output: 0,
        on_output_limit: OnOutputLimit::Drop,
        result: 64,
        tmpfs: 64 * KIB,
        open_files: 16,
    };

    /// Reads what a person asked for; `field` is the path of the limits message.
    pub fn check(self, field: &str, violations: &mut Vec<Violation>) {
        let mut between = |leaf: &str, value: u128, min: u128, max: u128, unit: &str| {
            if value < min || value > max {
                let text = format!("{value} {unit}; allowed are {min} to {max}");
                violations.push(Violation::new(format!("{field}.{leaf}"), "OUT_OF_RANGE", text));
            }
        };
        let (min, max) = (Self::MIN, Self::MAX);
        between("memory_bytes", self.memory.into(), min.memory.into(), max.memory.into(), "bytes");
        between("timeout", self.wall.as_millis(), min.wall.as_millis(), max.wall.as_millis(), "ms");
        between("grace", self.grace.as_millis(), 0, max.grace.as_millis(), "ms");
        between("cpu_time", self.cpu.as_millis(), min.cpu.as_millis(), max.cpu.as_millis(), "ms");
        between("output_bytes", self.output.into(), min.output.into(), max.output.into(), "bytes");
        between("result_bytes", self.result.into(), min.result.into(), max.result.into(), "bytes");
        between("tmpfs_bytes", self.tmpfs.into(), min.tmpfs.into(), max.tmpfs.into(), "bytes");
        between("open_files", self.open_files.into(), min.open_files.into(), max.open_files.into(), "descriptors");
        if self.grace >= self.wall {
            violations.push(Violation::new(
                format!("{field}.grace"),
                "OUT_OF_RANGE",
                "must be shorter than `timeout`, which it is part of",
            ));
        }
    }

    /// These limits with a wall limit asked for by one execution: it can only lower it.
    #[must_use]
    pub fn with_wall(self, asked: Option<Duration>) -> Self {
        let wall = asked.map_or(self.wall, |asked| asked.clamp(Self::MIN.wall, self.wall));
        let grace = if self.grace < wall { self.grace } else { Duration::ZERO };
        Limits { wall, grace, ..self }
    }
}

impl LimitsPatch {
    /// `limits` with this change.
    #[must_use]
    pub fn apply(self, limits: Limits) -> Limits {
        Limits {
            memory: self.memory.unwrap_or(limits.memory),
            wall: self.wall.unwrap_or(limits.wall),
            grace: self.grace.unwrap_or(limits.grace),
            cpu: self.cpu.unwrap_or(limits.cpu),
            output: self.output.unwrap_or(limits.output),
            on_output_limit: self.on_output_limit.unwrap_or(limits.on_output_limit),
            result: self.result.unwrap_or(limits.result),
            tmpfs: self.tmpfs.unwrap_or(limits.tmpfs),
            open_files: self.open_files.unwrap_or(limits.open_files),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_and_maxima_satisfy_their_own_rules() {
        for limits in [Limits::DEFAULT, Limits::MAX] {
            let mut violations = Vec::new();
            limits.check("limits", &mut violations);
            assert_eq!(violations, Vec::new());
        }
    }

    #[test]
    fn every_violation_is_reported_at_once() {
        let greedy = Limits { memory: u64::MAX, wall: Duration::MAX, open_files: 0, ..Limits::DEFAULT };
        let mut violations = Vec::new();
        greedy.check("utility.limits", &mut violations);
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["utility.limits.memory_bytes", "utility.limits.timeout", "utility.limits.open_files"]);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let patch = LimitsPatch { wall: Some(Duration::from_secs(3)), ..LimitsPatch::default() };
        assert_eq!(patch.apply(Limits::MAX), Limits { wall: Duration::from_secs(3), ..Limits::MAX });
    }

    #[test]
    fn an_execution_lowers_the_wall_limit_but_never_raises_it() {
        let limits = Limits { grace: Duration::from_secs(2), ..Limits::DEFAULT };
        assert_eq!(limits.with_wall(Some(Duration::from_secs(60))).wall, limits.wall);
        let lowered = limits.with_wall(Some(Duration::from_secs(1)));
        assert_eq!((lowered.wall, lowered.grace), (Duration::from_secs(1), Duration::ZERO));
        assert_eq!(limits.with_wall(Some(Duration::ZERO)).wall, Limits::MIN.wall);
    }
}
