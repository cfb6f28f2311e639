"""What CPython itself answers: calls the entry points of the files in `usage`, and of generated functions, and prints a JSON list of
cases with the expected answers. Read by `tests/it/differential.rs`.
"""

import contextlib
import datetime
import decimal
import inspect
import io
import json
import pathlib
import random
import sys
import types
import uuid

SEED = 20_261_129
GENERATED = 200
USAGE = pathlib.Path(__file__).parent / "usage"

# File, parameters or the value with them as JSON, and the same as CPython is given them. Only what needs no sandbox, stays within every
# limit, and has a result that JSON has: the other files have tests of their own.
FILES = [
    ("o01_tuple_default.py", "main", {}, "main()"),
    ("o01_tuple_default.py", "main", {"codes": [1]}, "main(codes=[1])"),
    ("o03_mutated_default.py", "main", {}, "main()"),
    ("o03_mutated_default.py", "main", {"options": {"z": None}}, "main(options={'z': None})"),
    ("o07_kwargs_main.py", "main", {"host": "a", "deep": {"x": [1]}}, "main(host='a', deep={'x': [1]})"),
    ("o07_kwargs_main.py", "main", {}, "main()"),
    ("o09_names.py", "main", {"self": "s", "type": "x", "名": "y", "params": "z"}, "main(self='s', type='x', 名='y', params='z')"),
    ("o09_names.py", "main", {"self": "s", "file": "x", "μ": 2}, "main(self='s', file='x', μ=2)"),
    ("o09_names.py", "main", {}, "main()"),
    ("o13_set_param.py", "main", {"hosts": ["b", "a", "a"]}, "main(hosts={'b', 'a'})"),
    ("o42_bom.py", "main", {}, "main()"),
    ("p16_unannotated_default.py", "main", {"name": 5, "ids": "x", "flag": None, "limit": []}, "main(name=5, ids='x', flag=None, limit=[])"),
    ("p16_unannotated_default.py", "main", {}, "main()"),
    ("p17_yaml_texts.py", "main", {}, "main()"),
    ("p25_value_named_parameter.py", "transform", ("a", {"value": 3}), "transform('a', value=3)"),
    ("p25_value_named_parameter.py", "transform", ("a", {}), "transform('a')"),
    ("p28_mistyped_entry.py", "main", {}, "None"),
    ("r02_enum_param.py", "main", {"level": "high"}, "main(level=Level.HIGH)"),
    ("r02_enum_param.py", "main", {}, "main()"),
    ("r03_optional_nodefault.py", "main", {"host": "a", "port": None}, "main(host='a', port=None)"),
    ("r03_optional_nodefault.py", "main", {"host": "a", "port": 5}, "main(host='a', port=5)"),
    ("r03_optional_nodefault.py", "main", {"host": "a"}, "main(host='a')"),
    ("r04_datetime_param.py", "main", {"since": "2024-02-28T23:30:00"}, "main(since=datetime(2024, 2, 28, 23, 30))"),
    ("r34_secret_short.py", "main", {"token": "t"}, "main(token='t')"),
]

HEAD = '''import dataclasses, enum
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Dict, List, Literal, Optional, Union
from uuid import UUID


class Level(enum.Enum):
    LOW = "low"
    HIGH = "high"


@dataclasses.dataclass
class Point:
    x: int
    day: Optional[date] = None


SENTINEL = object()
CHANGED = {"a": 1}
CHANGED["b"] = 2


def shown(x):
    if x is SENTINEL or x is CHANGED:
        return "the very object"
    if isinstance(x, (set, frozenset)):
        return [type(x).__name__, sorted(map(shown, x), key=str)]
    if isinstance(x, (list, tuple)):
        return [type(x).__name__, *map(shown, x)]
    if isinstance(x, dict):
        return {"dict": [[shown(name), shown(item)] for name, item in x.items()]}
    return type(x).__name__ + " " + ascii(x)


'''

DAY = datetime.date(2024, 2, 29)
# Annotations, and values of them: as JSON and as Python has them. Names of classes of the code are resolved in its own scope.
TYPES = {
    "": [(1, 1), ("x", "x"), (None, None), ([1, "a"], [1, "a"]), ({"a": [True]}, {"a": [True]}), (2.5, 2.5)],
    "Any": [(1, 1), ([], []), (None, None)],
    "str": [("", ""), ("é😀", "é😀"), ("a\u2028b\x00", "a\u2028b\x00")],
    "int": [(0, 0), (-5, -5), (2**70, 2**70)],
    "float": [(1, 1), (0.1, 0.1), (-2.5e300, -2.5e300)],
    "bool": [(True, True), (False, False)],
    "list": [([], []), ([1, [2]], [1, [2]])],
    "dict": [({}, {}), ({"a": {"b": None}}, {"a": {"b": None}})],
    "List[int]": [([1, 2], [1, 2])],
    "Optional[str]": [(None, None), ("x", "x")],
    "int | None": [(None, None), (7, 7)],
    "Literal['a', 1]": [("a", "a"), (1, 1)],
    "Annotated[int, 'How many']": [(3, 3)],
    "Union[int, str]": [(3, 3), ("3", "3")],
    "set[int]": [([3, 1, 3], {1, 3})],
    "frozenset": [(["b", "a"], frozenset("ab"))],
    "tuple[int, str]": [([1, "a"], (1, "a"))],
    "tuple[date, ...]": [(["2024-02-29"], (DAY,)), ([], ())],
    "date": [("2024-02-29", DAY)],
    "'datetime'": [("2024-02-29T01:02:03.5+02:00", datetime.datetime.fromisoformat("2024-02-29T01:02:03.5+02:00"))],
    "Optional[date]": [(None, None), ("2024-02-29", DAY)],
    "str | date": [("2024-02-29", "2024-02-29")],
    "int | date": [("2024-02-29", DAY), (5, 5)],
    "Dict[str, List[date]]": [({"a": ["2024-02-29"]}, {"a": [DAY]})],
    "dict[int, str]": [({"1": "a"}, {1: "a"})],
    "Decimal": [("1.10", decimal.Decimal("1.10")), (5, decimal.Decimal(5)), (0.1, decimal.Decimal("0.1"))],
    "UUID": [(str(uuid.UUID(int=7)), uuid.UUID(int=7))],
    "Level": [("low", "Level.LOW"), ("high", "Level.HIGH")],
    "list[Level]": [(["low"], "[Level.LOW]")],
    "Point": [({"x": 1}, "Point(1)"), ({"x": 2, "day": "2024-02-29"}, "Point(2, date(2024, 2, 29))")],
}
OF_CODE = {"Level", "list[Level]", "Point"}
DEFAULTS = [
    "None", "1", "-2.5", "'x'", "'a\\ud800b'", "()", "(200, 204)", "[]", "{'k': (1, 2)}", "{1: 2}", "{1, 2}", "frozenset('a')", "b'raw'",
    "SENTINEL", "CHANGED", "Level.HIGH", "date(2024, 2, 29)", "10 ** 30", "1e400", "len", "Point(1)", "Decimal('1.10')", "True", "...",
]


def module(code, name):
    made = types.ModuleType("__zona__")
    sys.modules["__zona__"] = made
    exec(compile(code, name, "exec", dont_inherit=True), made.__dict__)
    return made.__dict__


def answer(call):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            return {"result": call()}
        except Exception as error:
            return {"exception": type(error).__name__}


def fits(scope, entry, value, params):
    """Whether the call can be made at all: no parameter is missing, and none is one too many."""
    if entry not in scope:
        return not params
    try:
        inspect.signature(scope[entry]).bind(*([value] if entry == "transform" else []), **params)
    except TypeError:
        return False
    return True


def of_file(name, entry, given, call):
    code = (USAGE / name).read_text(encoding="utf-8-sig")
    value, params = given if isinstance(given, tuple) else (None, given)
    scope = module(code, name)
    source = (USAGE / name).read_text(encoding="utf-8")
    return case(name, source, entry, value, params, fits(scope, entry, value, params), answer(lambda: eval(call, scope)))


def case(name, code, entry, value, params, is_fit, expected):
    """Values stand in it as JSON texts, so that whoever reads it changes no number."""
    given = {"code": code, "entry": entry, "value": json.dumps(value), "params": json.dumps(params)}
    return {"name": name, **given, "fits": is_fit, **expected}


class Parameter:
    """One parameter of a generated function."""

    def __init__(self, draw, name):
        self.name = name
        self.annotation = draw.choice(list(TYPES))
        self.default = draw.choice(DEFAULTS) if draw.random() < 0.5 else None

    def declared(self):
        annotation = ": " + self.annotation if self.annotation else ""
        return self.name + annotation + ("" if self.default is None else (" = " if annotation else "=") + self.default)

    def drawn(self, draw, scope):
        given, made = draw.choice(TYPES[self.annotation])
        return given, eval(made, scope) if self.annotation in OF_CODE else made


def generated(draw, number):
    """A function with its call: most calls fit, some lack a parameter or have one too many."""
    parameters = [Parameter(draw, "p%d" % index) for index in range(draw.randrange(5))]
    plain = [one for one in parameters if one.default is None]
    optional = [one for one in parameters if one.default is not None]
    declared = [one.declared() for one in plain + optional]
    star = draw.randrange(len(declared) + 1)
    # A parameter after the star may be required after one that is not.
    if declared and draw.random() < 0.3:
        declared = [one.declared() for one in optional[:1] + plain + optional[1:]]
        star = 0
    is_transformer = draw.random() < 0.5
    input_name = draw.choice(["value", "text", "event"])
    of_input = Parameter(draw, input_name)
    of_input.default = None
    if star < len(declared):
        declared.insert(star, "*")
    rest = draw.choice(["", "", "**rest", "**rest: 'date'"])
    head = ([of_input.declared()] if is_transformer else []) + declared + ([rest] if rest else [])
    names = ([input_name] if is_transformer else []) + [one.name for one in parameters]
    seen = ", ".join('"%s": shown(%s)' % (name, name) for name in names + (["rest"] if rest else []))
    entry = "transform" if is_transformer else "main"
    is_async, future = draw.random() < 0.2, draw.random() < 0.3
    code = ("from __future__ import annotations\n" if future else "") + HEAD
    code += "%sdef %s(%s):\n    return {%s}\n" % ("async " if is_async else "", entry, ", ".join(head), seen)
    scope = module(code, "<generated>")
    given, made = {}, {}
    for one in parameters:
        if one.default is None and draw.random() < 0.95 or one.default is not None and draw.random() < 0.4:
            given[one.name], made[one.name] = one.drawn(draw, scope)
    if draw.random() < 0.15 or rest and draw.random() < 0.5:
        given["more"], made["more"] = ("2024-02-29", DAY if "date" in rest else "2024-02-29")
    value, of_value = of_input.drawn(draw, scope) if is_transformer else (None, None)

    def call():
        result = scope[entry](of_value, **made) if is_transformer else scope[entry](**made)
        return finished(result) if is_async else result

    return case("generated %d" % number, code, entry, value, given, fits(scope, entry, of_value, made), answer(call))


def finished(coroutine):
    """None of them waits for anything."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a coroutine that waits")


def main():
    draw = random.Random(SEED)
    cases = [of_file(*file) for file in FILES] + [generated(draw, number) for number in range(GENERATED)]
    print(json.dumps(cases))


if __name__ == "__main__":
    main()
