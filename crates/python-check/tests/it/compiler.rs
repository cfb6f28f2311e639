//! The check against CPython's compiler: many small programs, each with what `compile()` of several versions says of it. Recorded by
//! `tools/compiler_verdicts.py`, so that nothing but this file is needed.

use std::collections::BTreeMap;

use domain::code::{Family, Finding, Severity};
use python_check::{CheckPolicy, CheckedRuntime, Checker};
use serde_json::Value;

use crate::corpus::corpus;

/// Rules of Python itself beside those of its syntax; the other rules on text and limits are stricter on purpose.
const OF_PYTHON: &[&str] = &["ZPY-ENCODING-002", "ZPY-LIMITS-002", "ZPY-LIMITS-006"];

/// Programs that some compiler takes and the check does not, by a piece of them. Nobody writes the first; the others are faults
/// or peculiarities of one version that later ones do not have.
const STRICTER: &[&str] = &[
    "x: (await y)\n",
    "def f[T: lambda: (yield)](): pass\n",
    "del x.__debug__\n",
    "x.__debug__ += 1\n",
    "from .__future__ import braces\n",
    "x = f'{1:\n}'\n",
];

/// Programs that every compiler refuses at another line than the check, which names the line of the cause.
const ELSEWHERE: &[&str] = &["#!/x\n# coding: nonsense\n", "try: pass\nelse: pass\nexcept: pass\n", "x = f\"\"\"{1 # c\n}\"\"\"\n"];

struct Compiler {
    /// In full, e.g. `3.12.1`.
    version: String,
    checker: Checker,
}

impl Compiler {
    fn new(version: &str) -> Self {
        let mut parts = version.split('.').map(|part| part.parse().unwrap());
        let python = (parts.next().unwrap(), parts.next().unwrap());
        let policy = CheckPolicy { runtime: CheckedRuntime { python, ..CheckedRuntime::default() }, ..CheckPolicy::default() };
        Compiler { version: version.to_owned(), checker: Checker::new(policy) }
    }

    fn errors(&self, code: &str) -> Vec<Finding> {
        let findings = self.checker.check(code.as_bytes()).findings;
        findings.into_iter().filter(|finding| finding.severity == Severity::Error).collect()
    }
}

fn is_of_python(finding: &Finding) -> bool {
    finding.family == Family::Syntax || OF_PYTHON.contains(&finding.rule)
}

/// What is wrong with the check of a program that a compiler refuses at `line`, or accepts where that is 0.
fn judge(code: &str, line: u64, errors: &[Finding]) -> Option<&'static str> {
    if line == 0 {
        let stricter = STRICTER.iter().any(|piece| code.contains(piece));
        return (!stricter && errors.iter().any(is_of_python)).then_some("refused, though it compiles");
    }
    let own = |finding: &&Finding| is_of_python(finding) || matches!(finding.family, Family::Encoding | Family::Limits);
    let mut lines = errors.iter().filter(own).map(|finding| u64::from(finding.span.line)).peekable();
    if lines.peek().is_none() {
        return Some("accepted, though it does not compile");
    }
    (!ELSEWHERE.contains(&code) && !lines.any(|found| found == line)).then_some("refused at another line")
}

/// A program, and the line at which each compiler refuses it: 0 where it accepts it, nothing where it crashed.
type Program = (String, Vec<Option<u64>>);

fn recorded() -> (Vec<Compiler>, Vec<Program>) {
    let recorded: Value = serde_json::from_slice(&std::fs::read(corpus().join("compiler.json")).unwrap()).unwrap();
    let compilers = recorded["compilers"].as_array().unwrap().iter().map(|name| Compiler::new(name.as_str().unwrap()));
    let programs = recorded["programs"].as_array().unwrap().iter().map(|row| {
        let verdicts = row.as_array().unwrap()[1..].iter().map(Value::as_u64).collect();
        (row[0].as_str().unwrap().to_owned(), verdicts)
    });
    (compilers.collect(), programs.collect())
}

#[test]
fn every_compiler_accepts_and_refuses_what_the_check_does() {
    let (compilers, programs) = recorded();
    assert!(programs.len() > 3_000 && compilers.len() == 4);
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (code, verdicts) in &programs {
        for (compiler, line) in compilers.iter().zip(verdicts) {
            // A compiler that crashed has no verdict.
            let Some(line) = *line else { continue };
            let errors = compiler.errors(code);
            if let Some(problem) = judge(code, line, &errors) {
                let shown: String = code.chars().take(160).collect();
                let found: Vec<_> = errors.iter().map(|finding| (finding.rule, finding.span.line)).collect();
                wrong.entry(format!("{problem}: {shown:?}")).or_default().push(format!("{} at {line}: {found:?}", compiler.version));
            }
        }
    }
    let shown: Vec<String> = wrong.iter().map(|(problem, versions)| format!("{problem} by {}", versions.join(", "))).collect();
    assert!(shown.is_empty(), "{} differences:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn no_word_of_the_parsers_own_types_reaches_people() {
    let (compilers, programs) = recorded();
    let newest = compilers.last().unwrap();
    let foreign = |message: &str| {
        // A type's name has a capital inside, which no word of ours has; `TypeVar` is Python's.
        let camel = message.split(|c: char| !c.is_alphanumeric()).any(|word| {
            word.starts_with(char::is_uppercase) && word.chars().skip(1).any(char::is_uppercase) && word.chars().any(char::is_lowercase)
        });
        (camel && !message.contains("TypeVar")) || message.contains("::") || message.contains("kind:") || message.contains("Got unexpected")
    };
    let mut wrong: Vec<String> = programs
        .iter()
        .flat_map(|(code, _)| newest.errors(code))
        .filter(|finding| foreign(&finding.message))
        .map(|finding| finding.message)
        .collect();
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_character_that_nobody_sees_is_named() {
    let (compilers, programs) = recorded();
    let newest = compilers.last().unwrap();
    for (code, _) in &programs {
        for finding in newest.errors(code) {
            let unseen = |c: char| {
                c.is_control()
                    || (c.is_whitespace() && c != ' ')
                    || matches!(c, '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{ad}')
            };
            assert!(!finding.message.contains(unseen), "{code:?}: {:?}", finding.message);
        }
    }
    let message = |code: &str| newest.errors(code).first().map(|finding| finding.message.clone()).unwrap_or_default();
    assert_eq!(message("x =\u{a0}1\n"), "invalid character that nobody sees: U+00A0 (NO-BREAK SPACE)");
    assert_eq!(message("x = 1\u{200b}\n"), "invalid character that nobody sees: U+200B (ZERO WIDTH SPACE)");
    assert_eq!(message("x = \u{201c}a\u{201d}\n"), "invalid character `\u{201c}`, U+201C (LEFT DOUBLE QUOTATION MARK)");
    assert_eq!(message("a\u{fe00}b = 1\n"), "the name `a<U+FE00>b` holds U+FE00 (VARIATION SELECTOR-1), which nobody sees");
}

#[test]
fn a_return_outside_a_function_is_told_where_it_belongs() {
    let errors = crate::errors("x = 1\nreturn x\n");
    assert!(errors[0].suggestion.contains("`def main():`"), "{errors:#?}");
}
