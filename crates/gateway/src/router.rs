//! Which route a path means. Literal segments go before wildcards, and what stands behind the last colon of a path is a verb where a route
//! has that verb. A path that no route has, and a method that its path does not have, are told apart.

use std::collections::{BTreeSet, HashMap};

use http::Method;
use percent_encoding::percent_decode_str;

use crate::template::{Segment, Template};

/// The routes of a contract, each known by its number.
#[derive(Debug, Default)]
pub(crate) struct Router {
    root: Node,
}

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'p> {
    /// This route, with the segments of the path as they stand there, without the verb.
    Route(usize, Vec<&'p str>),
    /// The path is known for other methods.
    Methods(BTreeSet<String>),
    /// No route has it.
    Nothing,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<String, Node>,
    any: Option<Box<Node>>,
    /// Routes that take all that is left.
    rest: Leaf,
    /// Routes that end here.
    here: Leaf,
}

/// Routes by verb and method.
type Leaf = HashMap<(String, Method), usize>;

// === impl Router ===

impl Router {
    /// Adds a route; answers the one that is there already.
    pub(crate) fn add(&mut self, method: Method, template: &Template, route: usize) -> Result<(), usize> {
        let mut node = &mut self.root;
        let mut rest = false;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::Any => node.any.get_or_insert_default(),
                Segment::Rest => {
                    rest = true;
                    break;
                }
            };
        }
        let leaf = if rest { &mut node.rest } else { &mut node.here };
        match leaf.insert((template.verb.clone(), method), route) {
            None => Ok(()),
            Some(other) => Err(other),
        }
    }

    /// What `path` means for `method`; a HEAD is a GET.
    pub(crate) fn find<'p>(&self, method: &Method, path: &'p str) -> Found<'p> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let Some(path) = path.strip_prefix('/') else { return Found::Nothing };
        let whole: Vec<&str> = path.split('/').collect();
        let mut methods = BTreeSet::new();
        let with_verb = path.rsplit_once(':').filter(|(_, verb)| !verb.contains('/'));
        let readings = with_verb.map(|(path, verb)| (path.split('/').collect(), verb)).into_iter().chain([(whole, "")]);
        for (segments, verb) in readings {
            let mut leaves = Vec::new();
            self.root.walk(&segments, &mut leaves);
            for leaf in leaves {
                match leaf.get(&(verb.to_owned(), method.clone())) {
                    Some(route) => return Found::Route(*route, segments),
                    None => methods.extend(leaf.keys().filter(|(of, _)| of == verb).map(|(_, method)| method.to_string())),
                }
            }
        }
        if methods.contains(Method::GET.as_str()) {
            methods.insert(Method::HEAD.to_string());
        }
        if methods.is_empty() { Found::Nothing } else { Found::Methods(methods) }
    }
}

// === impl Node ===

impl Node {
    /// The routes that the segments lead to, those of literals first.
    fn walk<'n>(&'n self, segments: &[&str], leaves: &mut Vec<&'n Leaf>) {
        let Some((first, others)) = segments.split_first() else {
            leaves.push(&self.here);
            return;
        };
        if let Ok(text) = percent_decode_str(first).decode_utf8()
            && let Some(node) = self.literals.get(text.as_ref())
        {
            node.walk(others, leaves);
        }
        if !first.is_empty() {
            if let Some(node) = &self.any {
                node.walk(others, leaves);
            }
            leaves.push(&self.rest);
        }
    }
}
