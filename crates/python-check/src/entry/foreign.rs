//! Annotations that name a type which JSON does not have. Of some the sandbox makes it, as its `_zona_arguments.py` says; of the
//! others something else arrives, unless the code converts it.

use domain::code::ValueType;
use ruff_python_ast::{self as ast, Expr, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use crate::walk::{self, Binding, Place, Visitor};

/// Names in annotations that stand for what JSON has, or for no type: to call one converts to nothing else.
const OF_JSON: &[&str] = &["str", "int", "float", "bool", "list", "dict", "tuple", "typing"];
/// What reads text, and fails on what has been made of text already.
const READERS: &[&str] = &["fromisoformat", "strptime", "UUID"];

/// What arrives where nothing makes the type that an annotation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arrival {
    /// The thing itself, e.g. `text`.
    pub what: &'static str,
    /// Whether it is an item of what arrives.
    pub inside: bool,
}

impl Arrival {
    const fn of(what: &'static str) -> Option<Self> {
        Some(Arrival { what, inside: false })
    }
}

/// What the sandbox makes a type of the library from: the type of the JSON value, and the form of a text.
pub(super) fn made(module: Option<&str>, name: &str) -> Option<(ValueType, Option<&'static str>)> {
    let (home, value_type, form) = match name {
        "datetime" => ("datetime", ValueType::String, Some("A date and time in ISO 8601.")),
        "date" => ("datetime", ValueType::String, Some("A date in ISO 8601.")),
        "time" => ("datetime", ValueType::String, Some("A time in ISO 8601.")),
        "UUID" => ("uuid", ValueType::String, Some("A UUID.")),
        "Path" | "PosixPath" | "PurePath" | "PurePosixPath" | "PureWindowsPath" => ("pathlib", ValueType::String, Some("A path.")),
        "IPv4Address" | "IPv6Address" => ("ipaddress", ValueType::String, Some("An IP address.")),
        "IPv4Network" | "IPv6Network" | "IPv4Interface" | "IPv6Interface" => {
            ("ipaddress", ValueType::String, Some("An IP address with the length of its network."))
        }
        "ZoneInfo" => ("zoneinfo", ValueType::String, Some("The name of a time zone.")),
        "Decimal" => ("decimal", ValueType::Any, None),
        "Fraction" => ("fractions", ValueType::Any, None),
        _ => return None,
    };
    module.is_none_or(|module| module == home).then_some((value_type, form))
}

/// What arrives where the annotation names a type of the library that nothing makes.
pub(super) fn of_library(name: &str) -> Option<Arrival> {
    match name {
        "bytes" | "bytearray" | "memoryview" | "Pattern" => Arrival::of("text"),
        "timedelta" | "complex" => Arrival::of("text or a number"),
        _ => None,
    }
}

/// The JSON value for a class of this code, and what arrives where nothing makes one. A `TypedDict` is a dictionary, the sandbox makes
/// dataclasses and named tuples, and a protocol is anything.
pub(super) fn of_class(body: &[Stmt], name: &str) -> (ValueType, Option<Arrival>) {
    let Some(class) = body.iter().filter_map(Stmt::as_class_def_stmt).find(|class| class.name.as_str() == name) else {
        return (ValueType::Any, None);
    };
    let has_base = |base: &str| class.bases().iter().any(|expr| last_name(expr) == Some(base));
    let is_data = class.decorator_list.iter().any(|decorator| decorated_by(&decorator.expression) == Some("dataclass"));
    if has_base("TypedDict") || is_data {
        (ValueType::Object, None)
    } else if has_base("Protocol") || has_base("NamedTuple") {
        (ValueType::Any, None)
    } else {
        (ValueType::Any, Arrival::of("an object, as a dictionary"))
    }
}

/// The last part of a decorator's name, called or not.
pub(super) fn decorated_by(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Call(call) => last_name(&call.func),
        other => last_name(other),
    }
}

/// Where a function reads its parameter `name` as text, although the sandbox has done so.
pub(super) fn read_again(function: &StmtFunctionDef, name: &str) -> Option<TextRange> {
    let mut reads = ReadsAgain { name, bound: false, found: None };
    function.body.iter().for_each(|stmt| walk::module(&mut reads, std::slice::from_ref(stmt)));
    reads.found
}

struct ReadsAgain<'s> {
    name: &'s str,
    /// Whether the name means something else by now.
    bound: bool,
    found: Option<TextRange>,
}

impl<'a> Visitor<'a> for ReadsAgain<'_> {
    fn bind(&mut self, name: &'a str, _range: TextRange, _binding: Binding<'a>) {
        self.bound |= name == self.name;
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        let Expr::Call(call) = expr else { return };
        let of_parameter = matches!(call.arguments.args.first(), Some(Expr::Name(name)) if name.id.as_str() == self.name);
        if !self.bound && of_parameter && last_name(&call.func).is_some_and(|called| READERS.contains(&called)) {
            self.found = self.found.or(Some(call.range()));
        }
    }
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
pub(super) fn last_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(ast::ExprAttribute { attr, .. }) => Some(attr.as_str()),
        _ => None,
    }
}
