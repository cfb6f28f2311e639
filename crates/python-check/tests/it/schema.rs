//! The parameter schema that is inferred from signatures.

use domain::code::{Code, Kind, Parameter, ParameterBinder as _};
use python_check::JsonBinder;

use crate::{errors, report};

/// One parameter as a line: `name type required default enum secret`.
fn line(parameter: &Parameter) -> String {
    let Parameter { name, value_type, required, default_json, enum_json, secret, description } = parameter;
    let mut line = format!("{name}: {}", value_type.as_str());
    if *required {
        line.push_str(" required");
    }
    if let Some(default) = default_json {
        line.push_str(&format!(" = {default}"));
    }
    if !enum_json.is_empty() {
        line.push_str(&format!(" in [{}]", enum_json.join(",")));
    }
    if *secret {
        line.push_str(" secret");
    }
    if !description.is_empty() {
        line.push_str(&format!(" ({description})"));
    }
    line
}

fn check(code: &str, kind: Kind, expected: &[&str]) {
    let report = report(code);
    assert!(report.accepted(), "{code}: {report:#?}");
    assert_eq!(report.kind, Some(kind), "{code}");
    let lines: Vec<_> = report.parameters.iter().map(line).collect();
    assert_eq!(lines, expected, "{code}");
}

fn transformer(signature: &str, expected: &[&str]) {
    let head = "from typing import Annotated, Any, Dict, List, Literal, Optional, Union\nimport typing\nimport typing as t\nfrom typing import Optional as Maybe\n";
    check(&format!("{head}def transform(value, {signature}):\n    return value\n"), Kind::Transformer, expected);
}

#[test]
fn the_kind_follows_from_the_entry_point() {
    check("def transform(value):\n    return value\n", Kind::Transformer, &[]);
    check("def main():\n    return 1\n", Kind::Script, &[]);
    check("print(1)\n", Kind::Script, &[]);
    check("def transform(value): return value\ndef main(x): return x\n", Kind::Transformer, &[]);
    check("transform = lambda value, n=2: value * n\n", Kind::Transformer, &["n: any = 2"]);
    check("class A:\n    def transform(self, value): return value\n", Kind::Script, &[]);
}

#[test]
fn types_come_from_annotations() {
    transformer(
        "a: str, b: int, c: float, d: bool, e: list, f: dict, g: Any",
        &[
            "a: string required",
            "b: integer required",
            "c: number required",
            "d: boolean required",
            "e: array required",
            "f: object required",
            "g: any required",
        ],
    );
    transformer(
        "a: List[str], b: Dict[str, int], c: list[int], d: dict[str, Any], e: tuple[int, ...]",
        &["a: array required", "b: object required", "c: array required", "d: object required", "e: array required"],
    );
    transformer(
        "a: typing.List[int], b: t.Dict[str, str], c: 'int', d: \"Optional[str]\" = None",
        &["a: array required", "b: object required", "c: integer required", "d: string = null"],
    );
    transformer("a: complex, b: 'no type at all', c: object", &["a: any required", "b: any required", "c: any required"]);
}

#[test]
fn unions_accept_what_each_member_accepts() {
    transformer(
        "*, a: int | float, b: Union[int, str], c: int | None = None, d: Optional[int], e: Maybe[str] = None",
        &["a: number required", "b: any required", "c: integer = null", "d: any required", "e: string = null"],
    );
}

#[test]
fn literals_make_enums() {
    transformer(
        "*, a: Literal['x', 'y'] = 'x', b: Literal[1, 2, None], c: Literal[True, 'a']",
        &["a: string = \"x\" in [\"x\",\"y\"]", "b: any required in [1,2,null]", "c: any required in [true,\"a\"]"],
    );
}

#[test]
fn an_enum_that_may_be_null_lists_null() {
    transformer(
        "*, a: Optional[Literal['x']], b: Literal['x'] | None = None, c: Union[Literal['x'], Literal['y', None]] = 'x'",
        &["a: any required in [\"x\",null]", "b: string = null in [\"x\"]", "c: any = \"x\" in [\"x\",\"y\",null]"],
    );
}

#[test]
fn annotated_parameters_can_be_secret_and_described() {
    transformer(
        "key: Annotated[str, 'secret'], n: Annotated[int, 'How many lines'] = 3",
        &["key: string required secret", "n: integer = 3 (How many lines)"],
    );
}

#[test]
fn defaults_are_json() {
    transformer(
        "a='x', b=1, c=-2.5, d=True, e=None, f=[1, 'é'], g={'k': (1, 2)}, h=len, i=10**3",
        &[
            "a: any = \"x\"",
            "b: any = 1",
            "c: any = -2.5",
            "d: any = true",
            "e: any = null",
            "f: any = [1,\"é\"]",
            "g: any = {\"k\":[1,2]}",
            "h: any",
            "i: any",
        ],
    );
    transformer("a=99999999999999999999999999, b=1e400, c={1: 2}", &["a: any = 99999999999999999999999999", "b: any", "c: any"]);
    check(
        "SEP = ','\ndef main(sep=SEP, *, limit: int = 5, **rest): return sep\n",
        Kind::Script,
        &["sep: any = \",\"", "limit: integer = 5", "**rest: any"],
    );
}

#[test]
fn aliases_of_types_are_followed() {
    check(
        "from typing import Literal\nMode = Literal['a', 'b']\ndef main(mode: Mode = 'a'): return mode\n",
        Kind::Script,
        &["mode: string = \"a\" in [\"a\",\"b\"]"],
    );
    check("A = B = 1\nX = 'X'\ndef main(x: X): return x\n", Kind::Script, &["x: any required"]);
}

#[test]
fn an_entry_point_that_cannot_be_called_is_refused() {
    let rule = |code: &str| errors(code).first().map(|finding| finding.rule);
    assert_eq!(rule("def transform(): return 1\n"), Some("ZPY-QUALITY-001"));
    assert_eq!(rule("def transform(*, value): return 1\n"), Some("ZPY-QUALITY-001"));
    assert_eq!(rule("def transform(*values): return 1\n"), None);
    assert_eq!(rule("def main(a, /): return a\n"), Some("ZPY-QUALITY-002"));
    assert_eq!(rule("def transform(value, /): return value\n"), None);
    assert_eq!(rule("async def main():\n    yield 1\n"), Some("ZPY-QUALITY-005"));
    assert_eq!(rule("def main():\n    yield 1\n"), Some("ZPY-QUALITY-005"));
    assert_eq!(rule("def main():\n    def inner():\n        yield 1\n    return list(inner())\n"), None);
    let many: Vec<String> = (0..65).map(|index| format!("p{index}=1")).collect();
    assert_eq!(rule(&format!("def main({}): return 1\n", many.join(", "))), Some("ZPY-LIMITS-007"));
}

#[test]
fn a_parameter_without_an_annotation_takes_any_value_whatever_its_default() {
    check(
        "def main(name='x', ids=[], flag=False, limit=0):\n    return [name, ids, flag, limit]\n",
        Kind::Script,
        &["name: any = \"x\"", "ids: any = []", "flag: any = false", "limit: any = 0"],
    );
}

#[test]
fn descriptions_come_from_annotations_and_docstrings() {
    check(
        "from typing import Annotated\nfrom typing_extensions import Doc\ndef main(host: Annotated[str, Doc('A host.')]): return host\n"
            .replace("from typing_extensions import Doc\n", "def Doc(text): return text\n")
            .as_str(),
        Kind::Script,
        &["host: string required (A host.)"],
    );
    check(
        "from typing import Annotated\ndef Field(**words): return words\ndef main(n: Annotated[int, Field(gt=0, description='How many.')] = 1): return n\n",
        Kind::Script,
        &["n: integer = 1 (How many.)"],
    );
    check(
        "def transform(value, host: str, port: int = 1):\n    \"\"\"Looks up.\n\n    Args:\n        value: no parameter\n        host: A host.\n        port (int): Its port.\n    \"\"\"\n    return value\n",
        Kind::Transformer,
        &["host: string required (A host.)", "port: integer = 1 (Its port.)"],
    );
    check(
        "from typing import Annotated\ndef main(host: Annotated[str, 'From the annotation']):\n    ':param host: from the docstring'\n",
        Kind::Script,
        &["host: string required (From the annotation)"],
    );
}

/// Types of the library and of the code itself, for annotations.
const TYPES: &str = "import datetime as dt, uuid
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, Flag, auto
from typing import Annotated, NamedTuple, Optional, TypedDict
class Level(str, Enum):
    LOW = 'low'
    HIGH = 'high'
    def shout(self): return self.value.upper()
class Base(IntEnum):
    _ignore_ = []
class Number(Base):
    ONE = 1
    TWO = 2
class Mixed(Enum):
    A = 'a'
    B = 2
class Pairs(Enum):
    X = (1, 2)
class Auto(Enum):
    X = auto()
class Bits(Flag):
    X = 1
class Lenient(Enum):
    X = 'x'
    @classmethod
    def _missing_(cls, value): return cls.X
class Shape:
    pass
class Options(TypedDict):
    deep: bool
@dataclass(frozen=True)
class Point:
    x: int
class Pair(NamedTuple):
    a: int
";

#[test]
fn types_that_the_sandbox_makes_say_which_json_they_are_made_of() {
    let one = |annotation: &str, expected: &str| {
        check(&format!("{TYPES}def main(*, {annotation}): return str(x)\n"), Kind::Script, &[expected]);
    };
    one("x: datetime", "x: string required (A date and time in ISO 8601.)");
    one("x: 'dt.datetime'", "x: string required (A date and time in ISO 8601.)");
    one("x: Optional[date] = None", "x: string = null (A date in ISO 8601.)");
    one("x: Annotated[time, 'When it rings']", "x: string required (When it rings)");
    one("x: uuid.UUID", "x: string required (A UUID.)");
    one("x: Decimal", "x: any required");
    one("x: str | datetime", "x: string required");
    one("x: datetime | int", "x: any required");
    one("x: Level", r#"x: string required in ["low","high"]"#);
    one("x: Level = Level.LOW", r#"x: string = "low" in ["low","high"]"#);
    one("x: Optional[Level] = None", r#"x: string = null in ["low","high"]"#);
    one("x: Number", "x: integer required in [1,2]");
    one("x: Mixed", r#"x: any required in ["a",2]"#);
    for unlisted in ["Pairs", "Auto", "Bits", "Lenient"] {
        one(&format!("x: {unlisted}"), "x: any required");
    }
    one("x: Options", "x: object required");
    one("x: Point", "x: object required");
    one("x: Pair", "x: any required");
    one("x: set[str]", "x: array required");
    check("class date:\n    pass\ndef main(x: date): return str(x)\n", Kind::Script, &["x: any required"]);
}

#[test]
fn the_values_of_an_enum_are_listed_only_where_no_member_can_be_missing() {
    let one = |class: &str, expected: &str| {
        let code = format!("from enum import Enum, IntEnum, StrEnum, unique\n{class}\ndef main(x: L): return str(x)\n");
        check(&code, Kind::Script, &[&format!("x: {expected}")]);
    };
    for class in [
        "class L(Enum):\n    RED = 'red'\n    GREEN: str = 'green'",
        "class L(Enum):\n    RED = 'red'\n    BLUE, PINK = 'blue', 'pink'",
        "class L(Enum):\n    RED = ROT = 'red'",
        "class Base(Enum):\n    @classmethod\n    def _missing_(cls, value): return cls.RED\nclass L(Base):\n    RED = 'red'",
        "class L(Enum):\n    RED = 'red'\n    if RED:\n        BLUE = 'blue'",
        "class L(str, Enum):\n    A = 1",
        "class L(IntEnum):\n    A = True",
        "from decimal import Decimal as Mixin\nclass L(Mixin, Enum):\n    A = 'a'",
        "def more(kind): return kind\n@more\nclass L(Enum):\n    A = 'a'",
        "class Meta(type(Enum)):\n    pass\nclass L(Enum, metaclass=Meta):\n    A = 'a'",
    ] {
        one(class, "any required");
    }
    let many = vec!["B"; 20_000].join(", ");
    let deep =
        format!("class D:\n    pass\nclass C({}):\n    pass\nclass B({}):\n    pass\n", many.replace('B', "D"), many.replace('B', "C"));
    one(&format!("{deep}class L({many}):\n    A = 'a'"), "any required");
    one("class L(Enum):\n    RED = 'red'\n    _private = 'c'", r#"string required in ["red","c"]"#);
    one("@unique\nclass L(StrEnum):\n    'Doc.'\n    _order_ = 'A'\n    A = 'a'\n    def f(self): return 1", r#"string required in ["a"]"#);
    one("class Named:\n    def f(self): return 1\nclass L(Named, int, Enum):\n    A = 1", "integer required in [1]");
}

#[test]
fn an_annotation_of_which_nothing_is_made_is_warned_of_unless_the_code_converts() {
    let warned = |code: &str| report(code).findings.iter().filter(|finding| finding.rule == "ZPY-QUALITY-009").count();
    for annotation in ["bytes", "bytearray", "timedelta", "Shape", "Optional[bytes]", "'bytes'", "list[bytes]", "dict[str, Shape]"] {
        assert_eq!(warned(&format!("{TYPES}def main(x: {annotation}): return str(x)\n")), 1, "{annotation}");
        assert_eq!(warned(&format!("{TYPES}def transform(x: {annotation}): return str(x)\n")), 1, "{annotation} of a value");
    }
    for annotation in [
        "set[str]",
        "frozenset",
        "datetime",
        "date",
        "dt.datetime",
        "Level",
        "Optional[datetime]",
        "Options",
        "Point",
        "Pair",
        "list[str]",
        "tuple[int, int]",
        "str | bytes",
        "dict",
        "int",
        "object",
        "list[Level]",
    ] {
        assert_eq!(warned(&format!("{TYPES}def main(x: {annotation}): return str(x)\n")), 0, "{annotation}");
    }
    for (annotation, body) in
        [("bytes", "return len(bytes(x, 'utf-8'))"), ("timedelta", "x = 1\n    return x"), ("Shape", "return str(Shape(x))")]
    {
        assert_eq!(warned(&format!("{TYPES}def main(x: {annotation}):\n    {body}\n")), 0, "{annotation}: {body}");
    }
}

#[test]
fn the_warning_of_bytes_and_durations_says_what_arrives_and_how_to_convert_it() {
    for (annotation, arrives, way_out) in [
        ("bytes", "`x` arrives as text", "base64.b64decode("),
        ("list[bytes]", "`x` arrives with text inside", "base64.b64decode("),
        ("timedelta", "`x` arrives as text or a number", "timedelta(seconds="),
    ] {
        let report = report(&format!("{TYPES}def main(x: {annotation}): return str(x)\n"));
        let finding = report.findings.iter().find(|finding| finding.rule == "ZPY-QUALITY-009").unwrap();
        assert!(finding.message.contains(arrives) && finding.suggestion.contains(way_out), "{finding:?}");
    }
}

#[test]
fn reading_as_text_what_was_made_of_text_is_warned_of() {
    let warned = |code: &str| report(code).findings.iter().filter(|finding| finding.rule == "ZPY-QUALITY-010").count();
    for (annotation, body) in [
        ("datetime", "return datetime.fromisoformat(x).year"),
        ("datetime", "x = datetime.strptime(x, '%Y')\n    return x.year"),
        ("Optional[uuid.UUID] = None", "return str(uuid.UUID(x))"),
    ] {
        assert_eq!(warned(&format!("{TYPES}def main(x: {annotation}):\n    {body}\n")), 1, "{annotation}: {body}");
    }
    for (annotation, body) in [
        ("str", "return datetime.fromisoformat(x).year"),
        ("str | datetime", "return datetime.fromisoformat(x).year"),
        ("datetime", "x = x.isoformat()\n    return datetime.fromisoformat(x).year"),
        ("datetime", "return x.year"),
    ] {
        assert_eq!(warned(&format!("{TYPES}def main(x: {annotation}):\n    {body}\n")), 0, "{annotation}: {body}");
    }
}

#[test]
fn code_that_runs_nothing_is_warned_of() {
    let found = |code: &str| {
        let findings = report(code).findings;
        findings.into_iter().find(|finding| finding.rule == "ZPY-QUALITY-007").map(|finding| finding.suggestion)
    };
    let advice = |code: &str, words: &str| assert!(found(code).is_some_and(|text| text.contains(words)), "{code}: {:?}", found(code));
    advice("def mian():\n    return 1\n", "Call it `main`");
    advice("def Main():\n    return 1\n", "Call it `main`");
    advice("def tranform(value):\n    return value\n", "Call it `transform`");
    advice("import re\nWORD = re.compile('a')\n'text'\ndef lambda_handler(event):\n    return event\n", "Call `lambda_handler` `main`");
    advice("async def run():\n    return 1\n", "Call `run` `main`");
    for code in [
        "def main():\n    return 1\n",
        "def helper():\n    return 1\nprint(helper())\n",
        "def helper():\n    return 1\nx = helper()\n",
        "def helper():\n    return 1\nif __name__ == '__main__':\n    helper()\n",
        "x = 1\n",
        "class A:\n    def f(self): return 1\n",
        "",
    ] {
        assert_eq!(found(code), None, "{code}");
    }
}

#[test]
fn main_beside_transform_is_warned_of_unless_something_calls_it() {
    let warned = |code: &str| report(code).findings.iter().any(|finding| finding.rule == "ZPY-QUALITY-008");
    assert!(warned("def transform(value): return value\ndef main(x): return x\n"));
    assert!(!warned("def transform(value): return main(value)\ndef main(x): return x\n"));
    assert!(!warned("def transform(value): return value\nif __name__ == '__main__':\n    def main(): pass\n    main()\n"));
}

#[test]
fn asynchronous_entry_points_are_as_good_as_others() {
    check("async def main(host: str): return host\n", Kind::Script, &["host: string required"]);
    check("async def transform(value, *, n: int = 1): return [value, n]\n", Kind::Transformer, &["n: integer = 1"]);
    check("async def main():\n    return [n async for n in numbers()]\nasync def numbers():\n    yield 1\n", Kind::Script, &[]);
}

#[test]
fn what_takes_any_keyword_takes_any_parameter_of_the_annotated_type() {
    check("def main(**options): return options\n", Kind::Script, &["**options: any"]);
    check("def main(host: str, **options: int): return host\n", Kind::Script, &["host: string required", "**options: integer"]);
    check("def transform(value, **options): return value\n", Kind::Transformer, &["**options: any"]);
    check("transform = lambda value, **options: options\n", Kind::Transformer, &["**options: any"]);
    check(
        "from typing import Annotated\ndef main(**tokens: Annotated[str, 'secret']): return len(tokens)\n",
        Kind::Script,
        &["**tokens: string secret"],
    );
}

#[test]
fn an_entry_point_whose_signature_does_not_show_takes_any_parameter() {
    check("from functools import partial\ndef run(a, b): return [a, b]\nmain = partial(run, b=1)\n", Kind::Script, &["**params: any"]);
    check("class Job:\n    def run(self, a): return a\nmain = Job().run\n", Kind::Script, &["**params: any"]);
    check("from operator import add as transform\n", Kind::Transformer, &["**params: any"]);
}

#[test]
fn code_without_an_entry_point_takes_any_parameter_if_it_reads_params() {
    for code in [
        "print(params)\n",
        "params = {'a': 1, **params}\nprint(params)\n",
        "def show():\n    print(params['host'])\nshow()\n",
        "print([name for name in params])\n",
        "params: dict\nprint(params)\n",
        "if 'params' not in globals():\n    params = {'a': 1}\nprint(params)\n",
        "for params in []:\n    pass\nprint(params)\n",
    ] {
        check(code, Kind::Script, &["**params: any"]);
    }
    for code in [
        "print(1)\n",
        "params = {'a': 1}\nprint(params)\n",
        "params: dict = {'a': 1}\nprint(params)\n",
        "def show(params):\n    print(params)\nshow({})\n",
        "def show():\n    params = 1\n    print(params)\nshow()\n",
        "def main():\n    return params\n",
    ] {
        check(code, Kind::Script, &[]);
    }
}

#[test]
fn statements_that_need_a_function_are_told_which_one() {
    for (code, words) in [
        ("return 1\n", "def main():"),
        ("import asyncio\nawait asyncio.sleep(0)\n", "async def main():"),
        ("async def numbers():\n    yield 1\nasync for n in numbers():\n    print(n)\n", "async def main():"),
        ("import asyncio\ndef main():\n    await asyncio.sleep(0)\n", "make the function around it `async def`"),
    ] {
        let errors = errors(code);
        assert!(!errors.is_empty() && errors.iter().all(|error| error.suggestion.contains(words)), "{code}: {errors:#?}");
    }
}

#[test]
fn the_input_of_a_transformer_has_the_name_of_its_first_parameter() {
    let name = |code: &str| JsonBinder.input_name(&Code::from_text(code));
    assert_eq!(name("def transform(text, *, value): return text\n").as_deref(), Some("text"));
    assert_eq!(name("def transform(text, /): return text\n").as_deref(), Some("text"));
    assert_eq!(name("transform = lambda word, n=1: word * n\n").as_deref(), Some("word"));
    assert_eq!(name("def transform(*values): return values\n"), None);
    assert_eq!(name("from json import dumps as transform\n"), None);
    assert_eq!(name("def transform(\n"), None);
    assert_eq!(name(&"[".repeat(201)), None);
}
