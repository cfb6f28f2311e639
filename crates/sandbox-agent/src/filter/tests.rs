//! The compiled programs, run by a small interpreter of the kernel's filter language.

use sandbox_protocol::policy::{CHILD_PROCESSES, CHILD_STRICT, OUTER, Policy};

use super::*;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const ALLOW: u32 = 0x7fff_0000;
const EPERM: u32 = ANSWER_ERRNO | libc::EPERM as u32;
const ENOSYS: u32 = ANSWER_ERRNO | libc::ENOSYS as u32;

/// What the kernel would do with one call. `data` is laid out as `seccomp_data`.
fn verdict(policy: &Policy, architecture: u32, number: i64, arguments: &[u64]) -> u32 {
    let program = program(policy).expect("the policy compiles");
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
            0x05 => at += step.k as usize,
            0x54 => accumulator &= step.k,
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
fn every_policy_compiles_and_fits_the_kernel() {
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &OUTER] {
        let length = program(policy).expect("the policy compiles").len();
        assert!(length <= 4096, "{}: {length} instructions", policy.name);
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
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &OUTER] {
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
    check(&CHILD_STRICT, libc::SYS_socketpair, &[high | 2], EPERM);
    check(&CHILD_STRICT, libc::SYS_prlimit64, &[high | 7], EPERM);
}

#[test]
fn only_local_pairs_exist_and_limits_of_others_are_out_of_reach() {
    check(&CHILD_STRICT, libc::SYS_socketpair, &[1], ALLOW);
    check(&CHILD_STRICT, libc::SYS_socketpair, &[2], EPERM);
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
