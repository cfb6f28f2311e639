//! Compiles the protocol's policies to the kernel's filter programs. The numbers of system calls stand here, for x86-64.
//!
//! Installing is done elsewhere: the agent installs the outer program itself, the seal the child's.

mod numbers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sandbox_protocol::policy::{Condition, Policy, Rule};
use seccompiler::{BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch};

use crate::fault::Fault;

const LOAD_WORD: u16 = 0x20;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
const KILL_PROCESS: u32 = 0x8000_0000;
const ANSWER_ERRNO: u32 = 0x0005_0000;
/// Offset of the call's number in `seccomp_data`.
const NUMBER_OFFSET: u32 = 0;
/// Calls of the x32 ABI carry this bit and would else pass as unknown numbers.
const X32_BIT: u32 = 0x4000_0000;

/// The program for a policy: foreign ABIs are killed, absent calls answer `ENOSYS`, everything unlisted answers `EPERM`.
///
/// # Errors
/// A policy that names a call this table does not know, or that cannot be compiled.
pub fn program(policy: &Policy) -> Result<Vec<libc::sock_filter>, Fault> {
    let mut program = vec![
        instruction(LOAD_WORD, 0, 0, NUMBER_OFFSET),
        instruction(JUMP_IF_AT_LEAST, 0, 1, X32_BIT),
        instruction(RETURN, 0, 0, KILL_PROCESS),
    ];
    for call in policy.absent {
        let number = u32::try_from(number(policy, call)?).map_err(|error| fault(policy, error))?;
        program.push(instruction(JUMP_IF_EQUAL, 0, 1, number));
        program.push(instruction(RETURN, 0, 0, ANSWER_ERRNO | libc::ENOSYS as u32));
    }
    let listed = listed(policy)?.into_iter();
    program.extend(listed.map(|step| instruction(step.code, step.jt, step.jf, step.k)));
    Ok(program)
}

/// The program as the kernel reads it, eight bytes an instruction.
pub fn bytes(program: &[libc::sock_filter]) -> Vec<u8> {
    let encode = |step: &libc::sock_filter| {
        let [code_low, code_high] = step.code.to_ne_bytes();
        let [k0, k1, k2, k3] = step.k.to_ne_bytes();
        [code_low, code_high, step.jt, step.jf, k0, k1, k2, k3]
    };
    program.iter().flat_map(encode).collect()
}

fn listed(policy: &Policy) -> Result<BpfProgram, Fault> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in policy.allowed_calls() {
        rules.insert(number(policy, call)?, Vec::new());
    }
    for rule in policy.rules() {
        rules.entry(number(policy, rule.call)?).or_default().push(compiled(policy, rule)?);
    }
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, TargetArch::x86_64)
        .and_then(BpfProgram::try_from)
        .map_err(|error| fault(policy, error))
}

fn compiled(policy: &Policy, rule: &Rule) -> Result<SeccompRule, Fault> {
    let conditions: Result<Vec<_>, _> = rule.when.iter().map(condition).collect();
    conditions.and_then(SeccompRule::new).map_err(|error| fault(policy, error))
}

fn condition(condition: &Condition) -> Result<SeccompCondition, seccompiler::BackendError> {
    let compare = SeccompCmpOp::MaskedEq(condition.mask.into());
    SeccompCondition::new(condition.argument, SeccompCmpArgLen::Dword, compare, condition.value.into())
}

fn number(policy: &Policy, call: &str) -> Result<i64, Fault> {
    numbers::of(call).ok_or_else(|| fault(policy, format!("no number is known for the call {call}")))
}

fn fault(policy: &Policy, error: impl std::fmt::Display) -> Fault {
    Fault::new(format!("compile the filter {}", policy.name), error)
}

fn instruction(code: u16, if_true: u8, if_false: u8, value: u32) -> libc::sock_filter {
    libc::sock_filter { code, jt: if_true, jf: if_false, k: value }
}
