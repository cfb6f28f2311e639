//! Path templates of `google.api.http`, such as `/v1/{name=tenants/*/utilities/*}:execute`: segments, the fields that they fill, and a
//! verb. What a path says, the router reads; here is only how a template is written.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Segment {
    /// This text.
    Literal(String),
    /// Any one segment that is not empty.
    Any,
    /// All that is left, of which there is at least one.
    Rest,
}

/// A field that a part of the path fills.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    /// Where the field lies, from the request's message on.
    pub(crate) path: Vec<FieldDescriptor>,
    /// The first of its segments.
    pub(crate) from: usize,
    /// Behind the last of them; `None` for all that is left.
    pub(crate) to: Option<usize>,
}

/// A template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// As it is written in the contract.
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment>,
    pub(crate) captures: Vec<Capture>,
    /// What stands behind a colon at the end; empty where nothing does.
    pub(crate) verb: String,
}

// === impl Template ===

impl Template {
    /// Reads a template whose fields are those of `input`.
    ///
    /// # Errors
    /// With what is wrong.
    pub(crate) fn parse(text: &str, input: &MessageDescriptor) -> Result<Self, String> {
        let rest = text.strip_prefix('/').ok_or("it does not begin with a slash")?;
        // A colon can only stand behind the last brace.
        let ends = rest.rfind('}').map_or(0, |brace| brace + 1);
        let (path, verb) = match rest[ends..].find(':') {
            Some(colon) => (&rest[..ends + colon], &rest[ends + colon + 1..]),
            None => (rest, ""),
        };
        let mut template = Template { text: text.to_owned(), segments: Vec::new(), captures: Vec::new(), verb: verb.to_owned() };
        for part in parts(path)? {
            match part.strip_prefix('{') {
                None => template.segments.push(segment(part)?),
                Some(variable) => template.capture(variable.strip_suffix('}').ok_or("a brace is not closed")?, input)?,
            }
        }
        match template.segments.iter().position(|segment| *segment == Segment::Rest) {
            Some(place) if place + 1 != template.segments.len() => Err("** must be the last segment".to_owned()),
            _ => Ok(template),
        }
    }

    fn capture(&mut self, variable: &str, input: &MessageDescriptor) -> Result<(), String> {
        let (name, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
        let from = self.segments.len();
        for part in pattern.split('/') {
            self.segments.push(segment(part)?);
        }
        let open = self.segments.last() == Some(&Segment::Rest);
        let path = field_path(name, input)?;
        self.captures.push(Capture { path, from, to: (!open).then_some(self.segments.len()) });
        Ok(())
    }
}

// === impl Capture ===

impl Capture {
    /// Whether it is one segment, in which a slash may be part of a value.
    pub(crate) fn is_single(&self) -> bool {
        self.to == Some(self.from + 1)
    }
}

/// The parts of a path between slashes that stand outside of braces.
fn parts(path: &str) -> Result<Vec<&str>, String> {
    let (mut parts, mut begun, mut depth) = (Vec::new(), 0, 0_usize);
    for (at, character) in path.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or("a brace closes that was not opened")?,
            '/' if depth == 0 => {
                parts.push(&path[begun..at]);
                begun = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&path[begun..]);
    Ok(parts)
}

fn segment(text: &str) -> Result<Segment, String> {
    match text {
        "*" => Ok(Segment::Any),
        "**" => Ok(Segment::Rest),
        "" => Err("a segment is empty".to_owned()),
        text if text.contains(['*', '{', '}', ':']) => Err(format!("{text:?} is no segment")),
        text => Ok(Segment::Literal(text.to_owned())),
    }
}

/// The field at a path such as `utility.name`, which must be one value that a text can stand for.
pub(crate) fn field_path(text: &str, input: &MessageDescriptor) -> Result<Vec<FieldDescriptor>, String> {
    let mut path: Vec<FieldDescriptor> = Vec::new();
    let mut message = Some(input.clone());
    for name in text.split('.') {
        let known = message.as_ref().and_then(|message| message.get_field_by_name(name));
        let field = known.ok_or_else(|| format!("there is no field {text:?}"))?;
        message = match field.kind() {
            Kind::Message(inner) if !field.is_list() && !field.is_map() => Some(inner),
            _ => None,
        };
        path.push(field);
    }
    match path.last() {
        Some(last) if message.is_none() && !last.is_list() && !last.is_map() => Ok(path),
        _ => Err(format!("{text:?} is not one value")),
    }
}
