//! The pool's rules, as a dialogue: what happened, what is done about it.

use proptest::prelude::*;

use super::*;

mod fresh;

fn tenant(name: &str) -> TenantId {
    TenantId::parse("tenant", name).unwrap()
}

struct Books {
    ledger: Ledger<u64>,
    now: Instant,
    next_child: u64,
}

impl Books {
    fn new(limits: Pool) -> Self {
        let now = Instant::now();
        Books { ledger: Ledger::new(limits, now), now, next_child: 0 }
    }

    fn acquire(&mut self, name: &str) -> (Result<Acquired<u64>, Full>, Vec<Step<u64>>) {
        self.acquire_in(name, SandboxGroup::WARM)
    }

    fn acquire_in(&mut self, name: &str, group: SandboxGroup) -> (Result<Acquired<u64>, Full>, Vec<Step<u64>>) {
        let mut steps = Vec::new();
        let acquired = self.ledger.acquire(&tenant(name), group, self.now, &mut steps);
        (acquired, steps)
    }

    fn tick(&mut self, after: Duration) -> Vec<Step<u64>> {
        self.now += after;
        let mut steps = Vec::new();
        self.ledger.tick(self.now, &mut steps);
        steps
    }

    fn memory(&mut self, memory: Memory) -> Vec<Step<u64>> {
        let mut steps = Vec::new();
        self.ledger.memory(memory, self.now, &mut steps);
        steps
    }

    fn ended(&mut self, sandbox: SandboxId, child: u64) -> (Option<Ended>, Vec<Step<u64>>) {
        let mut steps = Vec::new();
        let ended = self.ledger.ended(sandbox, child, self.now, &mut steps);
        (ended, steps)
    }

    fn gone(&mut self, sandbox: SandboxId, failure: Option<&StartFailure>) -> Vec<Step<u64>> {
        let mut steps = Vec::new();
        self.ledger.gone(sandbox, failure, self.now, &mut steps);
        steps
    }

    /// A started sandbox with all its children ready; what was granted while they came.
    fn bring_up(&mut self, sandbox: SandboxId) -> Vec<Step<u64>> {
        let mut steps = Vec::new();
        self.ledger.started(sandbox, self.now, &mut steps);
        let forks = steps.iter().map(|step| if let Step::Fork(_, count) = step { *count } else { 0 }).sum();
        let mut granted = Vec::new();
        for _ in 0..forks {
            self.next_child += 1;
            self.ledger.ready(sandbox, self.next_child, self.next_child, self.now, &mut granted);
        }
        granted
    }
}

fn limits() -> Pool {
    Pool { children: 2, max_sandboxes: 3, max_unassigned: 1, ..Pool::default() }
}

fn other_runtime() -> SandboxGroup {
    let mut config = crate::config::Config::new("t", "t", crate::AgentBinary(b""), crate::Backend::Docker(crate::Docker::default()));
    config.runtimes = vec![crate::RuntimeConfig { name: "security".to_owned(), ..crate::RuntimeConfig::default() }];
    SandboxGroup { runtime: config.runtime_key("security").unwrap(), ..SandboxGroup::WARM }
}

const TICK: Duration = Duration::from_millis(20);

#[test]
fn a_warm_sandbox_is_bound_at_first_use_and_never_serves_another_tenant() {
    let mut books = Books::new(limits());
    assert_eq!(books.tick(TICK), [Step::Start(1, SandboxGroup::WARM)]);
    books.bring_up(1);
    assert_eq!(books.acquire("acme"), (Ok(Acquired::Child(1, 2)), vec![]));
    let (other, steps) = books.acquire("umbrella");
    assert_eq!(other, Ok(Acquired::Wait(1)), "the bound sandbox still has a ready child");
    assert_eq!(steps, [Step::Start(2, SandboxGroup::WARM)]);
    assert_eq!(books.bring_up(2), [Step::Grant(1, 2, 3)]);
}

#[test]
fn the_replacement_is_forked_when_a_program_ends_and_at_once_for_the_last_child() {
    let mut books = Books::new(Pool { children: 3, ..limits() });
    books.tick(TICK);
    books.bring_up(1);
    assert_eq!(books.acquire("acme").1, vec![]);
    assert_eq!(books.ended(1, 3), (Some(Ended::Running), vec![Step::Fork(1, 1)]));
    assert_eq!(books.acquire("acme"), (Ok(Acquired::Child(1, 2)), vec![]));
    assert_eq!(books.acquire("acme"), (Ok(Acquired::Child(1, 1)), vec![]), "a fork is on its way already");
}

#[test]
fn a_busy_tenant_waits_for_its_own_children_before_a_further_sandbox_is_started() {
    let mut books = Books::new(Pool { unassigned: 0, ..limits() });
    assert_eq!(books.acquire("acme").1, [Step::Start(1, SandboxGroup::WARM)]);
    assert_eq!(books.bring_up(1), [Step::Grant(1, 1, 1)]);
    let _ = books.acquire("acme");
    assert_eq!(books.acquire("acme"), (Ok(Acquired::Wait(2)), vec![]));
    assert_eq!(books.tick(TICK / 2), vec![]);
    assert_eq!(books.tick(TICK), [Step::Start(2, SandboxGroup::WARM)]);
    assert_eq!(books.tick(TICK), vec![], "one is on its way");
    assert_eq!(books.bring_up(2), [Step::Share(1, 2), Step::Share(2, 2), Step::Grant(2, 2, 3)]);
}

#[test]
fn a_tenant_whose_programs_keep_ending_waits_longer_before_a_further_sandbox_is_started() {
    let mut books = Books::new(Pool { unassigned: 0, children: 1, ..limits() });
    let _ = books.acquire("acme");
    books.bring_up(1);
    let _ = books.acquire("acme");
    let _ = books.acquire("acme");
    let mut child = 1;
    for _ in 0..20 {
        assert_eq!(books.tick(TICK / 2), vec![]);
        let _ = books.acquire("acme");
        books.ended(1, child);
        child += 1;
        let mut steps = Vec::new();
        books.ledger.ready(1, child, child, books.now, &mut steps);
        assert!(matches!(steps[..], [Step::Grant(..)]), "{steps:?}");
    }
    assert_eq!(books.tick(FLOW_PATIENCE), [Step::Start(2, SandboxGroup::WARM)]);
}

#[test]
fn a_busy_sandbox_is_retired_and_an_idle_one_destroyed_for_a_tenant_without_one() {
    let mut books = Books::new(Pool { unassigned: 0, max_sandboxes: 1, ..limits() });
    let _ = books.acquire("acme");
    books.bring_up(1);
    assert_eq!(books.acquire("umbrella"), (Ok(Acquired::Wait(2)), vec![]), "it still runs a program");
    assert!(matches!(books.acquire("acme").0, Ok(Acquired::Wait(3))), "it takes no further one");
    assert_eq!(books.ended(1, 1).1, [Step::Destroy(1)]);
    assert_eq!(books.gone(1, None), [Step::Start(2, SandboxGroup::WARM)]);
    assert_eq!(books.bring_up(2), [Step::Grant(2, 2, 3)]);

    let mut books = Books::new(Pool { unassigned: 0, max_sandboxes: 1, ..limits() });
    let _ = books.acquire("acme");
    books.bring_up(1);
    books.ended(1, 1);
    assert_eq!(books.acquire("umbrella").1, [Step::Destroy(1), Step::Start(2, SandboxGroup::WARM)]);
}

#[test]
fn a_child_that_dies_before_its_program_condemns_its_sandbox() {
    let mut books = Books::new(limits());
    books.tick(TICK);
    books.bring_up(1);
    assert_eq!(books.ended(1, 1), (Some(Ended::Ready), vec![Step::Destroy(1)]));
    assert_eq!(books.ended(1, 99).0, None, "nobody knows this child");
}

#[test]
fn a_retired_sandbox_finishes_what_runs_and_takes_nothing_new() {
    let mut books = Books::new(Pool { max_executions: 1, unassigned: 1, ..limits() });
    books.tick(TICK);
    books.bring_up(1);
    let _ = books.acquire("acme");
    assert!(matches!(books.acquire("acme").0, Ok(Acquired::Wait(_))));
    assert_eq!(books.ended(1, 2), (Some(Ended::Running), vec![Step::Destroy(1)]));
}

#[test]
fn a_failed_start_is_told_to_those_who_have_nothing_else_to_wait_for() {
    let mut books = Books::new(Pool { unassigned: 0, ..limits() });
    let _ = books.acquire("acme");
    let _ = books.acquire("umbrella");
    let failure = StartFailure::Unavailable("no daemon".to_owned());
    assert_eq!(books.gone(1, Some(&failure)), [Step::Reject(2, failure.clone())], "sandbox 2 may still come, for one of them");
    assert_eq!(books.gone(2, Some(&failure)), [Step::Reject(1, failure)]);
}

#[test]
fn the_warm_pool_is_refilled_with_growing_pauses_after_failures() {
    let mut books = Books::new(limits());
    let failure = StartFailure::Unavailable("no daemon".to_owned());
    assert_eq!(books.tick(TICK), [Step::Start(1, SandboxGroup::WARM)]);
    books.gone(1, Some(&failure));
    assert_eq!(books.tick(Duration::from_millis(900)), vec![]);
    assert_eq!(books.tick(Duration::from_millis(200)), [Step::Start(2, SandboxGroup::WARM)]);
    books.gone(2, Some(&failure));
    assert_eq!(books.tick(Duration::from_millis(1900)), vec![]);
    assert_eq!(books.tick(Duration::from_millis(200)), [Step::Start(3, SandboxGroup::WARM)]);
}

#[test]
fn idle_and_old_sandboxes_go() {
    let mut books = Books::new(Pool { idle: Duration::from_secs(10), max_age: Duration::from_secs(60), ..limits() });
    books.tick(TICK);
    books.bring_up(1);
    assert_eq!(books.tick(Duration::from_secs(20)), vec![], "an unassigned one is kept warm");
    let _ = books.acquire("acme");
    books.ended(1, 2);
    let steps = books.tick(Duration::from_secs(11));
    assert_eq!(steps, [Step::Destroy(1), Step::Start(2, SandboxGroup::WARM)]);
    books.gone(1, None);
    books.bring_up(2);
    assert_eq!(books.tick(Duration::from_secs(61)), [Step::Destroy(2), Step::Start(3, SandboxGroup::WARM)]);
}

#[test]
fn a_single_use_sandbox_runs_one_program_and_is_destroyed() {
    let group = SandboxGroup::SINGLE;
    let mut books = Books::new(Pool { unassigned: 0, ..limits() });
    assert_eq!(books.acquire_in("acme", group).1, [Step::Start(1, group)]);
    assert_eq!(books.acquire_in("acme", group).1, [Step::Start(2, group)], "each needs its own");
    assert_eq!(books.bring_up(1), [Step::Grant(1, 1, 1)]);
    assert_eq!(books.ended(1, 1).1, [Step::Destroy(1)]);
}

#[test]
fn the_line_is_bounded_and_closing_empties_it() {
    let mut books = Books::new(Pool { max_waiting: 1, unassigned: 0, ..limits() });
    let _ = books.acquire("acme");
    assert_eq!(books.acquire("acme").0, Err(Full));
    let mut steps = Vec::new();
    books.ledger.close(&mut steps);
    assert_eq!(steps, [Step::Reject(1, StartFailure::ShuttingDown), Step::Destroy(1)]);
    assert_eq!(books.acquire("umbrella").1, vec![], "nothing starts any more");
}

/// Sandboxes that are started by these steps.
fn starts(steps: &[Step<u64>]) -> Vec<SandboxId> {
    steps.iter().filter_map(|step| if let Step::Start(id, _) = step { Some(*id) } else { None }).collect()
}

#[test]
fn the_stock_grows_with_the_tenants_that_come_at_once_and_shrinks_when_they_do_not() {
    let idle = Duration::from_secs(100);
    let mut books = Books::new(Pool { max_sandboxes: 9, max_unassigned: 3, idle, ..limits() });
    assert_eq!(starts(&books.tick(TICK)), [1]);
    books.bring_up(1);
    for (name, sandbox) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
        let (acquired, steps) = books.acquire(name);
        if acquired == Ok(Acquired::Wait(sandbox - 1)) {
            assert_eq!(starts(&steps), [sandbox], "nobody waits for the stock");
            books.bring_up(sandbox);
        }
    }
    let bound = books.ledger.census();
    assert_eq!((bound.bound, bound.unassigned), (4, 0));
    let started = starts(&books.tick(REFILL_DELAY));
    assert_eq!(started, [5, 6, 7], "four came at once; three are the most that are kept");
    started.into_iter().for_each(|sandbox| drop(books.bring_up(sandbox)));
    assert_eq!(books.ledger.target(SandboxGroup::WARM, books.now).reason, StockReason::Most);

    assert_eq!(books.tick(Duration::from_secs(61)), vec![], "they are not needed any more, and not idle for long");
    assert_eq!(books.ledger.target(SandboxGroup::WARM, books.now), Target { sandboxes: 1, reason: StockReason::Least });
    let steps = books.tick(idle);
    let gone = steps.iter().filter(|step| matches!(step, Step::Destroy(5..=7))).count();
    assert_eq!(gone, 2, "one is kept: {steps:?}");
}

#[test]
fn without_memory_nothing_is_started_to_wait_and_idle_ones_go_one_by_one() {
    let mut books = Books::new(Pool { max_sandboxes: 9, ..limits() });
    assert_eq!(books.memory(Memory::Short), vec![]);
    assert_eq!(books.tick(TICK), vec![], "none is started to wait");
    let (_, steps) = books.acquire("a");
    assert_eq!(starts(&steps), [1], "who waits for one gets it all the same");
    books.bring_up(1);
    assert_eq!(books.memory(Memory::Short), vec![], "it runs a program");

    books.memory(Memory::Fits(1));
    assert_eq!(starts(&books.tick(REFILL_DELAY)), [2]);
    books.bring_up(2);
    let (ended, _) = books.ended(1, 1);
    assert_eq!(ended, Some(Ended::Running));
    assert_eq!(books.memory(Memory::Short), vec![Step::Destroy(2)], "first the one that is nobody's");
    assert_eq!(books.memory(Memory::Short), vec![Step::Destroy(1)]);
    assert_eq!(books.memory(Memory::Short), vec![]);
}

proptest! {
    /// Whatever happens in whatever order: no sandbox serves two tenants, bounds hold, and counts add up.
    #[test]
    fn invariants_hold(events in prop::collection::vec((0u8..7, 0usize..4), 1..200), restore: bool) {
        let most = if restore { 4 } else { 2 };
        let mut books = Books::new(Pool { restore, children: most, ..limits() });
        let warm = books.warm();
        let mut sandbox_of: BTreeMap<u64, SandboxId> = BTreeMap::new();
        let mut owner: BTreeMap<SandboxId, TenantId> = BTreeMap::new();
        let mut waiters: BTreeMap<WaiterId, TenantId> = BTreeMap::new();
        let (mut starting, mut forking, mut running) = (Vec::new(), Vec::new(), Vec::new());
        for (event, pick) in events {
            let mut steps = Vec::new();
            let name = tenant(["a", "b", "c", "d"][pick]);
            match event {
                0 | 1 => match books.ledger.acquire(&name, warm, books.now, &mut steps) {
                    Ok(Acquired::Child(sandbox, child)) => {
                        prop_assert_eq!(owner.entry(sandbox).or_insert_with(|| name.clone()), &name);
                        running.push((sandbox, child));
                    }
                    Ok(Acquired::Wait(waiter)) => drop(waiters.insert(waiter, name)),
                    Err(Full) => {}
                },
                2 if !starting.is_empty() => {
                    let sandbox = starting.remove(pick % starting.len());
                    books.ledger.started(sandbox, books.now, &mut steps);
                }
                3 if !forking.is_empty() => {
                    let sandbox = forking.remove(pick % forking.len());
                    books.next_child += 1;
                    sandbox_of.insert(books.next_child, sandbox);
                    books.ledger.ready(sandbox, books.next_child, books.next_child, books.now, &mut steps);
                }
                5 if restore && !running.is_empty() => {
                    let (sandbox, child) = running.remove(pick % running.len());
                    books.ledger.again(sandbox, child, child, books.now, &mut steps);
                }
                4 if !running.is_empty() => {
                    let (sandbox, child) = running.remove(pick % running.len());
                    books.ledger.ended(sandbox, child, books.now, &mut steps);
                }
                _ => {
                    books.now += TICK;
                    books.ledger.tick(books.now, &mut steps);
                }
            }
            let mut steps = VecDeque::from(steps);
            while let Some(step) = steps.pop_front() {
                match step {
                    Step::Start(sandbox, _) => starting.push(sandbox),
                    Step::Fork(sandbox, count) => forking.extend(vec![sandbox; count]),
                    Step::Grant(waiter, sandbox, child) => {
                        let name = waiters.remove(&waiter).expect("a waiter is granted a child once");
                        prop_assert_eq!(owner.entry(sandbox).or_insert_with(|| name.clone()), &name);
                        running.push((sandbox, child));
                    }
                    Step::Destroy(sandbox) => {
                        prop_assert!(running.iter().all(|(other, _)| *other != sandbox), "destroyed while running");
                        forking.retain(|other| *other != sandbox);
                        starting.retain(|other| *other != sandbox);
                        let mut more = Vec::new();
                        books.ledger.gone(sandbox, None, books.now, &mut more);
                        steps.extend(more);
                    }
                    // What is told is compared with the books below.
                    Step::Share(..) => {}
                    Step::End(child) => {
                        let mut more = Vec::new();
                        // Of a sandbox that is gone already nothing is reported.
                        let ended = books.ledger.ended(sandbox_of[&child], child, books.now, &mut more);
                        prop_assert!(matches!(ended, Some(Ended::Leaving) | None), "{ended:?}");
                        steps.extend(more);
                    }
                    Step::Reject(..) => prop_assert!(false, "nothing failed"),
                }
            }
            let census = books.ledger.census();
            prop_assert_eq!(census.running, running.len());
            let busy = || books.ledger.members.values().filter(|member| member.running > 0);
            for member in busy() {
                let among = busy().filter(|other| other.tenant == member.tenant).count();
                prop_assert_eq!(member.among, among, "a tenant's sandboxes divide one share");
            }
            prop_assert!(census.starting + census.bound + census.unassigned <= 3);
            prop_assert!(books.ledger.members.values().all(|member| member.ready.len() + member.running + member.forking <= most));
            prop_assert!(books.ledger.members.values().all(|member| member.leaving.is_empty()), "each end is heard of");
        }
    }
}

#[test]
fn a_sandbox_of_one_runtime_never_serves_another() {
    let mut books = Books::new(limits());
    books.tick(TICK);
    books.bring_up(1);
    let (other, steps) = books.acquire_in("acme", other_runtime());
    assert_eq!((other, steps), (Ok(Acquired::Wait(1)), vec![Step::Start(2, other_runtime())]));
    assert_eq!(books.tick(TICK * 100), [], "the sandbox of the first runtime stays free");
    assert!(matches!(books.bring_up(2).as_slice(), [Step::Grant(1, 2, _)]));
    assert!(matches!(books.acquire("acme").0, Ok(Acquired::Child(1, _))), "the same tenant, on the first runtime");
}

#[test]
fn what_is_kept_ready_is_of_the_default_runtime_and_a_forsaken_sandbox_of_another_goes_once_idle() {
    let mut books = Books::new(Pool { idle: Duration::from_secs(5), ..limits() });
    books.tick(TICK);
    books.bring_up(1);
    assert_eq!(books.acquire_in("acme", other_runtime()).0, Ok(Acquired::Wait(1)));
    books.ledger.forget(1);
    books.bring_up(2);
    assert_eq!(books.tick(Duration::from_secs(6)), [Step::Destroy(2)]);
    books.gone(2, None);
    assert_eq!(books.tick(Duration::from_secs(6)), [], "nothing of it is started again");
}

#[test]
fn a_runtime_that_cannot_start_delays_no_sandbox_of_another() {
    let mut books = Books::new(limits());
    let failure = StartFailure::Unavailable("no image".to_owned());
    assert_eq!(books.acquire_in("acme", other_runtime()).0, Ok(Acquired::Wait(1)));
    assert_eq!(books.gone(1, Some(&failure)), [Step::Reject(1, failure.clone())]);
    assert_eq!(books.tick(Duration::ZERO), [Step::Start(2, SandboxGroup::WARM)]);
}

#[test]
fn busy_sandboxes_of_one_tenant_divide_what_one_has() {
    let mut books = Books::new(Pool { children: 1, max_unassigned: 0, unassigned: 0, ..limits() });
    let shares = |steps: Vec<Step<u64>>| -> Vec<(SandboxId, usize)> {
        steps.into_iter().filter_map(|step| if let Step::Share(id, among) = step { Some((id, among)) } else { None }).collect()
    };
    let mut seen = Vec::new();
    for sandbox in 1..=2 {
        books.acquire("acme").0.unwrap();
        // Until a further sandbox is what the tenant gets.
        books.tick(Duration::from_secs(1));
        seen.extend(shares(books.bring_up(sandbox)));
    }
    assert_eq!(seen, [(1, 2), (2, 2)]);
    assert_eq!(shares(books.ended(1, 1).1), [(2, 1)], "the other one has it alone");
    books.acquire("acme").0.unwrap();
    let mut steps = Vec::new();
    books.ledger.ready(1, 3, 3, books.now, &mut steps);
    assert_eq!(shares(steps), [(2, 2)], "the first one still has a half");
    assert_eq!(shares(books.gone(1, None)), [(2, 1)], "one that was lost has nothing");
}

/// Books of sandboxes whose children are put back.
fn restoring(limits: Pool) -> Books {
    Books::new(Pool { restore: true, ..limits })
}

impl Books {
    fn warm(&self) -> SandboxGroup {
        self.ledger.warm()
    }

    fn again(&mut self, sandbox: SandboxId, child: u64) -> Vec<Step<u64>> {
        let mut steps = Vec::new();
        self.ledger.again(sandbox, child, child, self.now, &mut steps);
        steps
    }
}

#[test]
fn a_child_that_was_put_back_serves_its_tenant_again_and_no_other() {
    let mut books = restoring(limits());
    let warm = books.warm();
    assert_eq!(books.tick(TICK), [Step::Start(1, warm)]);
    books.bring_up(1);
    assert_eq!(books.acquire_in("acme", warm), (Ok(Acquired::Child(1, 2)), vec![]));
    let _ = books.acquire_in("acme", warm);
    let waits = books.acquire_in("acme", warm).0;
    assert_eq!(waits, Ok(Acquired::Wait(1)));
    assert!(matches!(books.acquire_in("umbrella", warm).0, Ok(Acquired::Wait(2))));
    assert_eq!(books.again(1, 2), [Step::Grant(1, 1, 2)], "to the one of its tenant that waits, and nothing is forked");
    assert_eq!(books.again(1, 2), vec![]);
    assert_eq!(books.ledger.census().ready, 1, "the other tenant waits for a sandbox of its own");
}

#[test]
fn children_that_are_put_back_grow_with_what_runs_at_once_and_shrink_in_quiet() {
    let mut books = restoring(Pool { children: 4, max_sandboxes: 1, ..limits() });
    let warm = books.warm();
    books.tick(TICK);
    books.bring_up(1);
    assert_eq!(books.ledger.census().ready, 2, "two are enough to begin with");
    let mut taken = Vec::new();
    for number in 0..4 {
        match books.acquire_in("acme", warm) {
            (Ok(Acquired::Child(1, child)), steps) => {
                taken.push(child);
                for step in steps {
                    assert_eq!(step, Step::Fork(1, 1));
                    books.next_child += 1;
                    books.ledger.ready(1, books.next_child, books.next_child, books.now, &mut Vec::new());
                }
            }
            other => panic!("{number}: {other:?}"),
        }
    }
    assert!(matches!(books.acquire_in("acme", warm).0, Ok(Acquired::Wait(_))), "never more than there may be");
    books.ledger.forget(1);
    for child in taken {
        assert_eq!(books.again(1, child), vec![]);
    }
    assert_eq!((books.ledger.census().ready, books.ledger.census().running), (4, 0));
    assert_eq!(books.tick(Duration::from_secs(1)), vec![], "the next burst may come soon");
    let steps = books.tick(Duration::from_secs(2));
    let ended: Vec<u64> = steps.iter().map(|step| if let Step::End(child) = step { *child } else { panic!("{step:?}") }).collect();
    assert_eq!((ended.len(), books.ledger.census().ready), (2, 2));
    for child in ended {
        assert_eq!(books.ended(1, child), (Some(Ended::Leaving), vec![]), "which says nothing against the sandbox");
    }
    assert_eq!(books.ended(1, 99).0, None);
}

#[test]
fn a_child_that_is_lost_with_its_program_is_replaced() {
    let mut books = restoring(limits());
    let warm = books.warm();
    books.tick(TICK);
    books.bring_up(1);
    let _ = books.acquire_in("acme", warm);
    assert_eq!(books.ended(1, 2), (Some(Ended::Running), vec![Step::Fork(1, 1)]));
}

#[test]
fn a_child_of_a_sandbox_that_takes_no_further_program_does_not_wait_for_one() {
    let mut books = restoring(Pool { max_executions: 3, ..limits() });
    let warm = books.warm();
    books.tick(TICK);
    books.bring_up(1);
    for _ in 0..2 {
        let _ = books.acquire_in("acme", warm);
    }
    // Two count whole, later ones of the same children a hundredth.
    for later in 0..100 {
        assert_eq!(books.again(1, 2), vec![], "{later}");
        assert_eq!(books.acquire_in("acme", warm).0, Ok(Acquired::Child(1, 2)), "{later}");
    }
    assert_eq!(books.again(1, 2), [Step::End(2)], "that was its last, and the other one still runs");
    assert_eq!(books.again(1, 1), [Step::End(1), Step::Destroy(1)]);
}

#[test]
fn where_children_cannot_be_put_back_all_sandboxes_and_waiters_of_the_runtime_have_fresh_ones() {
    let mut books = restoring(Pool { unassigned: 2, max_starting: 2, children: 4, ..limits() });
    let (restored, other) = (books.warm(), SandboxGroup { restored: true, ..other_runtime() });
    assert_eq!(books.tick(TICK), [Step::Start(1, restored), Step::Start(2, restored)]);
    let mut steps = Vec::new();
    books.ledger.started(1, books.now, &mut steps);
    assert_eq!(steps, [Step::Fork(1, 2)], "two wait where they are put back");
    assert_eq!(books.acquire_in("acme", restored).0, Ok(Acquired::Wait(1)));

    // The first one finds out with its first child.
    let mut steps = Vec::new();
    books.ledger.starts_again(1);
    books.ledger.forgo_restoring(1, RuntimeKey::DEFAULT, books.now, &mut steps);
    assert_eq!(steps, vec![], "as many start as are wanted");
    assert!([1, 2].iter().all(|&sandbox| books.ledger.has_fresh_children(sandbox)));
    assert_eq!(books.warm(), SandboxGroup::WARM);
    let mut steps = Vec::new();
    books.ledger.started(1, books.now, &mut steps);
    assert_eq!(steps, [Step::Fork(1, 4)], "as many as where nobody asks for more");
    let mut steps = Vec::new();
    books.ledger.ready(1, 1, 1, books.now, &mut steps);
    assert_eq!(steps, [Step::Grant(1, 1, 1)], "whoever waited for one that is put back");
    books.ledger.ready(1, 2, 2, books.now, &mut Vec::new());
    assert_eq!(books.acquire_in("acme", restored).0, Ok(Acquired::Child(1, 2)), "and whoever still asks for one");

    let (asked, steps) = books.acquire_in("acme", other);
    assert_eq!((asked, steps), (Ok(Acquired::Wait(2)), vec![Step::Start(3, other)]), "another runtime may have what it takes");
}
