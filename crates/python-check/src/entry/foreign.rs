//! Annotations that name a type which JSON does not have. Of some the sandbox makes it, as its `_zona_arguments.py` says; of the
//! others something else arrives, unless the code converts it.

use domain::code::ValueType;
use ruff_python_ast::{self as ast, Expr, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use super::context::Context;
use crate::map::{Map, Set};
use crate::walk::{self, Binding, Place, Visitor};

/// Names in annotations that stand for what JSON has, or for no type: to call one converts to nothing else.
const OF_JSON: &[&str] = &["str", "int", "float", "bool", "list", "dict", "tuple", "typing"];
/// What reads text, and fails on what has been made of text already.
const READERS: &[&str] = &["fromisoformat", "strptime", "UUID"];
/// Bytes of what is called, at most: ordinary names of types, with what makes them, are shorter.
const MAX_CALLED: usize = 256;

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
pub(super) fn of_class(context: &Context<'_, '_>, name: &str) -> (ValueType, Option<Arrival>) {
    let Some(class) = context.class(name) else { return (ValueType::Any, None) };
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

/// What a function does with its parameters, as far as that tells of their types.
pub(super) struct Handling<'a> {
    of: Map<&'a str, Handled<'a>>,
    /// Calls seen so far.
    calls: usize,
}

/// What it does with one of them.
#[derive(Default)]
struct Handled<'a> {
    /// Whether the name means something else by now.
    bound: bool,
    /// Where it is read as text, although the sandbox has done so.
    read_again: Option<TextRange>,
    /// The names in whatever it is handed to.
    handed_to: Set<&'a str>,
    /// The last call that it was handed to.
    call: usize,
}

impl<'a> Handling<'a> {
    /// Looks at all parameters in one walk.
    pub fn of(function: &'a StmtFunctionDef) -> Self {
        let names = function.parameters.iter().map(|parameter| (parameter.name().as_str(), Handled::default()));
        let mut handling = Handling { of: names.collect(), calls: 0 };
        function.body.iter().for_each(|stmt| walk::module(&mut handling, std::slice::from_ref(stmt)));
        handling
    }

    /// Where the function reads its parameter `name` as text, although the sandbox has done so.
    pub fn read_again(&self, name: &str) -> Option<TextRange> {
        self.of.get(name)?.read_again
    }

    /// Whether the function makes the type of its parameter `name`: it binds the name anew, or hands it to the type.
    pub fn converts(&self, name: &str, annotation: &Expr) -> bool {
        let Some(handled) = self.of.get(name) else { return false };
        handled.bound || mentioned(annotation).iter().any(|name| !OF_JSON.contains(name) && handled.handed_to.contains(name))
    }

    fn hand(&mut self, call: &'a ast::ExprCall) {
        self.calls += 1;
        let Handling { of, calls } = self;
        let mut names = None;
        for name in call.arguments.args.iter().filter_map(Expr::as_name_expr) {
            let Some(handled) = of.get_mut(name.id.as_str()).filter(|handled| handled.call != *calls) else { continue };
            handled.call = *calls;
            let names = names.get_or_insert_with(|| called(&call.func));
            handled.handed_to.extend(names.iter());
        }
    }
}

impl<'a> Visitor<'a> for Handling<'a> {
    fn bind(&mut self, name: &'a str, _range: TextRange, _binding: Binding<'a>) {
        if let Some(handled) = self.of.get_mut(name) {
            handled.bound = true;
        }
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        let Expr::Call(call) = expr else { return };
        if let Some(Expr::Name(name)) = call.arguments.args.first()
            && last_name(&call.func).is_some_and(|called| READERS.contains(&called))
            && let Some(handled) = self.of.get_mut(name.id.as_str()).filter(|handled| !handled.bound)
        {
            handled.read_again.get_or_insert(call.range());
        }
        self.hand(call);
    }
}

/// The names of what is called. Calls of calls hold one another: of what is long nothing is said.
fn called(expr: &Expr) -> Vec<&str> {
    if expr.range().len().to_usize() <= MAX_CALLED { mentioned(expr) } else { Vec::new() }
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
