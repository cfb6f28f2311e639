//! Documents as YAML that readers of YAML 1.1 and 1.2 read as the same values.
//!
//! A text stands without quotes only where no reader takes it for anything else: `no`, `12:30`, `2024-01-01`, `=` and every text
//! that begins with a digit or a sign are quoted. What a terminal or an editor would not show stands escaped.

use super::Document;
use crate::terminal::is_hidden;

/// Spaces of one level.
const STEP: usize = 2;
/// Longest key in bytes that stands before its colon; readers look no further than 1,024 characters for the colon.
const MAX_SIMPLE_KEY: usize = 128;
/// Words that some reader takes for a truth value or for nothing, whatever their case.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// The document as YAML, with a line break at its end.
pub fn yaml(document: &Document) -> String {
    let mut text = String::new();
    match document.without_json() {
        Document::Object(members) if !members.is_empty() => object(&mut text, &members, 0),
        Document::List(items) if !items.is_empty() => list(&mut text, &items, 0),
        other => {
            leaf(&mut text, &other, STEP);
            text.push('\n');
        }
    }
    text
}

fn object(text: &mut String, members: &[(String, Document)], indent: usize) {
    for (index, (name, value)) in members.iter().enumerate() {
        if index > 0 {
            pad(text, indent);
        }
        let name = scalar(name);
        if name.len() > MAX_SIMPLE_KEY {
            text.push_str(&format!("? {name}\n{:indent$}:", ""));
        } else {
            text.push_str(&format!("{name}:"));
        }
        below(text, value, indent);
    }
}

/// What follows the colon of a key at `indent`.
fn below(text: &mut String, value: &Document, indent: usize) {
    match value {
        Document::Object(members) if !members.is_empty() => {
            text.push('\n');
            pad(text, indent + STEP);
            object(text, members, indent + STEP);
        }
        Document::List(items) if !items.is_empty() => {
            text.push('\n');
            pad(text, indent);
            list(text, items, indent);
        }
        other => {
            text.push(' ');
            leaf(text, other, indent + STEP);
            text.push('\n');
        }
    }
}

fn list(text: &mut String, items: &[Document], indent: usize) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            pad(text, indent);
        }
        text.push_str("- ");
        match item {
            Document::Object(members) if !members.is_empty() => object(text, members, indent + STEP),
            Document::List(items) if !items.is_empty() => list(text, items, indent + STEP),
            other => {
                leaf(text, other, indent + STEP);
                text.push('\n');
            }
        }
    }
}

/// A value without others inside; lines of a block stand at `indent`.
fn leaf(text: &mut String, document: &Document, indent: usize) {
    match document {
        Document::Null => text.push_str("null"),
        Document::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Document::Integer(value) => text.push_str(&value.to_string()),
        Document::Number(number) => text.push_str(&fraction(number)),
        Document::Float(value) if value.is_nan() => text.push_str(".nan"),
        Document::Float(value) if value.is_infinite() => text.push_str(if *value > 0.0 { ".inf" } else { "-.inf" }),
        Document::Float(value) => text.push_str(&fraction(&format!("{value:?}"))),
        Document::Text(value) if stands_as_block(value) => block(text, value, indent),
        Document::Text(value) => text.push_str(&scalar(value)),
        // Read into values before anything is written.
        Document::Json(raw) => text.push_str(&quoted(raw.get())),
        Document::List(_) => text.push_str("[]"),
        Document::Object(_) => text.push_str("{}"),
    }
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}

/// A number of JSON, every digit kept. YAML 1.1 knows an exponent only after a point, and only with a sign.
fn fraction(number: &str) -> String {
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else { return number.to_owned() };
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let sign = if exponent.starts_with(['+', '-']) { "" } else { "+" };
    format!("{mantissa}{point}e{sign}{exponent}")
}

/// A text in one line.
fn scalar(text: &str) -> String {
    if stands_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a text stands without quotes: it begins with a letter, `/` or `_`, is no word that means something, and holds nothing
/// that ends a plain text or that nobody sees.
fn stands_plain(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '_')) && !text.ends_with([' ', ':']);
    let goes_on = |c: char| c.is_alphanumeric() || " _-.,;:/@+=()$'".contains(c);
    begins && text.chars().all(goes_on) && !text.contains(": ") && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Between double quotes, in one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            character if !is_hidden(character) => quoted.push(character),
            character => quoted.push_str(&escape(u32::from(character))),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(code: u32) -> String {
    match code {
        0..=0xff => format!("\\x{code:02x}"),
        0x100..=0xffff => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

/// Whether a text of several lines reads back from a block: it begins with something to see, ends with at most one line break, and has
/// no line of blanks alone.
fn stands_as_block(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let plain = |line: &str| line.is_empty() || !line.trim_matches([' ', '\t']).is_empty();
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with(['\n', ' ', '\t'])
        && body.split('\n').all(plain)
        && body.chars().all(|c| matches!(c, '\n' | '\t') || !is_hidden(c))
}

fn block(text: &mut String, value: &str, indent: usize) {
    let body = value.strip_suffix('\n');
    text.push_str(if body.is_some() { "|" } else { "|-" });
    for line in body.unwrap_or(value).split('\n') {
        text.push('\n');
        if !line.is_empty() {
            pad(text, indent);
            text.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests;
