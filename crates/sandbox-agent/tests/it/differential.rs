//! Random programs, each in a child that has run the ones before and in a child that has run none: both say the same.
//!
//! `ZONA_TEST_SEED` repeats a run, `ZONA_TEST_LONG` makes it long.

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

use sandbox_protocol::control::Report;

use crate::harness::*;

mod random;

use random::{Random, without_addresses};

/// Programs of an ordinary run, and of a long one.
const PROGRAMS: u32 = 2_000;
const MANY_PROGRAMS: u32 = 100_000;
/// Runs of a child in a row that say that children are put back at all.
const ENOUGH: u32 = 3;

#[test]
fn random_programs_say_the_same_in_a_child_that_was_put_back_and_in_one_that_has_run_none() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("ZONA_TEST_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    let programs = if env::var_os("ZONA_TEST_LONG").is_some() { MANY_PROGRAMS } else { PROGRAMS };
    println!("ZONA_TEST_SEED={seed}, {programs} programs");
    let mut random = Random::new(seed);
    let (mut restoring, mut plain) = (Sandbox::restoring(), Sandbox::without_restoring());
    let (mut child, mut put_back, mut highest) = (None, 0, 0);
    for round in 0..programs {
        let program = script(&random.program());
        let mut used: Child = child.take().unwrap_or_else(|| restoring.fork_one());
        restoring.limit(&used, &program["limits"]);
        let left = answer(&mut restoring, &mut used, &program);
        let mut fresh = plain.fork_one();
        let right = answer(&mut plain, &mut fresh, &program);
        assert_eq!(
            left.0, right.0,
            "seed {seed}, program {round}, in a child that was put back {} times:\n{}",
            used.restored, program["code"]
        );
        if left.1 {
            used.restored += 1;
            put_back += 1;
            highest = highest.max(used.restored);
            child = Some(used);
        }
    }
    assert!(put_back > programs / 10 && highest > ENOUGH, "{put_back} of {programs} programs left a child that was put back");
}

/// What a program says, without addresses, and whether its child waits for another one.
fn answer(sandbox: &mut Sandbox, child: &mut Child, program: &serde_json::Value) -> (String, bool) {
    child.submit(program);
    let id = child.id;
    let is_over = |report: &Report| matches!(report, Report::Exited { child, .. } | Report::Restored { child, .. } if *child == id);
    let (report, _) = sandbox.report(is_over);
    let again = matches!(report, Report::Restored { .. });
    let (frames, streams) = child.left_in_pipes();
    let exit = match report {
        Report::Exited { exit, .. } => format!("{exit:?}"),
        _ => "Code(0)".to_owned(),
    };
    (without_addresses(&format!("{frames:?} {streams:?} {exit}")), again)
}
