//! Random programs, each in a child that has run the ones before and in a child that has run none: both say the same.
//!
//! `ZONA_TEST_SEED` repeats a run, `ZONA_TEST_LONG` makes it long.

use std::{
    env,
    time::{SystemTime, UNIX_EPOCH},
};

use sandbox_protocol::control::Report;

use crate::harness::*;

/// Programs of an ordinary run, and of a long one.
const PROGRAMS: u32 = 2_000;
const MANY_PROGRAMS: u32 = 100_000;
/// Runs of a child in a row that say that children are put back at all.
const ENOUGH: u32 = 3;

/// Everything that a program can see, and what it has done before.
const HEAD: &str = "import builtins, collections, ctypes, datetime, decimal, gc, hashlib, json, math, mmap, os, random, re, signal, string, sys, time
encode = json.JSONEncoder().encode
keep = []
def descriptors():
    found = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return found
def state():
    return [
        len(sys.modules), sorted(name for name in vars(builtins) if name.startswith('x')), sorted(vars(json)), sys.getrecursionlimit(),
        sorted(os.environ), os.getcwd(), os.listdir('/tmp'), descriptors(), gc.isenabled(), str(signal.getsignal(signal.SIGUSR1)),
        math.pi, decimal.getcontext().prec, len(re._cache), sys.getswitchinterval(), signal.getitimer(signal.ITIMER_REAL),
        type(sys.stdout).__name__, sys.argv, len(signal.sigpending()), divide(1.0, 3.0).hex(), sys.flags.optimize, str(sys.gettrace()), len(string.ascii_letters),
    ]
def divide(one, other):
    return one / other
";

/// What a program does; the number is random. An expression, of which the text is told.
const EXPRESSIONS: [&str; 38] = [
    "setattr(builtins, 'x%', 1)",
    "sys.modules.update(m%=sys)",
    "setattr(json, 'extra%', 1)",
    "setattr(json, 'dumps', None)",
    "setattr(math, 'pi', 3)",
    "setattr(decimal.getcontext(), 'prec', 5 + %)",
    "re.compile('a%+')",
    "sys.setrecursionlimit(500 + %)",
    "os.environ.update(E='%')",
    "random.seed(%)",
    "[0] * (% * 100)",
    "open('/tmp/f%', 'w').write('x')",
    "os.mkdir('/tmp/d%')",
    "os.umask(% & 7)",
    "os.chdir('/')",
    "signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])",
    "keep.append(bytearray(% * 1000))",
    "keep.append([str(number) for number in range(% * 10)])",
    "keep.append(mmap.mmap(-1, 4096 * (1 + %)))",
    "keep.append(os.open('/', os.O_RDONLY))",
    "keep.append(os.pipe())",
    "mmap.mmap(-1, 4096 * (1 + %))",
    "os.close(os.open('/', os.O_RDONLY))",
    "gc.disable()",
    "print('o%')",
    "sys.stdout.write('x' * %)",
    "collections.Counter(str(2 ** (% * 50))).most_common(1)",
    "hashlib.sha256(b'%').hexdigest()",
    "datetime.date(2000 + %, 1, 1).isoformat()",
    "sorted(range(%), key=lambda number: -number)",
    "{}['k%']",
    "1 // (% % 5)",
    "sum(number * number for number in range(% * 50))",
    "exec('y = %')",
    "time.sleep(0.0001 * %)",
    "sys.setswitchinterval(0.001 * (1 + %))",
    "ctypes.create_string_buffer(% * 100).raw[:3]",
];

/// Random enough, and the same for the same seed: see Steele and others, "Fast splittable pseudorandom number generators".
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn program(&mut self) -> String {
        let mut lines = vec!["def main():".to_owned(), "    before, seen = state(), []".to_owned()];
        for _ in 0..=self.below(6) {
            let expression = EXPRESSIONS[self.below(EXPRESSIONS.len())].replacen('%', &self.below(10).to_string(), 1);
            lines.push(format!("    try:\n        seen.append(repr({expression})[:60])"));
            lines.push("    except Exception as error:\n        seen.append(repr(error)[:60])".to_owned());
        }
        lines.push(match self.below(10) {
            0 => "    raise ValueError(repr(seen))".to_owned(),
            1 => "    sys.exit(len(seen) % 2)".to_owned(),
            _ => "    return encode([before, seen])".to_owned(),
        });
        format!("{HEAD}{}\n", lines.join("\n"))
    }
}

#[test]
fn random_programs_say_the_same_in_a_child_that_was_put_back_and_in_one_that_has_run_none() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("ZONA_TEST_SEED").unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    let programs = if env::var_os("ZONA_TEST_LONG").is_some() { MANY_PROGRAMS } else { PROGRAMS };
    println!("ZONA_TEST_SEED={seed}, {programs} programs");
    let mut random = Random(seed);
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

fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        all.push_str("0x");
        all.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit()));
        all
    })
}
