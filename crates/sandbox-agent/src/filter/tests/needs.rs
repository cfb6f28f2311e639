//! Every call that a child may make, and every rule that looks at arguments, is needed: programs that use the standard library run
//! under the filters and make it, or it stands here with whoever does.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

use super::*;

const TRACER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/filter/tests/needs/trace.py");
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/filter/tests/needs/programs.py");

/// Calls that no program here makes, and who makes them.
const NEEDED_ELSEWHERE: &[(&str, &str)] = &[
    ("faccessat", "os.access(dir_fd=), with glibc before 2.33"),
    ("fchmodat2", "os.chmod(follow_symlinks=False), with glibc 2.39 and newer"),
    ("fstat", "os.fstat, with other versions of glibc than 2.33 to 2.38"),
    ("gettimeofday", "time of day, where the machine's clock cannot be read without a call"),
    ("lstat", "os.lstat, with glibc before 2.33"),
    ("preadv", "os.preadv, where Python was built with glibc before 2.26"),
    ("prctl", "names of threads, with Python 3.14 and newer"),
    ("pwritev", "as preadv"),
    ("restart_syscall", "the kernel, when a stopped program goes on"),
    ("select", "select.select, with other versions of glibc"),
    ("stat", "as lstat"),
    ("statx", "metadata of files, in extension modules written in Rust"),
];

/// Rules that no program here meets: call, the value that is compared, and who meets it.
const RULES_ELSEWHERE: &[(&str, u32, &str)] = &[
    ("futex", 0, "joining a thread, with glibc before 2.34"),
    ("futex", 128, "two threads that meet at a lock of the C library"),
    ("madvise", 102, "stacks of threads, with glibc 2.42 and newer"),
    ("prctl", 15, "as prctl"),
    ("prctl", 16, "as prctl"),
];

/// A call, with its arguments where they matter.
type Made = Vec<u64>;

/// What the policy's programs call under its filter.
fn traced(policy: &CallPolicy) -> Vec<Made> {
    let filter: String = bytes(&program(policy).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
    let arguments: BTreeSet<_> = policy.rules().filter_map(|rule| numbers::of(rule.call)).collect();
    let mut tracer = Command::new("python3");
    let mut tracer = tracer
        .args([TRACER, PROGRAMS, policy.name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let settings = json!({ "filter": filter, "arguments": arguments }).to_string();
    tracer.stdin.take().unwrap().write_all(settings.as_bytes()).unwrap();
    let output = tracer.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", policy.name, String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn meets(rule: &Rule, made: &Made) -> bool {
    let Some((number, [a, b, c, d, e, f])) = made.split_first() else { return false };
    numbers::of(rule.call) == Some(*number as i64) && rule.when.iter().all(|condition| condition.holds(&[*a, *b, *c, *d, *e, *f]))
}

#[test]
fn no_call_is_let_through_that_no_program_makes() {
    let mut unused = Vec::new();
    let mut missed: BTreeSet<&str> = NEEDED_ELSEWHERE.iter().map(|(call, _)| *call).collect();
    let mut all = Vec::new();
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK] {
        let made = traced(policy);
        let listed: BTreeSet<_> = policy.allowed_calls().into_iter().chain(policy.pretended_calls()).collect();
        let rules = policy.rules().map(|rule| rule.call);
        for call in listed.into_iter().chain(rules.collect::<BTreeSet<_>>()) {
            let makes = |made: &Made| numbers::of(call) == Some(made[0] as i64);
            let elsewhere = NEEDED_ELSEWHERE.iter().any(|(name, _)| *name == call);
            // Files are not opened for writing there: what the programs of the other policy call is enough.
            let known = policy.name == CHILD_LANDLOCK.name && all.iter().any(makes);
            if made.iter().any(makes) {
                missed.remove(call);
            } else if !elsewhere && !known {
                unused.push(format!("{}: {call}", policy.name));
            }
        }
        all.extend(made);
    }
    assert!(unused.is_empty(), "{unused:#?}");
    assert!(missed.len() == NEEDED_ELSEWHERE.len(), "programs make some of those that stand there as made elsewhere: {missed:?}");
    let needless = |rule: &&Rule| {
        let elsewhere = |(call, value, _): &(&str, u32, &str)| *call == rule.call && rule.when.iter().any(|when| when.value == *value);
        !RULES_ELSEWHERE.iter().any(elsewhere) && !all.iter().any(|made| meets(rule, made))
    };
    let needless: Vec<_> = CHILD_STRICT.rules().chain(CHILD_PROCESSES.rules()).filter(needless).collect();
    assert!(needless.is_empty(), "nobody needs {needless:#?}");
}
