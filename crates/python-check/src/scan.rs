//! The policy scan.

use domain::finding::{Import, Standing};
use ruff_python_ast::Stmt;
use ruff_text_size::{Ranged, TextRange};

use crate::location::Lines;
use crate::policy::Policy;
use crate::report::Sink;
use crate::scope::Scopes;
use crate::walk::{self, Binding, Visitor};

pub(crate) fn run<'a>(_text: &str, lines: &Lines<'_>, body: &'a [Stmt], _scopes: &Scopes<'a>, _policy: &Policy, _sound: bool, _sink: &mut Sink) -> Vec<Import> {
    let mut imports = Imports { found: Vec::new() };
    walk::module(&mut imports, body);
    let mut list: Vec<Import> = Vec::new();
    for (module, range) in imports.found {
        if !list.iter().any(|import| import.module == module) {
            list.push(Import { module, line: lines.line(range.start()), standing: Standing::Unknown });
        }
    }
    list
}

struct Imports {
    found: Vec<(String, TextRange)>,
}

impl<'a> Visitor<'a> for Imports {
    fn bind(&mut self, _name: &'a str, range: TextRange, binding: Binding<'a>) {
        match binding {
            Binding::Import(alias) => self.found.push((alias.name.to_string(), range)),
            Binding::ImportFrom(import, _) => self.found.push((import.module.as_deref().unwrap_or(".").to_owned(), import.range())),
            _ => {}
        }
    }
}
