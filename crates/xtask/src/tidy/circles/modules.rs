//! The modules of one crate, what each defines and imports, and where the paths in it lead. It reads tokens, not types: enough
//! to follow `crate`, `self`, `super`, child modules, imports and re-exports; what cannot be followed further counts for the
//! module that was reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{
    circles::graph::{Graph, Mention},
    tokens::{Sources, Tokens, is_word},
};

const ITEMS: [&str; 8] = ["const", "enum", "fn", "static", "struct", "trait", "type", "union"];
/// Re-exports that lead on to re-exports end here; only a crate that does not compile has more.
const MOST_HOPS: usize = 32;

/// Which file of the crate at `root` names which.
pub fn graph(root: &str, sources: &Sources) -> Graph {
    let mut modules = Modules { sources, all: Vec::new() };
    let directory = root.rsplit_once('/').map_or("", |(directory, _)| directory);
    modules.read_file(root, None, directory);
    let mut graph = Graph::default();
    for (index, module) in modules.all.iter().enumerate() {
        for named in &module.named {
            if let Some(file) = modules.file_of(index, named) {
                graph.add(&module.file, file, Mention { name: named.path.join("::"), line: named.line });
            }
        }
    }
    graph
}

type Path = Vec<String>;

struct Modules<'a> {
    sources: &'a Sources,
    all: Vec<Module>,
}

#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    imports: BTreeMap<String, Vec<Path>>,
    /// What is imported with `*`.
    globs: Vec<Path>,
    named: Vec<Named>,
}

/// A path that stands in a module.
struct Named {
    path: Path,
    line: usize,
    glob: bool,
}

/// What a path leads to, by the index of a module.
#[derive(Clone, Copy)]
enum Target {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
    /// Something of another crate.
    Outside,
}

// === impl Modules: reading ===

impl Modules<'_> {
    /// Reads a file and the files of its child modules, which lie in `directory`.
    fn read_file(&mut self, path: &str, parent: Option<usize>, directory: &str) -> Option<usize> {
        let sources = self.sources;
        let tokens = sources.get(path)?;
        let module = self.add(path, parent);
        self.read(tokens, 0, tokens.all().len(), module, directory);
        Some(module)
    }

    fn add(&mut self, file: &str, parent: Option<usize>) -> usize {
        self.all.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.all.len() - 1
    }

    fn read(&mut self, tokens: &Tokens, start: usize, end: usize, module: usize, directory: &str) {
        let (mut index, mut depth) = (start, 0_usize);
        while index < end {
            let here = index;
            index += 1;
            match tokens.text(here) {
                _ if tokens.is_test(here) => {}
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth = depth.saturating_sub(1),
                "mod" if depth == 0 && is_word(tokens.text(here + 1)) => {
                    index = self.read_module(tokens, here + 1, module, directory);
                }
                "use" if tokens.text(here + 1) != "<" => {
                    index = UseTree { tokens, module: &mut self.all[module] }.read(here + 1, &Vec::new());
                }
                "macro_rules" => {
                    self.all[module].items.insert(tokens.text(here + 2).to_owned());
                }
                // `'static` is a lifetime.
                "static" if here > 0 && tokens.text(here - 1) == "'" => {}
                word if depth == 0 && ITEMS.contains(&word) && is_word(tokens.text(here + 1)) => {
                    self.all[module].items.insert(tokens.text(here + 1).to_owned());
                }
                word if is_word(word) => index = self.read_path(tokens, here, module),
                _ => {}
            }
        }
    }

    /// A child module, in a file or in braces. Answers where to read on.
    fn read_module(&mut self, tokens: &Tokens, name: usize, parent: usize, directory: &str) -> usize {
        let (name, opening) = (tokens.text(name), name + 1);
        let below = format!("{directory}/{name}");
        if tokens.text(opening) == "{" {
            let close = tokens.close_of(opening);
            let file = self.all[parent].file.clone();
            let child = self.add(&file, Some(parent));
            self.read(tokens, opening + 1, close, child, &below);
            self.all[parent].children.insert(name.to_owned(), child);
            return close + 1;
        }
        if let Some(child) = self.read_file(&format!("{below}.rs"), Some(parent), &below) {
            self.all[parent].children.insert(name.to_owned(), child);
        }
        opening
    }

    /// A path of at least two names. Answers where to read on.
    fn read_path(&mut self, tokens: &Tokens, start: usize, module: usize) -> usize {
        let mut path = vec![tokens.text(start).to_owned()];
        let mut index = start + 1;
        while is_separator(tokens, index) && is_word(tokens.text(index + 2)) {
            path.push(tokens.text(index + 2).to_owned());
            index += 3;
        }
        let continues = start >= 2 && is_separator(tokens, start - 2);
        // `pub(in crate::a)` says who may see an item.
        let visibility = start >= 2 && tokens.text(start - 1) == "in" && tokens.text(start - 2) == "(";
        if path.len() > 1 && !continues && !visibility {
            self.all[module].named.push(Named { path, line: tokens.all()[start].line, glob: false });
        }
        index
    }
}

fn is_separator(tokens: &Tokens, index: usize) -> bool {
    tokens.text(index) == ":" && tokens.text(index + 1) == ":"
}

/// What follows `use`.
struct UseTree<'a> {
    tokens: &'a Tokens,
    module: &'a mut Module,
}

impl UseTree<'_> {
    /// Reads one branch below `prefix`. Answers where to read on.
    fn read(&mut self, start: usize, prefix: &Path) -> usize {
        let (mut index, mut path) = (start, prefix.clone());
        loop {
            match self.tokens.text(index) {
                // `::name` is a crate.
                ":" if path.is_empty() => path.push(String::new()),
                "*" => {
                    self.module.globs.push(path.clone());
                    self.name(path, index, true);
                    return index + 1;
                }
                "{" => return self.branches(index, &path),
                word if is_word(word) => {
                    path.push(word.to_owned());
                    if !is_separator(self.tokens, index + 1) {
                        return self.leaf(path, index);
                    }
                    index += 1;
                }
                _ => return index,
            }
            index += 2;
        }
    }

    fn branches(&mut self, open: usize, prefix: &Path) -> usize {
        let close = self.tokens.close_of(open);
        let mut index = open + 1;
        while index < close {
            index = self.read(index, prefix).max(index + 1);
            if self.tokens.text(index) == "," {
                index += 1;
            }
        }
        close + 1
    }

    fn leaf(&mut self, mut path: Path, last: usize) -> usize {
        if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
            path.pop();
        }
        let renamed = self.tokens.text(last + 1) == "as";
        let name = if renamed { self.tokens.text(last + 2) } else { path.last().map_or("", String::as_str) };
        self.module.imports.entry(name.to_owned()).or_default().push(path.clone());
        self.name(path, last, false);
        last + if renamed { 3 } else { 1 }
    }

    fn name(&mut self, path: Path, at: usize, glob: bool) {
        self.module.named.push(Named { path, line: self.tokens.all()[at].line, glob });
    }
}

// === impl Modules: resolving ===

impl Modules<'_> {
    /// The file that defines what a path in `module` names. A module that is only named defines nothing by itself.
    fn file_of(&self, module: usize, named: &Named) -> Option<&str> {
        match self.resolve(module, &named.path, 0)? {
            Target::Item(target) => Some(&self.all[target].file),
            Target::Module(target) if named.glob => Some(&self.all[target].file),
            Target::Module(_) | Target::Outside => None,
        }
    }

    fn resolve(&self, module: usize, path: &[String], hops: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        let mut reached = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.all[module].parent?),
            name => self.look_up(module, name, rest.is_empty(), hops)?,
        };
        while let (Target::Module(here), Some((name, after))) = (reached, rest.split_first()) {
            reached = match name.as_str() {
                "super" => Target::Module(self.all[here].parent?),
                name => self.look_up(here, name, after.is_empty(), hops).unwrap_or(Target::Item(here)),
            };
            rest = after;
        }
        Some(reached)
    }

    /// What a name stands for in a module. A module and an item may share a name; the last name of a path is the item.
    fn look_up(&self, module: usize, name: &str, last: bool, hops: usize) -> Option<Target> {
        if hops > MOST_HOPS {
            return None;
        }
        let here = &self.all[module];
        let item = here.items.contains(name).then_some(Target::Item(module));
        let child = here.children.get(name).map(|child| Target::Module(*child));
        let imported = || {
            let paths = here.imports.get(name)?;
            let inside = paths.iter().find_map(|path| self.resolve(module, path, hops + 1));
            Some(inside.unwrap_or(Target::Outside))
        };
        let with_star = || {
            let opened = here.globs.iter().filter_map(|path| self.resolve(module, path, hops + 1));
            let modules = opened.filter_map(|target| if let Target::Module(opened) = target { Some(opened) } else { None });
            modules.into_iter().find_map(|opened| self.look_up(opened, name, last, hops + 1))
        };
        let own = if last { item.or_else(imported).or(child) } else { child.or_else(imported).or(item) };
        own.or_else(with_star)
    }
}
