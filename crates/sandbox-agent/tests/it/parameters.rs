//! What an entry point is handed: Python's own defaults, any keyword, and what annotations make of JSON.

use serde_json::{Value, json};

use crate::harness::*;

/// Types of the library and of the code, for annotations.
const TYPES: &str = "
import dataclasses, datetime as dt, enum, functools, typing
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import wraps
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePosixPath
from typing import Annotated, Any, List, Literal, NamedTuple, NewType, Optional, TypedDict, Union
from uuid import UUID
from zoneinfo import ZoneInfo
class Level(str, enum.Enum):
    LOW = 'low'
    HIGH = 'high'
class Number(enum.IntEnum):
    ONE = 1
class Pair(enum.Enum):
    X = (1, 2)
    Y = object()
class Strict(enum.Enum):
    A = 'a'
    @classmethod
    def _missing_(cls, value):
        return {}[value]
class Unhashable(type):
    def __eq__(cls, other): return True
class Odd(metaclass=Unhashable):
    pass
class Raising(type):
    def __getattr__(cls, name): raise RuntimeError(name)
class Rude(metaclass=Raising):
    pass
class Refusing:
    def __getattribute__(self, name): raise RuntimeError(name)
class Options(TypedDict, total=False):
    since: datetime
@dataclass
class Point:
    x: int
    day: Optional[date] = None
    tags: set[str] = field(default_factory=set)
class Span(NamedTuple):
    start: date
    level: Level = Level.LOW
@dataclass
class Trip:
    start: date = None
    more: set = field(default=None)
class Stay(NamedTuple):
    end: date = None
Id = NewType('Id', UUID)
def shown(x):
    return x.isoformat() if isinstance(x, (date, time)) else repr(x)
";

fn script_with(code: &str, params: &Value) -> Value {
    let mut program = script(code);
    program["params"] = params.clone();
    program
}

/// What `main(x: annotation)` sees of a value: the same when annotations are objects and when they are text.
fn check(sandbox: &mut Sandbox, annotation: &str, value: &Value, expected: &str) {
    for future in ["", "from __future__ import annotations\n"] {
        let code = format!("{future}{TYPES}\ndef main(x: {annotation}):\n    return shown(x)\n");
        let outcome = sandbox.run(&script_with(&code, &json!({ "x": value })));
        assert_eq!(outcome.result(), json!(expected), "{annotation} of {value}: {outcome:?}");
    }
}

#[test]
fn parameters_are_made_what_their_annotations_name() {
    let mut sandbox = Sandbox::start();
    let cases = [
        ("datetime", json!("2024-01-31T12:30:00Z"), "2024-01-31T12:30:00+00:00"),
        ("dt.date", json!("2024-01-31"), "2024-01-31"),
        ("time", json!("12:30"), "12:30:00"),
        ("Level", json!("high"), "<Level.HIGH: 'high'>"),
        ("Level", json!("HIGH"), "<Level.HIGH: 'high'>"),
        ("Number", json!(1), "<Number.ONE: 1>"),
        ("Pair", json!([1, 2]), "<Pair.X: (1, 2)>"),
        ("set[str]", json!(["a", "a"]), "{'a'}"),
        ("frozenset", json!([1]), "frozenset({1})"),
        ("Set[int]", json!([1]), "{1}"),
        ("tuple[int, date]", json!([1, "2024-01-31"]), "(1, datetime.date(2024, 1, 31))"),
        ("tuple[int, ...]", json!([1, 2, 3]), "(1, 2, 3)"),
        ("List[Level]", json!(["low"]), "[<Level.LOW: 'low'>]"),
        ("Sequence[UUID]", json!([]), "[]"),
        ("dict[str, list[Number]]", json!({ "a": [1] }), "{'a': [<Number.ONE: 1>]}"),
        ("dict[int, str]", json!({ "-7": "a" }), "{-7: 'a'}"),
        ("dict[Level, int]", json!({ "low": 1 }), "{<Level.LOW: 'low'>: 1}"),
        ("dict[Number, int]", json!({ "1": 2 }), "{<Number.ONE: 1>: 2}"),
        ("dict[float, int]", json!({ "0.5": 1, "2": 3 }), "{0.5: 1, 2.0: 3}"),
        ("dict[bool, int]", json!({ "true": 1, "false": 0 }), "{False: 0, True: 1}"),
        ("dict['date', int]", json!({ "2024-01-31": 1 }), "{datetime.date(2024, 1, 31): 1}"),
        ("Trip", json!({ "start": null, "more": null }), "Trip(start=None, more=None)"),
        ("Stay", json!([null]), "Stay(end=None)"),
        ("Strict", json!("a"), "<Strict.A: 'a'>"),
        ("Point", json!({ "x": 1, "tags": ["a"] }), "Point(x=1, day=None, tags={'a'})"),
        ("list[Point]", json!([{ "x": 1, "day": "2024-01-31" }]), "[Point(x=1, day=datetime.date(2024, 1, 31), tags=set())]"),
        ("Span", json!(["2024-01-31"]), "Span(start=datetime.date(2024, 1, 31), level=<Level.LOW: 'low'>)"),
        ("Span", json!({ "start": "2024-01-31", "level": "high" }), "Span(start=datetime.date(2024, 1, 31), level=<Level.HIGH: 'high'>)"),
        ("Options", json!({ "since": "2024-01-31", "z": 1 }), "{'since': datetime.datetime(2024, 1, 31, 0, 0), 'z': 1}"),
        ("Decimal", json!("1.10"), "Decimal('1.10')"),
        ("Decimal", json!(0.1), "Decimal('0.1')"),
        ("Fraction", json!("1/3"), "Fraction(1, 3)"),
        ("Id", json!("00112233-4455-6677-8899-aabbccddeeff"), "UUID('00112233-4455-6677-8899-aabbccddeeff')"),
        ("IPv4Address", json!("10.0.0.1"), "IPv4Address('10.0.0.1')"),
        ("PurePosixPath", json!("/a"), "PurePosixPath('/a')"),
        ("Optional[date]", json!(null), "None"),
        ("date | None", json!("2024-01-31"), "2024-01-31"),
        ("Annotated[Optional[set[int]], 'Which']", json!([1]), "{1}"),
        ("Union[int, date]", json!(5), "5"),
        ("Union[int, date]", json!("2024-01-31"), "2024-01-31"),
    ];
    for (annotation, value, expected) in cases {
        check(&mut sandbox, annotation, &value, expected);
    }
}

#[test]
fn what_an_annotation_does_not_say_how_to_make_arrives_as_it_is() {
    let mut sandbox = Sandbox::start();
    for (annotation, value, expected) in [
        ("str | date", json!("2024-01-31"), "'2024-01-31'"),
        ("Literal['2024-01-31'] | date", json!("2024-01-31"), "'2024-01-31'"),
        ("bytes", json!("abc"), "'abc'"),
        ("dt.timedelta", json!(5), "5"),
        ("int", json!("x"), "'x'"),
        ("Any", json!([1]), "[1]"),
        ("object", json!([1]), "[1]"),
        ("dict", json!({ "a": 1 }), "{'a': 1}"),
        ("Odd", json!("a"), "'a'"),
        ("list[Odd]", json!(["a"]), "['a']"),
        ("dict[Odd, int]", json!({ "a": 1 }), "{'a': 1}"),
        ("Union[int, Rude]", json!("a"), "'a'"),
        ("Rude", json!("a"), "'a'"),
        ("Refusing()", json!("a"), "'a'"),
        ("'NotDefined'", json!("a"), "'a'"),
        ("'list[NotDefined]'", json!(["a"]), "['a']"),
    ] {
        check(&mut sandbox, annotation, &value, expected);
    }
}

#[test]
fn a_parameter_that_cannot_be_made_is_named_with_the_form_it_takes_and_never_shown() {
    let mut sandbox = Sandbox::start();
    for (annotation, value, form) in [
        ("datetime", json!("s3cret"), "a date and time in ISO 8601, e.g. \"2024-01-31T12:30:00\""),
        ("datetime", json!(1_706_700_000), "a date and time in ISO 8601, e.g. \"2024-01-31T12:30:00\""),
        ("Optional[date]", json!("s3cret"), "a date in ISO 8601, e.g. \"2024-01-31\" or null"),
        ("int | date", json!("s3cret"), "a date in ISO 8601, e.g. \"2024-01-31\" or an integer"),
        ("Level", json!("s3cret"), "one of \"low\", \"high\""),
        ("Pair", json!("s3cret"), "one of \"X\", \"Y\""),
        ("list[Level]", json!(["low", "s3cret"]), "one of \"low\", \"high\" (at [1])"),
        ("dict[str, Level]", json!({ "s3cret": "s3cret" }), "one of \"low\", \"high\" (at [...])"),
        ("dict[int, str]", json!({ "s3cret": "" }), "an object whose names are integers"),
        ("tuple[int, int]", json!([1]), "a list of 2"),
        ("set", json!([["s3cret"]]), "a list without lists and objects in it"),
        ("set", json!("s3cret"), "a list"),
        ("Point", json!({ "y": "s3cret" }), "an object with the members `x`, `day`, `tags`"),
        ("Point", json!({ "x": 1, "day": "s3cret" }), "a date in ISO 8601, e.g. \"2024-01-31\" or null (at [\"day\"])"),
        ("Decimal", json!(true), "a number, or one as text"),
        ("UUID", json!("s3cret"), "a UUID, as text"),
        ("Strict", json!("s3cret"), "one of \"a\""),
        ("Strict", json!({ "s3cret": 1 }), "one of \"a\""),
        ("ZoneInfo", json!("Europe"), "the name of a time zone, e.g. \"Europe/Berlin\""),
        ("ZoneInfo", json!("s3cret".repeat(1000)), "the name of a time zone, e.g. \"Europe/Berlin\""),
        ("dict[int, int]", json!({ ("7".repeat(5000)): 1 }), "an object whose names are integers"),
        ("dict[float, int]", json!({ "s3cret": 1 }), "an object whose names are numbers"),
        ("dict[bool, int]", json!({ "s3cret": 1 }), "an object whose names are true or false"),
        ("dict[Number, int]", json!({ "s3cret": 1 }), "one of 1"),
        ("dict[Level, int]", json!({ "low": 1, "LOW": 2 }), "an object whose names are all different"),
        ("dict[float, int]", json!({ "1": 1, "1.0": 2 }), "an object whose names are all different"),
        ("IPv4Address | IPv6Address", json!("s3cret"), "an IP address or network of that kind, as text"),
        ("Trip", json!({ "start": "s3cret" }), "a date in ISO 8601, e.g. \"2024-01-31\" (at [\"start\"])"),
    ] {
        let code = format!("{TYPES}\ndef main(x: {annotation}):\n    return shown(x)\n");
        let outcome = sandbox.run(&script_with(&code, &json!({ "x": value })));
        let failure = outcome.failure();
        assert_eq!(failure.reason, "INVALID_PARAMETER", "{annotation}: {outcome:?}");
        assert_eq!(failure.message, format!("the parameter `x` must be {form}"), "{annotation}");
        assert!(!format!("{outcome:?}").contains("s3cret"), "{outcome:?}");
    }
}

#[test]
fn each_value_of_a_transformer_is_made_or_refused_on_its_own() {
    let code = "from datetime import date\ndef transform(day: date, *, more: 'set[int]'):\n    return [day.year, sorted(more)]";
    let mut program = transform_all(code, vec![json!("2024-01-31"), json!("no day"), json!("2025-01-31")]);
    program["params"] = json!({ "more": [2, 1, 1] });
    let outcome = Sandbox::start().run(&program);
    let answers: Vec<&str> = outcome.frames.iter().map(|(_, payload)| payload.as_str()).collect();
    assert_eq!((answers[0], answers[2], answers[3]), ("[2024,[1,2]]", "[2025,[1,2]]", "null"));
    assert!(answers[1].contains("INVALID_PARAMETER") && answers[1].contains("the value must be a date in ISO 8601"), "{}", answers[1]);
}

#[test]
fn annotations_are_found_behind_decorators_methods_and_variable_arguments() {
    let decorated = "def twice(f):\n    @wraps(f)\n    def call(*args, **options):\n        return [f(*args, **options)] * 2\n    return call\n@twice\n";
    for (code, expected) in [
        (format!("{TYPES}\n{decorated}def main(x: date):\n    return x.year\n"), json!([2024, 2024])),
        (format!("{TYPES}\nclass Job:\n    def run(self, x: date):\n        return x.year\nmain = Job().run\n"), json!(2024)),
        (format!("{TYPES}\ndef main(**days: date):\n    return days['x'].year\n"), json!(2024)),
        (format!("{TYPES}\ndef main(*, x: date = None):\n    return x.year\n"), json!(2024)),
        (format!("{TYPES}\nasync def main(x: date):\n    return x.year\n"), json!(2024)),
        (format!("{TYPES}\nmain = lambda x: x\n"), json!("2024-01-31")),
        (format!("{TYPES}\n@functools.cache\ndef main(x: date):\n    return x.year\n"), json!(2024)),
        (format!("{TYPES}\n{decorated}@functools.lru_cache(maxsize=2)\ndef main(x: date):\n    return x.year\n"), json!([2024, 2024])),
        (
            format!("{TYPES}\nclass Job:\n    @functools.cache\n    def run(self, x: date):\n        return x.year\nmain = Job().run\n"),
            json!(2024),
        ),
        (format!("{TYPES}\ndef inner(x: date): return x\nmain = functools.cache(functools.partial(inner))\n"), json!("2024-01-31")),
    ] {
        let outcome = Sandbox::start().run(&script_with(&code, &json!({ "x": "2024-01-31" })));
        assert_eq!(outcome.result(), expected, "{code}: {outcome:?}");
    }
    let none = script_with(&format!("{TYPES}\ndef main(x: date = None):\n    return x\n"), &json!({ "x": null }));
    assert_eq!(Sandbox::start().run(&none).result(), Value::Null, "a default of None takes null");
}

#[test]
fn what_user_code_does_to_the_builtins_does_not_reach_the_conversion() {
    let code = "import builtins
from datetime import date
kept = dict(builtins.__dict__)
def main(days: list[date]):
    builtins.__dict__.update(kept)
    return days[0].year
for name in ('isinstance', 'getattr', 'dict', 'list', 'eval', 'hasattr', 'enumerate', 'zip', 'str', 'len', 'type'):
    setattr(builtins, name, None)
";
    let outcome = Sandbox::start().run(&script_with(code, &json!({ "days": ["2024-01-31"] })));
    assert_eq!(outcome.result(), json!(2024), "{outcome:?}");
}

#[test]
fn a_parameter_that_is_not_given_takes_pythons_own_default() {
    for (code, expected) in [
        ("def main(codes=(200, 204)):\n    return repr(codes)", json!("(200, 204)")),
        ("MISSING = object()\ndef main(x=MISSING):\n    return x is MISSING", json!(true)),
        ("D = {'a': 1}\nD['b'] = 2\ndef main(options=D):\n    return options", json!({ "a": 1, "b": 2 })),
        ("def main(*, key='a\\ud800b'):\n    return [ord(c) for c in key]", json!([97, 0xd800, 98])),
    ] {
        assert_eq!(result_of(code), expected, "{code}");
    }
}
