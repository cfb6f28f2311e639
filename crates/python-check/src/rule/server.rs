//! Rules that the server finds when a version is stored, not the checker: what the runtime's own compiler refuses, and what
//! differs from what the author declared.

use domain::code::{COMPILE_RULE, Family, KIND_RULE, Severity};

use super::{Example, Rule};

pub(super) const RULES: &[&Rule] = &[&COMPILATION, &KIND];

static COMPILATION: Rule = Rule {
    id: COMPILE_RULE,
    family: Family::Syntax,
    severity: Severity::Error,
    title: "Refused by the runtime's compiler",
    why: "Before a version is stored, the compiler of its runtime reads it in a sandbox, without running it; its word on syntax is \
          final. It refuses what the checks before it let through, such as the name of a character that its Unicode does not have yet.",
    fix: "Correct the code at the line that the compiler names; `python3 -m py_compile FILE` with the runtime's version shows the same.",
    bad: Example::Code("letter = '\\N{KAWI LETTER A}'  # in Python 3.11\n"),
    good: "letter = '\\U00011f04'\n",
};

static KIND: Rule = Rule {
    id: KIND_RULE,
    family: Family::Quality,
    severity: Severity::Error,
    title: "Code of another kind than declared",
    why: "Callers send values to a transformer and parameters to a script. This code was declared as a transformer, and is a script: it \
          defines no `transform`.",
    fix: "Define `transform(value, ...)` for a transformer, `main(...)` or plain statements for a script, or declare the other kind.",
    bad: Example::Code("def main(value):\n    return value\n"),
    good: "def transform(value):\n    return value\n",
};
