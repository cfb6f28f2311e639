//! Compiles the protocol's policies to the kernel's filter programs. The numbers of system calls stand here, for x86-64.
//!
//! A program searches for the call's number instead of comparing it with one after the other: the kernel checks, translates and
//! simulates the whole program for every child that installs it, which takes four times as long with the list that a general
//! compiler makes. Tests hold it against that list.
//!
//! Installing is done elsewhere: the agent installs the outer program itself, the seal the child's.

mod numbers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sandbox_protocol::call_policy::{Answer, CallPolicy, Condition, FollowPolicy, Rule, Trace};

use crate::fault::Fault;

type Instruction = libc::sock_filter;

const LOAD_WORD: u16 = 0x20;
const MASK: u16 = 0x54;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;
const KILL_PROCESS: u32 = 0x8000_0000;
const ANSWER_ERRNO: u32 = 0x0005_0000;
/// An error number of 0: to the caller, the call has succeeded.
const PRETEND: u32 = ANSWER_ERRNO;
const ALLOW: u32 = 0x7fff_0000;
/// The tracer is told, with a number of ours in the lower half, and then the call is made.
const TELL: u32 = 0x7ff0_0000;
/// These numbers.
pub const WAITS: u32 = 1;
pub const ENDS: u32 = 2;
pub const SHOWN: u32 = 3;
pub const STAYS: u32 = 4;
/// Offsets in `seccomp_data`: the call's number, the architecture, and the low half of the first argument.
const NUMBER_OFFSET: u32 = 0;
const ARCHITECTURE_OFFSET: u32 = 4;
const ARGUMENTS_OFFSET: u32 = 16;
const ARGUMENT_BYTES: u32 = 8;
/// `AUDIT_ARCH_X86_64`.
const ARCHITECTURE: u32 = 0xc000_003e;
/// Calls of the x32 ABI carry this bit and would else pass as unknown numbers.
const X32_BIT: u32 = 0x4000_0000;

/// What becomes of the calls from `first` up to the next range's.
struct Range {
    first: u32,
    verdict: Verdict,
}

#[derive(Clone, PartialEq)]
enum Verdict {
    /// The same answer, whatever the arguments.
    Always(u32),
    /// Answered by the first that holds.
    Alternatives(Vec<Alternative>),
}

/// An answer to calls whose arguments look like this.
#[derive(Clone, PartialEq)]
struct Alternative {
    when: &'static [Condition],
    answer: u32,
}

/// The program for a policy: foreign ABIs are killed, pretended calls answer 0, absent ones `ENOSYS`, everything unlisted `EPERM`.
///
/// # Errors
/// A policy that names a call this table does not know, or that is too large for the jumps of a program.
pub fn program(policy: &CallPolicy) -> Result<Vec<Instruction>, Fault> {
    compile(policy, None)
}

/// The same, where a tracer is told of each call that is let through and of which something stays.
///
/// # Errors
/// As [`program`].
pub fn followed_program(follow: &FollowPolicy) -> Result<Vec<Instruction>, Fault> {
    compile(follow.policy, Some(follow))
}

fn compile(policy: &CallPolicy, follow: Option<&FollowPolicy>) -> Result<Vec<Instruction>, Fault> {
    let mut program = vec![
        instruction(LOAD_WORD, 0, 0, ARCHITECTURE_OFFSET),
        instruction(JUMP_IF_EQUAL, 1, 0, ARCHITECTURE),
        answer(KILL_PROCESS),
        instruction(LOAD_WORD, 0, 0, NUMBER_OFFSET),
    ];
    program.extend(search(&ranges(policy, follow)?).map_err(|problem| fault(policy, problem))?);
    Ok(program)
}

/// The program as the kernel reads it, eight bytes an instruction.
pub fn bytes(program: &[Instruction]) -> Vec<u8> {
    let encode = |step: &Instruction| {
        let [code_low, code_high] = step.code.to_ne_bytes();
        let [k0, k1, k2, k3] = step.k.to_ne_bytes();
        [code_low, code_high, step.jt, step.jf, k0, k1, k2, k3]
    };
    program.iter().flat_map(encode).collect()
}

/// Every number's verdict: neighbors with the same one share a range, and the first range begins at 0.
fn ranges(policy: &CallPolicy, follow: Option<&FollowPolicy>) -> Result<Vec<Range>, Fault> {
    let refused = Verdict::Always(ANSWER_ERRNO | libc::EPERM as u32);
    let mut ranges = vec![Range { first: 0, verdict: refused.clone() }];
    let mut begin = |first, verdict: Verdict| match ranges.last_mut() {
        Some(last) if last.first == first => last.verdict = verdict,
        Some(last) if last.verdict == verdict => {}
        _ => ranges.push(Range { first, verdict }),
    };
    for (number, verdict) in verdicts(policy, follow)? {
        begin(number, verdict);
        begin(number + 1, refused.clone());
    }
    begin(X32_BIT, Verdict::Always(KILL_PROCESS));
    // A range that took its neighbor's verdict at its very start may equal the one before.
    ranges.dedup_by(|later, earlier| later.verdict == earlier.verdict);
    Ok(ranges)
}

/// The verdicts of the calls that are named.
fn verdicts(policy: &CallPolicy, follow: Option<&FollowPolicy>) -> Result<BTreeMap<u32, Verdict>, Fault> {
    let mut verdicts = BTreeMap::new();
    for rule in policy.rules() {
        let alternatives = || Verdict::Alternatives(follow.map_or_else(Vec::new, |follow| told_apart(follow, rule.call)));
        match verdicts.entry(number(policy, rule.call)?).or_insert_with(alternatives) {
            Verdict::Alternatives(alternatives) => alternatives.push(Alternative { when: rule.when, answer: answer_of(rule, follow) }),
            Verdict::Always(_) => {}
        }
    }
    for call in policy.allowed_calls() {
        verdicts.insert(number(policy, call)?, follow.map_or(Verdict::Always(ALLOW), |follow| followed(follow, call)));
    }
    for call in policy.pretended_calls() {
        verdicts.insert(number(policy, call)?, Verdict::Always(PRETEND));
    }
    for call in policy.absent {
        verdicts.insert(number(policy, call)?, Verdict::Always(ANSWER_ERRNO | libc::ENOSYS as u32));
    }
    Ok(verdicts)
}

/// The verdict of a call that is let through whatever its arguments.
fn followed(follow: &FollowPolicy, call: &'static str) -> Verdict {
    let mut alternatives = told_apart(follow, call);
    let rest = told(follow.trace(call));
    if alternatives.is_empty() {
        return Verdict::Always(rest);
    }
    alternatives.push(Alternative { when: &[], answer: rest });
    Verdict::Alternatives(alternatives)
}

fn told_apart(follow: &FollowPolicy, call: &str) -> Vec<Alternative> {
    follow.rules_of(call).map(|rule| Alternative { when: rule.when, answer: told(rule.trace) }).collect()
}

const fn told(trace: Trace) -> u32 {
    match trace {
        Trace::Nothing => ALLOW,
        Trace::Waits => TELL | WAITS,
        Trace::Ends => TELL | ENDS,
        Trace::Shown => TELL | SHOWN,
        Trace::Stays => TELL | STAYS,
    }
}

/// A binary search for the range of the number in the accumulator.
fn search(ranges: &[Range]) -> Result<Vec<Instruction>, String> {
    match ranges {
        [] => Err("no range".to_owned()),
        [Range { verdict: Verdict::Always(value), .. }] => Ok(vec![answer(*value)]),
        [Range { verdict: Verdict::Alternatives(each), .. }] => alternatives(each),
        _ => {
            let (lower, upper) = ranges.split_at(ranges.len() / 2);
            let lower_steps = search(lower)?;
            let mut steps = match distance(lower_steps.len()) {
                Ok(over) => vec![instruction(JUMP_IF_AT_LEAST, over, 0, upper[0].first)],
                Err(_) => vec![instruction(JUMP_IF_AT_LEAST, 0, 1, upper[0].first), instruction(JUMP, 0, 0, lower_steps.len() as u32)],
            };
            steps.extend(lower_steps);
            steps.extend(search(upper)?);
            Ok(steps)
        }
    }
}

/// Answers what one of the alternatives describes, and refuses the rest.
fn alternatives(each: &[Alternative]) -> Result<Vec<Instruction>, String> {
    let mut steps = Vec::new();
    let mut rest = each;
    while let Some((first, others)) = rest.split_first() {
        let alike = 1 + others.iter().take_while(|other| differ_in_a_value(first, other)).count();
        let (group, later) = rest.split_at(alike);
        steps.extend(if alike > 1 { one_of(group)? } else { all_of(first)? });
        rest = later;
    }
    steps.push(answer(ANSWER_ERRNO | libc::EPERM as u32));
    Ok(steps)
}

/// Whether two compare the same bits of one argument, and answer the same.
fn differ_in_a_value(one: &Alternative, other: &Alternative) -> bool {
    match (one.when, other.when) {
        ([a], [b]) => a.argument == b.argument && a.mask == b.mask && one.answer == other.answer,
        _ => false,
    }
}

/// Alternatives that [`differ_in_a_value`]: what they compare is brought once.
fn one_of(group: &[Alternative]) -> Result<Vec<Instruction>, String> {
    let mut steps = Vec::new();
    for (index, one) in group.iter().enumerate() {
        let [condition] = one.when else { return Err("alternatives that differ in more than one condition".to_owned()) };
        if index == 0 {
            steps.extend(tests(condition));
        }
        let left = group.len() - 1 - index;
        // The last one that fails jumps over the answer.
        steps.push(instruction(JUMP_IF_EQUAL, distance(left)?, u8::from(left == 0), condition.value));
    }
    steps.extend(group.first().map(|one| answer(one.answer)));
    Ok(steps)
}

/// One alternative; each condition that fails jumps over its answer.
fn all_of(one: &Alternative) -> Result<Vec<Instruction>, String> {
    let mut steps = Vec::new();
    let mut left: usize = one.when.iter().map(|condition| tests(condition).len() + 1).sum();
    for condition in one.when {
        let tests = tests(condition);
        left -= tests.len() + 1;
        steps.extend(tests);
        steps.push(instruction(JUMP_IF_EQUAL, 0, distance(left + 1)?, condition.value));
    }
    steps.push(answer(one.answer));
    Ok(steps)
}

fn answer_of(rule: &Rule, follow: Option<&FollowPolicy>) -> u32 {
    match (rule.answer, follow) {
        (Answer::Pretended, _) => PRETEND,
        (Answer::Through, None) => ALLOW,
        (Answer::Through, Some(follow)) => told(follow.trace(rule.call)),
    }
}

/// Brings what a condition compares into the accumulator.
fn tests(condition: &Condition) -> Vec<Instruction> {
    let load = instruction(LOAD_WORD, 0, 0, ARGUMENTS_OFFSET + ARGUMENT_BYTES * u32::from(condition.argument));
    match condition.mask {
        u32::MAX => vec![load],
        mask => vec![load, instruction(MASK, 0, 0, mask)],
    }
}

fn distance(steps: usize) -> Result<u8, String> {
    u8::try_from(steps).map_err(|_| format!("a jump over {steps} instructions"))
}

fn number(policy: &CallPolicy, call: &str) -> Result<u32, Fault> {
    let number = numbers::of(call).ok_or_else(|| fault(policy, format!("no number is known for the call {call}")))?;
    u32::try_from(number).map_err(|error| fault(policy, error))
}

fn fault(policy: &CallPolicy, error: impl std::fmt::Display) -> Fault {
    Fault::new(format!("compile the filter {}", policy.name), error)
}

fn answer(value: u32) -> Instruction {
    instruction(RETURN, 0, 0, value)
}

fn instruction(code: u16, if_true: u8, if_false: u8, value: u32) -> Instruction {
    libc::sock_filter { code, jt: if_true, jf: if_false, k: value }
}
