//! The compiled programs, run by a small interpreter of the kernel's filter language, and held against a general compiler's.

use sandbox_protocol::call_policy::{
    CHILD_LANDLOCK, CHILD_PROCESSES, CHILD_RESTORED, CHILD_STRICT, CallPolicy, KEPT_REQUEST, OUTER, OUTER_FOLLOWING, OUTER_LANDLOCK,
    ZYGOTE_FOLLOWED,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};

use super::*;

mod needs;

const X86_64: u32 = 0xc000_003e;
const I386: u32 = 0x4000_0003;
const EVERY: [&CallPolicy; 7] =
    [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK, &OUTER, &OUTER_LANDLOCK, &OUTER_FOLLOWING, &ZYGOTE_FOLLOWED];
const EPERM: u32 = ANSWER_ERRNO | libc::EPERM as u32;
const ENOSYS: u32 = ANSWER_ERRNO | libc::ENOSYS as u32;

/// Longest program: a list of the same policies has 872 instructions and more.
const SHORT: usize = 400;

/// What the kernel would do with one call.
fn verdict(policy: &CallPolicy, architecture: u32, number: i64, arguments: &[u64]) -> u32 {
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

fn check(policy: &CallPolicy, number: i64, arguments: &[u64], expected: u32) {
    let found = verdict(policy, X86_64, number, arguments);
    assert_eq!(found, expected, "{}: call {number} {arguments:x?}: {found:#x}", policy.name);
}

#[test]
fn every_policy_compiles_to_a_short_program() {
    for policy in EVERY {
        let length = program(policy).expect("the policy compiles").len();
        assert!(length <= SHORT, "{}: {length} instructions", policy.name);
    }
}

/// What the same policy lets through as a plain list, by somebody else's compiler; it knows no absent and no pretended calls.
fn reference(policy: &CallPolicy) -> Vec<Instruction> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in policy.allowed_calls() {
        rules.insert(numbers::of(call).unwrap(), Vec::new());
    }
    for rule in policy.rules().filter(|rule| rule.answer == Answer::Through) {
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

/// Whether a policy answers a call in the kernel's place.
fn pretends(policy: &CallPolicy, number: i64, arguments: &[u64; 6]) -> bool {
    let holds = |rule: &&Rule| {
        rule.answer == Answer::Pretended
            && numbers::of(rule.call) == Some(number)
            && rule.when.iter().all(|condition| condition.holds(arguments))
    };
    policy.pretended_calls().any(|call| numbers::of(call) == Some(number)) || policy.rules().any(|rule| holds(&rule))
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
    for policy in EVERY {
        let (search, list) = (program(policy).unwrap(), reference(policy));
        let mut cases = vec![[0; 6], [u64::MAX; 6], [1; 6], [0x7e02_0011; 6]];
        cases.extend(policy.rules().map(arguments));
        let absent: Vec<_> = policy.absent.iter().filter_map(|call| numbers::of(call)).collect();
        for number in (0..NUMBERS).filter(|number| !absent.contains(number)) {
            for case in &cases {
                let [found, listed] = [&search, &list].map(|program| run(program, X86_64, number, case));
                let expected = if pretends(policy, number, case) { PRETEND } else { listed };
                assert_eq!(found, expected, "{}: call {number} {case:x?}", policy.name);
            }
        }
    }
}

fn check_told(number: i64, arguments: &[u64], expected: u32) {
    let found = run(&followed_program(&CHILD_RESTORED).unwrap(), X86_64, number, arguments);
    assert_eq!(found, expected, "call {number} {arguments:x?}: {found:#x}");
}

#[test]
fn whoever_is_followed_is_let_through_as_far_as_whoever_is_not_and_nothing_else_differs() {
    const NUMBERS: i64 = 600;
    let (plain, followed) = (program(&CHILD_STRICT).unwrap(), followed_program(&CHILD_RESTORED).unwrap());
    let all_rules = CHILD_STRICT.rules().map(|rule| rule.when).chain(CHILD_RESTORED.rules.iter().map(|rule| rule.when));
    let mut cases = vec![[0; 6], [u64::MAX; 6], [1; 6], [0x4000; 6], [3; 6]];
    cases.extend(all_rules.map(|when| {
        let mut arguments = [0_u64; 6];
        when.iter().for_each(|condition| arguments[usize::from(condition.argument)] = condition.value.into());
        arguments
    }));
    for number in 0..NUMBERS {
        for case in &cases {
            let [before, now] = [&plain, &followed].map(|program| run(program, X86_64, number, case));
            let told = [WAITS, ENDS, SHOWN, STAYS].map(|what| TELL | what).contains(&now);
            assert!(now == before || before == ALLOW && told, "call {number} {case:x?}: {before:#x} {now:#x}");
        }
    }
    for foreign in [I386, 0] {
        assert_eq!(run(&followed, foreign, 3, &[]), KILL_PROCESS);
    }
    assert_eq!(run(&followed, X86_64, i64::from(X32_BIT), &[]), KILL_PROCESS);
}

#[test]
fn what_stays_of_a_call_is_told() {
    let stays = [
        libc::SYS_brk,
        libc::SYS_chdir,
        libc::SYS_close_range,
        libc::SYS_dup2,
        libc::SYS_dup3,
        libc::SYS_mkdir,
        libc::SYS_mprotect,
        libc::SYS_rename,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_setitimer,
        libc::SYS_sigaltstack,
        libc::SYS_umask,
        libc::SYS_unlink,
    ];
    for call in stays {
        check_told(call, &[0x1000; 6], TELL | STAYS);
    }
    for call in [libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_pipe2, libc::SYS_epoll_create1] {
        check_told(call, &[], TELL | SHOWN);
    }
    check_told(libc::SYS_madvise, &[0, 4096, libc::MADV_DONTNEED as u64], TELL | STAYS);
    check_told(libc::SYS_prlimit64, &[0, 7, 0, 0x1000], TELL | STAYS);
    check_told(libc::SYS_socketpair, &[1, libc::SOCK_STREAM as u64], TELL | SHOWN);
    check_told(libc::SYS_futex, &[0, libc::FUTEX_PRIVATE_FLAG as u64], ALLOW);
    check_told(libc::SYS_getpid, &[], ALLOW);
}

#[test]
fn what_stays_of_a_call_may_depend_on_its_arguments() {
    check_told(libc::SYS_read, &[KEPT_REQUEST.into()], TELL | WAITS);
    check_told(libc::SYS_read, &[3], ALLOW);
    check_told(libc::SYS_read, &[5], ALLOW);
    check_told(libc::SYS_exit_group, &[0], TELL | ENDS);
    check_told(libc::SYS_exit_group, &[1], ALLOW);
    for own in [0, 1, 2, 4, KEPT_REQUEST.into()] {
        check_told(libc::SYS_close, &[own], TELL | STAYS);
    }
    for programs in [3, 5] {
        check_told(libc::SYS_close, &[programs], ALLOW);
    }
    check_told(libc::SYS_openat, &[0, 0, libc::O_CLOEXEC as u64], TELL | SHOWN);
    for flag in [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC, libc::O_TMPFILE, libc::O_ASYNC] {
        check_told(libc::SYS_openat, &[0, 0, flag as u64], TELL | STAYS);
    }
    check_told(libc::SYS_fcntl, &[5, libc::F_GETFL as u64], ALLOW);
    check_told(libc::SYS_fcntl, &[5, libc::F_SETFL as u64], TELL | STAYS);
    check_told(libc::SYS_fcntl, &[5, libc::F_SETLK as u64], PRETEND);
    check_told(libc::SYS_ioctl, &[5, libc::TCGETS], ALLOW);
    check_told(libc::SYS_ioctl, &[5, libc::FIONBIO], TELL | STAYS);
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
    for policy in EVERY {
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
fn a_lock_of_a_file_is_never_taken() {
    const { assert!(libc::F_OFD_SETLK == 37 && libc::F_OFD_SETLKW == 38 && libc::F_SETLK == 6 && libc::F_SETLKW == 7) };
    for command in [libc::F_SETLK, libc::F_SETLKW, libc::F_OFD_SETLK, libc::F_OFD_SETLKW] {
        check(&CHILD_STRICT, libc::SYS_fcntl, &[3, command as u64], PRETEND);
        check(&CHILD_LANDLOCK, libc::SYS_fcntl, &[3, command as u64], PRETEND);
        check(&CHILD_PROCESSES, libc::SYS_fcntl, &[3, command as u64], EPERM);
        check(&OUTER, libc::SYS_fcntl, &[3, command as u64], EPERM);
        check(&OUTER_LANDLOCK, libc::SYS_fcntl, &[3, command as u64], EPERM);
    }
    check(&CHILD_STRICT, libc::SYS_flock, &[3, libc::LOCK_EX as u64], PRETEND);
    check(&CHILD_PROCESSES, libc::SYS_flock, &[3, libc::LOCK_EX as u64], EPERM);
    check(&OUTER, libc::SYS_flock, &[3, libc::LOCK_EX as u64], EPERM);
    for policy in EVERY {
        check(policy, libc::SYS_fcntl, &[3, libc::F_SETLEASE as u64], EPERM);
        check(policy, libc::SYS_fcntl, &[3, libc::F_GETLEASE as u64], EPERM);
        check(policy, libc::SYS_fcntl, &[3, libc::F_NOTIFY as u64], EPERM);
    }
}

#[test]
fn nothing_reaches_the_disk_or_asks_what_lies_in_its_cache() {
    for policy in [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK] {
        for call in [libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync, libc::SYS_msync, libc::SYS_fadvise64] {
            check(policy, call, &[3], PRETEND);
        }
        check(policy, libc::SYS_madvise, &[0, 4096, libc::MADV_WILLNEED as u64], PRETEND);
    }
    for policy in EVERY {
        for call in [libc::SYS_syncfs, libc::SYS_sync_file_range, libc::SYS_readahead, libc::SYS_mincore] {
            check(policy, call, &[3], EPERM);
        }
        for (call, flags) in
            [(libc::SYS_preadv2, libc::RWF_NOWAIT), (libc::SYS_pwritev2, libc::RWF_SYNC), (libc::SYS_pwritev2, libc::RWF_DSYNC)]
        {
            check(policy, call, &[3, 0, 0, 0, 0, 0], ALLOW);
            check(policy, call, &[3, 0, 0, 0, 0, flags as u64], EPERM);
        }
        check(policy, libc::SYS_openat, &[0, 0, libc::O_CLOEXEC as u64], ALLOW);
        check(policy, libc::SYS_openat, &[0, 0, libc::O_DIRECT as u64], EPERM);
        check(policy, libc::SYS_fcntl, &[3, libc::F_SETFL as u64, libc::O_NONBLOCK as u64], ALLOW);
        check(policy, libc::SYS_fcntl, &[3, libc::F_SETFL as u64, libc::O_DIRECT as u64], EPERM);
    }
}

#[test]
fn a_program_without_processes_waits_for_itself_alone_and_nobody_inherits_a_priority() {
    let private = libc::FUTEX_PRIVATE_FLAG;
    for operation in [libc::FUTEX_WAIT, libc::FUTEX_WAKE, libc::FUTEX_WAIT_BITSET, libc::FUTEX_WAIT_BITSET | libc::FUTEX_CLOCK_REALTIME] {
        for policy in EVERY {
            check(policy, libc::SYS_futex, &[0, (operation | private) as u64], ALLOW);
        }
        check(&CHILD_STRICT, libc::SYS_futex, &[0, operation as u64], EPERM);
        check(&CHILD_LANDLOCK, libc::SYS_futex, &[0, operation as u64], EPERM);
        check(&CHILD_PROCESSES, libc::SYS_futex, &[0, operation as u64], ALLOW);
    }
    let others = [
        libc::FUTEX_LOCK_PI,
        libc::FUTEX_TRYLOCK_PI,
        libc::FUTEX_UNLOCK_PI,
        libc::FUTEX_REQUEUE,
        libc::FUTEX_CMP_REQUEUE,
        libc::FUTEX_WAKE_OP,
    ];
    for operation in others {
        for policy in EVERY {
            check(policy, libc::SYS_futex, &[0, operation as u64], EPERM);
            check(policy, libc::SYS_futex, &[0, (operation | private) as u64], EPERM);
        }
    }
}

#[test]
fn what_goes_through_a_pair_carries_no_flag_that_nothing_needs() {
    let flags = [libc::MSG_OOB, libc::MSG_ERRQUEUE, libc::MSG_ZEROCOPY, libc::MSG_MORE, libc::MSG_FASTOPEN, libc::MSG_CONFIRM];
    for policy in EVERY {
        for call in [libc::SYS_recvfrom, libc::SYS_sendto] {
            check(policy, call, &[3, 0, 1, 0], ALLOW);
            check(policy, call, &[3, 0, 1, libc::MSG_DONTWAIT as u64], ALLOW);
            for flag in flags {
                check(policy, call, &[3, 0, 1, flag as u64], EPERM);
            }
        }
        check(policy, libc::SYS_getsockopt, &[3, libc::SOL_SOCKET as u64, libc::SO_TYPE as u64], ALLOW);
        check(policy, libc::SYS_getsockopt, &[3, libc::SOL_SOCKET as u64, libc::SO_PEERCRED as u64], EPERM);
    }
}

#[test]
fn memory_is_not_merged_with_that_of_others_and_the_processors_state_stays_as_it_is() {
    for policy in EVERY {
        check(policy, libc::SYS_madvise, &[0, 4096, libc::MADV_DONTNEED as u64], ALLOW);
        for advice in [libc::MADV_MERGEABLE, libc::MADV_PAGEOUT, libc::MADV_COLD, libc::MADV_REMOVE, libc::MADV_HWPOISON] {
            check(policy, libc::SYS_madvise, &[0, 4096, advice as u64], EPERM);
        }
        // ARCH_SET_GS, ARCH_GET_FS, ARCH_SET_CPUID, ARCH_MAP_VDSO_64.
        for code in [0x1001, 0x1003, 0x1012, 0x2003] {
            check(policy, libc::SYS_arch_prctl, &[code, 0], EPERM);
        }
        check(policy, libc::SYS_membarrier, &[0], EPERM);
    }
}

#[test]
fn processes_and_threads_pass_without_namespaces() {
    check(&CHILD_PROCESSES, libc::SYS_clone, &[0x003d_0f00], ALLOW);
    check(&CHILD_PROCESSES, libc::SYS_clone, &[libc::CLONE_NEWUSER as u64 | 17], EPERM);
    check(&CHILD_PROCESSES, libc::SYS_clone3, &[], ENOSYS);
    check(&CHILD_PROCESSES, libc::SYS_unshare, &[libc::CLONE_NEWUSER as u64], EPERM);
}
