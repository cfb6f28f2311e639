//! Renders an outer policy as a Docker seccomp profile.

use serde_json::{Value, json};

use super::rule::{Answer, CallPolicy, Condition, Rule};

/// `ENOSYS` on every Linux architecture that is built here.
const ENOSYS: u32 = 38;
/// The error number of a call that succeeded.
const SUCCESS: u32 = 0;

/// A policy in Docker's format, pretty-printed, with a newline at the end. `deploy/sandbox/seccomp.json` holds exactly what this says of
/// [`OUTER`](super::OUTER), and `deploy/sandbox/seccomp-restore.json` of [`OUTER_FOLLOWING`](super::OUTER_FOLLOWING).
pub fn docker_profile_json(policy: &CallPolicy) -> String {
    let mut syscalls = vec![json!({ "names": policy.allowed_calls(), "action": "SCMP_ACT_ALLOW" })];
    syscalls.extend(policy.rules().map(rendered_rule));
    let pretended: Vec<_> = policy.pretended_calls().collect();
    if !pretended.is_empty() {
        syscalls.push(json!({ "names": pretended, "action": "SCMP_ACT_ERRNO", "errnoRet": SUCCESS }));
    }
    syscalls.push(json!({ "names": policy.absent, "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS }));
    let profile = json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "architectures": ["SCMP_ARCH_X86_64"],
        "syscalls": syscalls,
    });
    format!("{profile:#}\n")
}

fn rendered_rule(rule: &Rule) -> Value {
    let conditions: Vec<Value> = rule.when.iter().map(rendered_condition).collect();
    match rule.answer {
        Answer::Through => json!({ "names": [rule.call], "action": "SCMP_ACT_ALLOW", "args": conditions }),
        Answer::Pretended => json!({ "names": [rule.call], "action": "SCMP_ACT_ERRNO", "errnoRet": SUCCESS, "args": conditions }),
    }
}

/// Always a masked comparison: Docker's plain one looks at 64 bits, and the upper half of an `int` argument is undefined.
fn rendered_condition(condition: &Condition) -> Value {
    json!({
        "index": condition.argument,
        "value": condition.mask,
        "valueTwo": condition.value,
        "op": "SCMP_CMP_MASKED_EQ",
    })
}
