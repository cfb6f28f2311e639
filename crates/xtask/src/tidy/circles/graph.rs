//! Files that name each other, and the circles among them. Knows nothing of Rust.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::tidy::problem::Problem;

/// Where a file names another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The path as it is written.
    pub name: String,
    /// Counted from 1.
    pub line: usize,
}

/// Which file names which.
#[derive(Debug, Default)]
pub struct Graph {
    edges: BTreeMap<String, BTreeMap<String, Mention>>,
}

/// Files that reach each other, with the shortest way around.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    /// Every file of the knot.
    pub files: BTreeSet<String>,
    /// The shortest circle: each file with the next one's mention in it.
    way: Vec<(String, Mention)>,
}

// === impl Graph ===

impl Graph {
    /// Adds that one file names another one; the first mention is kept.
    pub fn add(&mut self, from: &str, to: &str, mention: Mention) {
        if from != to {
            self.edges.entry(from.to_owned()).or_default().entry(to.to_owned()).or_insert(mention);
        }
    }

    /// The circles, one for each knot of files that reach each other.
    pub fn circles(&self) -> Vec<Circle> {
        let reach: BTreeMap<&str, BTreeSet<&str>> = self.edges.keys().map(|file| (file.as_str(), self.reach(file))).collect();
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut circles = Vec::new();
        for (file, reached) in &reach {
            if !reached.contains(file) || seen.contains(*file) {
                continue;
            }
            let knot: BTreeSet<&str> =
                reached.iter().filter(|other| reach.get(*other).is_some_and(|back| back.contains(file))).copied().collect();
            seen.extend(&knot);
            circles.extend(self.shortest(&knot).map(|way| Circle { files: knot.iter().map(|&file| file.to_owned()).collect(), way }));
        }
        circles
    }

    /// What can be reached in at least one step.
    fn reach<'a>(&'a self, from: &str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&str> = self.next(from).map(|(next, _)| next).collect();
        while let Some(file) = open.pop() {
            if reached.insert(file) {
                open.extend(self.next(file).map(|(next, _)| next));
            }
        }
        reached
    }

    fn next<'a>(&'a self, file: &str) -> impl Iterator<Item = (&'a str, &'a Mention)> + use<'a> {
        self.edges.get(file).into_iter().flatten().map(|(next, mention)| (next.as_str(), mention))
    }

    fn shortest<'a>(&'a self, knot: &BTreeSet<&'a str>) -> Option<Vec<(String, Mention)>> {
        knot.iter().filter_map(|start| self.around(start, knot)).min_by_key(Vec::len)
    }

    /// The shortest way from a file back to itself, breadth first.
    fn around<'a>(&'a self, start: &'a str, knot: &BTreeSet<&'a str>) -> Option<Vec<(String, Mention)>> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut ways = VecDeque::from([(start, Vec::new())]);
        while let Some((file, way)) = ways.pop_front() {
            for (next, mention) in self.next(file).filter(|(next, _)| knot.contains(next)) {
                let mut longer = way.clone();
                longer.push((file.to_owned(), mention.clone()));
                if next == start {
                    return Some(longer);
                }
                if seen.insert(next) {
                    ways.push_back((next, longer));
                }
            }
        }
        None
    }
}

// === impl Circle ===

impl Circle {
    /// The circle as a problem at its first mention.
    pub fn problem(&self) -> Problem {
        let (file, mention) = &self.way[0];
        Problem::new(file, mention.line, format!("a circle of {} files: {}", self.files.len(), self.around()))
    }

    /// `a.rs -> b.rs (b::X) -> a.rs (super::Y)`.
    pub fn around(&self) -> String {
        let after = self.way.iter().skip(1).chain(self.way.first());
        let steps = self.way.iter().zip(after).map(|((_, mention), (next, _))| format!(" -> {next} ({})", mention.name));
        std::iter::once(self.way[0].0.clone()).chain(steps).collect()
    }
}
