//! Text in annotations is code to whoever evaluates it: it is parsed and scanned as such. Annotations made at run time are refused.

use ruff_python_ast::{self as ast, Expr, ModExpression, Operator};
use ruff_python_parser::Parsed;
use ruff_text_size::Ranged;

use super::{Scan, address};
use crate::map::Map;
use crate::rule;
use crate::syntax;
use crate::walk::{self, Binding, Place, Visitor};

/// Texts that are parsed; each costs as much as a small file.
const MAX_TEXTS: usize = 5_000;

/// The parsed texts of annotations, by the address of their literal.
pub(super) struct Annotations {
    parsed: Map<usize, Text>,
}

struct Text {
    parsed: Parsed<ModExpression>,
    /// Whether it calls something: only then does metadata count.
    calls: bool,
}

impl Annotations {
    /// The texts in a module's annotations.
    pub fn of(texts: Texts<'_>) -> Self {
        texts.parse()
    }

    /// The texts inside these texts.
    pub fn nested(&self) -> Self {
        let mut texts = Texts::default();
        for text in self.parsed.values() {
            walk::expression(&mut texts, text.parsed.expr(), Place::Annotation);
        }
        texts.parse()
    }
}

/// The texts in annotations, found beside the walk that builds the symbol table.
#[derive(Default)]
pub(crate) struct Texts<'a> {
    literals: Vec<(usize, &'a ast::ExprStringLiteral)>,
}

impl Texts<'_> {
    fn parse(self) -> Annotations {
        let texts = self.literals.into_iter().take(MAX_TEXTS).filter_map(|(address, literal)| {
            let parsed = syntax::parse_annotation(literal.value.to_str())?;
            let mut calls = Calls(false);
            walk::expression(&mut calls, parsed.expr(), Place::Annotation);
            Some((address, Text { parsed, calls: calls.0 }))
        });
        Annotations { parsed: texts.collect() }
    }
}

impl<'a> Visitor<'a> for Texts<'a> {
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
            // It is no expression, or one too many or too deep to have been parsed.
            let passed_over = self.place_of_text.is_some() || annotations.iter().any(|set| set.parsed.len() >= MAX_TEXTS / 2);
            if place == Place::Annotation && passed_over && syntax::parse_annotation(literal.value.to_str()).is_some() {
                self.add(&rule::DYNAMIC_ANNOTATION, literal.range, "text in an annotation that is not looked at".to_owned());
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

    /// Whether a value is plainly a type: a class, an import, or a combination of such.
    fn is_type_value(&self, value: &Expr, steps: usize) -> bool {
        let Some(steps) = steps.checked_sub(1) else { return false };
        match value {
            Expr::NoneLiteral(_) => true,
            Expr::Name(name) => match self.meaning(name.id.as_str()).symbol() {
                None => self.catalog.is_builtin(name.id.as_str()),
                Some(symbol) => match (symbol.count, symbol.first) {
                    (1, Some(Binding::Assign(value))) => self.is_type_value(value, steps),
                    (1, Some(Binding::ImportFrom(..) | Binding::Class | Binding::Type)) => true,
                    _ => false,
                },
            },
            Expr::Attribute(attribute) => !self.modules(&attribute.value).is_empty(),
            Expr::Subscript(subscript) => self.is_type_value(&subscript.value, steps),
            Expr::BinOp(operation) if operation.op == Operator::BitOr => {
                self.is_type_value(&operation.left, steps) && self.is_type_value(&operation.right, steps)
            }
            _ => is_type_variable(value),
        }
    }

    /// Whether a name is a variable whose value is not plainly a type.
    fn is_text_variable(&self, name: &str) -> bool {
        match self.meaning(name).symbol() {
            None => false,
            Some(symbol) => match (symbol.count, symbol.first) {
                (1, Some(Binding::Assign(value))) => !self.is_type_value(value, MAX_ALIASES),
                (1, Some(Binding::Import(_) | Binding::ImportFrom(..) | Binding::Class | Binding::Function(_) | Binding::Type)) => false,
                _ => true,
            },
        }
    }
}

/// Aliases of types followed one to the other.
const MAX_ALIASES: usize = 8;

fn builds_text(call: &ast::ExprCall) -> bool {
    matches!(&*call.func, Expr::Attribute(method) if matches!(method.attr.as_str(), "join" | "format" | "format_map" | "decode" | "replace" | "translate"))
}

fn is_type_variable(value: &Expr) -> bool {
    matches!(value, Expr::Call(call) if matches!(&*call.func, Expr::Name(name) if matches!(name.id.as_str(), "TypeVar" | "NewType" | "ParamSpec" | "namedtuple")))
}
