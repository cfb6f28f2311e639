//! Children that run one program after the other: each program meets a child that has run none, and whoever is not as it was ends.

use std::time::{Duration, Instant};

use sandbox_protocol::control::{Command, Exit, Left};
use serde_json::{Value, json};

use crate::harness::*;

/// One child and its sandbox.
struct Rounds {
    sandbox: Sandbox,
    child: Option<Child>,
}

impl Rounds {
    fn start() -> Self {
        Rounds { sandbox: Sandbox::restoring(), child: None }
    }

    /// Runs a program in the child, or in a new one where that has ended.
    fn run(&mut self, program: &Value) -> Outcome {
        let mut child = self.child.take().unwrap_or_else(|| self.sandbox.fork_one());
        self.sandbox.limit(&child, &program["limits"]);
        child.submit(program);
        let (outcome, child) = self.sandbox.finish_round(child);
        self.child = child;
        outcome
    }

    fn result(&mut self, code: &str) -> Value {
        self.run(&script(code)).result()
    }

    /// How often the child was put back; `None` where it has ended.
    fn count(&self) -> Option<u32> {
        self.child.as_ref().map(|child| child.restored)
    }
}

fn within(code: &str, name: &str, value: u64) -> Value {
    let mut program = script(code);
    program["limits"][name] = json!(value);
    program
}

#[test]
fn nothing_that_a_program_does_to_its_interpreter_is_met_by_the_next() {
    let mut rounds = Rounds::start();
    let leave = "import builtins, json, re, sys, gc
def main():
    found = [hasattr(builtins, 'left'), 'left' in sys.modules, sys.getrecursionlimit() == 77, json.dumps is None, gc.isenabled()]
    builtins.left = builtins.len = 'left'
    sys.modules['left'] = sys
    sys.setrecursionlimit(77)
    json.dumps = None
    gc.disable()
    print('printed')
    return found";
    for round in 1..=50 {
        let outcome = rounds.run(&script(leave));
        assert_eq!((outcome.result(), outcome.stdout.as_str()), (json!([false, false, false, false, true]), "printed\n"), "{round}");
        assert_eq!(rounds.count(), Some(round));
    }
}

#[test]
fn random_numbers_of_a_thousand_programs_differ() {
    let mut rounds = Rounds::start();
    let code = "import random, secrets, ssl, uuid
def main():
    return [str(random.random()), secrets.token_hex(8), ssl.RAND_bytes(8).hex(), str(uuid.uuid4())]";
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        for number in rounds.result(code).as_array().unwrap() {
            assert!(seen.insert(number.to_string()), "{number} comes twice");
        }
    }
    assert!(rounds.count() > Some(900), "{:?}", rounds.count());
}

#[test]
fn each_value_of_many_is_answered_and_large_programs_and_results_pass() {
    let mut rounds = Rounds::start();
    let text = "x".repeat(300_000);
    for _ in 0..3 {
        let values: Vec<_> = (0..200).map(|number| json!(number)).collect();
        let outcome = rounds.run(&transform_all("def transform(value):\n    return value * 2", values));
        assert_eq!(outcome.frames.len(), 201);
        let outcome = rounds.run(&transform("def transform(value):\n    print(value)\n    return value", json!(text)));
        assert_eq!((outcome.result(), outcome.stdout.len()), (json!(text), text.len() + 1));
    }
}

#[test]
fn a_program_is_told_what_it_used_itself() {
    let mut rounds = Rounds::start();
    let busy = rounds.run(&script("import time\ndef main():\n    while time.process_time() < 0.4: pass")).usage;
    let idle = rounds.run(&script("def main():\n    return 1")).usage;
    assert!(busy.user_micros + busy.system_micros > 200_000, "{busy:?}");
    assert!(idle.user_micros + idle.system_micros < 100_000, "{idle:?}");
    let large = rounds.run(&script("def main():\n    return len(bytearray(64 << 20))")).usage;
    let small = rounds.run(&script("def main():\n    return 1")).usage;
    assert!(large.peak_memory_bytes > small.peak_memory_bytes + (48 << 20), "{large:?} {small:?}");
}

#[test]
fn each_program_has_its_own_time_and_one_that_uses_it_up_is_ended() {
    let mut rounds = Rounds::start();
    let work = "import time\ndef main():\n    start = time.process_time()\n    while time.process_time() < start + 0.8: pass";
    for round in 1..=3 {
        rounds.run(&within(work, "cpu_seconds", 1)).result();
        assert_eq!(rounds.count(), Some(round));
    }
    let ignoring = "import signal, resource
def main():
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
    except ValueError:
        print('refused')
    while True: pass";
    for endless in ["def main():\n    while True: pass", ignoring] {
        rounds.result("def main():\n    return 1");
        let outcome = rounds.run(&within(endless, "cpu_seconds", 1));
        assert_eq!(outcome.exit, Exit::Signal(9), "{outcome:?}");
        assert_eq!(outcome.stdout, if endless == ignoring { "refused\n" } else { "" });
        assert_eq!(rounds.count(), None);
    }
}

#[test]
fn each_program_has_its_own_limit_of_memory() {
    let mut rounds = Rounds::start();
    let code = "def main():\n    return len(bytearray(96 << 20))";
    assert_eq!(rounds.run(&within(code, "memory", 128 << 20)).result(), json!(96 << 20));
    assert_eq!(rounds.run(&within(code, "memory", 64 << 20)).failure().reason, "OUT_OF_MEMORY");
    assert_eq!(rounds.run(&within(code, "memory", 128 << 20)).result(), json!(96 << 20));
}

#[test]
fn a_failure_with_its_traceback_does_not_cost_the_child() {
    let mut rounds = Rounds::start();
    for round in 1..=5 {
        let outcome = rounds.run(&script("def main():\n    return {}['missing']"));
        assert_eq!(outcome.failure().exception.as_deref(), Some("KeyError"));
        assert!(outcome.stderr.contains("KeyError: 'missing'"), "{}", outcome.stderr);
        assert_eq!(rounds.count(), Some(round));
    }
}

#[test]
fn whoever_leaves_something_ends_and_the_next_program_meets_a_new_child() {
    let mut rounds = Rounds::start();
    let leaving = [
        ("open('/tmp/left', 'w').write('left')", Some(Left::Call(257))),
        ("__import__('os').chdir('/')", Some(Left::Call(80))),
        ("__import__('os').umask(0o77)", Some(Left::Call(95))),
        ("__import__('os').open('/', 0)", Some(Left::Descriptors)),
        ("__import__('os').pipe()", Some(Left::Descriptors)),
        ("__import__('os').close(2)", Some(Left::Call(3))),
        ("__import__('signal').setitimer(__import__('signal').ITIMER_PROF, 30)", Some(Left::Call(38))),
        ("__import__('signal').signal(__import__('signal').SIGTERM, __import__('signal').SIG_IGN)", Some(Left::Call(13))),
        ("__import__('resource').setrlimit(__import__('resource').RLIMIT_NOFILE, (20, 20))", Some(Left::Call(302))),
        ("__import__('mmap').mmap(-1, 1 << 20)", Some(Left::Mappings)),
        ("__import__('sqlite3')", Some(Left::Call(10))),
        ("__import__('os')._exit(3)", None),
        ("__import__('ctypes').string_at(0)", Some(Left::Signal)),
    ];
    for (what, left) in leaving {
        let outcome = rounds.run(&script(&format!("kept = None\ndef main():\n    global kept\n    kept = {what}")));
        assert_eq!((rounds.count(), outcome.left), (None, left), "{what}: {outcome:?}");
        let fresh = "import os\ndef main():\n    return [os.getcwd(), os.listdir('/tmp'), os.umask(0o22)]";
        assert_eq!(rounds.result(fresh), json!(["/tmp", [], 0o22]), "after {what}");
        rounds.child = None;
    }
}

#[test]
fn a_program_that_stops_without_end_keeps_the_agent_from_nothing() {
    let mut sandbox = Sandbox::restoring();
    let mut endless = sandbox.fork_one();
    sandbox.limit(&endless, &limits());
    endless.submit(&script("import os\ndef main():\n    while True: os.umask(0o22)"));
    let mut other = sandbox.fork_one();
    sandbox.limit(&other, &limits());
    other.submit(&script("def main():\n    return 2"));
    assert_eq!(sandbox.finish_round(other).0.result(), json!(2));
    let began = Instant::now();
    sandbox.send(&Command::Kill { child: endless.id });
    assert_eq!(sandbox.exited(endless.id).0, Exit::Signal(9));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[test]
fn an_interrupt_is_for_the_program_that_runs() {
    let mut rounds = Rounds::start();
    rounds.result("def main():\n    return 1");
    let waiting = rounds.child.as_ref().unwrap().id;
    rounds.sandbox.send(&Command::Interrupt { child: waiting });
    assert_eq!(rounds.result("def main():\n    return 2"), json!(2), "one that waits is not interrupted");

    let mut child = rounds.child.take().unwrap();
    rounds.sandbox.limit(&child, &limits());
    child.submit(&script("import time\ndef main():\n    print('ready')\n    time.sleep(30)"));
    let mut ready = [0; 6];
    std::io::Read::read_exact(&mut child.stdout, &mut ready).unwrap();
    let began = Instant::now();
    rounds.sandbox.send(&Command::Interrupt { child: child.id });
    let (outcome, child) = rounds.sandbox.finish_round(child);
    assert_eq!(outcome.failure().reason, "INTERRUPTED");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(child.is_none(), "whoever was sent a signal is not used again");
}

#[test]
fn a_child_that_waits_does_nothing_before_it_is_let_go_on() {
    let mut sandbox = Sandbox::restoring();
    let mut child = sandbox.fork_one();
    child.submit(&script("def main():\n    return 1"));
    let mut other = sandbox.fork_one();
    sandbox.limit(&other, &limits());
    other.submit(&script("def main():\n    return 2"));
    assert_eq!(sandbox.finish_round(other).0.result(), json!(2));
    sandbox.limit(&child, &limits());
    assert_eq!(sandbox.finish_round(child).0.result(), json!(1));
}
