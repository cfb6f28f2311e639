//! Where children cannot be put back: the agent says so at a stage of its own before anybody has had one, so that the sandbox can start again
//! without.
#![allow(unsafe_code)]

use std::{fs, os::unix::process::CommandExt, process::Command as Run};

use sandbox_protocol::control::{Command, MEANS_STAGE, RESTORE_STAGE, Report, SealMode};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

use crate::harness::{place::image, *};

/// What the agent says of its first child, with a module of this text loaded before.
fn fault_with(name: &str, module: &str) -> (String, String) {
    let modules = packages();
    fs::write(modules.join(format!("{name}.py")), module).unwrap();
    let mut layout = layout().clone();
    let modules = modules.canonicalize().unwrap().to_str().unwrap().to_owned();
    layout.read_only.push(modules.clone());
    layout.packages.push(modules);
    let mut sandbox = Sandbox::connect_restoring(|_| {});
    sandbox.configure_with(CLASS, SealMode::Strict, layout, &[name]);
    sandbox.report(|report| matches!(report, Report::Ready { .. }));
    sandbox.send(&Command::Fork { child: 1 });
    let (stage, message, _) = sandbox.fault();
    sandbox.await_end();
    (stage, message)
}

fn check(name: &str, module: &str, word: &str) {
    let (stage, message) = fault_with(name, module);
    assert_eq!(stage, RESTORE_STAGE, "{message}");
    assert!(message.contains(word), "{message}");
}

/// Maps memory as the C library has it for random numbers.
const KEEPS: &str = "import ctypes, os
libc = ctypes.CDLL(None)
libc.mmap.argtypes, libc.mmap.restype = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long], ctypes.c_void_p
def keep(): libc.mmap(None, 4096, 3, 0x28, -1, 0)
";

#[test]
fn memory_that_the_kernel_empties_by_itself_is_not_put_back() {
    if !kernel_knows_such_memory() {
        return;
    }
    let word = "the kernel empties this memory by itself";
    check("emptied", &format!("{KEEPS}keep()\n"), word);
    check("emptied_later", &format!("{KEEPS}os.register_at_fork(after_in_child=keep)\n"), word);
}

/// Linux 6.11 or newer.
fn kernel_knows_such_memory() -> bool {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_ANONYMOUS | 8);
    // SAFETY: a new mapping, which replaces none and stays.
    unsafe { libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0) != libc::MAP_FAILED }
}

#[test]
fn memory_that_others_can_change_is_not_put_back() {
    check("shared", "import mmap\nkept = mmap.mmap(-1, 4096)\n", "others can change this memory");
}

#[test]
fn a_fault_of_a_child_that_gets_ready_ends_it_and_is_told() {
    let module = "import ctypes, os\nos.register_at_fork(after_in_child=lambda: ctypes.string_at(0))\n";
    check("faulty", module, "signal 11 before it had a program");
}

#[test]
fn what_the_host_refuses_to_the_agent_is_named_before_there_is_a_child() {
    if image().is_some() {
        // The daemon starts the agent there.
        return;
    }
    let calls = [
        (libc::SYS_userfaultfd, "userfaultfd"),
        (libc::SYS_ptrace, "ptrace"),
        (libc::SYS_process_vm_readv, "process_vm_readv"),
        (libc::SYS_process_vm_writev, "process_vm_writev"),
        (libc::SYS_pidfd_getfd, "pidfd_getfd"),
    ];
    for (call, name) in calls {
        let mut sandbox = Sandbox::connect_restoring(|run| refuse(run, call, libc::EPERM));
        sandbox.configure(CLASS, SealMode::Strict, layout().clone());
        let (stage, message, _) = sandbox.fault();
        assert_eq!(stage, MEANS_STAGE, "{message}");
        assert!(message.contains(&format!("{name}: Operation not permitted")), "{message}");
        sandbox.await_end();
    }
    let mut sandbox = Sandbox::connect_restoring(|run| refuse(run, libc::SYS_userfaultfd, libc::EMFILE));
    sandbox.configure(CLASS, SealMode::Strict, layout().clone());
    let (stage, message, _) = sandbox.fault();
    assert!(stage != MEANS_STAGE && stage != RESTORE_STAGE, "that may pass: {message}");
}

/// Has a call answer an error to the agent.
fn refuse(run: &mut Run, call: i64, error: i32) {
    let action = SeccompAction::Errno(error.unsigned_abs());
    let filter = SeccompFilter::new([(call, Vec::new())].into(), SeccompAction::Allow, action, TargetArch::x86_64).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    // SAFETY: it makes two calls, and takes no lock.
    unsafe {
        run.pre_exec(move || seccompiler::apply_filter(&program).map_err(std::io::Error::other));
    }
}
