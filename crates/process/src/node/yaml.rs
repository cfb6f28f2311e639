//! YAML 1.2 as a tree. Texts are those of the core schema: `no` and `on` are texts. Merge keys (`<<`) are resolved, aliases are copied
//! within the bounds, and what has no meaning in a tree (a map as a name, several documents) is refused.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::node::limits::{MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_TEXT};
use crate::node::tree::{Member, Node, Value};
use crate::problem::{Place, Problems};

/// The name under which YAML 1.1 merges maps, as Compose files use it.
const MERGE: &str = "<<";

/// Reads a document.
///
/// # Errors
/// Everything that is wrong up to the first fault of syntax, or the first bound that is passed.
pub fn read_yaml(text: &str) -> Result<Node, Problems> {
    let mut reader = Reader::default();
    match reader.read(text) {
        Ok(()) if reader.problems.is_empty() => Ok(reader.root.unwrap_or_else(|| Node::new(Value::Null))),
        Ok(()) => Err(reader.problems),
        Err(Stop) => Err(reader.problems),
    }
}

/// Reading ends here; why is among the problems.
struct Stop;

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    anchors: HashMap<usize, Anchored>,
    /// Everything that was read or copied so far.
    sum: Weight,
    problems: Problems,
}

/// A list or map that is not complete yet.
struct Open {
    place: Place,
    tag: Option<String>,
    anchor: usize,
    content: Content,
    /// The list or map itself and the values inside so far, and levels below.
    weight: Weight,
    height: usize,
}

/// What a value costs, with everything inside.
#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    /// Bytes of texts, names and tags.
    bytes: usize,
}

enum Content {
    List(Vec<Node>),
    Map(Members),
}

/// The members of a map that is not complete yet.
#[derive(Default)]
struct Members {
    list: Vec<Member>,
    names: HashSet<String>,
    /// The name whose value comes next.
    name: Option<(String, Place)>,
    /// The maps under `<<`.
    merged: Vec<Node>,
}

/// What an alias repeats.
struct Anchored {
    node: Node,
    weight: Weight,
    height: usize,
}

// === impl Reader ===

impl Reader {
    fn read(&mut self, text: &str) -> Result<(), Stop> {
        if text.len() > MAX_BYTES {
            return Err(self.stop(None, "too-large", format!("the document has {} bytes; at most {MAX_BYTES} are read", text.len())));
        }
        // Editors on Windows put it there; the parser takes it for a part of the first word.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for event in Parser::new_from_str(text) {
            match event {
                Ok((event, span)) => self.event(event, place(&span.start))?,
                Err(error) => {
                    let at = place(error.marker());
                    return Err(self.stop(Some(at), "syntax", format!("this is not YAML: {}", error.info())));
                }
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, at: Place) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(self.stop(Some(at), "several-documents", "a second document begins here; a file has one"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                let node = Node { value: scalar(&text, style, tag.as_deref()), place: Some(at), tag: tag.as_deref().and_then(own) };
                let weight = Weight { nodes: 1, bytes: text.len() + tag_bytes(&node.tag) };
                self.complete(node, anchor, weight, 0, weight)
            }
            Event::SequenceStart(anchor, tag) => self.begin(at, tag.as_deref(), anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, tag) => self.begin(at, tag.as_deref(), anchor, Content::Map(Members::default())),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn begin(&mut self, place: Place, tag: Option<&Tag>, anchor: usize, content: Content) -> Result<(), Stop> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.stop(Some(place), "too-deep", format!("more than {MAX_DEPTH} levels of lists and maps")));
        }
        let tag = tag.and_then(own);
        let weight = Weight { nodes: 1, bytes: tag_bytes(&tag) };
        self.open.push(Open { place, tag, anchor, content, weight, height: 1 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(Open { place, tag, anchor, content, weight, height }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map(members) => Value::Map(members.merge()),
        };
        // Values inside were counted when they were complete.
        let new = Weight { nodes: 1, bytes: tag_bytes(&tag) };
        self.complete(Node { value, place: Some(place), tag }, anchor, weight, height, new)
    }

    /// Puts a value of this weight where it belongs. `new` of it is not counted yet.
    fn complete(&mut self, node: Node, anchor: usize, weight: Weight, height: usize, new: Weight) -> Result<(), Stop> {
        self.count(new, node.place)?;
        if anchor > 0 {
            // The copy that aliases are made of counts as well: anchors around anchors would cost the square of the document otherwise.
            self.count(weight, node.place)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height });
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight.add(weight);
        open.height = open.height.max(height + 1);
        let put = match &mut open.content {
            Content::List(items) => {
                items.push(node);
                Ok(())
            }
            Content::Map(members) => members.put(node, open.place),
        };
        match put {
            Err(Fault { at, rule, message, ends: true }) => Err(self.stop(Some(at), rule, message)),
            Err(Fault { at, rule, message, ends: false }) => {
                self.problems.add("", Some(at), rule, message);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize, at: Place) -> Result<(), Stop> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(self.stop(Some(at), "alias", "this alias repeats something that contains it"));
        };
        let (weight, height) = (anchored.weight, anchored.height);
        if self.open.len() + height > MAX_DEPTH {
            return Err(self.stop(Some(at), "too-deep", format!("more than {MAX_DEPTH} levels of lists and maps")));
        }
        // Counted before it is copied.
        self.count(weight, Some(at))?;
        let node = self.anchors[&anchor].node.clone();
        self.complete(node, 0, weight, height, Weight::default())
    }

    fn count(&mut self, weight: Weight, at: Option<Place>) -> Result<(), Stop> {
        self.sum.add(weight);
        if self.sum.nodes > MAX_NODES {
            return Err(self.stop(at, "too-many-values", format!("more than {MAX_NODES} values, with those that aliases repeat")));
        }
        if self.sum.bytes > MAX_TEXT {
            return Err(self.stop(at, "too-large", format!("more than {MAX_TEXT} bytes of text, with what aliases repeat")));
        }
        Ok(())
    }

    fn stop(&mut self, at: Option<Place>, rule: &'static str, message: impl Into<String>) -> Stop {
        self.problems.add(String::new(), at, rule, message);
        Stop
    }
}

/// Why a value has no place in a map, and whether reading ends there.
struct Fault {
    at: Place,
    rule: &'static str,
    message: String,
    ends: bool,
}

// === impl Weight ===

impl Weight {
    fn add(&mut self, other: Weight) {
        self.nodes += other.nodes;
        self.bytes += other.bytes;
    }
}

// === impl Members ===

impl Members {
    /// Takes a name, or the value of the name before.
    fn put(&mut self, node: Node, map: Place) -> Result<(), Fault> {
        let at = node.place.unwrap_or(map);
        let Some((name, place)) = self.name.take() else {
            let text = if node.value == Value::Null { Some("") } else { node.scalar() };
            let fault = || Fault { at, rule: "name-is-no-text", message: format!("{} cannot be a name", node.kind()), ends: true };
            self.name = Some((text.ok_or_else(fault)?.to_owned(), at));
            return Ok(());
        };
        if name == MERGE {
            return self.put_merged(node, at);
        }
        if !self.names.insert(name.clone()) {
            return Err(Fault { at: place, rule: "name-twice", message: format!("`{name}` stands here a second time"), ends: false });
        }
        self.list.push(Member { name, place: Some(place), node });
        Ok(())
    }

    fn put_merged(&mut self, node: Node, at: Place) -> Result<(), Fault> {
        match node.value {
            Value::Map(_) => self.merged.push(node),
            Value::List(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => self.merged.extend(items),
            _ => return Err(Fault { at, rule: "merge", message: "`<<` takes a map or a list of maps".to_owned(), ends: false }),
        }
        Ok(())
    }

    /// What stands in the map itself wins; of what is merged in, the first.
    fn merge(mut self) -> Vec<Member> {
        for node in self.merged {
            let Value::Map(others) = node.value else { continue };
            self.list.extend(others.into_iter().filter(|other| self.names.insert(other.name.clone())));
        }
        self.list
    }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

fn tag_bytes(tag: &Option<String>) -> usize {
    tag.as_ref().map_or(0, String::len)
}

/// A tag of the application.
fn own(tag: &Tag) -> Option<String> {
    (tag.handle == "!" && !tag.suffix.is_empty()).then(|| tag.suffix.clone())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if style != ScalarStyle::Plain || tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str") {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        number if is_number(number) => Value::Number(number.to_owned()),
        text => Value::Text(text.to_owned()),
    }
}

/// A number of the core schema in decimal digits. Others (`0x1F`, `.inf`) stay texts: nothing here takes them.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.starts_with(|c: char| c.is_ascii_digit())
        && unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'))
        && unsigned.parse::<f64>().is_ok_and(f64::is_finite)
}
