//! Rules about the text itself: encoding, limits, syntax, and the entry point.

use domain::code::{Family, Severity};

use super::{Example, Rule};

pub(super) const RULES: &[&Rule] = &[
    &ENCODING_UTF8,
    &ENCODING_NUL,
    &ENCODING_COOKIE,
    &ENCODING_BIDI,
    &ENCODING_LOOKALIKE,
    &ENCODING_INVISIBLE,
    &LIMITS_SIZE,
    &LIMITS_NESTING,
    &LIMITS_LINE,
    &LIMITS_FINDINGS,
    &LIMITS_COUNT,
    &LIMITS_INTEGER,
    &LIMITS_PARAMETERS,
    &LIMITS_EMPTY,
    &SYNTAX_PARSE,
    &SYNTAX_SEMANTIC,
    &SYNTAX_VERSION,
    &QUALITY_NO_VALUE,
    &QUALITY_POSITIONAL,
    &QUALITY_SECRET_DEFAULT,
    &QUALITY_GENERATOR,
    &QUALITY_UNDEFINED,
    &QUALITY_NO_ENTRY,
    &QUALITY_TWO_ENTRIES,
    &QUALITY_CONVERT,
    &QUALITY_CONVERTED,
];

pub(crate) static ENCODING_UTF8: Rule = Rule {
    id: "ZPY-ENCODING-001",
    family: Family::Encoding,
    severity: Severity::Error,
    title: "Code that is not UTF-8",
    why: "Code is stored, hashed and shown as UTF-8; other bytes would read differently here and in the interpreter.",
    fix: "Save the file as UTF-8.",
    bad: Example::Bytes(b"name = '\xff'\n", "name = '<byte ff>'"),
    good: "name = 'ÿ'\n",
};

pub(crate) static ENCODING_NUL: Rule = Rule {
    id: "ZPY-ENCODING-002",
    family: Family::Encoding,
    severity: Severity::Error,
    title: "NUL byte",
    why: "Python refuses source with a NUL byte, and some tools stop reading there: what follows would go unseen.",
    fix: "Remove the byte; write `\\0` inside a string.",
    bad: Example::Bytes(b"x = 1\0\n", "x = 1<byte 00>"),
    good: "x = '\\0'\n",
};

pub(crate) static ENCODING_COOKIE: Rule = Rule {
    id: "ZPY-ENCODING-003",
    family: Family::Encoding,
    severity: Severity::Error,
    title: "Coding declaration other than UTF-8",
    why: "A coding declaration (PEP 263) decodes the file anew: with `unicode_escape` or `utf-7` a comment can turn into code.",
    fix: "Remove the coding comment, or declare utf-8.",
    bad: Example::Code("# -*- coding: utf-7 -*-\nx = 1\n"),
    good: "# -*- coding: utf-8 -*-\nx = 1\n",
};

pub(crate) static ENCODING_BIDI: Rule = Rule {
    id: "ZPY-ENCODING-004",
    family: Family::Encoding,
    severity: Severity::Error,
    title: "Character that reorders text",
    why: "Bidirectional control characters make code look different from what runs (CVE-2021-42574).",
    fix: "Remove the character; inside a string write its escape, e.g. `\\u202e`.",
    bad: Example::Code("allowed = False  # \u{202e} eurT\n"),
    good: "mark = '\\u202e'\n",
};

pub(crate) static ENCODING_LOOKALIKE: Rule = Rule {
    id: "ZPY-ENCODING-005",
    family: Family::Encoding,
    severity: Severity::Warning,
    title: "Name in compatibility characters",
    why: "Python normalizes identifiers (NFKC), so such a name means the plain one: `\u{ff4f}\u{ff50}\u{ff45}\u{ff4e}` is `open`.",
    fix: "Write the name in plain letters.",
    bad: Example::Code("\u{ff54}\u{ff4f}\u{ff54}\u{ff41}\u{ff4c} = 1\n"),
    good: "total = 1\n",
};

pub(crate) static ENCODING_INVISIBLE: Rule = Rule {
    id: "ZPY-ENCODING-006",
    family: Family::Encoding,
    severity: Severity::Error,
    title: "Name with a character that nobody sees",
    why: "Python takes variation selectors, Hangul fillers, joiners and the like as parts of names, and nothing shows them: two names that \
          look the same are two variables. Which characters these are is Unicode's own table (Default_Ignorable_Code_Point).",
    fix: "Remove the character.",
    bad: Example::Code("allowed = False\nallowed\u{fe00} = True\n"),
    good: "allowed = False\n",
};

pub(crate) static LIMITS_SIZE: Rule = Rule {
    id: "ZPY-LIMITS-001",
    family: Family::Limits,
    severity: Severity::Error,
    title: "Code too large",
    why: "The size of code is bounded so that checking and storing it stay cheap.",
    fix: "Split the utility, or pass the data as a parameter.",
    bad: Example::Repeated { head: "", piece: "# padding\n", times: 27_000, tail: "" },
    good: "x = 1\n",
};

pub(crate) static LIMITS_NESTING: Rule = Rule {
    id: "ZPY-LIMITS-002",
    family: Family::Limits,
    severity: Severity::Error,
    title: "Nesting too deep",
    why: "Deep nesting exhausts the stack of every program that reads the code, the interpreter's compiler included.",
    fix: "Take the inner parts out into variables or functions.",
    bad: Example::Repeated { head: "x = ", piece: "-", times: 2_100, tail: "1\n" },
    good: "x = -1\n",
};

pub(crate) static LIMITS_LINE: Rule = Rule {
    id: "ZPY-LIMITS-003",
    family: Family::Limits,
    severity: Severity::Error,
    title: "Line too long",
    why: "Nobody reads a line of that length, and what stands at its end goes unseen.",
    fix: "Break the line; pass large data as a parameter.",
    bad: Example::Repeated { head: "x = '", piece: "padding", times: 12_000, tail: "'\n" },
    good: "x = ('one line'\n     'another')\n",
};

pub(crate) static LIMITS_FINDINGS: Rule = Rule {
    id: "ZPY-LIMITS-004",
    family: Family::Limits,
    severity: Severity::Warning,
    title: "More findings than are shown",
    why: "A report is bounded; errors are kept before warnings. Where errors are left out, or so much is found that the rest of the code was \
          not looked at, it is an error: an exception for those that are shown must not hide the others.",
    fix: "Fix the findings above and check again.",
    bad: Example::Repeated { head: "", piece: "undefined\n", times: 300, tail: "" },
    good: "x = 1\n",
};

pub(crate) static LIMITS_COUNT: Rule = Rule {
    id: "ZPY-LIMITS-005",
    family: Family::Limits,
    severity: Severity::Error,
    title: "Too many parts of one kind",
    why: "Scopes inside scopes, clauses of one comprehension and type parameters of one definition are bounded: checking them costs more than their number.",
    fix: "Write loops and functions of ordinary size.",
    bad: Example::Repeated { head: "x = [1", piece: " for _ in y", times: 100, tail: "]\n" },
    good: "x = [a for b in [[1]] for a in b]\n",
};

pub(crate) static LIMITS_INTEGER: Rule = Rule {
    id: "ZPY-LIMITS-006",
    family: Family::Limits,
    severity: Severity::Error,
    title: "Integer literal too long",
    why: "Python refuses decimal literals of more than 4300 digits: converting them takes quadratic time.",
    fix: "Write the number in hexadecimal, or compute it.",
    bad: Example::Repeated { head: "x = 1", piece: "0", times: 4_300, tail: "\n" },
    good: "x = 10 ** 20\n",
};

pub(crate) static LIMITS_PARAMETERS: Rule = Rule {
    id: "ZPY-LIMITS-007",
    family: Family::Limits,
    severity: Severity::Error,
    title: "Too many or too long parameters",
    why: "A parameter schema holds at most 64 parameters with names of at most 64 characters and 100 allowed values.",
    fix: "Take one dict with the settings.",
    bad: Example::Code(
        "def transform(value, a_name_that_nobody_would_ever_type_into_a_form_without_making_a_mistake=1):\n    return value\n",
    ),
    good: "def transform(value, settings: dict = {}):\n    return value\n",
};

pub(crate) static LIMITS_EMPTY: Rule = Rule {
    id: "ZPY-LIMITS-008",
    family: Family::Limits,
    severity: Severity::Error,
    title: "No code",
    why: "A file without a single byte is a lost upload or an unset field far more often than a program that does nothing.",
    fix: "Send the code; for a program that does nothing, write `pass`.",
    bad: Example::Bytes(b"", "<nothing>"),
    good: "pass\n",
};

pub(crate) static SYNTAX_PARSE: Rule = Rule {
    id: "ZPY-SYNTAX-001",
    family: Family::Syntax,
    severity: Severity::Error,
    title: "Code does not parse",
    why: "Python cannot run it.",
    fix: "Correct the syntax.",
    bad: Example::Code("def transform(value)\n    return value\n"),
    good: "def transform(value):\n    return value\n",
};

pub(crate) static SYNTAX_SEMANTIC: Rule = Rule {
    id: "ZPY-SYNTAX-002",
    family: Family::Syntax,
    severity: Severity::Error,
    title: "Statement out of place",
    why: "It parses, but Python's compiler refuses it: `return` outside a function, a parameter named twice, and the like.",
    fix: "Move or remove the statement.",
    bad: Example::Code("x = 1\nreturn x\n"),
    good: "def main():\n    x = 1\n    return x\n",
};

pub(crate) static SYNTAX_VERSION: Rule = Rule {
    id: "ZPY-SYNTAX-003",
    family: Family::Syntax,
    severity: Severity::Error,
    title: "Syntax of another Python version",
    why: "The runtime's Python does not know this syntax.",
    fix: "Use the older form, or choose a newer runtime.",
    bad: Example::Code("x = [*a for a in [[1]]]\n"),
    good: "x = [item for a in [[1]] for item in a]\n",
};

pub(crate) static QUALITY_NO_VALUE: Rule = Rule {
    id: "ZPY-QUALITY-001",
    family: Family::Quality,
    severity: Severity::Error,
    title: "`transform` cannot take a value",
    why: "A transformer is called as `transform(value, **parameters)`.",
    fix: "Give it a first positional parameter: `def transform(value)`.",
    bad: Example::Code("def transform():\n    return 1\n"),
    good: "def transform(value):\n    return value\n",
};

pub(crate) static QUALITY_POSITIONAL: Rule = Rule {
    id: "ZPY-QUALITY-002",
    family: Family::Quality,
    severity: Severity::Error,
    title: "Positional-only parameter",
    why: "Parameters are passed by name, so a positional-only one without a default can never be given.",
    fix: "Remove the `/` from the signature.",
    bad: Example::Code("def main(host, /):\n    return host\n"),
    good: "def main(host):\n    return host\n",
};

pub(crate) static QUALITY_SECRET_DEFAULT: Rule = Rule {
    id: "ZPY-QUALITY-004",
    family: Family::Quality,
    severity: Severity::Warning,
    title: "Secret with a default",
    why: "The default of a secret stands in the code, where every reader of the utility sees it. It is not part of the schema.",
    fix: "Remove the default.",
    bad: Example::Code("from typing import Annotated\n\ndef main(token: Annotated[str, \"secret\"] = \"abc\"):\n    return len(token)\n"),
    good: "from typing import Annotated\n\ndef main(token: Annotated[str, \"secret\"]):\n    return len(token)\n",
};

pub(crate) static QUALITY_GENERATOR: Rule = Rule {
    id: "ZPY-QUALITY-005",
    family: Family::Quality,
    severity: Severity::Error,
    title: "Entry point that yields",
    why: "A function with `yield` returns a generator, which is not a JSON value; an `async def` with `yield` returns one that cannot \
          even be awaited.",
    fix: "Return a list: `return list(items())`, or `return [item async for item in items()]` in an `async def`.",
    bad: Example::Code("def transform(value):\n    yield value\n"),
    good: "def transform(value):\n    return [value]\n",
};

pub(crate) static QUALITY_UNDEFINED: Rule = Rule {
    id: "ZPY-QUALITY-006",
    family: Family::Quality,
    severity: Severity::Warning,
    title: "Name that nothing defines",
    why: "Reading it raises NameError.",
    fix: "Define it, import it, or correct the spelling.",
    bad: Example::Code("def transform(value):\n    return valeu\n"),
    good: "def transform(value):\n    return value\n",
};

pub(crate) static QUALITY_NO_ENTRY: Rule = Rule {
    id: "ZPY-QUALITY-007",
    family: Family::Quality,
    severity: Severity::Warning,
    title: "Nothing runs",
    why: "The code defines functions, but no `main` and no `transform`, and nothing calls them: it succeeds with null and has done nothing.",
    fix: "Call the function that does the work `main`, or `transform` if it takes one value and gives one back.",
    bad: Example::Code("def mian():\n    return 1\n"),
    good: "def main():\n    return 1\n",
};

pub(crate) static QUALITY_TWO_ENTRIES: Rule = Rule {
    id: "ZPY-QUALITY-008",
    family: Family::Quality,
    severity: Severity::Warning,
    title: "`main` beside `transform`",
    why: "A utility has one entry point. Where both are defined `transform` is called, and `main` never is.",
    fix: "Remove or rename the one that is not meant.",
    bad: Example::Code("def transform(value):\n    return value\n\ndef main():\n    return 1\n"),
    good: "def transform(value):\n    return value\n",
};

pub(crate) static QUALITY_CONVERT: Rule = Rule {
    id: "ZPY-QUALITY-009",
    family: Family::Quality,
    severity: Severity::Warning,
    title: "Parameter that arrives as another type",
    why: "Parameters are JSON: text, numbers, lists, objects. Where the annotation says how, the type that it names is made of them: \
          dates and times, Enums, sets, tuples, dataclasses, `Decimal`, `UUID`. Of `bytes`, `timedelta` and other classes it does not \
          say how, and the code is handed the JSON value.",
    fix: "Annotate what arrives, and convert it in the function: `base64.b64decode(data)`, `timedelta(seconds=wait)`.",
    bad: Example::Code("def main(data: bytes):\n    return len(data)\n"),
    good: "import base64\n\ndef main(data: str):\n    return len(base64.b64decode(data))\n",
};

pub(crate) static QUALITY_CONVERTED: Rule = Rule {
    id: "ZPY-QUALITY-010",
    family: Family::Quality,
    severity: Severity::Warning,
    title: "Parameter that is read as text once more",
    why: "The annotation names the type, so the sandbox has read the text before the function is called; reading it again fails.",
    fix: "Use the parameter as it is, or annotate it `str`.",
    bad: Example::Code("from datetime import date\n\ndef main(day: date):\n    return date.fromisoformat(day).year\n"),
    good: "from datetime import date\n\ndef main(day: date):\n    return day.year\n",
};
