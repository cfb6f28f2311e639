//! What could remain of a program in a child that is put back, looked for by the next program; and, for each means by which nothing
//! remains, that the same programs do find something where that means is left out.
//!
//! Means stand behind each other, so some are left out together: what is named first is what is tested, the rest is what stands behind it.

use sandbox_protocol::control::Command;
use serde_json::{Value, json};

use crate::harness::*;

/// Looks for a word in all memory that a program can find: near objects, heap, libraries, stack, and what was mapped last. The expression
/// for the word does not hold it, so that nobody finds what he looks for with.
const SEARCH: &str = r#"
import ctypes, mmap, os, re
def search():
    libc = ctypes.CDLL(None)
    word = re.compile(rb"kanarien[v]ogel")
    fresh = mmap.mmap(-1, 4096)
    buffer, around = ctypes.create_string_buffer(64), ctypes.c_char.from_buffer(fresh)
    bases = [id(word), id(None), id(dict), id(re), ctypes.addressof(buffer), ctypes.addressof(around)]
    bases.append(ctypes.c_void_p.in_dll(libc, "environ").value)
    out, into = os.pipe()
    libc.write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    seen, found = set(), []
    for base in bases:
        for step in (4096, -4096):
            place = base & -4096
            while place not in seen or place == base & -4096:
                if libc.write(into, place, 4096) != 4096:
                    break
                seen.add(place)
                if word.search(os.read(out, 4096)):
                    found.append(place)
                place += step
    return len(found) > 0, len(seen) > 1000
def main(before):
    return search()
"#;

/// Looks for the word at the address that was returned.
const LOOK: &str = r#"
import ctypes, os
def main(before):
    write = ctypes.CDLL(None).write
    write.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t]
    out, into = os.pipe()
    return write(into, before, 4096) == 4096 and os.read(out, 13) == b"kanarien" + bytes([118]) + b"ogel"
"#;

struct Probe {
    name: &'static str,
    /// Leaves something behind. What it returns is given to the next one.
    leaves: &'static str,
    /// Looks for it; what it says where there was none before is what it is to say.
    looks: &'static str,
    /// Whether an interrupt is sent to the child between the two.
    interrupted: bool,
    /// Whether the child is put back after what is left; else that costs it its life.
    is_put_back: bool,
}

/// What is left in memory, and goes with it.
const fn probe(name: &'static str, leaves: &'static str, looks: &'static str) -> Probe {
    Probe { name, leaves, looks, interrupted: false, is_put_back: true }
}

/// What costs the child its life.
const fn costly(name: &'static str, leaves: &'static str, looks: &'static str) -> Probe {
    Probe { is_put_back: false, ..probe(name, leaves, looks) }
}

const PROBES: [Probe; 23] = [
    probe(
        "objects",
        "import builtins, json, re
def main():
    builtins.left, json.left, re.left = 1, [2], {'x': 3}",
        "import builtins, json, re
def main(before): return [hasattr(module, 'left') for module in (builtins, json, re)]",
    ),
    probe(
        "modules",
        "import sys, types
def main(): sys.modules['left'] = types.ModuleType('left')",
        "import sys
def main(before): return 'left' in sys.modules",
    ),
    probe(
        "settings of the interpreter",
        "import gc, sys, decimal
def main():
    sys.setrecursionlimit(77); sys.setswitchinterval(1); gc.disable(); decimal.getcontext().prec = 3; sys.argv[:] = ['left']",
        "import gc, sys, decimal
def main(before): return [sys.getrecursionlimit(), sys.getswitchinterval(), gc.isenabled(), decimal.getcontext().prec, sys.argv]",
    ),
    probe(
        "environment",
        "import os
def main(): os.environ['LEFT'] = os.environ['LANG'] = 'left'",
        "import os
def main(before): return [os.environb.get(b'LEFT'), os.environ.get('LANG'), os.getenv('LEFT')]",
    ),
    probe(
        "words in memory",
        "import json
def main():
    text = 'kanarienvogel' * 3
    held = [text + str(number) for number in range(5000)]
    return len(json.loads(json.dumps(held)))",
        SEARCH,
    ),
    probe(
        "words in the heap",
        "import ctypes
def main():
    blocks = [ctypes.create_string_buffer(b'kanarienvogel' * 2000) for _ in range(30)]
    return len(blocks)",
        SEARCH,
    ),
    probe(
        "words on the stack",
        "import ctypes
def main():
    size = 60000
    class Frame(ctypes.Structure):
        _fields_ = [('bytes', ctypes.c_char * size)]
    function = ctypes.CDLL(None).labs
    function.argtypes = [Frame]
    frame = Frame(b'kanarienvogel' * (size // 13))
    return function(frame) != 1",
        SEARCH,
    ),
    probe(
        "words in buffers of streams",
        "import sys
def main():
    sys.stdout.write('kanarienvogel')
    sys.stderr.write('kanarienvogel')",
        SEARCH,
    ),
    probe(
        "rounding of the processor",
        "import ctypes
def main(): return ctypes.CDLL(None).fesetround(0x800)",
        "def main(before):
    one, three = 1.0, 3.0
    return (one / three).hex()",
    ),
    costly(
        "flags of the processor",
        "import ctypes, mmap
def main():
    place = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    # pushfq; xor dword ptr [rsp], 0x200000; popfq; ret
    place.write(bytes.fromhex('9c813424000020009dc3'))
    start = ctypes.c_char.from_buffer(place)
    ctypes.PYFUNCTYPE(None)(ctypes.addressof(start))()
    del start
    place.close()",
        "import ctypes, mmap
def main(before):
    place = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
    # pushfq; pop rax; ret
    place.write(bytes.fromhex('9c58c3'))
    start = ctypes.c_char.from_buffer(place)
    return ctypes.PYFUNCTYPE(ctypes.c_long)(ctypes.addressof(start))() & 0x200000",
    ),
    costly(
        "pages that were replaced",
        "import ctypes
def main():
    libc = ctypes.CDLL(None)
    libc.mmap.argtypes, libc.mmap.restype = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long], ctypes.c_void_p
    block = ctypes.create_string_buffer(100000)
    place = ctypes.addressof(block) + 80000 & -4096
    assert libc.mmap(place, 4096, 3, 0x32, -1, 0) == place
    ctypes.memmove(place, b'kanarienvogel', 13)
    return place",
        LOOK,
    ),
    costly(
        "mappings",
        "import ctypes
def main():
    libc = ctypes.CDLL(None)
    libc.mmap.argtypes, libc.mmap.restype = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long], ctypes.c_void_p
    place = libc.mmap(None, 1 << 20, 3, 0x22, -1, 0)
    ctypes.memmove(place, b'kanarienvogel', 13)
    return place",
        LOOK,
    ),
    costly(
        "descriptors",
        "import os
def main(): return os.open('/', 0)",
        "import os
def main(before):
    found = []
    for number in range(64):
        try: found.append((number, os.fstat(number).st_mode))
        except OSError: pass
    return found",
    ),
    costly(
        "files",
        "def main(): open('/tmp/left', 'w').write('left')",
        "import os
def main(before): return [os.listdir('/tmp'), os.stat('/tmp').st_nlink]",
    ),
    costly(
        "directories",
        "import os
def main(): os.mkdir('/tmp/left')",
        "import os
def main(before): return [os.listdir('/tmp'), os.stat('/tmp').st_nlink]",
    ),
    costly(
        "modes of files",
        "import os
def main(): os.chmod('/tmp', 0o700)",
        "import os
def main(before): return os.stat('/tmp').st_mode",
    ),
    costly(
        "the directory",
        "import os
def main(): os.chdir('/')",
        "import os
def main(before): return os.getcwd()",
    ),
    costly(
        "the mask of files",
        "import os
def main(): os.umask(0o77)",
        "import os
def main(before): return os.umask(0)",
    ),
    costly(
        "handlers of signals",
        "import signal
def main(): signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "import ctypes
def main(before):
    action = ctypes.create_string_buffer(256)
    ctypes.CDLL(None).sigaction(10, None, action)
    return action.raw[:8].hex()",
    ),
    costly(
        "timers",
        "import signal
def main(): signal.setitimer(signal.ITIMER_PROF, 3000)",
        "import signal
def main(before): return signal.getitimer(signal.ITIMER_PROF)[0] > 0",
    ),
    Probe {
        name: "interrupts",
        leaves: "def main(): return 1",
        looks: "def main(before): return before",
        interrupted: true,
        is_put_back: true,
    },
    probe(
        "times of the directory",
        "import os, time
def main():
    # Times have the clock's tick.
    time.sleep(0.02)
    os.listdir('/tmp')",
        "import os
def main(before):
    now = os.stat('/tmp')
    return [now.st_atime_ns - now.st_mtime_ns, now.st_ctime_ns - now.st_mtime_ns]",
    ),
    probe(
        "random numbers",
        "import random, ssl
def main(): return [str(random.random()), ssl.RAND_bytes(8).hex()]",
        "import random, ssl
def main(before): return [str(random.random()) == before[0], ssl.RAND_bytes(8).hex() == before[1]]",
    ),
];

/// What is left out, and what then remains.
const MUTATIONS: [(&[&str], &[&str]); 8] = [
    (&["restored-memory"], &["words in the heap"]),
    (&["restored-registers"], &["rounding of the processor"]),
    (&["restored-count", "restored-comparison"], &["pages that were replaced"]),
    (&["restored-comparison"], &["mappings", "descriptors"]),
    (&["restored-calls"], &["files", "directories", "modes of files", "the directory", "the mask of files", "timers"]),
    (&["restored-calls", "restored-comparison"], &["handlers of signals"]),
    (&["restored-signals"], &["interrupts"]),
    (&["restored-seeds"], &["random numbers"]),
];

/// Runs a program in a child, and says what it returned and whether its child waits for the next one.
fn run(sandbox: &mut Sandbox, mut child: Child, code: &str, before: Option<&Value>) -> (Outcome, Option<Child>) {
    let mut program = script(code);
    program["params"] = before.map_or_else(|| json!({}), |before| json!({ "before": before }));
    sandbox.limit(&child, &program["limits"]);
    child.submit(&program);
    sandbox.finish_round(child)
}

/// What the second program of a probe says after the first, and whether it ran in the same child.
fn found(sandbox: &mut Sandbox, probe: &Probe) -> (Result<Value, String>, bool, Value) {
    let child = sandbox.fork_one();
    let (first, child) = run(sandbox, child, probe.leaves, None);
    let is_put_back = child.is_some();
    let child = child.unwrap_or_else(|| sandbox.fork_one());
    if probe.interrupted {
        sandbox.send(&Command::Interrupt { child: child.id });
    }
    let before = first.result();
    let (second, child) = run(sandbox, child, probe.looks, Some(&before));
    if let Some(child) = child {
        sandbox.send(&Command::Kill { child: child.id });
    }
    (answer_of(&second), is_put_back, before)
}

fn answer_of(outcome: &Outcome) -> Result<Value, String> {
    let text = format!("{outcome:?}");
    match outcome.frames.last() {
        Some((sandbox_protocol::frame::Kind::Success, payload)) if outcome.stdout.is_empty() => {
            serde_json::from_str(payload).map_err(|_| text)
        }
        _ => Err(text),
    }
}

/// What the second program says where there was no first.
fn expected(sandbox: &mut Sandbox, probe: &Probe, before: &Value) -> Result<Value, String> {
    let child = sandbox.fork_one();
    let (outcome, child) = run(sandbox, child, probe.looks, Some(before));
    if let Some(child) = child {
        sandbox.send(&Command::Kill { child: child.id });
    }
    answer_of(&outcome)
}

#[test]
fn what_a_program_leaves_is_not_found_by_the_next() {
    let mut sandbox = Sandbox::restoring();
    for probe in &PROBES {
        let (found, is_put_back, before) = found(&mut sandbox, probe);
        assert_eq!(is_put_back, probe.is_put_back, "{}", probe.name);
        let expected = expected(&mut sandbox, probe, &before);
        assert!(expected.is_ok() && found == expected, "{}: {found:?} instead of {expected:?}", probe.name);
        if probe.looks == SEARCH {
            assert_eq!(found, Ok(json!([false, true])), "{}: memory was searched", probe.name);
        }
    }
}

#[test]
fn each_means_left_out_lets_something_remain() {
    let mut wrong = Vec::new();
    for (off, reached) in MUTATIONS {
        let mut sandbox = Sandbox::restoring_without(off);
        for probe in PROBES.iter().filter(|probe| reached.contains(&probe.name)) {
            let (found, is_put_back, before) = found(&mut sandbox, probe);
            let expected = expected(&mut sandbox, probe, &before);
            if !is_put_back || expected.is_err() || found == expected {
                wrong.push(format!("without {off:?}, {}: {found:?}, put back: {is_put_back}, else {expected:?}", probe.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_name_of_what_remains_is_a_probes() {
    for (off, reached) in MUTATIONS {
        assert!(!off.is_empty() && !reached.is_empty());
        assert!(reached.iter().all(|name| PROBES.iter().any(|probe| probe.name == *name)), "{reached:?}");
    }
}
