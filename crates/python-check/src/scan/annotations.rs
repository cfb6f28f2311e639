//! Text in annotations is code to whoever evaluates it: it is parsed and scanned as such. Annotations made at run time are refused.

use std::collections::HashMap;

use ruff_python_ast::{self as ast, Expr, ModExpression, Operator, Stmt};
use ruff_python_parser::Parsed;
use ruff_text_size::Ranged;

use super::{Scan, address};
use crate::rule;
use crate::syntax;
use crate::walk::{self, Binding, Place, Visitor};

/// The parsed texts of annotations, by the address of their literal.
pub(super) struct Annotations {
    parsed: HashMap<usize, Text>,
}

struct Text {
    parsed: Parsed<ModExpression>,
    /// Whether it calls something: only then does metadata count.
    calls: bool,
}

impl Annotations {
    /// The texts in a module's annotations.
    pub fn collect(body: &[Stmt]) -> Self {
        let mut collector = Collector::default();
        walk::module(&mut collector, body);
        collector.parse()
    }

    /// The texts inside these texts.
    pub fn nested(&self) -> Self {
        let mut collector = Collector::default();
        for text in self.parsed.values() {
            walk::expression(&mut collector, text.parsed.expr(), Place::Annotation);
        }
        collector.parse()
    }
}

#[derive(Default)]
struct Collector<'a> {
    literals: Vec<(usize, &'a ast::ExprStringLiteral)>,
}

impl Collector<'_> {
    fn parse(self) -> Annotations {
        let texts = self.literals.into_iter().filter_map(|(address, literal)| {
            let parsed = syntax::parse_annotation(literal.value.to_str())?;
            let mut calls = Calls(false);
            walk::expression(&mut calls, parsed.expr(), Place::Annotation);
            Some((address, Text { parsed, calls: calls.0 }))
        });
        Annotations { parsed: texts.collect() }
    }
}

impl<'a> Visitor<'a> for Collector<'a> {
    fn enter_expr(&mut self, expr: &'a Expr, place: Place) {
        if let (Expr::StringLiteral(literal), Place::Annotation | Place::Metadata) = (expr, place) {
            self.literals.push((address(expr), literal));
        }
    }
}

struct Calls(bool);

impl<'a> Visitor<'a> for Calls {
    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        self.0 |= expr.is_call_expr();
    }
}

impl<'a> Scan<'a, '_> {
    /// A string: code when it stands in an annotation, perhaps a piece of a template elsewhere.
    pub(super) fn string(&mut self, expr: &'a Expr, literal: &'a ast::ExprStringLiteral, place: Place) {
        match place {
            Place::Annotation | Place::Metadata => self.annotation_text(expr, literal, place),
            Place::Statement => {}
            Place::Value | Place::AttributeBase | Place::Callee | Place::BaseClass | Place::Test => {
                self.note_text(literal.value.to_str(), literal.range);
            }
        }
    }

    fn annotation_text(&mut self, expr: &'a Expr, literal: &'a ast::ExprStringLiteral, place: Place) {
        let annotations = self.annotations;
        let Some(text) = annotations.iter().find_map(|set| set.parsed.get(&address(expr))) else {
            if place == Place::Annotation && self.place_of_text.is_some() && syntax::parse_annotation(literal.value.to_str()).is_some() {
                self.add(&rule::DYNAMIC_ANNOTATION, literal.range, "text inside the text of an annotation".to_owned());
            }
            return;
        };
        if place == Place::Metadata && !text.calls {
            return;
        }
        let outer = self.place_of_text;
        self.place_of_text = outer.or(Some(literal.range));
        walk::expression(self, text.parsed.expr(), Place::Annotation);
        self.place_of_text = outer;
    }

    /// An annotation that is not written out.
    pub(super) fn annotation(&mut self, expr: &'a Expr) {
        let built = match expr {
            Expr::FString(_) | Expr::TString(_) => true,
            Expr::BinOp(operation) => operation.op != Operator::BitOr,
            Expr::Call(call) => self.dispatches || builds_text(call),
            Expr::Name(name) => self.dispatches && self.is_text_variable(name.id.as_str()),
            _ => false,
        };
        if built {
            self.add(&rule::DYNAMIC_ANNOTATION, expr.range(), "an annotation is made at run time".to_owned());
        }
    }

    /// Whether a name is a variable whose value is not plainly a type.
    fn is_text_variable(&self, name: &str) -> bool {
        match self.meaning(name).symbol() {
            None => false,
            Some(symbol) => match (symbol.count, symbol.first) {
                (1, Some(Binding::Assign(value))) => !matches!(value, Expr::Name(_) | Expr::Attribute(_) | Expr::Subscript(_) | Expr::BinOp(_)) && !is_type_variable(value),
                (1, Some(Binding::Import(_) | Binding::ImportFrom(..) | Binding::Class(_) | Binding::Function(_) | Binding::Type)) => false,
                _ => true,
            },
        }
    }
}

fn builds_text(call: &ast::ExprCall) -> bool {
    matches!(&*call.func, Expr::Attribute(method) if matches!(method.attr.as_str(), "join" | "format" | "format_map" | "decode" | "replace" | "translate"))
}

fn is_type_variable(value: &Expr) -> bool {
    matches!(value, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if matches!(name.id.as_str(), "TypeVar" | "NewType" | "ParamSpec" | "namedtuple")))
}
