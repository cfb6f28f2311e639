//! The walk sees what an independent parser sees: rustpython-parser reads the same files, its own exhaustive fold lists names,
//! attributes, calls and imports, and both lists must be equal wherever both parsers accept the file.

use std::path::{Path, PathBuf};

use ruff_python_ast::{self as ast, PythonVersion};
use rustpython_parser::ast as other;
use rustpython_parser::ast::Fold;
use rustpython_parser::{Mode, parse};

use super::{Binding, Place, Visitor};
use crate::syntax;

/// Files of the standard library that are compared, where there is one, and how large they may be.
const MAX_FILES: usize = 120;
const MAX_BYTES: u64 = 40_000;

/// What a tree holds, in no order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    names: Vec<String>,
    attributes: Vec<String>,
    imports: Vec<String>,
    calls: usize,
}

impl Seen {
    fn sorted(mut self) -> Self {
        self.names.sort();
        self.attributes.sort();
        self.imports.sort();
        self
    }
}

impl<'a> Visitor<'a> for Seen {
    fn enter_expr(&mut self, expr: &'a ast::Expr, _place: Place) {
        match expr {
            ast::Expr::Name(name) => self.names.push(name.id.to_string()),
            ast::Expr::Attribute(attribute) => self.attributes.push(attribute.attr.to_string()),
            ast::Expr::Call(_) => self.calls += 1,
            _ => {}
        }
    }

    fn bind(&mut self, _name: &'a str, _range: ruff_text_size::TextRange, binding: Binding<'a>) {
        match binding {
            Binding::Import(alias) => self.imports.push(alias.name.to_string()),
            Binding::ImportFrom(import, alias) => {
                self.imports.push(format!("{}:{}", import.module.as_deref().unwrap_or_default(), alias.name))
            }
            _ => {}
        }
    }

    fn pattern_attribute(&mut self, attribute: &'a ast::Identifier) {
        self.attributes.push(attribute.to_string());
    }
}

impl Fold<other::text_size::TextRange> for Seen {
    type TargetU = other::text_size::TextRange;
    type Error = std::convert::Infallible;
    type UserContext = ();

    fn will_map_user(&mut self, _user: &other::text_size::TextRange) {}

    fn map_user(&mut self, user: other::text_size::TextRange, (): ()) -> Result<Self::TargetU, Self::Error> {
        Ok(user)
    }

    fn fold_expr_name(&mut self, node: other::ExprName) -> Result<other::ExprName, Self::Error> {
        self.names.push(node.id.to_string());
        other::fold::fold_expr_name(self, node)
    }

    fn fold_expr_attribute(&mut self, node: other::ExprAttribute) -> Result<other::ExprAttribute, Self::Error> {
        self.attributes.push(node.attr.to_string());
        other::fold::fold_expr_attribute(self, node)
    }

    fn fold_expr_call(&mut self, node: other::ExprCall) -> Result<other::ExprCall, Self::Error> {
        self.calls += 1;
        other::fold::fold_expr_call(self, node)
    }

    fn fold_stmt_import(&mut self, node: other::StmtImport) -> Result<other::StmtImport, Self::Error> {
        self.imports.extend(node.names.iter().map(|alias| alias.name.to_string()));
        other::fold::fold_stmt_import(self, node)
    }

    fn fold_stmt_import_from(&mut self, node: other::StmtImportFrom) -> Result<other::StmtImportFrom, Self::Error> {
        let module = node.module.as_ref().map(ToString::to_string).unwrap_or_default();
        self.imports.extend(node.names.iter().map(|alias| format!("{module}:{}", alias.name)));
        other::fold::fold_stmt_import_from(self, node)
    }

    fn fold_pattern_match_class(&mut self, node: other::PatternMatchClass) -> Result<other::PatternMatchClass, Self::Error> {
        self.attributes.extend(node.kwd_attrs.iter().map(ToString::to_string));
        other::fold::fold_pattern_match_class(self, node)
    }
}

fn ours(text: &str) -> Option<Seen> {
    let parsed = syntax::parse(text, PythonVersion::PY312)?;
    let mut seen = Seen::default();
    super::module(&mut seen, parsed.suite());
    parsed.has_valid_syntax().then(|| seen.sorted())
}

fn theirs(text: &str) -> Option<Seen> {
    let module = parse(text, Mode::Module, "<test>").ok()?;
    let mut seen = Seen::default();
    match seen.fold_mod(module) {
        Ok(_) => Some(seen.sorted()),
    }
}

/// Compares one text; says whether both parsers accepted it.
fn compare(text: &str, shown: &str) -> bool {
    // The other parser does not normalize identifiers.
    let (Some(one), Some(two)) = (ours(text), theirs(text)) else { return false };
    if text.is_ascii() {
        assert_eq!(one, two, "{shown}");
    }
    text.is_ascii()
}

/// Both parsers recurse: give them room.
fn with_room(test: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        std::thread::Builder::new().stack_size(256 * 1024 * 1024).spawn_scoped(scope, test).unwrap().join().unwrap();
    });
}

fn python_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "py") && entry.metadata().is_ok_and(|data| data.len() < MAX_BYTES) {
            files.push(path);
        }
    }
    files.sort();
}

#[test]
fn both_parsers_see_the_same_in_the_corpus() {
    with_room(|| {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let mut files = Vec::new();
        python_files(&corpus.join("cases"), &mut files);
        let mut texts: Vec<(String, String)> =
            files.iter().map(|file| (file.display().to_string(), std::fs::read_to_string(file).unwrap())).collect();
        for name in ["attacks.txt", "ordinary.txt"] {
            let text = std::fs::read_to_string(corpus.join(name)).unwrap();
            texts.extend(
                text.split("\n### ")
                    .skip(1)
                    .filter_map(|part| part.split_once('\n'))
                    .map(|(title, code)| (title.to_owned(), format!("{code}\n"))),
            );
        }
        let compared = texts.iter().filter(|(shown, text)| compare(text, shown)).count();
        assert!(compared > 400, "only {compared} of {} texts were compared", texts.len());
    });
}

#[test]
fn both_parsers_see_the_same_in_the_standard_library() {
    with_room(|| {
        let mut files = Vec::new();
        for version in 9..=14 {
            python_files(&PathBuf::from(format!("/usr/lib/python3.{version}")), &mut files);
        }
        let step = (files.len() / MAX_FILES).max(1);
        let sample: Vec<_> = files.iter().step_by(step).collect();
        let compared = sample
            .iter()
            .filter(|file| std::fs::read_to_string(file).is_ok_and(|text| compare(&text, &file.display().to_string())))
            .count();
        // A host without a Python has nothing to compare; one with it must not pass by refusing everything.
        assert!(sample.is_empty() || compared * 10 > sample.len() * 9, "only {compared} of {} files were compared", sample.len());
    });
}
