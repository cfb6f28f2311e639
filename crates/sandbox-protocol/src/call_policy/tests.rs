//! What the lists promise, checked on the lists.

use std::{fs, path::Path};

use super::*;

const ALL: [&CallPolicy; 7] =
    [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK, &OUTER, &OUTER_LANDLOCK, &OUTER_FOLLOWING, &ZYGOTE_FOLLOWED];
/// Each with the boundary around it.
const INSIDE: [(&CallPolicy, &CallPolicy); 5] = [
    (&CHILD_STRICT, &OUTER),
    (&CHILD_PROCESSES, &OUTER),
    (&CHILD_LANDLOCK, &OUTER_LANDLOCK),
    (&CHILD_STRICT, &ZYGOTE_FOLLOWED),
    (&ZYGOTE_FOLLOWED, &OUTER_FOLLOWING),
];
const CHILDREN: [&CallPolicy; 3] = [&CHILD_STRICT, &CHILD_PROCESSES, &CHILD_LANDLOCK];

/// Calls that no sandboxed program ever needs and that widen the kernel's attack surface.
const NEVER: &[&str] = &[
    "add_key",
    "bpf",
    "delete_module",
    "finit_module",
    "fsmount",
    "fsopen",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kexec_load",
    "keyctl",
    "membarrier",
    "memfd_create",
    "mincore",
    "modify_ldt",
    "move_mount",
    "name_to_handle_at",
    "open_by_handle_at",
    "open_tree",
    "perf_event_open",
    "personality",
    "pidfd_getfd",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "readahead",
    "request_key",
    "setns",
    "sync_file_range",
    "syncfs",
    "userfaultfd",
];

fn names(policy: &CallPolicy) -> Vec<&'static str> {
    policy.allowed_calls().into_iter().chain(policy.rules().map(|rule| rule.call)).collect()
}

fn check_refused(policy: &CallPolicy, calls: &[&str]) {
    for call in calls {
        assert!(!names(policy).contains(call), "{} lets {call} through", policy.name);
    }
}

/// What follows children and puts them back, and is dangerous in any other hand.
const AGENTS_ALONE: [&str; 5] = ["pidfd_getfd", "process_vm_readv", "process_vm_writev", "ptrace", "userfaultfd"];

#[test]
fn no_boundary_lets_a_dangerous_call_through() {
    let never: Vec<_> = NEVER.iter().copied().filter(|call| !AGENTS_ALONE.contains(call)).collect();
    for policy in ALL {
        check_refused(policy, &never);
    }
    for policy in ALL.into_iter().filter(|policy| ![OUTER_FOLLOWING.name, ZYGOTE_FOLLOWED.name].contains(&policy.name)) {
        check_refused(policy, NEVER);
    }
}

#[test]
fn what_puts_children_back_is_let_through_to_the_agent_alone() {
    for policy in CHILDREN {
        check_refused(policy, &AGENTS_ALONE);
    }
    check_refused(&ZYGOTE_FOLLOWED, &["pidfd_getfd", "process_vm_readv", "process_vm_writev"]);
    // Whoever is not the agent asks to be traced, and traces nobody; and it tracks nothing that the kernel does to its memory.
    let allowed: Vec<_> =
        ZYGOTE_FOLLOWED.rules().filter(|rule| AGENTS_ALONE.contains(&rule.call)).map(|rule| (rule.call, rule.when)).collect();
    assert_eq!(allowed, [("ptrace", &[Condition::equals(0, 0)][..]), ("userfaultfd", &[Condition::equals(0, 0x8_0801)][..])]);
    assert!(AGENTS_ALONE.iter().all(|call| names(&OUTER_FOLLOWING).contains(call)), "the agent needs each of them");
}

#[test]
fn every_call_that_leaves_nothing_is_one_that_is_let_through() {
    let through = names(CHILD_RESTORED.policy);
    let named = CHILD_RESTORED.harmless.iter().chain(CHILD_RESTORED.shown).copied();
    for call in named.clone().chain(CHILD_RESTORED.rules.iter().map(|rule| rule.call)) {
        assert!(through.contains(&call), "{call}");
    }
    for call in named {
        assert_eq!(CHILD_RESTORED.rules_of(call).count(), 0, "{call} is told apart by its arguments, and is not");
        assert!(!(CHILD_RESTORED.harmless.contains(&call) && CHILD_RESTORED.shown.contains(&call)), "{call}");
    }
}

#[test]
fn children_never_mount_or_change_identity_or_namespaces_or_connect() {
    let calls = [
        "capset",
        "chroot",
        "connect",
        "mount",
        "mount_setattr",
        "pivot_root",
        "recvmsg",
        "seccomp",
        "sendmsg",
        "setresuid",
        "setuid",
        "socket",
        "umount2",
        "unshare",
    ];
    for policy in CHILDREN {
        check_refused(policy, &calls);
    }
}

#[test]
fn a_strict_child_has_no_processes_threads_or_signals() {
    for policy in [&CHILD_STRICT, &CHILD_LANDLOCK] {
        check_refused(policy, &["clone", "clone3", "execve", "execveat", "fork", "kill", "prctl", "tgkill", "tkill", "vfork"]);
    }
}

#[test]
fn where_only_landlock_guards_files_nothing_is_changed_by_its_path_and_no_namespace_is_made() {
    let changes = [
        "chmod",
        "creat",
        "fchmod",
        "fchmodat",
        "fchmodat2",
        "ftruncate",
        "link",
        "linkat",
        "mkdir",
        "rename",
        "renameat2",
        "rmdir",
        "symlink",
        "truncate",
        "unlink",
        "utime",
        "utimensat",
        "utimes",
    ];
    check_refused(&CHILD_LANDLOCK, &changes);
    check_refused(&OUTER_LANDLOCK, &changes);
    check_refused(&OUTER_LANDLOCK, &["chroot", "mount", "mount_setattr", "pivot_root", "sethostname", "setresuid", "umount2", "unshare"]);
    assert!(!OUTER_LANDLOCK.allowed_calls().contains(&"clone"), "only without namespaces");
}

#[test]
fn a_child_is_never_let_through_further_than_the_boundary_around_it() {
    for (policy, outer) in INSIDE {
        for call in names(policy) {
            assert!(names(outer).contains(&call), "{} lets {call} through and {} does not", policy.name, outer.name);
        }
    }
}

#[test]
fn no_call_is_both_conditional_and_unconditional_or_both_made_and_pretended() {
    for policy in ALL {
        for rule in policy.rules() {
            assert!(!policy.allowed_calls().contains(&rule.call), "{}: {}", policy.name, rule.call);
        }
        for call in policy.pretended_calls() {
            assert!(!names(policy).contains(&call), "{}: {call}", policy.name);
        }
    }
}

#[test]
fn nothing_is_pretended_to_the_agent_and_no_lock_to_programs_that_have_processes() {
    for policy in [&OUTER, &OUTER_LANDLOCK, &CHILD_PROCESSES] {
        assert!(!policy.pretended_calls().any(|call| call == "flock"), "{}", policy.name);
        assert!(!policy.rules().any(|rule| rule.call == "fcntl" && rule.answer == Answer::Pretended), "{}", policy.name);
    }
    for policy in [&OUTER, &OUTER_LANDLOCK] {
        assert_eq!(policy.pretended_calls().count(), 0, "{}", policy.name);
    }
}

#[test]
fn every_namespace_flag_of_clone_is_refused_to_children() {
    let rule = CHILD_PROCESSES.rules().find(|rule| rule.call == "clone").expect("clone has a rule");
    let [condition] = rule.when else { panic!("one condition") };
    for flag in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000_u32] {
        assert_ne!(flag & condition.mask, condition.value, "{flag:#x}");
    }
    let pthread_create = 0x003d_0f00;
    assert_eq!(pthread_create & condition.mask, condition.value);
}

#[test]
fn no_rule_of_a_child_is_wider_than_that_of_the_boundary_around_it() {
    for (policy, outer) in INSIDE {
        let around: Vec<_> = outer.rules().collect();
        for rule in policy.rules().filter(|rule| rule.answer == Answer::Through) {
            let free = outer.allowed_calls().contains(&rule.call);
            assert!(free || around.contains(&rule), "{}: {rule:?}", policy.name);
        }
    }
}

#[test]
fn no_boundary_lets_a_pair_be_made_whose_ends_can_address_others() {
    // SOCK_DGRAM, SOCK_RAW (which is a datagram socket in this family), SOCK_RDM, and SOCK_DGRAM with SOCK_CLOEXEC and SOCK_NONBLOCK.
    let (addressing, paired) = ([2, 3, 4, 0x8_0802], [1, 5, 0x8_0001, 0x8_0805]);
    for policy in ALL {
        let rules: Vec<_> = policy.rules().filter(|rule| rule.call == "socketpair").collect();
        let allows = |kind: u32| {
            let holds = |condition: &Condition| [1, kind][usize::from(condition.argument)] & condition.mask == condition.value;
            rules.iter().any(|rule| rule.when.iter().all(holds))
        };
        assert_eq!((addressing.map(allows), paired.map(allows)), ([false; 4], [true; 4]), "{}", policy.name);
    }
}

#[test]
fn the_shipped_docker_profile_is_current() {
    for (name, policy) in [("seccomp.json", &OUTER), ("seccomp-restore.json", &OUTER_FOLLOWING)] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sandbox").join(name);
        if std::env::var_os("UPDATE_SECCOMP_PROFILE").is_some() {
            fs::write(&path, docker_profile_json(policy)).expect("the profile is writable");
        }
        let shipped = fs::read_to_string(&path).expect("the profile exists");
        assert!(
            shipped == docker_profile_json(policy),
            "deploy/sandbox/{name} is stale: run UPDATE_SECCOMP_PROFILE=1 cargo test -p sandbox-protocol"
        );
    }
}

#[test]
fn of_a_call_that_nobody_has_looked_at_something_stays() {
    assert!(CHILD_RESTORED.harmless.iter().all(|call| CHILD_RESTORED.trace(call) == Trace::Nothing));
    assert!(CHILD_RESTORED.shown.iter().all(|call| CHILD_RESTORED.trace(call) == Trace::Shown));
    assert_eq!(CHILD_RESTORED.trace("a_call_of_the_next_kernel"), Trace::Stays);
}
