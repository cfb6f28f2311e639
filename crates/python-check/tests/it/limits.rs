//! Hostile input: depth, size and number of things. Nothing here may abort, panic or take long.

use std::time::{Duration, Instant};

use domain::code::Severity;
use python_check::{CheckPolicy, Checker, MAX_CODE_BYTES, MAX_FINDINGS};

use crate::{errors, report};

/// Generous beside the promised 50 ms, because tests run unoptimized on loaded machines; the benchmark holds the promise.
const PATIENCE: Duration = Duration::from_secs(5);

fn fill(piece: &str) -> String {
    piece.repeat(MAX_CODE_BYTES / piece.len())
}

fn refused(code: &str, rule: &str) {
    let started = Instant::now();
    let found = errors(code);
    let shown: String = code.chars().take(40).collect();
    assert!(found.iter().any(|finding| finding.rule == rule), "{shown:?}: {:#?}", found.first());
    assert!(started.elapsed() < PATIENCE, "{shown:?} took {:?}", started.elapsed());
}

#[test]
fn deep_trees_are_refused_before_they_are_built() {
    // Just beyond our limits: a parser without them would survive each.
    let (brackets, strings, depth) = (201, 21, 2_001);
    for (piece, times) in [
        ("(", brackets),
        ("[", brackets),
        ("{", brackets),
        ("f(", brackets),
        ("x[", brackets),
        ("(a:=", brackets),
        ("{1:", brackets),
        ("f'{", strings),
        ("-", depth),
        ("~", depth),
        ("not ", depth),
        ("x.", depth),
        ("x+", depth),
        ("x**", depth),
        ("x@", depth),
        ("lambda:", depth),
        ("lambda a,b:", depth),
        ("x if y else ", depth),
        ("await ", depth),
        ("*", 2 * depth),
        ("lambda a=lambda b,c:1,d:", depth / 2 + 1),
    ] {
        refused(&piece.repeat(times), "ZPY-LIMITS-002");
    }
    refused(&format!("x = 1{}", "()".repeat(depth)), "ZPY-LIMITS-002");
    refused(&format!("x = y{}", ".a".repeat(depth)), "ZPY-LIMITS-002");
    refused(&format!("x = y{}", "[0]".repeat(depth)), "ZPY-LIMITS-002");
}

/// Each closes what it opens as far as only a number is looked at, and the parser nests all of it. Without a bound the second makes a tree
/// too deep to be dropped, which ends the process.
#[test]
fn what_does_not_fit_is_refused_before_it_is_parsed() {
    for (piece, message) in [
        ("[}", "closing parenthesis '}' does not match opening parenthesis '['"),
        ("(lambda a),", "without ':'"),
        ("lambda a\n", "without ':'"),
        ("f'{[a}', ", "closing parenthesis '}' does not match opening parenthesis '['"),
        ("'\n", "string"),
    ] {
        let code = format!("x = 1\n{}", piece.repeat(MAX_CODE_BYTES / piece.len() - 3));
        refused(&code, "ZPY-SYNTAX-001");
        let found = errors(&code);
        assert_eq!(found[0].span.line, 2, "{piece:?}: {:#?}", found[0]);
        assert!(found.iter().any(|finding| finding.message.contains(message)), "{piece:?}: {:#?}", found[0]);
    }
    for piece in ["yield 1,", "async ", "f'{f\"\"}'+'(',"] {
        refused(&fill(piece), "ZPY-LIMITS-002");
    }
}

/// Behind the error the parser leaves each level, and reads for many of them once more what stands behind the last token. Without a bound
/// the first of these alone takes half a minute, optimized.
#[test]
fn no_gap_is_read_again_for_each_level_that_is_left() {
    let half = MAX_CODE_BYTES / 2;
    let gaps =
        ["\n".repeat(half), " ".repeat(half), "\\\n".repeat(half / 2), format!("\n{}\n", "#".repeat(half)), "# a\n".repeat(half / 4)];
    for gap in &gaps {
        for (piece, times, end) in [
            ("[", 9_000, "1\0def x"),
            ("[", 190, "1\0def x"),
            ("f(", 190, "1\0;"),
            ("(", 190, "1 not\0x"),
            ("1**", 1_900, "1 not\0x"),
            ("[},", 9_000, "[1\0def x"),
            ("f\"{\"\n[", 150, "1\0def x"),
        ] {
            let (before, after) = end.split_once('\0').unwrap();
            let text = format!("x = ({}{before}{gap}{after}", piece.repeat(times));
            assert!(text.len() <= MAX_CODE_BYTES);
            let started = Instant::now();
            assert!(!Checker::new(CheckPolicy::default()).check(text.as_bytes()).accepted());
            assert!(started.elapsed() < PATIENCE, "{times} times {piece:?} and {:?} took {:?}", &gap[..4], started.elapsed());
        }
    }
}

#[test]
fn too_much_between_nested_things_is_named_with_what_to_do() {
    let found = errors(&format!("a = 1\nx = {}1{}{}", "[".repeat(190), "\n".repeat(100_000), "]".repeat(190)));
    assert_eq!((found[0].rule, found[0].span.line), ("ZPY-LIMITS-002", 100_002), "{found:#?}");
    assert!(found[0].message.contains("line breaks") && found[0].message.contains("split the code"), "{found:#?}");
}

/// A table over many lines, long notes between functions, and a sum over many lines.
#[test]
fn ordinary_code_of_many_lines_is_not_too_much() {
    let table: String = (0..5_000).map(|index| format!("    {{'a': -{index}, 'b': [1.5, x.y(2)]}},\n")).collect();
    let notes = "# what the next one does, and why it does it\n".repeat(500);
    let functions: String =
        (0..1_500).map(|index| format!("def f{index}(a, b):\n    return max(\n        a.b,\n        -b,\n    )\n\n\n")).collect();
    let sum: String = (0..1_000).map(|index| format!("    a{index} +\n")).collect();
    let quoted = "x = f\"{d['a']}\"\n";
    let long = [
        format!("x = [\n{table}]\n"),
        format!("{functions}\n{notes}\n{functions}"),
        format!("{notes}x = (\n{sum}    1\n)\n{functions}"),
        format!("{quoted}{functions}\n{}\n{functions}", &notes[..notes.len() / 5]),
        format!("{notes}{quoted}{functions}"),
    ];
    for code in long {
        assert!(code.len() <= MAX_CODE_BYTES, "{}", code.len());
        let found = errors(&code);
        assert!(found.iter().all(|finding| finding.rule != "ZPY-LIMITS-002"), "{:#?}", found.first());
    }
}

/// As many as the size has room for: nothing tells how deep they are before they are parsed.
#[test]
fn blocks_as_deep_as_the_size_allows_break_no_stack() {
    let nested: String = (0..700).map(|depth| format!("{}while 1:\n", "\t".repeat(depth))).collect();
    refused(&format!("{nested}{}pass\n", "\t".repeat(700)), "ZPY-LIMITS-002");
}

#[test]
fn deep_blocks_are_refused() {
    let nested: String = (0..100).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    refused(&format!("{nested}{}pass\n", " ".repeat(100)), "ZPY-LIMITS-002");
}

#[test]
fn the_place_of_the_excess_is_named() {
    let found = errors(&format!("a = 1\nb = 2\nc = {}1\n", "-".repeat(2_100)));
    assert_eq!(found[0].span.line, 3, "{found:#?}");
    assert!(found[0].span.column > 1_900 && found[0].span.column < 2_100, "{found:#?}");
}

#[test]
fn wide_code_is_not_deep() {
    let list: String = (0..3_000).map(|index| format!("f(x.a + {index}, -1), ")).collect();
    let rows: String = (0..500).map(|index| format!("    [{index}, lambda a, b: a + b, 'x' if y else 'z'],\n")).collect();
    let chain: String = (0..400).map(|_| "elif x == 1:\n    pass\n").collect();
    for code in [format!("f = x = y = max\nq = [{list}]\n"), format!("y = 1\nq = [\n{rows}]\n"), format!("x = 1\nif x:\n    pass\n{chain}")]
    {
        let found = errors(&code);
        assert!(found.iter().all(|finding| finding.rule != "ZPY-LIMITS-002"), "{:#?}", found.first());
    }
}

#[test]
fn counts_that_cost_more_than_their_number_are_bounded() {
    refused(&format!("x = [1{}]", " for a in b if c".repeat(100)), "ZPY-LIMITS-005");
    refused(&format!("x = [1 for a in b{}]", " if c".repeat(100)), "ZPY-LIMITS-005");
    refused(&format!("def f[{}](): pass", (0..5_000).map(|index| format!("T{index},\n")).collect::<String>()), "ZPY-LIMITS-005");
    refused(&format!("x = {}1{}", "[".repeat(50), " for a in b]".repeat(50)), "ZPY-LIMITS-005");
    refused(&format!("x = {}", "9".repeat(4_301)), "ZPY-LIMITS-006");
}

/// Lines `line(0)`, `line(1)`, ... behind `head`, half as long as code may be.
fn numbered(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut code = head.to_owned();
    for index in 0.. {
        let next = line(index);
        if code.len() + next.len() > MAX_CODE_BYTES / 2 {
            break;
        }
        code.push_str(&next);
    }
    code
}

/// What stands in each of these many times is looked for among all that stands in it many times: without a bound, or an index, that takes
/// from seconds to days.
#[test]
fn many_of_one_kind_cost_no_more_than_their_number() {
    let parameters = |annotation: &str| (0..64).map(|index| format!("a{index}: {annotation}, ")).collect::<String>();
    let aliases: String = (0..8).map(|index| format!("A{} = {}A{index}\n", index + 1, format!("A{index} | ").repeat(31))).collect();
    let locals = numbered("def f():\n", |index| format!(" n{index} = 0\n"));
    let methods = |head: &str, decorator: &str| numbered(head, |index| format!("{decorator} def am{index}(self): return self.__dict__\n"));
    let enumeration = numbered("from enum import Enum\nclass E(Enum):\n", |index| format!(" a{index} = {index}\n"));
    let literal = numbered("from typing import Literal\nX = Literal[", |index| format!("{index}, "));
    for code in [
        format!("A0 = int\n{aliases}def main({}): pass\n", parameters("A8")),
        numbered("class A: pass\ndef main(", |index| format!("a{index}: A, ")) + "):\n" + &" f(x)\n".repeat(20_000),
        format!("{enumeration}def main({}): pass\n", parameters("E")),
        format!("{literal}]\ndef main({}): pass\n", parameters("X")),
        format!("D = [{}]\ndef main({}): pass\n", "1, ".repeat(20_000), parameters("list = D")),
        format!("def main(a):\n '''\n Parameters\n ---\n {}\n  {}\n '''\n", "a,".repeat(30_000), "w ".repeat(30_000)),
        format!("{locals}{}", " z.a\n".repeat(20_000)),
        numbered("", |index| format!("__n{index}__ = 0\n")),
        format!("import zipfile\nclass A:\n def write(self, x): pass\n{}", "A().write(1)\n".repeat(10_000)),
        numbered("", |index| format!("import functools as a{index}\n")),
        format!("{}{}", methods("class A:\n", ""), "getattr(x, 'am' + b)\n".repeat(6_000)),
        format!("{}{}", methods("class A:\n", " @property\n"), "x.func\n".repeat(15_000)),
        "import os;".repeat(MAX_CODE_BYTES / 20),
        format!("from os import {}a\n", "a,".repeat(MAX_CODE_BYTES / 4)),
    ] {
        let started = Instant::now();
        let report = Checker::new(CheckPolicy::default()).check(code.as_bytes());
        let shown: String = code.chars().take(60).collect();
        assert!(report.findings.iter().all(|finding| finding.message != "the code cannot be analyzed"), "{shown:?}");
        assert!(started.elapsed() < PATIENCE, "{shown:?} took {:?}", started.elapsed());
    }
}

#[test]
fn size_is_bounded() {
    let report = Checker::new(CheckPolicy::default()).check(&vec![b'#'; MAX_CODE_BYTES + 1]);
    assert_eq!(report.findings[0].rule, "ZPY-LIMITS-001");
    assert_eq!(report.kind, None);
    assert!(Checker::new(CheckPolicy::default()).check(fill("#23456789012345\n").as_bytes()).accepted());
}

#[test]
fn a_report_is_bounded_and_says_so() {
    let report = report(&fill("return\n"));
    assert_eq!(report.findings.len(), MAX_FINDINGS + 1);
    assert!(report.findings.last().is_some_and(|finding| finding.rule == "ZPY-LIMITS-004"));
    assert!(!report.accepted());
}

#[test]
fn an_allowed_rule_is_left_out_and_a_denied_one_blocks() {
    let code = b"def main(a: 'Annotated[str, \"secret\"]' = 'x'): return a\n";
    let rules = |policy: CheckPolicy| {
        Checker::new(policy).check(code).findings.iter().map(|finding| (finding.rule, finding.severity.as_str())).collect::<Vec<_>>()
    };
    let id = "ZPY-QUALITY-004".to_owned();
    assert!(rules(CheckPolicy::default()).contains(&("ZPY-QUALITY-004", "warning")));
    assert!(rules(CheckPolicy { denied_rules: vec![id.clone()], ..CheckPolicy::default() }).contains(&("ZPY-QUALITY-004", "error")));
    assert!(!rules(CheckPolicy { allowed_rules: vec![id], ..CheckPolicy::default() }).iter().any(|(rule, _)| *rule == "ZPY-QUALITY-004"));
}

/// Both would pass otherwise: the first because nothing after the nesting is looked at, the others because nobody sees the last line.
#[test]
fn an_allowed_rule_hides_nothing_that_was_not_looked_at_or_not_shown() {
    let lambdas = format!("import os\nf = {}1\n", "lambda: ".repeat(300));
    let many_files = format!("{}import os\n", "open('x')\n".repeat(MAX_FINDINGS + 1));
    let many_names = format!("{}import os\n", "undefined\n".repeat(2_500));
    for (code, ending) in [(&lambdas, "ZPY-LIMITS-005"), (&many_files, "ZPY-LIMITS-004"), (&many_names, "ZPY-LIMITS-004")] {
        let errors = |policy: CheckPolicy| {
            let findings = Checker::new(policy).check(code.as_bytes()).findings;
            findings.into_iter().filter(|finding| finding.severity == Severity::Error).map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert!(errors(CheckPolicy::default()).contains(&ending), "{ending}");
        assert!(
            errors(CheckPolicy { allowed_rules: vec![ending.to_owned()], ..CheckPolicy::default() }).contains(&ending),
            "{ending} is allowed"
        );
    }
}

#[test]
fn warnings_alone_stay_warnings_when_some_are_not_shown() {
    let report = report(&"undefined\n".repeat(MAX_FINDINGS + 1));
    assert!(report.accepted() && report.findings.last().is_some_and(|finding| finding.rule == "ZPY-LIMITS-004"));
}

/// Warnings before the errors that are shown: the note about the rest stands with the last finding that is shown.
#[test]
fn findings_stay_in_order_when_there_are_too_many() {
    let code = format!("{}{}", "undefined\n".repeat(10), "eval(1)\n".repeat(MAX_FINDINGS + 50));
    let findings = report(&code).findings;
    assert_eq!(findings.len(), MAX_FINDINGS + 1);
    assert!(findings.is_sorted_by_key(|finding| (finding.span.line, finding.span.column)));
}
