//! Descriptions of parameters in docstrings, as people write them: `:param name: ...`, an `Args:` section of indented `name: ...`
//! lines, and a `Parameters` section underlined with dashes. What fits none of these describes nothing.

use std::collections::HashMap;

/// Lines looked at; docstrings that people read are shorter.
const MAX_LINES: usize = 1_000;
/// Headings of sections that list parameters, in lower case.
const HEADINGS: &[&str] = &["args:", "arguments:", "parameters:", "params:", "keyword args:", "keyword arguments:"];

/// The description of each parameter that a docstring describes, on one line each.
pub(super) fn descriptions(docstring: &str) -> HashMap<String, String> {
    let lines: Vec<&str> = docstring.lines().take(MAX_LINES).collect();
    let mut found = HashMap::new();
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        index += 1;
        let text = line.trim();
        if let Some((name, first)) = field(text) {
            let rest = lines[index..].iter().take_while(|next| indent(next) > indent(line) && field(next.trim()).is_none());
            add(&mut found, name, first, rest.copied());
        } else if HEADINGS.contains(&text.to_lowercase().as_str()) {
            section(&lines[index..], indent(line), &mut found);
        } else if text == "Parameters" && lines.get(index).is_some_and(|next| is_underline(next)) {
            underlined(&lines[index + 1..], indent(line), &mut found);
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
fn section(lines: &[&str], heading: usize, found: &mut HashMap<String, String>) {
    let Some(entries) = lines.iter().find(|line| !line.trim().is_empty()).map(|line| indent(line)).filter(|depth| *depth > heading) else {
        return;
    };
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        if indent(line) < entries {
            return;
        }
        let Some((head, text)) = line.trim().split_once(':').filter(|_| indent(line) == entries) else { continue };
        let name = head.split([' ', '(']).next().unwrap_or_default().trim_start_matches('*');
        let rest = lines[index + 1..].iter().take_while(|next| indent(next) > entries);
        add(found, name, text, rest.copied());
    }
}

/// `name : type` lines at the heading's indentation, each with its text further in.
fn underlined(lines: &[&str], heading: usize, found: &mut HashMap<String, String>) {
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() || indent(line) > heading {
            continue;
        }
        if lines.get(index + 1).is_some_and(|next| is_underline(next)) {
            return;
        }
        let names = line.split(':').next().unwrap_or_default();
        let rest: Vec<&str> = lines[index + 1..].iter().take_while(|next| indent(next) > heading).copied().collect();
        names.split(',').for_each(|name| add(found, name.trim().trim_start_matches('*'), "", rest.iter().copied()));
    }
}

fn add<'l>(found: &mut HashMap<String, String>, name: &str, first: &'l str, rest: impl Iterator<Item = &'l str>) {
    let words: Vec<&str> = std::iter::once(first).chain(rest).flat_map(str::split_whitespace).collect();
    if !words.is_empty() {
        found.entry(name.to_owned()).or_insert_with(|| words.join(" "));
    }
}

fn is_underline(line: &str) -> bool {
    let text = line.trim();
    text.len() >= 3 && text.bytes().all(|byte| byte == b'-')
}

/// How far in a line begins; an empty line does not.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
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
