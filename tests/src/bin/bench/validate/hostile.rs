//! Hostile inputs of the largest size, each of another kind: what is nested, what there is very much of, and what is looked for among
//! what there is very much of. They are made here, and measured elsewhere.

use python_check::MAX_CODE_BYTES;

/// Parameters of one function, as many as a schema holds.
const PARAMETERS: usize = 64;

/// The inputs by name.
pub fn sources() -> Vec<(&'static str, String)> {
    let mut sources = repeated();
    sources.extend(nested());
    sources.extend(sought());
    sources
}

/// One thing again and again.
fn repeated() -> Vec<(&'static str, String)> {
    vec![
        ("one integer", fill("9")),
        ("short statements", fill("a\n")),
        ("calls", fill("f(x)\n")),
        ("banned calls", fill("eval(x)\n")),
        ("unclosed strings", fill("'\n")),
        ("invalid characters", fill("$")),
        ("f-strings", fill("f'{a!r:>{b}}'\n")),
        ("distinct names", numbered("", MAX_CODE_BYTES, |number| format!("n{number}=0\n"))),
        ("distinct functions", numbered("", MAX_CODE_BYTES, |number| format!("def f{number}(a, b=1): return a\n"))),
        ("syntax errors", fill("def (\n")),
        ("imports", fill("import os\n")),
        ("names of one import", format!("from os import {}a\n", "a,".repeat(MAX_CODE_BYTES / 2 - 20))),
        ("members of a module", tail("import re\n", "re.A\n")),
        ("annotations", fill("a:b=c\n")),
        ("texts of annotations", fill("a:'b'\n")),
        ("patterns", tail("match a:\n", " case A(b,c):pass\n")),
        ("handlers", tail("try:pass\n", "except A:pass\n")),
        ("decorators", format!("{}def f():pass\n", "@a\n".repeat(MAX_CODE_BYTES / 3 - 10))),
        ("items of one with", format!("with {}a:pass\n", "a,".repeat(MAX_CODE_BYTES / 2 - 20))),
        ("values in one list", format!("x=[{}]\n", "a,".repeat(MAX_CODE_BYTES / 2 - 10))),
        ("globals in functions", numbered("", MAX_CODE_BYTES, |number| format!("def f{number}():\n global g;g=1\n"))),
        ("escapes", format!("x='{}'\n", "\\n".repeat(MAX_CODE_BYTES / 2 - 10))),
        ("NUL bytes", fill("\0")),
    ]
}

/// One thing inside the other, as deep as is allowed or deeper, closed or not.
fn nested() -> Vec<(&'static str, String)> {
    vec![
        ("open brackets", fill("[")),
        ("closers that do not fit", fill("[}")),
        ("lambdas without colons", fill("(lambda a),")),
        ("yields behind commas", fill("yield 1,")),
        ("unary minus", fill("-")),
        ("attribute chain", fill("x.")),
        ("unary minus as deep as allowed", lines("x=", "-", 1_990, "1")),
        ("attributes as deep as allowed", lines("x=a", ".b", 1_990, "")),
        ("calls as deep as allowed", lines("x=a", "()", 1_990, "")),
        ("brackets as deep as allowed", fill(&format!("x={}{}\n", "[".repeat(199), "]".repeat(199)))),
        ("comprehensions as deep as allowed", fill(&format!("{}a{}\n", "[".repeat(12), " for a in b]".repeat(12)))),
        ("many values, then one bracket too many", format!("{}{}", "a-1,".repeat(MAX_CODE_BYTES / 4 - 100), "(".repeat(300))),
        ("brackets before line breaks", behind("[", 9_900, "1", "\n", "def x")),
        ("few brackets before line breaks", behind("[", 190, "1", "\n", "def x")),
        ("few brackets before blanks", behind("[", 190, "1", " ", "def x")),
        ("operators before line breaks", format!("({}", behind("1**", 1_900, "1 not", "\n", "x"))),
        ("line breaks before unary minus", format!("{}{}", "\n".repeat(MAX_CODE_BYTES - 3_000), "-".repeat(2_100))),
    ]
}

/// Something that is looked for, many times, among what there is very much of.
fn sought() -> Vec<(&'static str, String)> {
    let half = MAX_CODE_BYTES / 2;
    let parameters = |annotation: &str| (0..PARAMETERS).map(|number| format!("a{number}:{annotation},")).collect::<String>();
    let with = |head: String, body: &str| head + &body.repeat(half / body.len() - 10);
    let class = "class A:pass\n";
    let aliases: String = (0..8).map(|number| format!("A{}={}A{number}\n", number + 1, format!("A{number}|").repeat(31))).collect();
    vec![
        ("locals beside attributes", with(numbered("def f():\n", half, |number| format!(" n{number}=0\n")), " z.a\n")),
        ("special names", numbered("", MAX_CODE_BYTES, |number| format!("__n{number}__=0\n"))),
        ("own objects", tail("import zipfile\nclass A:\n def write(self,x):pass\n", "A().write(1)\n")),
        ("methods by the beginning of their names", {
            let methods = numbered("class A:\n", half, |number| format!(" def am{number}(self):return self.__dict__\n"));
            with(methods, "getattr(x,'am'+b)\n")
        }),
        ("imports on one line", fill("import os;")),
        ("parameters of aliases", format!("A0=int\n{aliases}def main({}):pass\n", parameters("A8"))),
        ("parameters of an Enum", {
            let members = numbered("from enum import Enum\nclass E(Enum):\n", MAX_CODE_BYTES - 2_000, |number| format!(" a{number}=1\n"));
            format!("{members}def main({}):pass\n", parameters("E"))
        }),
        ("parameters before a long body", with(format!("{class}def main({}):\n", parameters("A")), " f(x)\n")),
        ("more parameters before a long body", {
            with(numbered(&format!("{class}def main("), half, |number| format!("a{number}:A,")) + "):\n", " f(x)\n")
        }),
        ("calls of calls with a parameter", {
            format!("{class}def main(p:A):\n{}", format!(" a{}\n", "(p)".repeat(1_990)).repeat(MAX_CODE_BYTES / 6_000))
        }),
    ]
}

fn fill(unit: &str) -> String {
    tail("", unit)
}

fn tail(head: &str, unit: &str) -> String {
    format!("{head}{}", unit.repeat((MAX_CODE_BYTES - head.len()) / unit.len()))
}

/// Lines that each hold one thing so many times.
fn lines(head: &str, piece: &str, times: usize, end: &str) -> String {
    fill(&format!("{head}{}{end}\n", piece.repeat(times)))
}

/// Different lines behind `head`, up to a length.
fn numbered(head: &str, most: usize, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for number in 0.. {
        let next = line(number);
        if text.len() + next.len() > most {
            break;
        }
        text.push_str(&next);
    }
    text
}

/// What is nested and never closed, before as wide a gap as there is room for: each level could have that read anew.
fn behind(piece: &str, times: usize, last: &str, gap: &str, end: &str) -> String {
    let nested = piece.repeat(times);
    let room = MAX_CODE_BYTES - nested.len() - last.len() - end.len() - 1;
    format!("{nested}{last}{}{end}", gap.repeat(room / gap.len()))
}
