//! Descriptions of parameters in docstrings, as people write them: `:param name: ...`, an `Args:` section of indented `name: ...`
//! lines, and a `Parameters` section underlined with dashes. What fits none of these describes nothing.

use std::collections::HashMap;

use domain::code::{MAX_PARAMETER_DESCRIPTION, MAX_PARAMETERS};

/// Lines looked at; docstrings that people read are shorter.
const MAX_LINES: usize = 1_000;
/// Headings of sections that list parameters, in lower case.
const HEADINGS: &[&str] = &["args:", "arguments:", "parameters:", "params:", "keyword args:", "keyword arguments:"];

/// A line without the blanks around it.
#[derive(Clone, Copy)]
struct Line<'l> {
    /// How far in it begins; an empty one does not.
    indent: usize,
    text: &'l str,
}

impl<'l> Line<'l> {
    fn of(line: &'l str) -> Self {
        let text = line.trim_start();
        Line { indent: line.len() - text.len(), text: text.trim_end() }
    }
}

/// The description of each parameter that a docstring describes, on one line each.
pub(super) fn descriptions(docstring: &str) -> HashMap<String, String> {
    let lines: Vec<Line<'_>> = docstring.lines().take(MAX_LINES).map(Line::of).collect();
    let mut found = HashMap::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        if let Some((name, first)) = field(line.text) {
            let rest = lines[index..].iter().take_while(|next| next.indent > line.indent && field(next.text).is_none());
            add(&mut found, name, first, rest);
        } else if HEADINGS.iter().any(|heading| heading.eq_ignore_ascii_case(line.text)) {
            section(&lines[index..], line.indent, &mut found);
        } else if line.text == "Parameters" && lines.get(index).is_some_and(|next| is_underline(next.text)) {
            underlined(&lines[index + 1..], line.indent, &mut found);
        }
    }
    found
}

/// `:param name: text` and `:param type name: text`.
fn field(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix(":param ").or_else(|| line.strip_prefix("@param "))?;
    let (names, text) = rest.split_once(':')?;
    Some((names.split_whitespace().last()?, text))
}

/// `name: text` and `name (type): text`, each further in than the heading; what is further in than them goes on.
fn section(lines: &[Line<'_>], heading: usize, found: &mut HashMap<String, String>) {
    let first = lines.iter().find(|line| !line.text.is_empty());
    let Some(entries) = first.map(|line| line.indent).filter(|depth| *depth > heading) else { return };
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.text.is_empty()) {
        if line.indent < entries {
            return;
        }
        let Some((head, text)) = line.text.split_once(':').filter(|_| line.indent == entries) else { continue };
        let name = head.split([' ', '(']).next().unwrap_or_default().trim_start_matches('*');
        add(found, name, text, lines[index + 1..].iter().take_while(|next| next.indent > entries));
    }
}

/// `name : type` lines at the heading's indentation, each with its text further in.
fn underlined(lines: &[Line<'_>], heading: usize, found: &mut HashMap<String, String>) {
    for (index, line) in lines.iter().enumerate() {
        if line.text.is_empty() || line.indent > heading {
            continue;
        }
        if lines.get(index + 1).is_some_and(|next| is_underline(next.text)) {
            return;
        }
        let names = line.text.split(':').next().unwrap_or_default();
        let rest = || lines[index + 1..].iter().take_while(|next| next.indent > heading);
        names.split(',').take(MAX_PARAMETERS).for_each(|name| add(found, name.trim().trim_start_matches('*'), "", rest()));
    }
}

/// Adds the first description of `name`, of which no more words are kept than are shown.
fn add<'l>(found: &mut HashMap<String, String>, name: &str, first: &'l str, rest: impl Iterator<Item = &'l Line<'l>>) {
    if found.contains_key(name) {
        return;
    }
    let mut text = String::new();
    for word in std::iter::once(first).chain(rest.map(|line| line.text)).flat_map(str::split_whitespace) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
        // A character has up to four bytes.
        if text.len() > 4 * MAX_PARAMETER_DESCRIPTION {
            break;
        }
    }
    if !text.is_empty() {
        found.insert(name.to_owned(), text);
    }
}

fn is_underline(line: &str) -> bool {
    let text = line.trim();
    text.len() >= 3 && text.bytes().all(|byte| byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(docstring: &str, expected: &[(&str, &str)]) {
        let found = descriptions(docstring);
        let mut found: Vec<_> = found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{docstring}");
    }

    #[test]
    fn each_custom_of_docstrings_is_read() {
        check(
            "Looks up.\n\n    :param host: the name\n        of a host\n    :param int port: its port\n    :return: nothing\n",
            &[("host", "the name of a host"), ("port", "its port")],
        );
        check(
            "Looks up.\n\n    Args:\n        host: the name\n            of a host\n        port (int): its port\n\n    Returns:\n        text: no parameter\n",
            &[("host", "the name of a host"), ("port", "its port")],
        );
        check(
            "Looks up.\n\n    Parameters\n    ----------\n    host : str\n        the name\n        of a host\n    port, other : int\n        a port\n\n    Returns\n    -------\n    text : str\n        no parameter\n",
            &[("host", "the name of a host"), ("other", "a port"), ("port", "a port")],
        );
        check("Args: are not a section here.\nhost: neither\n", &[]);
        check("", &[]);
    }
}
