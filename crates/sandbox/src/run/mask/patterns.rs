//! Finds many texts at once, byte by byte and in one pass, however the bytes come (the automaton of Aho and Corasick).
//!
//! Why not the crate of that name: whoever reads a stream must know after each byte how much of what was read may be the beginning of
//! an occurrence, which it does not tell; with the longest pattern instead, every output would wait.

use std::collections::VecDeque;

/// The texts to find.
#[derive(Debug)]
pub(super) struct Patterns {
    /// Where each first byte leads.
    first: Box<[u32; 256]>,
    nodes: Vec<Node>,
}

/// How much of the patterns the last bytes are: a place in the tree of all patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct State(u32);

/// A beginning of a pattern. The root is the empty one; 0 as a child or sibling is none.
#[derive(Debug, Clone, Default)]
struct Node {
    byte: u8,
    child: u32,
    sibling: u32,
    /// The longest other beginning that this one ends with.
    shorter: u32,
    /// Its length.
    length: u32,
    /// Length of the longest pattern that it ends with; 0 for none.
    found: u32,
}

const ROOT: u32 = 0;

// === impl Patterns ===

impl Patterns {
    pub(super) fn new(texts: impl Iterator<Item = String>) -> Self {
        let mut patterns = Patterns { first: Box::new([ROOT; 256]), nodes: vec![Node::default()] };
        for text in texts {
            patterns.insert(text.as_bytes());
        }
        patterns.nodes.shrink_to_fit();
        patterns.link();
        patterns
    }

    /// Where one more byte leads.
    pub(super) fn next(&self, State(mut at): State, byte: u8) -> State {
        while at != ROOT {
            if let Some(child) = self.child(at, byte) {
                return State(child);
            }
            at = self.nodes[at as usize].shorter;
        }
        State(self.first[usize::from(byte)])
    }

    /// How many of the last bytes are the beginning of a pattern, or one as a whole.
    pub(super) fn begun(&self, State(at): State) -> usize {
        self.nodes[at as usize].length as usize
    }

    /// How many of the last bytes are the longest pattern that ends here; 0 where none does.
    pub(super) fn found(&self, State(at): State) -> usize {
        self.nodes[at as usize].found as usize
    }

    /// Whether any pattern occurs in a text.
    pub(super) fn occur_in(&self, text: &[u8]) -> bool {
        let mut state = State::default();
        text.iter().any(|byte| {
            state = self.next(state, *byte);
            self.found(state) > 0
        })
    }

    fn child(&self, parent: u32, byte: u8) -> Option<u32> {
        if parent == ROOT {
            return Some(self.first[usize::from(byte)]).filter(|child| *child != ROOT);
        }
        let mut child = self.nodes[parent as usize].child;
        while child != ROOT {
            let node = &self.nodes[child as usize];
            if node.byte == byte {
                return Some(child);
            }
            child = node.sibling;
        }
        None
    }

    fn insert(&mut self, pattern: &[u8]) {
        let mut at = ROOT;
        for (byte, length) in pattern.iter().zip(1..) {
            at = self.child(at, *byte).unwrap_or_else(|| self.add(at, *byte, length));
        }
        self.nodes[at as usize].found = self.nodes[at as usize].length;
    }

    fn add(&mut self, parent: u32, byte: u8, length: u32) -> u32 {
        let added = u32::try_from(self.nodes.len()).expect("secrets are bounded");
        let sibling = std::mem::replace(&mut self.nodes[parent as usize].child, added);
        if parent == ROOT {
            self.first[usize::from(byte)] = added;
        }
        self.nodes.push(Node { byte, sibling, length, ..Node::default() });
        added
    }

    /// Links each beginning with the longest other one that it ends with: shorter ones first.
    fn link(&mut self) {
        let mut queue: VecDeque<u32> = self.children(ROOT).collect();
        while let Some(parent) = queue.pop_front() {
            for child in self.children(parent).collect::<Vec<_>>() {
                let shorter = self.next(State(self.nodes[parent as usize].shorter), self.nodes[child as usize].byte);
                let found = self.found(shorter);
                let node = &mut self.nodes[child as usize];
                node.shorter = shorter.0;
                if node.found == 0 {
                    node.found = u32::try_from(found).expect("it fits where it came from");
                }
                queue.push_back(child);
            }
        }
    }

    fn children(&self, parent: u32) -> impl Iterator<Item = u32> + '_ {
        let first = self.nodes[parent as usize].child;
        std::iter::successors((first != ROOT).then_some(first), |child| {
            let sibling = self.nodes[*child as usize].sibling;
            (sibling != ROOT).then_some(sibling)
        })
    }
}
