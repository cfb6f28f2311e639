//! Mutated real sources: bytes are read as a recipe that takes one program of the checker's collections and deletes, repeats,
//! transplants, nests and replaces its tokens. Every byte string is a recipe, and equal recipes make equal sources.

use python_check::MAX_CODE_BYTES;

/// Real utilities, and ways out of one; each program stands under a `### ` line.
const COLLECTIONS: [&str; 2] = [
    include_str!("../../crates/python-check/tests/corpus/ordinary.txt"),
    include_str!("../../crates/python-check/tests/corpus/attacks.txt"),
];

/// What is put around tokens.
const AROUND: [(&str, &str); 12] = [
    ("(", ")"),
    ("[", "]"),
    ("{", "}"),
    ("f'{", "}'"),
    ("lambda x=", ": x"),
    ("not ", ""),
    ("-", ""),
    ("x if ", " else y"),
    ("await ", ""),
    ("'", "'"),
    ("(yield ", ")"),
    ("if x:\n ", "\n"),
];

/// What replaces tokens: names that rules know, and characters that lexers stumble over.
const STRANGE: [&str; 32] = [
    "__class__",
    "__globals__",
    "__builtins__",
    "eval",
    "open",
    "getattr",
    "os",
    "json",
    "self",
    "match",
    "case",
    "type",
    "async",
    "lambda",
    ":=",
    "**",
    "*",
    "->",
    "\\\n",
    "\r",
    "\u{c}",
    "\t",
    "\u{feff}",
    "\u{ff45}val",
    "'''",
    "f\"\"\"",
    "{",
    "}",
    "#",
    "0x",
    "1_",
    "\0",
];

/// Tokens that one step works on.
const MAX_RANGE: usize = 64;
/// Repetitions of one step.
const MAX_REPEAT: usize = 256;
/// Steps of one recipe.
const MAX_STEPS: usize = 48;

/// The source that a recipe makes; never longer than the longest code.
pub fn source(recipe: &[u8]) -> String {
    let programs: Vec<&str> = COLLECTIONS.iter().flat_map(|text| text.split("\n### ").skip(1)).filter_map(body).collect();
    let mut bytes = recipe.iter().copied();
    let mut tokens = tokens(programs[number(&mut bytes) % programs.len()]);
    for _ in 0..MAX_STEPS {
        let Some(step) = bytes.next() else { break };
        apply(step, &mut tokens, &mut bytes, &programs);
    }
    let mut text = String::new();
    for token in tokens {
        if text.len() + token.len() > MAX_CODE_BYTES {
            break;
        }
        text.push_str(token);
    }
    text
}

fn body(program: &str) -> Option<&str> {
    program.split_once('\n').map(|(_, code)| code)
}

/// Two bytes, fewer at the end.
fn number(bytes: &mut impl Iterator<Item = u8>) -> usize {
    bytes.by_ref().take(2).fold(0, |number, byte| number << 8 | usize::from(byte))
}

fn apply<'t>(step: u8, tokens: &mut Vec<&'t str>, bytes: &mut impl Iterator<Item = u8>, programs: &[&'t str]) {
    let from = number(bytes) % (tokens.len() + 1);
    let to = (from + number(bytes) % MAX_RANGE).min(tokens.len());
    match step % 6 {
        0 => drop(tokens.drain(from..to)),
        1 => {
            let repeated = tokens[from..to].repeat(number(bytes) % MAX_REPEAT);
            // What would not fit in a source need not be held in memory.
            if tokens.len() + repeated.len() <= MAX_CODE_BYTES {
                tokens.splice(to..to, repeated);
            }
        }
        2 => {
            let other = self::tokens(programs[number(bytes) % programs.len()]);
            let start = number(bytes) % (other.len() + 1);
            let end = (start + number(bytes) % MAX_RANGE).min(other.len());
            tokens.splice(from..to, other[start..end].iter().copied());
        }
        3 => {
            let (open, close) = AROUND[number(bytes) % AROUND.len()];
            let times = number(bytes) % MAX_REPEAT + 1;
            tokens.splice(to..to, [close].repeat(times));
            tokens.splice(from..from, [open].repeat(times));
        }
        4 => tokens[from..to].reverse(),
        _ => drop(tokens.splice(from..to, [STRANGE[number(bytes) % STRANGE.len()]])),
    }
}

/// Words, runs of white space, and single other characters.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => 1,
        ' ' | '\n' => 2,
        _ => 0,
    };
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let whole = if kind(first) == 0 { first.len_utf8() } else { rest.find(|c| kind(c) != kind(first)).unwrap_or(rest.len()) };
        let (token, tail) = rest.split_at(whole);
        tokens.push(token);
        rest = tail;
    }
    tokens
}
