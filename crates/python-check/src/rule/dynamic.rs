//! Rules about code made at run time: from text, from templates, from types.

use domain::code::{Family, Severity};

use super::{Example, Rule};

pub(super) const RULES: &[&Rule] =
    &[&DYNAMIC_BUILTIN, &DYNAMIC_IMPORT, &DYNAMIC_TYPE, &DYNAMIC_API, &DYNAMIC_ANNOTATION, &FORMAT_FIELD, &FORMAT_BUILT, &FORMAT_FORMATTER];

pub(crate) static DYNAMIC_BUILTIN: Rule = Rule {
    id: "ZPY-DYNAMIC-001",
    family: Family::DynamicCode,
    severity: Severity::Error,
    title: "Code from text",
    why: "`eval`, `exec`, `compile` and `__import__` run what no scan has seen.",
    fix: "Use `json.loads` or `ast.literal_eval` for data, a dict of functions for choices.",
    bad: Example::Code("def transform(value):\n    return eval(value)\n"),
    good: "import ast\n\ndef transform(value):\n    return ast.literal_eval(value)\n",
};

pub(crate) static DYNAMIC_IMPORT: Rule = Rule {
    id: "ZPY-DYNAMIC-002",
    family: Family::DynamicCode,
    severity: Severity::Error,
    title: "Import of a module that runs code from text",
    why: "It imports, compiles or runs what no scan has seen.",
    fix: "Import what you need by name.",
    bad: Example::Code("import importlib\n"),
    good: "import json\n",
};

pub(crate) static DYNAMIC_TYPE: Rule = Rule {
    id: "ZPY-DYNAMIC-003",
    family: Family::DynamicCode,
    severity: Severity::Error,
    title: "Class made at run time",
    why: "`type` with three arguments, and every other class of classes that is called, makes a class whose attributes are not written out.",
    fix: "Write a class statement, or use `collections.namedtuple`.",
    bad: Example::Code("A = type('A', (), {'x': 1})\n"),
    good: "class A:\n    x = 1\n",
};

pub(crate) static DYNAMIC_API: Rule = Rule {
    id: "ZPY-DYNAMIC-004",
    family: Family::DynamicCode,
    severity: Severity::Error,
    title: "Function that evaluates text",
    why: "The module is allowed, this function of it evaluates text as code.",
    fix: "Do without it.",
    bad: Example::Code("import typing\n\nx = typing.get_type_hints(int)\n"),
    good: "from typing import Any\n\nx: Any = 1\n",
};

pub(crate) static DYNAMIC_ANNOTATION: Rule = Rule {
    id: "ZPY-DYNAMIC-005",
    family: Family::DynamicCode,
    severity: Severity::Error,
    title: "Annotation made at run time",
    why: "Text in annotations is evaluated by `functools.singledispatch` and others, so it must be written out.",
    fix: "Write the annotation as it is.",
    bad: Example::Code("def transform(value: 'in' + 't'):\n    return value\n"),
    good: "def transform(value: 'int'):\n    return value\n",
};

pub(crate) static FORMAT_FIELD: Rule = Rule {
    id: "ZPY-FORMAT-001",
    family: Family::FormatEscape,
    severity: Severity::Error,
    title: "Template field that reaches special attributes",
    why: "A replacement field can walk attributes: `{0.__globals__}` shows what no attribute rule sees.",
    fix: "Pass the values you want to show and name them.",
    bad: Example::Code("def transform(value):\n    return '{0.__globals__}'.format(transform)\n"),
    good: "def transform(value):\n    return '{0}'.format(value)\n",
};

pub(crate) static FORMAT_BUILT: Rule = Rule {
    id: "ZPY-FORMAT-002",
    family: Family::FormatEscape,
    severity: Severity::Error,
    title: "Template built from pieces",
    why: "A template put together at run time can hold any field.",
    fix: "Write the template out, or use an f-string.",
    bad: Example::Code("def transform(value, field):\n    return ('{0.__' + field + '}').format(value)\n"),
    good: "def transform(value):\n    return f'{value}'\n",
};

pub(crate) static FORMAT_FORMATTER: Rule = Rule {
    id: "ZPY-FORMAT-003",
    family: Family::FormatEscape,
    severity: Severity::Error,
    title: "Formatter used as a value",
    why: "`string.Formatter` and an unbound `str.format` take any template.",
    fix: "Use an f-string, `str.format` on a constant, or `string.Template`.",
    bad: Example::Code("import string\n\nx = string.Formatter()\n"),
    good: "import string\n\nx = string.Template('$a').substitute(a=1)\n",
};
