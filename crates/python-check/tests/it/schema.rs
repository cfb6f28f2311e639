//! The parameter schema that is inferred from signatures.

use domain::code::{Kind, Parameter};

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
    transformer("a: bytes, b: 'no type at all', c: object", &["a: any required", "b: any required", "c: any required"]);
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
        &["sep: any = \",\"", "limit: integer = 5"],
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
    assert_eq!(rule("async def main(): return 1\n"), Some("ZPY-QUALITY-003"));
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

#[test]
fn an_annotation_that_converts_nothing_is_warned_of_unless_the_code_converts() {
    let warned = |code: &str| report(code).findings.iter().filter(|finding| finding.rule == "ZPY-QUALITY-009").count();
    let head = "import datetime as dt\nfrom datetime import date, datetime\nfrom enum import Enum\nfrom typing import Optional, TypedDict\nclass Level(str, Enum):\n    LOW = 'low'\nclass Shape:\n    pass\nclass Options(TypedDict):\n    deep: bool\n";
    for annotation in
        ["set[str]", "frozenset", "bytes", "datetime", "date", "dt.datetime", "Level", "Shape", "Optional[datetime]", "'datetime'"]
    {
        assert_eq!(warned(&format!("{head}def main(x: {annotation}): return str(x)\n")), 1, "{annotation}");
    }
    for annotation in ["Options", "list[str]", "tuple[int, int]", "str | datetime", "dict", "int", "object"] {
        assert_eq!(warned(&format!("{head}def main(x: {annotation}): return str(x)\n")), 0, "{annotation}");
    }
    for (annotation, body) in [
        ("set[str]", "return sorted(set(x))"),
        ("datetime", "return datetime.fromisoformat(x).year"),
        ("datetime", "x = 'a'\n    return x"),
        ("Level", "return Level(x).value"),
    ] {
        assert_eq!(warned(&format!("{head}def main(x: {annotation}):\n    {body}\n")), 0, "{annotation}: {body}");
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
