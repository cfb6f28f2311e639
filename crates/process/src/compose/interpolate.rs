//! Variables in a Compose file: `$NAME`, `${NAME}`, with defaults, replacements and demands, and `$$` for a dollar. Names of members are
//! left alone, as Compose leaves them.

use std::collections::{BTreeMap, BTreeSet};

use crate::node::{Node, Value};
use crate::problem::Problems;

/// Variables within variables: nobody writes more than two.
const MAX_NESTING: usize = 16;

/// Puts values in place of variables. Names that have none are added to `unset`; Compose takes these for empty.
pub(super) fn interpolate(
    node: &mut Node,
    values: &BTreeMap<String, String>,
    path: &str,
    unset: &mut BTreeSet<String>,
    problems: &mut Problems,
) {
    match &mut node.value {
        Value::Text(text) if text.contains('$') => match expand(text, values, unset, 0) {
            Ok(expanded) => *text = expanded,
            Err(message) => problems.add(path, node.place, "variable", message),
        },
        Value::List(items) => {
            items.iter_mut().enumerate().for_each(|(index, item)| interpolate(item, values, &format!("{path}[{index}]"), unset, problems));
        }
        Value::Map(members) => {
            for member in members {
                let path = if path.is_empty() { member.name.clone() } else { format!("{path}.{}", member.name) };
                interpolate(&mut member.node, values, &path, unset, problems);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

fn expand(text: &str, values: &BTreeMap<String, String>, unset: &mut BTreeSet<String>, nesting: usize) -> Result<String, String> {
    if nesting > MAX_NESTING {
        return Err(format!("more than {MAX_NESTING} variables within each other"));
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(dollar) = rest.find('$') {
        out.push_str(&rest[..dollar]);
        let after = &rest[dollar + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            out.push('$');
            rest = escaped;
        } else if let Some(inside) = after.strip_prefix('{') {
            let end = closing(inside).ok_or_else(|| format!("`${{` is not closed in `{text}`"))?;
            out.push_str(&braced(&inside[..end], values, unset, nesting)?);
            rest = &inside[end + 1..];
        } else {
            let end = name_end(after);
            // A dollar that begins no name stays one.
            out.push_str(if end == 0 { "$" } else { value(&after[..end], values, unset) });
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands between the braces.
fn braced(inside: &str, values: &BTreeMap<String, String>, unset: &mut BTreeSet<String>, nesting: usize) -> Result<String, String> {
    let end = name_end(inside);
    let (name, operation) = inside.split_at(end);
    if name.is_empty() {
        return Err(format!("`${{{inside}}}` names no variable"));
    }
    let found = values.get(name).map(String::as_str);
    let (operator, word, found) = match operation.strip_prefix(':') {
        // With a colon, an empty value counts as none.
        Some(rest) => (rest.chars().next(), rest, found.filter(|value| !value.is_empty())),
        None => (operation.chars().next(), operation, found),
    };
    let word = |unset: &mut BTreeSet<String>| expand(&word[1..], values, unset, nesting + 1);
    match (operator, found) {
        (None, _) if operation.is_empty() => Ok(value(name, values, unset).to_owned()),
        (Some('-'), Some(found)) | (Some('?'), Some(found)) => Ok(found.to_owned()),
        (Some('-'), None) => word(unset),
        (Some('?'), None) => Err(format!("`{name}` is required: {}", word(unset)?)),
        (Some('+'), Some(_)) => word(unset),
        (Some('+'), None) => Ok(String::new()),
        _ => Err(format!("`${{{inside}}}` is no variable with a default, a replacement or a demand")),
    }
}

fn value<'a>(name: &str, values: &'a BTreeMap<String, String>, unset: &mut BTreeSet<String>) -> &'a str {
    values.get(name).map_or_else(
        || {
            unset.insert(name.to_owned());
            ""
        },
        String::as_str,
    )
}

fn name_end(text: &str) -> usize {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if begins { end } else { 0 }
}

/// The brace that closes, with pairs inside left out.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' => {
                open -= 1;
                if open == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}
