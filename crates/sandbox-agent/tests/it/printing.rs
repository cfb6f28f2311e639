//! What a program prints, and what it reads of itself: lines at once, tracebacks with the exception and without our frames.

use serde_json::{Value, json};

use crate::harness::*;

/// Counts the writes of `attempt(...)` to a stream like standard output, and gives what was written.
const COUNTED: &str = "import io, sys
seen = []
class Counted(io.RawIOBase):
    def writable(self): return True
    def write(self, data):
        seen.append(bytes(data).decode())
        return len(data)
out = type(sys.stdout)(Counted(), encoding='utf-8', newline='\\n', write_through=True)
def attempt(*values, **options):
    del seen[:]
    try: print(*values, file=out, **options)
    except Exception as error: return [type(error).__name__, *seen]
    return [None, *seen]
";

#[test]
fn a_line_is_written_at_once() {
    let code = "def main():
    return [attempt('x'), attempt(), attempt('a', 1, None, {'b': ([2.5], b'c')}, sep='-'), attempt('x', end=''), attempt('', end=''),
            attempt('a', 'b', sep=None, end=None, flush=True), attempt('x' * 30000, 'y')]";
    let expected = json!([
        [null, "x\n"],
        [null, "\n"],
        [null, "a-1-None-{'b': ([2.5], b'c')}\n"],
        [null, "x"],
        [null],
        [null, "a b\n"],
        [null, format!("{} y\n", "x".repeat(30_000))]
    ]);
    assert_eq!(result_of(&format!("{COUNTED}{code}")), expected);
}

#[test]
fn a_line_is_one_system_call() {
    // Of such a pipe each read gives what one call has written.
    let code = "import os, sys
def main():
    reading, writing = os.pipe2(os.O_DIRECT)
    out = type(sys.stdout)(type(sys.stdout.buffer)(writing, 'w'), encoding='utf-8', newline='\\n', write_through=True)
    print('a', 1, [2.5], {'b': None}, file=out)
    print('c' * 100, file=out)
    print(file=out)
    return [os.read(reading, 4096).decode() for _ in range(3)]";
    assert_eq!(result_of(code), json!(["a 1 [2.5] {'b': None}\n", format!("{}\n", "c".repeat(100)), "\n"]));
}

#[test]
fn what_stands_before_a_value_with_code_of_its_own_is_written_first() {
    let code = "class Quiet:
    def __repr__(self): return 'quiet'
class Text(str):
    def __len__(self): raise ValueError
class Named:
    def __str__(self): return Text('named')
circle = []
circle += [circle, 1]
def main():
    return [attempt('a', 1, Quiet(), [2.5], sep='-'), attempt('a', [(Quiet(),)], 'b'), attempt(Quiet()), attempt('a', circle),
            attempt('a', Text('b'), Named(), 'c', sep=Text('-'))]";
    let expected = json!([
        [null, "a-1-", "quiet-[2.5]\n"],
        [null, "a ", "[(quiet,)] b\n"],
        [null, "quiet\n"],
        [null, "a ", "[[...], 1]\n"],
        [null, "a-", "b-", "named-c\n"]
    ]);
    assert_eq!(result_of(&format!("{COUNTED}{code}")), expected);
    let killed = "import os\nclass Long:\n    def __str__(self): os._exit(9)\nprint('begun', 1, Long(), 'end')";
    assert_eq!(Sandbox::start().run(&script(killed)).stdout, "begun 1 ");
}

#[test]
fn what_comes_before_a_value_without_text_is_printed() {
    let code = "class Bad:
    def __str__(self): raise ValueError
def main():
    return [attempt('a', 'b', Bad(), 'c'), attempt(Bad()), attempt('a', sep=3), attempt('a', end=b''), attempt('a', nope=1)]";
    assert_eq!(
        result_of(&format!("{COUNTED}{code}")),
        json!([["ValueError", "a b "], ["ValueError"], ["TypeError"], ["TypeError"], ["TypeError"]])
    );
}

#[test]
fn a_value_that_prints_while_it_becomes_text_keeps_the_order() {
    let code = "class Loud:
    def __str__(self):
        print('inner', Inner(), file=out)
        return 'loud'
class Inner:
    def __str__(self):
        out.write('direct ')
        return 'inside'
def main():
    return ''.join(attempt('a', Loud(), 'b')[1:])";
    assert_eq!(result_of(&format!("{COUNTED}{code}")), json!("a inner direct inside\nloud b\n"));
}

#[test]
fn print_is_still_print() {
    let code = "import builtins, contextlib, copy, inspect, io, pickle, sys
class Logger:
    log = print
def main():
    Logger().log('no method')
    caught, replaced = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(caught):
        print('caught', 1)
    print('to another', file=replaced)
    before, sys.stdout = sys.stdout, None
    print('to nobody')
    sys.stdout = io.TextIOWrapper(before.buffer, encoding='utf-8')
    print('through a wrapper', flush=True)
    sys.stdout = before
    same = [pickle.loads(pickle.dumps(print)) is print, copy.deepcopy(print) is print, print is builtins.print]
    words = [repr(print), print.__name__, print.__module__, str(inspect.signature(print))]
    return [caught.getvalue(), replaced.getvalue(), same, words, sys.stdout.seekable(), sys.stdout.buffer.seekable()]";
    let outcome = Sandbox::start().run(&script(code));
    let words = json!(["<built-in function print>", "print", "builtins", "(*args, sep=' ', end='\\n', file=None, flush=False)"]);
    assert_eq!(outcome.result(), json!(["caught 1\n", "to another\n", [true, true, true], words, false, false]));
    assert_eq!(outcome.stdout, "no method\nthrough a wrapper\n");
}

#[test]
fn text_without_a_line_end_survives_a_kill_in_its_order() {
    let code = "import os, signal, sys
sys.stdout.write('a')
sys.stdout.buffer.write(b'b')
print('c', end='')
os.write(1, b'd')
sys.stderr.write('e')
os._exit(9)";
    let outcome = Sandbox::start().run(&script(code));
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("abcd", "e"));
}

#[test]
fn a_traceback_keeps_its_exception_however_many_frames_it_has() {
    let code = "def ping(n):
    return pong(n + 1)
def pong(n):
    return pang(n + 1)
def pang(n):
    return ping(n + 1)
def main():
    return ping(0)";
    let failure = failure_of(code);
    let traceback = failure.traceback.unwrap();
    assert!(traceback.starts_with("Traceback (most recent call last):\n  File \"<utility>\", line 8, in main\n"), "{traceback}");
    assert!(traceback.contains("frames left out ...]\n"), "{traceback}");
    assert!(traceback.lines().last().unwrap().starts_with("RecursionError: maximum recursion depth exceeded"), "{traceback}");
    assert!(traceback.len() < 8 << 10, "{} bytes", traceback.len());
    let long = failure_of("def main():\n    raise ExceptionGroup('many', [ValueError('x' * 900) for _ in range(200)])");
    let traceback = long.traceback.unwrap();
    assert!(traceback.starts_with("  + Exception Group Traceback") && traceback.len() <= 16 << 10, "{traceback}");
    let chained = failure_of(
        "def main():\n    error = None\n    for n in range(300):\n        try:\n            raise ValueError('%d' % n * 200) from error\n        except ValueError as caught: error = caught\n    raise KeyError('the last') from error",
    );
    let traceback = chained.traceback.unwrap();
    assert!(traceback.contains("lines left out ...]\n") && traceback.ends_with("KeyError: 'the last'\n"), "{traceback}");
    assert!(traceback.len() <= 16 << 10, "{} bytes", traceback.len());
}

#[test]
fn source_lines_are_those_that_python_counts() {
    for gap in ["\u{c}", "A = 'p\u{c}q'", "# \u{2028} \u{2029} \u{85} \u{b} \u{1c} \u{1d} \u{1e}", "\r\n", "a = 1\r"] {
        let failure = failure_of(&format!("'''first'''\n{gap}\ndef main():\n    return 1 / 0  # this one\n"));
        let traceback = failure.traceback.unwrap();
        assert!(traceback.contains("in main\n    return 1 / 0  # this one\n"), "{gap:?}: {traceback}");
    }
}

#[test]
fn a_program_sees_no_frames_but_its_own_and_the_librarys() {
    let code = "import logging, sys, traceback
class Bad:
    def __str__(self): raise ValueError
def main():
    logging.error('%d', 'x')
    logging.warning('with its stack', stack_info=True)
    traceback.print_stack()
    print(*traceback.format_stack(), *traceback.extract_stack(), file=sys.stderr)
    try: print(Bad())
    except ValueError: traceback.print_exc()";
    let outcome = Sandbox::start().run(&script(code));
    assert_eq!(outcome.result(), Value::Null);
    assert!(outcome.stderr.contains("--- Logging error ---") && outcome.stderr.contains("line 5, in main"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("zona"), "{}", outcome.stderr);
}

#[test]
fn executions_of_one_sandbox_share_the_hash_seed_and_no_random_numbers() {
    let mut sandbox = Sandbox::start();
    let program = script("import random, uuid\ndef main(): return [hash('zona'), random.random(), str(uuid.uuid4())]");
    let (first, second) = (sandbox.run(&program).result(), sandbox.run(&program).result());
    assert_eq!(first[0], second[0]);
    assert!(first[1] != second[1] && first[2] != second[2], "{first} {second}");
}
