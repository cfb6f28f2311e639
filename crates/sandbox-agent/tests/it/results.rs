//! What a program returns: JSON as it is, or a refusal that says which part, where, and what to return instead.

use sandbox_protocol::frame::{Failure, Kind};
use serde_json::{Value, json};

use crate::harness::*;

/// What a result is called, where it lies and what to return instead.
type Refusal = (&'static str, &'static str, &'static str);

#[rustfmt::skip]
const REFUSALS: &[Refusal] = &[
    ("{'a': [1, 2, 3, {4}]}", "result[\"a\"][3]: set", "sorted(value)"),
    ("[float('nan')]", "result[0]: nan", "return None"),
    ("-float('inf')", "result: -inf", "return None"),
    ("object()", "result: object", "return None, booleans"),
    ("b'x'", "result: bytes", "value.decode()"),
    ("__import__('decimal').Decimal('1.10')", "result: Decimal", "str(value), or float(value)"),
    ("__import__('fractions').Fraction(1, 3)", "result: Fraction", "str(value), or float(value)"),
    ("(n for n in range(3))", "result: generator", "list(value)"),
    ("map(str, [1])", "result: map", "list(value)"),
    ("{'a': 1}.keys()", "result: dict_keys", "list(value)"),
    ("range(3)", "result: range", "list(value)"),
    ("__import__('collections').deque([1])", "result: deque", "list(value)"),
    ("__import__('collections').ChainMap({})", "result: ChainMap", "dict(value)"),
    ("__import__('datetime').datetime(2024, 1, 2)", "result: datetime", "value.isoformat()"),
    ("__import__('datetime').date(2024, 1, 2)", "result: date", "value.isoformat()"),
    ("__import__('datetime').timedelta(2)", "result: timedelta", "value.total_seconds()"),
    ("Color.RED", "result: Color", "value.value"),
    ("Point(1)", "result: Point", "dataclasses.asdict(value)"),
    ("Thing()", "result: Thing", "vars(value)"),
    ("__import__('uuid').UUID(int=1)", "result: UUID", "str(value)"),
    ("__import__('pathlib').Path('a')", "result: PosixPath", "str(value)"),
    ("__import__('ipaddress').ip_address('10.0.0.1')", "result: IPv4Address", "str(value)"),
    ("ValueError('x')", "result: ValueError", "str(value)"),
    ("1j", "result: complex", "value.real"),
    ("print", "result: Print", "return"),
    ("main", "result: function", "call it"),
    ("int", "result: type", "value.__name__"),
    ("stream()", "result: async_generator", "async for"),
    ("[waits()]", "result[0]: coroutine", "await it"),
    ("10 ** 5000", "result: an integer of more than 4300 digits", "hex(value)"),
    ("{1: 'int'}", "result: int as a key (1)", "str(key)"),
    ("[{'a': {2.5: 0}}]", "result[0][\"a\"]: float as a key (2.5)", "str(key)"),
    ("{True: 0}", "result: bool as a key (True)", "str(key)"),
    ("{None: 0}", "result: NoneType as a key (None)", "str(key)"),
    ("{(1, 2): 3}", "result: tuple as a key ((1, 2))", "a list of pairs"),
    ("{1: 'int', '1': 'text', True: 'never', None: 'none', 'null': 'text'}", "result: int as a key (1)", "str(key)"),
    ("{Alike('a'): 1, 'a': 2}", "result: keys that read alike", "use each once"),
    ("Twice(a=1)", "result: Twice with an `items` of its own", "dict(value)"),
    ("[Twice(a=1)]", "result[0]: Twice with an `items` of its own", "dict(value)"),
    ("Numbers(a=1)", "result: Numbers with an `items` of its own", "dict(value)"),
    ("{'x' * 500: {1}}", "result[\"xxx", "sorted(value)"),
];

const CLASSES: &str = "import dataclasses, enum
class Color(enum.Enum):
    RED = 1
@dataclasses.dataclass
class Point:
    x: int
class Thing:
    def __init__(self): self.x = 1
class Alike(str):
    def __hash__(self): return 7
    def __eq__(self, other): return self is other
class Twice(dict):
    def items(self): return [*dict.items(self)] * 2
class Numbers(dict):
    def items(self): return [(1, 2)]
async def stream(): yield 1
async def waits(): pass
";

fn refused(sandbox: &mut Sandbox, code: &str) -> Failure {
    let outcome = sandbox.run(&script(code));
    let failure = outcome.failure();
    assert_eq!(failure.reason, "RESULT_NOT_SERIALIZABLE", "{code}: {failure:?}");
    assert!(outcome.stderr.contains(&failure.message), "{outcome:?}");
    failure
}

#[test]
fn a_result_that_is_no_json_is_told_where_and_what_to_return_instead() {
    let mut sandbox = Sandbox::start();
    for (result, place, advice) in REFUSALS {
        let message = refused(&mut sandbox, &format!("{CLASSES}def main():\n    return {result}")).message;
        assert!(message.starts_with(place) && message.contains(advice), "{result}: {message}");
    }
    let message = refused(&mut sandbox, "def main():\n    a = []\n    a.append(a)\n    return a").message;
    assert!(message.starts_with("result[0]: contains itself"), "{message}");
    let message = refused(&mut sandbox, "def main():\n    a = []\n    for _ in range(100000): a = [a]\n    return a").message;
    assert!(message.contains("nested too deeply"), "{message}");
}

#[test]
fn what_json_has_a_form_for_is_returned() {
    let code = "import collections, enum
class Level(enum.IntEnum):
    HIGH = 3
class Name(str, enum.Enum):
    FIRST = 'first'
def main():
    pair = collections.namedtuple('Pair', 'a b')(1, 2)
    counted = collections.Counter('aab')
    moved = collections.OrderedDict(b=1, a=2)
    moved.move_to_end('b')
    class Same(dict):
        def items(self): return list(dict.items(self))
    alike = [moved, Same(a=1), collections.defaultdict(list, a=[1])]
    return [Level.HIGH, Name.FIRST, {Name.FIRST: 1}, pair, counted, collections.OrderedDict(z=1, a=2), alike, 10 ** 4000 % 7, '\\u2028', 1e300]";
    let alike = json!([{ "a": 2, "b": 1 }, { "a": 1 }, { "a": [1] }]);
    let expected = json!([3, "first", { "first": 1 }, [1, 2], { "a": 2, "b": 1 }, { "z": 1, "a": 2 }, alike, 4, "\u{2028}", 1e300]);
    assert_eq!(result_of(code), expected);
}

#[test]
fn a_result_beyond_its_limit_is_told_with_sizes() {
    let failure = failure_of("def main(): return 'x' * (2 << 20)");
    assert_eq!(failure.reason, "RESULT_TOO_LARGE");
    assert!(failure.message.contains("2097154") && failure.message.contains("1048576"), "{failure:?}");
}

/// A transformer of values that are no values of a JSON library.
fn transform_raw(code: &str, values: &str) -> Outcome {
    let mut sandbox = Sandbox::start();
    let mut child = sandbox.fork();
    let mut program = transform_all(code, vec![json!("VALUES")]).to_string();
    program = program.replace("[\"VALUES\"]", values);
    child.submit_text(&program);
    sandbox.finish(child)
}

#[test]
fn an_integer_that_python_does_not_read_costs_its_own_value_only() {
    let (long, longer) = ("9".repeat(5000), format!("-{}", "8".repeat(4301)));
    let outcome = transform_raw("def transform(value): return value", &format!("[1,{long},{{\"a\":[2,{longer}]}},{}]", "7".repeat(4300)));
    let kinds: Vec<Kind> = outcome.frames.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Value, Kind::ValueFailure, Kind::ValueFailure, Kind::Value, Kind::Success]);
    assert!(outcome.frames[1].1.contains("value: an integer of 5000 digits"), "{}", outcome.frames[1].1);
    assert!(outcome.frames[2].1.contains(r#"value[\"a\"][1]: an integer of 4301 digits"#), "{}", outcome.frames[2].1);
    assert_eq!(outcome.frames[3].1, "7".repeat(4300));

    let failure = transform_raw("def transform(value): return value", &format!("[{long}]")).failure();
    assert_eq!(failure.reason, "USER_ERROR");
    assert!(failure.message.contains("5000 digits") && failure.message.contains("send it as a string"), "{failure:?}");
}

#[test]
fn an_integer_that_python_does_not_write_costs_its_own_value_only() {
    let outcome = Sandbox::start().run(&transform_all("def transform(value): return 10 ** value", vec![json!(1), json!(5000), json!(2)]));
    let kinds: Vec<Kind> = outcome.frames.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Value, Kind::ValueFailure, Kind::Value, Kind::Success]);
    assert!(outcome.frames[1].1.contains("RESULT_NOT_SERIALIZABLE"), "{}", outcome.frames[1].1);
}

#[test]
fn a_long_error_text_costs_its_own_value_only() {
    for character in ["\\U0001f600", "\\x01", "\\ud800", "\\u0436", "x"] {
        let code = format!("def transform(value):\n    if value == 2: raise ValueError('{character}' * 400_000)\n    return value");
        let outcome = Sandbox::start().run(&transform_all(&code, vec![json!(1), json!(2), json!(3)]));
        let kinds: Vec<Kind> = outcome.frames.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::Value, Kind::ValueFailure, Kind::Value, Kind::Success], "{character}");
        let payload = &outcome.frames[1].1;
        assert!(payload.len() < 128 << 10, "{character}: {} bytes", payload.len());
        let failure: Failure = serde_json::from_str(payload).unwrap();
        assert!(failure.message.starts_with("ValueError: ") && failure.message.len() <= 2048, "{character}");
        assert!(failure.traceback.unwrap().contains("line 2, in transform"), "{character}");
    }
}

#[test]
fn an_async_function_is_run_and_its_failures_are_its_values() {
    let code = "import asyncio
async def transform(value):
    await asyncio.sleep(0)
    return [value, 10 / value]";
    let outcome = Sandbox::start().run(&transform_all(code, vec![json!(5), json!(0), json!(2)]));
    let kinds: Vec<Kind> = outcome.frames.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [Kind::Value, Kind::ValueFailure, Kind::Value, Kind::Success]);
    assert_eq!((outcome.frames[0].1.as_str(), outcome.frames[2].1.as_str()), ("[5,2.0]", "[2,5.0]"));
    let failure: Failure = serde_json::from_str(&outcome.frames[1].1).unwrap();
    assert_eq!((failure.exception.as_deref(), failure.line), (Some("ZeroDivisionError"), Some(4)));

    let failure = failure_of("import asyncio\nasync def helper():\n    return int('many')\nasync def main():\n    return await helper()");
    assert_eq!((failure.reason.as_str(), failure.line), ("USER_ERROR", Some(3)));
    let traceback = failure.traceback.unwrap();
    assert!(traceback.contains("line 5, in main") && !traceback.contains("asyncio/"), "{traceback}");
    let failure = failure_of("import asyncio, sys\nasync def main():\n    sys.exit(4)");
    assert_eq!((failure.reason.as_str(), failure.exit_code), ("EXIT_CODE", Some(4)));
    assert_eq!(failure_of("async def main(): return {1}").reason, "RESULT_NOT_SERIALIZABLE");
}

#[test]
fn a_program_that_replaces_a_builtin_is_answered_all_the_same() {
    let mut sandbox = Sandbox::start();
    let names = sandbox.run(&script("import builtins\ndef main(): return sorted(vars(builtins))")).result();
    let names: Vec<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(names.len() > 140 && names.contains(&"len"), "{names:?}");
    for name in names {
        for stand_in in ["raising", "lambda *_, **__: 0"] {
            let replace = format!(
                "import builtins\nclass Own(Exception): pass\ndef raising(*_, **__): raise SystemError('replaced')\n\
                 def main(step, setattr=setattr, set={{1}}):\n    setattr(builtins, '{name}', {stand_in})\n"
            );
            let mut run = |code: &str| {
                let mut program = script(&format!("{replace}{code}"));
                program["params"] = json!({ "step": 1 });
                sandbox.run(&program)
            };
            assert_eq!(run("    return {'step': [step, 'x']}").result(), json!({ "step": [1, "x"] }), "{name} = {stand_in}");
            let refused = run("    return [set]").failure();
            assert!(refused.message.starts_with("result[0]: set"), "{name} = {stand_in}: {refused:?}");
            let failed = run("    raise Own").failure();
            assert_eq!((failed.exception.as_deref(), failed.line), (Some("Own"), Some(6)), "{name} = {stand_in}: {failed:?}");
        }
    }
}

#[test]
fn a_replaced_builtin_stays_replaced_for_the_next_value() {
    let code = "import builtins
def transform(value):
    if value == 1:
        builtins.len = lambda _: 42
        del builtins.sorted
        builtins.own = 1
        raise KeyError('first')
    return [len('x'), own, hasattr(builtins, 'sorted')]";
    let outcome = Sandbox::start().run(&transform_all(code, vec![json!(1), json!(2)]));
    assert_eq!(outcome.frames[1], (Kind::Value, "[42,1,false]".to_owned()));
}
