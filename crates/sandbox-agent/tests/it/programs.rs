//! What programs see: entry points, values, output, the standard library.

use sandbox_protocol::{control::SealMode, frame::Kind};
use serde_json::{Value, json};

use crate::harness::*;

fn check_transform(code: &str, value: Value, expected: Value) {
    let outcome = Sandbox::start().run(&transform(code, value));
    assert_eq!(outcome.result(), expected, "{outcome:?}");
}

#[test]
fn a_transformer_gets_its_value_and_parameters() {
    let mut program = transform("def transform(value, *, sep, times=1): return sep.join([value] * times)", json!("ab"));
    program["params"] = json!({ "sep": "-", "times": 3 });
    assert_eq!(Sandbox::start().run(&program).result(), json!("ab-ab-ab"));
}

#[test]
fn numbers_and_text_keep_their_exact_value() {
    let code = "def transform(value): return value";
    check_transform(
        code,
        json!([9_007_199_254_740_993_u64, "\u{1F600} é", null, true, 0.1]),
        json!([9_007_199_254_740_993_u64, "\u{1F600} é", null, true, 0.1]),
    );
}

#[test]
fn a_script_gets_parameters_prints_and_returns() {
    let mut program =
        script("import sys\ndef main(name):\n    print('hello', name)\n    print('oops', file=sys.stderr)\n    return {'n': len(name)}");
    program["params"] = json!({ "name": "Zoë" });
    let outcome = Sandbox::start().run(&program);
    assert_eq!(outcome.result(), json!({ "n": 3 }));
    assert_eq!(outcome.stdout, "hello Zoë\n");
    assert_eq!(outcome.stderr, "oops\n");
}

#[test]
fn top_level_code_is_the_main_module_with_params() {
    let mut program = script("assert __name__ == '__main__'\nprint(params['a'] + 1)\nif __name__ == '__main__': print('main')");
    program["params"] = json!({ "a": 1 });
    let outcome = Sandbox::start().run(&program);
    assert_eq!(outcome.result(), Value::Null);
    assert_eq!(outcome.stdout, "2\nmain\n");
}

#[test]
fn code_with_an_entry_point_is_not_the_main_module() {
    let code = "seen = __name__\nif __name__ == '__main__': raise SystemExit(9)\ndef main(): return seen";
    assert_eq!(result_of(code), json!("__zona__"));
}

#[test]
fn each_of_many_values_is_answered_before_the_next_one_runs() {
    let code = "def transform(value):\n    if value == 2: raise ValueError('two')\n    return value * 10";
    let outcome = Sandbox::start().run(&transform_all(code, vec![json!(1), json!(2), json!(3)]));
    let kinds: Vec<Kind> = outcome.frames.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Value, Kind::ValueFailure, Kind::Value, Kind::Success]);
    assert_eq!(outcome.frames[0].1, "10");
    assert!(outcome.frames[1].1.contains("ValueError: two"), "{}", outcome.frames[1].1);
    assert_eq!(outcome.frames[2].1, "30");
}

#[test]
fn values_before_the_one_that_ends_the_process_are_answered() {
    let code = "import os\ndef transform(value):\n    if value == 2: os._exit(5)\n    return value";
    let outcome = Sandbox::start().run(&transform_all(code, vec![json!(1), json!(2), json!(3)]));
    assert_eq!(outcome.frames, [(Kind::Value, "1".to_owned())]);
}

#[test]
fn coroutines_are_run() {
    let code = "import asyncio\nasync def main():\n    await asyncio.sleep(0.001)\n    return await asyncio.gather(*[half(n) for n in (2, 4)])\nasync def half(n): return n // 2";
    assert_eq!(result_of(code), json!([1, 2]));
    check_transform("async def transform(value): return value + 1", json!(1), json!(2));
}

#[test]
fn the_whole_standard_library_is_there_even_when_it_is_imported_late() {
    let code = "def main():
    import csv, decimal, difflib, fractions, html, ipaddress, lzma, bz2, sqlite3, statistics, struct, tempfile, textwrap, uuid
    import xml.etree.ElementTree, urllib.parse, zipfile, zoneinfo, dataclasses, pickle, queue, logging, ssl, unittest
    base = sqlite3.connect('/tmp/data.db')
    base.execute('create table t (a)')
    base.execute('insert into t values (7)')
    base.commit()
    with tempfile.NamedTemporaryFile('w+') as file:
        file.write('x')
    with zipfile.ZipFile('/tmp/a.zip', 'w') as archive:
        archive.writestr('b', b'c')
    berlin = zoneinfo.ZoneInfo('Europe/Berlin')
    return [base.execute('select a from t').fetchone()[0], str(berlin)]";
    assert_eq!(result_of(code), json!([7, "Europe/Berlin"]));
}

#[test]
fn classes_of_user_code_know_their_module() {
    let code = "import dataclasses, pickle, typing
@dataclasses.dataclass
class Point:
    x: 'int' = 1
def main():
    assert typing.get_type_hints(Point) == {'x': int}
    return dataclasses.asdict(pickle.loads(pickle.dumps(Point(5))))";
    assert_eq!(result_of(code), json!({ "x": 5 }));
}

#[test]
fn the_environment_is_bare() {
    let code = "import os, sys
def main():
    return [dict(os.environ), sys.stdin.read(), sys.argv, os.getcwd(), sys.flags.isolated, sys.stdout.encoding]";
    assert_eq!(result_of(code), json!([{ "LANG": "C.UTF-8", "TZ": "UTC" }, "", [""], "/tmp", 1, "utf-8"]));
}

#[test]
fn two_runs_draw_different_random_numbers() {
    let mut sandbox = Sandbox::start();
    let program = script("import random, uuid, tempfile, os\ndef main(): return [random.random(), str(uuid.uuid4()), os.urandom(8).hex()]");
    let (first, second) = (sandbox.run(&program).result(), sandbox.run(&program).result());
    for index in 0..3 {
        assert_ne!(first[index], second[index]);
    }
}

#[test]
fn output_that_is_not_text_is_carried_as_it_is() {
    let outcome = Sandbox::start().run(&script(
        "import sys, os\nprint('\\ud800')\nsys.stdout.buffer.write(b'raw\\n')\nos.write(1, b'direct\\n')\nprint('x' * 200000, end='')",
    ));
    assert_eq!(outcome.result(), Value::Null);
    assert!(outcome.stdout.starts_with("\\ud800\nraw\ndirect\nxxx"), "{}", &outcome.stdout[..40]);
    assert_eq!(outcome.stdout.len(), "\\ud800\nraw\ndirect\n".len() + 200_000);
}

#[test]
fn a_replaced_stdout_and_a_patched_json_do_not_cost_the_result() {
    let code = "import sys, json, os
def main():
    json.dumps = json.loads = None
    json.JSONEncoder.encode = None
    sys.stdout = None
    sys.stderr = 7
    os.write = os._exit = os.close = None
    sys.setrecursionlimit(30)
    return 'fine'";
    assert_eq!(result_of(code), json!("fine"));
}

#[test]
fn exit_handlers_run_and_print_before_the_end() {
    let outcome = Sandbox::start().run(&script("import atexit\natexit.register(print, 'bye')\nprint('hi')"));
    assert_eq!(outcome.stdout, "hi\nbye\n");
}

#[test]
fn exiting_with_nothing_or_zero_is_success() {
    let mut sandbox = Sandbox::start();
    for code in ["import sys\nsys.exit()", "raise SystemExit(0)", "def main(): raise SystemExit"] {
        assert_eq!(sandbox.run(&script(code)).result(), Value::Null, "{code}");
    }
}

#[test]
fn a_large_program_and_result_pass_through() {
    let value: Vec<Value> = (0..20_000).map(|n| json!({ "n": n, "text": "some text" })).collect();
    let outcome = Sandbox::start().run(&transform("def transform(value): return value", json!(value)));
    assert_eq!(outcome.result().as_array().map(Vec::len), Some(20_000));
}

#[test]
fn lone_surrogates_come_back_as_they_went_in() {
    let outcome = Sandbox::start().run(&script("def main(): return ['\\ud83d', 'é']"));
    assert_eq!(outcome.frames, [(Kind::Success, "[\"\\ud83d\",\"\\u00e9\"]".to_owned())]);
}

#[test]
fn processes_and_threads_work_where_they_are_granted() {
    let mut sandbox = Sandbox::with(sandbox_protocol::control::Class { processes: 16, ..CLASS }, SealMode::Processes);
    let code = "import subprocess, sys, threading, concurrent.futures, multiprocessing
def square(n): return n * n
def main():
    done = subprocess.run([sys.executable, '-I', '-c', 'print(6 * 7)'], capture_output=True, text=True, check=True)
    seen = []
    thread = threading.Thread(target=seen.append, args=(1,))
    thread.start(); thread.join()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        squares = list(pool.map(square, range(4)))
    with multiprocessing.get_context('fork').Pool(2) as pool:
        squares += pool.map(square, [5, 6])
    return [done.stdout, seen, squares]";
    assert_eq!(sandbox.run(&script(code)).result(), json!(["42\n", [1], [0, 1, 4, 9, 25, 36]]));
}
