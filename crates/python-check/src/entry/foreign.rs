//! Annotations that name a type which JSON does not have: what arrives is something else, unless the code converts it.

use ruff_python_ast::{self as ast, Expr, Stmt, StmtFunctionDef};
use ruff_text_size::TextRange;

use crate::walk::{self, Binding, Place, Visitor};

/// Names in annotations that stand for what JSON has, or for no type: to call one converts to nothing else.
const OF_JSON: &[&str] = &["str", "int", "float", "bool", "list", "dict", "tuple", "typing"];

/// What arrives where the annotation names a type of the library that JSON does not have.
pub(super) fn of_library(name: &str) -> Option<&'static str> {
    Some(match name {
        "set" | "Set" | "frozenset" | "FrozenSet" | "MutableSet" | "AbstractSet" | "deque" | "Deque" => "a list",
        "bytes" | "bytearray" | "memoryview" => "text",
        "datetime" | "date" | "time" | "timedelta" | "Decimal" | "Fraction" | "UUID" | "Path" | "PurePath" | "PurePosixPath"
        | "IPv4Address" | "IPv6Address" | "IPv4Network" | "IPv6Network" | "ZoneInfo" => "text or a number",
        _ => return None,
    })
}

/// What arrives where the annotation names a class of this code. A `TypedDict` is a dictionary, and a protocol is anything.
pub(super) fn of_class(body: &[Stmt], name: &str) -> Option<&'static str> {
    let class = body.iter().filter_map(Stmt::as_class_def_stmt).find(|class| class.name.as_str() == name)?;
    let bases: Vec<&str> = class.bases().iter().filter_map(last_name).collect();
    if bases.iter().any(|base| matches!(*base, "TypedDict" | "Protocol")) {
        return None;
    }
    let lists = |word: &str| bases.iter().any(|base| base.ends_with(word));
    Some(if lists("Enum") || lists("Flag") { "the value of a member" } else { "an object, as a dictionary" })
}

/// Whether a function makes the type of its parameter `name`: it binds the name anew, or hands it to the type.
pub(super) fn is_converted(function: &StmtFunctionDef, name: &str, annotation: &Expr) -> bool {
    let mut names = mentioned(annotation);
    names.retain(|name| !OF_JSON.contains(name));
    let mut converts = Converts { name, annotation: names, found: false };
    function.body.iter().for_each(|stmt| walk::module(&mut converts, std::slice::from_ref(stmt)));
    converts.found
}

struct Converts<'s> {
    name: &'s str,
    /// Names in the annotation.
    annotation: Vec<&'s str>,
    found: bool,
}

impl<'a> Visitor<'a> for Converts<'_> {
    fn bind(&mut self, name: &'a str, _range: TextRange, _binding: Binding<'a>) {
        self.found |= name == self.name;
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        let Expr::Call(call) = expr else { return };
        let given = call.arguments.args.iter().any(|argument| matches!(argument, Expr::Name(name) if name.id.as_str() == self.name));
        let made = mentioned(&call.func).iter().any(|name| self.annotation.contains(name));
        self.found |= given && made;
    }
}

/// The names of an annotation, or of what is called: `datetime` of `datetime.datetime.fromisoformat`.
fn mentioned(expr: &Expr) -> Vec<&str> {
    struct Names<'a>(Vec<&'a str>);
    impl<'a> Visitor<'a> for Names<'a> {
        fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
            match expr {
                Expr::Name(name) => self.0.push(name.id.as_str()),
                Expr::Attribute(attribute) => self.0.push(attribute.attr.as_str()),
                Expr::StringLiteral(text) => self.0.push(text.value.to_str()),
                _ => {}
            }
        }
    }
    let mut names = Names(Vec::new());
    walk::expression(&mut names, expr, Place::Value);
    names.0
}

/// The last part of a name.
fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(ast::ExprAttribute { attr, .. }) => Some(attr.as_str()),
        _ => None,
    }
}
