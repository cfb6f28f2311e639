//! Holds a tree against its declaration, and names everything that differs.

use crate::node::{Node, Value};
use crate::problem::Problems;
use crate::quantity;
use crate::shape::kind::{Field, Kind, MAX_MEMBERS, MAX_NAME, Shape};

/// How far a misspelled word may be from one that is known: two slips of the finger.
const MAX_DISTANCE: usize = 2;
/// Bytes of a name that is compared with those that are known: comparing costs the product of both lengths, and no field is longer.
const MAX_COMPARED: usize = 64;

/// Adds what is wrong with a value that stands at `path`.
pub fn check(node: &Node, kind: &Kind, path: &str, problems: &mut Problems) {
    match kind {
        Kind::Object(shape) => object(node, shape, path, problems),
        Kind::List(item, most) => list(node, item, *most, path, problems),
        Kind::Map(name, value) => map(node, name, value, path, problems),
        leaf => {
            if let Some((rule, message)) = fault(node, leaf) {
                problems.add(path, node.place, rule, message);
            }
        }
    }
}

fn object(node: &Node, shape: &Shape, path: &str, problems: &mut Problems) {
    if !expect(node, matches!(node.value, Value::Map(_)), "a map", path, problems) {
        return;
    }
    for member in node.members() {
        let path = join(path, &member.name);
        match shape.fields.iter().find(|field| field.name == member.name) {
            Some(field) if member.node.value != Value::Null => check(&member.node, &field.kind, &path, problems),
            Some(_) => {}
            None if problems.is_full() => problems.count(),
            None => problems.add(path, member.place, "unknown-field", unknown(&member.name, shape.fields)),
        }
    }
    for field in shape.fields.iter().filter(|field| field.required && node.get(field.name).is_none()) {
        problems.add(join(path, field.name), node.place, "missing", format!("`{}` is missing: {}", field.name, field.about));
    }
}

fn list(node: &Node, item: &Kind, most: usize, path: &str, problems: &mut Problems) {
    if !expect(node, matches!(node.value, Value::List(_)), "a list", path, problems) {
        return;
    }
    if node.items().len() > most {
        problems.add(path, node.place, "too-many", format!("{} items; at most {most} are taken", node.items().len()));
    }
    for (index, node) in node.items().iter().take(most).enumerate() {
        check(node, item, &format!("{path}[{index}]"), problems);
    }
}

fn map(node: &Node, name: &Kind, value: &Kind, path: &str, problems: &mut Problems) {
    if !expect(node, matches!(node.value, Value::Map(_)), "a map", path, problems) {
        return;
    }
    let count = node.members().len();
    if count > MAX_MEMBERS {
        problems.add(path, node.place, "too-many", format!("{count} members; at most {MAX_MEMBERS} are taken"));
    }
    for member in node.members().iter().take(MAX_MEMBERS) {
        let path = join(path, &member.name);
        let named = Node { value: Value::Text(member.name.clone()), place: member.place, tag: None };
        if let Some((rule, message)) = fault(&named, name) {
            problems.add(path.as_str(), member.place, rule, message);
        }
        // A member without a value is there all the same: `volumes: {data: }`.
        if member.node.value != Value::Null || !matches!(value, Kind::Object(_)) {
            check(&member.node, value, &path, problems);
        }
    }
}

fn expect(node: &Node, fits: bool, wanted: &str, path: &str, problems: &mut Problems) -> bool {
    if !fits {
        problems.add(path, node.place, "wrong-kind", format!("must be {wanted}, and is {}", node.kind()));
    }
    fits
}

/// What is wrong with a value without others inside.
fn fault(node: &Node, kind: &Kind) -> Option<(&'static str, String)> {
    let wrong = |wanted: &str| Some(("wrong-kind", format!("must be {wanted}, and is {}", node.kind())));
    let Some(text) = node.scalar() else { return wrong("one value") };
    let is_text = matches!(node.value, Value::Text(_));
    match kind {
        Kind::Flag => {
            if matches!(node.value, Value::Bool(_)) {
                None
            } else {
                wrong("true or false")
            }
        }
        Kind::Whole(least, most) => {
            let number = matches!(node.value, Value::Number(_)).then(|| text.parse::<i64>().ok()).flatten();
            match number {
                Some(number) if (*least..=*most).contains(&number) => None,
                Some(number) => Some(("out-of-range", format!("is {number}; takes {least} to {most}"))),
                None => wrong("a whole number"),
            }
        }
        Kind::Scalar => text.contains('\0').then(|| ("character", "holds a NUL character".to_owned())),
        Kind::Processors => bad(
            quantity::milli_processors(text).is_none(),
            "processors",
            text,
            "must be 0.001 to 1024 processors, with at most three decimals",
        ),
        Kind::Text(_) | Kind::Name | Kind::Variable | Kind::Image | Kind::Path if !is_text => wrong("a text; put it between quotes"),
        Kind::Text(most) => text_fault(text, *most),
        Kind::Name => bad(
            !is_name(text),
            "name",
            text,
            "must be lower-case letters, digits and hyphens, begin with a letter, and have at most 63 characters",
        ),
        Kind::Variable => bad(!is_variable(text), "variable", text, "must be letters, digits and underscores, and not begin with a digit"),
        Kind::Image => bad(!is_image(text), "image", text, "must be [registry/]name with :tag or @sha256:digest"),
        Kind::Path => bad(!is_path(text), "path", text, "must be an absolute path without `..`"),
        Kind::Duration => {
            bad(quantity::duration(text).is_none(), "duration", text, "must be numbers with units, such as 500ms, 15s or 1h30m")
        }
        Kind::Size => bad(quantity::size(text).is_none(), "size", text, "must be a whole number with a unit, such as 256MiB or 1GB"),
        Kind::Share => bad(quantity::share(text).is_none(), "share", text, "must be 1% to 100%"),
        Kind::Choice(words) => {
            (!is_text || !words.contains(&text)).then(|| ("choice", format!("`{text}` is none of {}", words.join(", "))))
        }
        Kind::List(..) | Kind::Map(..) | Kind::Object(_) => None,
    }
}

fn bad(is_bad: bool, rule: &'static str, text: &str, wanted: &str) -> Option<(&'static str, String)> {
    is_bad.then(|| (rule, format!("`{text}` {wanted}")))
}

fn text_fault(text: &str, most: usize) -> Option<(&'static str, String)> {
    match text {
        "" => Some(("empty", "is empty".to_owned())),
        text if text.len() > most => Some(("too-long", format!("has {} bytes; at most {most} are taken", text.len()))),
        text if text.contains('\0') => Some(("character", "holds a NUL character".to_owned())),
        _ => None,
    }
}

/// Whether engines and DNS take it as the name of a service.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    text.len() <= MAX_NAME && text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-') && text.chars().all(fits)
}

fn is_variable(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.len() <= 255 && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(fits)
}

/// `name`, `registry:5000/path/name:tag`, `name@sha256:...`. An image without tag or digest is whatever is newest, and no plan can say so.
fn is_image(text: &str) -> bool {
    let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (path, tag) = name[last..].find(':').map_or((name, None), |colon| (&name[..last + colon], Some(&name[last + colon + 1..])));
    let hex = |digest: &str| {
        digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    };
    let word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    let part = |(index, part): (usize, &str)| {
        let host = index == 0 && path.contains('/');
        let part =
            if host { part.split_once(':').map_or(part, |(host, port)| if port.parse::<u16>().is_ok() { host } else { "" }) } else { part };
        word(part) && (host || part.chars().all(|c| !c.is_ascii_uppercase()))
    };
    let tagged = tag.is_none_or(|tag| tag.len() <= 128 && word(tag)) && digest.is_none_or(hex);
    text.len() <= 512 && (tag.is_some() || digest.is_some()) && tagged && path.split('/').enumerate().all(part)
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= 4096 && !text.contains('\0') && text.split('/').all(|part| part != "..")
}

fn unknown(name: &str, fields: &[Field]) -> String {
    let compared = if name.len() <= MAX_COMPARED { fields } else { &[] };
    let nearest = compared.iter().map(|field| (strsim::damerau_levenshtein(field.name, name), field.name)).min();
    match nearest {
        Some((distance, near)) if distance <= MAX_DISTANCE && name.len() > MAX_DISTANCE => format!("`{name}` is not known; `{near}` is"),
        _ => format!("`{name}` is not known; known are {}", fields.iter().map(|field| field.name).collect::<Vec<_>>().join(", ")),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
