//! The promised speeds, once: SPECIFICATION.md lists them in words, a run judges them.

use serde_json::{Value, json};

/// One promised speed.
#[derive(Debug)]
pub struct Promise {
    /// What is promised.
    pub what: &'static str,
    /// What must hold.
    pub goal: Bound,
    /// What would be better than anybody else.
    pub stretch: Bound,
    /// Unit of all its figures.
    pub unit: &'static str,
}

/// A limit for a figure.
#[derive(Debug, Clone, Copy)]
pub enum Bound {
    /// It may not be higher.
    AtMost(f64),
    /// It may not be lower.
    AtLeast(f64),
}

use Bound::{AtLeast, AtMost};

pub static T1_P50: Promise =
    Promise { what: "T1, code handed over -> result, p50 at 200/s", goal: AtMost(1.0), stretch: AtMost(0.25), unit: "ms" };
pub static T1_P95: Promise =
    Promise { what: "T1, code handed over -> result, p95 at 200/s", goal: AtMost(4.0), stretch: AtMost(1.0), unit: "ms" };
pub static T1_RATIO: Promise =
    Promise { what: "T1, times faster than a bare interpreter", goal: AtLeast(15.0), stretch: AtLeast(60.0), unit: "times" };
pub static T1_RATE: Promise = Promise { what: "T1 sustained", goal: AtLeast(400.0), stretch: AtLeast(600.0), unit: "/s" };
pub static TRANSFORM_P50: Promise = Promise { what: "Transform RPC end to end, p50", goal: AtMost(3.0), stretch: AtMost(1.5), unit: "ms" };
pub static TRANSFORM_RATE: Promise =
    Promise { what: "Transform RPC end to end, sustained", goal: AtLeast(300.0), stretch: AtLeast(450.0), unit: "/s" };
pub static TRANSFORM_VALUE: Promise =
    Promise { what: "Transform, a value of 1,000 in one call", goal: AtMost(20.0), stretch: AtMost(5.0), unit: "µs" };
pub static GET_SHARE: Promise =
    Promise { what: "GetUtility, share of a bare tonic echo's throughput", goal: AtLeast(50.0), stretch: AtLeast(70.0), unit: "%" };
pub static GATEWAY_SHARE: Promise =
    Promise { what: "GetUtility in JSON over HTTP, share of gRPC's throughput", goal: AtLeast(60.0), stretch: AtLeast(80.0), unit: "%" };
pub static GATEWAY_ADDED: Promise =
    Promise { what: "GetUtility in JSON over HTTP, p50 beyond gRPC's", goal: AtMost(0.3), stretch: AtMost(0.1), unit: "ms" };
pub static GET_FIRST_SHARE: Promise = Promise {
    what: "GetUtility from memory of a shared cache, share of a bare tonic echo",
    goal: AtLeast(50.0),
    stretch: AtLeast(70.0),
    unit: "%",
};
pub static GET_SECOND_SHARE: Promise =
    Promise { what: "GetUtility from Redis, share of a bare tonic echo", goal: AtLeast(15.0), stretch: AtLeast(25.0), unit: "%" };
pub static FIRST_OUTPUT: Promise =
    Promise { what: "first output byte written -> client has it, p95", goal: AtMost(20.0), stretch: AtMost(5.0), unit: "ms" };
pub static KILL: Promise = Promise { what: "deadline -> whole tree gone, p95", goal: AtMost(250.0), stretch: AtMost(50.0), unit: "ms" };
pub static T2_P50: Promise = Promise { what: "T2 hand-over -> result, p50", goal: AtMost(2.0), stretch: AtMost(1.0), unit: "ms" };
pub static T2_RATE: Promise = Promise { what: "T2 sustained", goal: AtLeast(7.0), stretch: AtLeast(9.0), unit: "/s" };
pub static T3_P50: Promise = Promise { what: "T3 request -> result, p50", goal: AtMost(130.0), stretch: AtMost(100.0), unit: "ms" };
pub static T3_RATE: Promise = Promise { what: "T3 sustained", goal: AtLeast(10.0), stretch: AtLeast(12.0), unit: "/s" };
pub static T2_OURS: Promise =
    Promise { what: "T2 on docker without the daemon's calls, p50", goal: AtMost(20.0), stretch: AtMost(2.0), unit: "ms" };
pub static T3_OURS: Promise =
    Promise { what: "T3 on docker without the daemon's calls, p50", goal: AtMost(20.0), stretch: AtMost(10.0), unit: "ms" };
pub static PREPARED: Promise =
    Promise { what: "preparing a child to be put back, processor time beyond a fork", goal: AtMost(1.0), stretch: AtMost(0.5), unit: "ms" };
pub static MEMORY: Promise =
    Promise { what: "memory per bound tenant with its ready children", goal: AtMost(25.0), stretch: AtMost(18.0), unit: "MiB" };
pub static FAIRNESS: Promise =
    Promise { what: "others' p95 beside one tenant at 50 times its load, growth", goal: AtMost(20.0), stretch: AtMost(5.0), unit: "%" };
pub static VALIDATE: Promise = Promise { what: "code check, per 1,000 lines", goal: AtMost(1.0), stretch: AtMost(0.6), unit: "ms" };
pub static VALIDATE_WORST: Promise =
    Promise { what: "code check, worst hostile input of 256 KiB", goal: AtMost(50.0), stretch: AtMost(25.0), unit: "ms" };
pub static RECORDED_GET: Promise = Promise {
    what: "GetUtility, signed in and recorded, share of the throughput before",
    goal: AtLeast(85.0),
    stretch: AtLeast(95.0),
    unit: "%",
};
pub static RECORDED_TRANSFORM: Promise =
    Promise { what: "Transform, signed in and recorded, p50 beyond that before", goal: AtMost(0.3), stretch: AtMost(0.1), unit: "ms" };
pub static SIGN_IN_GROWTH: Promise =
    Promise { what: "Transform's p95 beside 100 sign-ins at once, growth", goal: AtMost(25.0), stretch: AtMost(10.0), unit: "%" };
pub static VERIFY_MILLION: Promise =
    Promise { what: "an export of 1 million audit records, verified offline", goal: AtMost(10.0), stretch: AtMost(4.0), unit: "s" };
pub static INCLUSION_PROOF: Promise =
    Promise { what: "an inclusion proof over 1 million audit records, p95", goal: AtMost(5.0), stretch: AtMost(2.0), unit: "ms" };
pub static LIST: Promise =
    Promise { what: "a list page of 100, p95 in the larger tenant", goal: AtMost(20.0), stretch: AtMost(5.0), unit: "ms" };
pub static LIST_MILLION: Promise = Promise {
    what: "a list page of 100, p95 among 1 million utilities of 100 tenants",
    goal: AtMost(20.0),
    stretch: AtMost(5.0),
    unit: "ms",
};

// === impl Promise ===

impl Promise {
    /// `met`, `met (stretch)` or `missed`.
    pub fn verdict(&self, measured: f64) -> &'static str {
        match (self.stretch.holds(measured), self.goal.holds(measured)) {
            (true, _) => "met (stretch)",
            (false, true) => "met",
            (false, false) => "missed",
        }
    }

    /// The promise with what was measured.
    pub fn json(&self, measured: f64) -> Value {
        json!({
            "what": self.what,
            "unit": self.unit,
            "goal": self.goal.describe(self.unit),
            "stretch": self.stretch.describe(self.unit),
            "measured": (measured * 1e4).round() / 1e4,
            "verdict": self.verdict(measured),
        })
    }
}

// === impl Bound ===

impl Bound {
    /// Never true for NaN: what was not measured is not met.
    fn holds(self, measured: f64) -> bool {
        match self {
            AtMost(limit) => measured <= limit,
            AtLeast(limit) => measured >= limit,
        }
    }

    /// The bound in words.
    pub fn describe(self, unit: &str) -> String {
        match self {
            AtMost(limit) => format!("<= {limit} {unit}"),
            AtLeast(limit) => format!(">= {limit} {unit}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_judged_against_goal_and_stretch() {
        assert_eq!([0.2, 0.9, 1.1, f64::NAN].map(|measured| T1_P50.verdict(measured)), ["met (stretch)", "met", "missed", "missed"]);
        assert_eq!([700.0, 400.0, 399.9].map(|measured| T1_RATE.verdict(measured)), ["met (stretch)", "met", "missed"]);
    }
}
