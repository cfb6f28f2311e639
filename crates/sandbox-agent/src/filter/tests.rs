//! The compiled programs, run by a small interpreter of the kernel's filter language, and held against a general compiler's.

use sandbox_protocol::policy::{CHILD_LANDLOCK, CHILD_PROCESSES, CHILD_STRICT, OUTER, OUTER_LANDLOCK, Policy};
use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};

use super::*;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const EPERM: u32 = ANSWER_ERRNO | libc::EPERM as u32;
const ENOSYS: u32 = ANSWER_ERRNO | libc::ENOSYS as u32;

/// Longest program: a list of the same policies has 872 instructions and more.
const SHORT: usize = 400;

/// What the kernel would do with one call.
fn verdict(policy: &Policy, architecture: u32, number: i64, arguments: &[u64]) -> u32 {
    run(&program(policy).expect("the policy compiles"), architecture, number, arguments)
}

/// `data` is laid out as `seccomp_data`.
fn run(program: &[Instruction], architecture: u32, number: i64, arguments: &[u64]) -> u32 {
    let mut data = vec![number as u32, architecture, 0, 0];
    data.extend(arguments.iter().flat_map(|value| [*value as u32, (*value >> 32) as u32]));
    data.resize(16, 0);
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let step = program[at];
        at += 1;
        let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
        match step.code {
            LOAD_WORD => accumulator = data[step.k as usize / 4],
            JUMP_IF_EQUAL => at += jump(accumulator == step.k),
            JUMP_IF_AT_LEAST => at += jump(accumulator >= step.k),
            JUMP => at += step.k as usize,
            MASK => accumulator &= step.k,
            RETURN => return step.k,
            other => panic!("unexpected instruction {other:#x}"),
        }
    }
}

fn check(policy: &Policy, number: i64, arguments: &[u64], expected: u32) {
    let found = verdict(policy, X86_64, number, arguments);
    assert_eq!(found, expected, "{}: call {number} {arguments:x?}: {found:#x}", policy.name);
}

#[test]
fn every_policy_compiles_to_a_short_program() {
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK, &OUTER, &OUTER_LANDLOCK] {
        let length = program(policy).expect("the policy compiles").len();
        assert!(length <= SHORT, "{}: {length} instructions", policy.name);
    }
}

/// The same policy as a plain list, by somebody else's compiler; it knows no absent calls.
fn reference(policy: &Policy) -> Vec<Instruction> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in policy.allowed_calls() {
        rules.insert(numbers::of(call).unwrap(), Vec::new());
    }
    for rule in policy.rules() {
        let condition = |condition: &Condition| {
            let compare = SeccompCmpOp::MaskedEq(condition.mask.into());
            SeccompCondition::new(condition.argument, SeccompCmpArgLen::Dword, compare, condition.value.into()).unwrap()
        };
        let conditions = rule.when.iter().map(condition).collect();
        rules.entry(numbers::of(rule.call).unwrap()).or_default().push(SeccompRule::new(conditions).unwrap());
    }
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, TargetArch::x86_64).unwrap();
    let steps = BpfProgram::try_from(filter).unwrap();
    steps.iter().map(|step| instruction(step.code, step.jt, step.jf, step.k)).collect()
}

#[test]
fn the_search_decides_every_call_as_a_plain_list_does() {
    const NUMBERS: i64 = 600;
    let arguments = |rule: &Rule| {
        let mut arguments = [0_u64; 6];
        for condition in rule.when {
            arguments[usize::from(condition.argument)] = condition.value.into();
        }
        arguments
    };
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK, &OUTER, &OUTER_LANDLOCK] {
        let (search, list) = (program(policy).unwrap(), reference(policy));
        let mut cases = vec![[0; 6], [u64::MAX; 6], [1; 6], [0x7e02_0011; 6]];
        cases.extend(policy.rules().map(arguments));
        let absent: Vec<_> = policy.absent.iter().filter_map(|call| numbers::of(call)).collect();
        for number in (0..NUMBERS).filter(|number| !absent.contains(number)) {
            for case in &cases {
                let [found, expected] = [&search, &list].map(|program| run(program, X86_64, number, case));
                assert_eq!(found, expected, "{}: call {number} {case:x?}", policy.name);
            }
        }
    }
}

#[test]
fn listed_calls_pass_and_unlisted_calls_answer_eperm() {
    check(&CHILD_STRICT, libc::SYS_read, &[], ALLOW);
    check(&CHILD_STRICT, libc::SYS_exit_group, &[], ALLOW);
    check(&CHILD_STRICT, libc::SYS_ptrace, &[], EPERM);
    check(&CHILD_STRICT, libc::SYS_clone, &[0x003d_0f00], EPERM);
    check(&CHILD_STRICT, 9999, &[], EPERM);
}

#[test]
fn calls_of_foreign_abis_kill_the_process() {
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK, &OUTER, &OUTER_LANDLOCK] {
        assert_eq!(verdict(policy, I386, 3, &[]), KILL_PROCESS);
        assert_eq!(verdict(policy, X86_64, i64::from(X32_BIT), &[]), KILL_PROCESS);
    }
}

#[test]
fn a_pipe_can_be_duplicated_and_not_resized() {
    check(&CHILD_STRICT, libc::SYS_fcntl, &[1, libc::F_DUPFD_CLOEXEC as u64], ALLOW);
    check(&CHILD_STRICT, libc::SYS_fcntl, &[1, libc::F_SETPIPE_SZ as u64], EPERM);
    check(&CHILD_STRICT, libc::SYS_fcntl, &[1, libc::F_SETOWN as u64], EPERM);
}

#[test]
fn garbage_in_the_upper_half_of_an_int_changes_nothing() {
    let high = 0xdead_beef_0000_0000;
    check(&CHILD_STRICT, libc::SYS_fcntl, &[1, high | libc::F_GETFD as u64], ALLOW);
    check(&CHILD_STRICT, libc::SYS_socketpair, &[high | 1, high | 1], ALLOW);
    check(&CHILD_STRICT, libc::SYS_socketpair, &[high | 2, 1], EPERM);
    check(&CHILD_STRICT, libc::SYS_prlimit64, &[high | 7], EPERM);
}

#[test]
fn only_local_pairs_exist_and_limits_of_others_are_out_of_reach() {
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK] {
        check(policy, libc::SYS_socketpair, &[1, libc::SOCK_STREAM as u64], ALLOW);
        check(policy, libc::SYS_socketpair, &[1, (libc::SOCK_STREAM | libc::SOCK_CLOEXEC) as u64], ALLOW);
        check(policy, libc::SYS_socketpair, &[2, libc::SOCK_STREAM as u64], EPERM);
        check(policy, libc::SYS_socketpair, &[1, libc::SOCK_DGRAM as u64], EPERM);
        check(policy, libc::SYS_socketpair, &[1, (libc::SOCK_DGRAM | libc::SOCK_NONBLOCK) as u64], EPERM);
        check(policy, libc::SYS_socketpair, &[1, libc::SOCK_RAW as u64], EPERM);
    }
    check(&CHILD_STRICT, libc::SYS_prlimit64, &[0], ALLOW);
    check(&CHILD_STRICT, libc::SYS_prlimit64, &[1], EPERM);
    check(&OUTER, libc::SYS_socket, &[1], ALLOW);
    check(&OUTER, libc::SYS_socket, &[2], EPERM);
    check(&OUTER, libc::SYS_socket, &[16], EPERM);
}

#[test]
fn processes_and_threads_pass_without_namespaces() {
    check(&CHILD_PROCESSES, libc::SYS_clone, &[0x003d_0f00], ALLOW);
    check(&CHILD_PROCESSES, libc::SYS_clone, &[libc::CLONE_NEWUSER as u64 | 17], EPERM);
    check(&CHILD_PROCESSES, libc::SYS_clone3, &[], ENOSYS);
    check(&CHILD_PROCESSES, libc::SYS_unshare, &[libc::CLONE_NEWUSER as u64], EPERM);
}
