//! What a method may do to its own object alone, as long as nothing in the code can hand it another object.
//!
//! That the first parameter of a method is its object is a custom, not a fact: `Class.method(other)` passes any object. So what
//! depends on it is noted here, with every use of a method that may be such a call, and judged when the whole file is known.
//! It knows methods by their name only, whatever class they belong to.

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::ops::Bound;

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::Scan;
use super::names::is_special;
use super::resolve::Meaning;
use crate::map::{Map, Set};
use crate::report::shorten;
use crate::rule::Rule;
use crate::walk::{Binding, NameScope};

/// Methods whose first parameter is a class, without a decorator that says so.
const OF_CLASSES: &[&str] = &["__new__", "__init_subclass__", "__class_getitem__"];
/// Decorators that hand a method to nobody.
const PLAIN_DECORATORS: &[(&str, &str)] = &[("abc", "abstractmethod"), ("typing", "override"), ("typing", "final")];
/// Attributes of properties that hold their methods.
const OF_PROPERTIES: &[&str] = &["fget", "fset", "fdel", "func", "__get__", "__set__", "__delete__"];
/// Names followed to a base class.
const MAX_BASES: usize = 8;

/// Everything noted of one file.
#[derive(Debug, Default)]
pub(super) struct Receivers<'a> {
    claims: Vec<Claim<'a>>,
    uses: Vec<Use<'a>>,
    /// Whether some class may be a class of classes: its objects have methods among their own attributes.
    classes_of_classes: bool,
    /// Classes that a decorator may replace, and classes that others inherit from.
    decorated: Set<&'a str>,
    inherited: Set<&'a str>,
}

/// Something that is harmless if the object of `method` is its own.
#[derive(Debug)]
struct Claim<'a> {
    method: Method<'a>,
    rule: &'static Rule,
    range: TextRange,
    message: String,
    /// Whether it matters only where the code has streams of the library.
    of_streams: bool,
}

/// A method whose first parameter is its object unless somebody calls it on another one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method<'a> {
    name: &'a str,
    receiver: &'a str,
    /// How many arguments a call of the bare function needs, the object among them.
    required: usize,
    /// Whether it is reached as an attribute of its object and never called by name.
    property: bool,
}

/// A place where a method is named.
#[derive(Debug)]
struct Use<'a> {
    name: Named<'a>,
    how: How<'a>,
    /// The method whose object this is done to, or handed to.
    within: Option<Method<'a>>,
    line: TextRange,
}

#[derive(Debug)]
enum Named<'a> {
    Whole(&'a str),
    Owned(String),
    Prefix(String),
}

impl Named<'_> {
    /// The name, or what it starts with.
    fn text(&self) -> (&str, bool) {
        match self {
            Named::Whole(name) => (name, false),
            Named::Owned(name) => (name, false),
            Named::Prefix(prefix) => (prefix, true),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum How<'a> {
    /// It is read, and whoever gets it may call it in any way.
    Value,
    /// It is read as a plain name of a class body, where it is the bare function.
    Bare,
    Call(&'a ast::Arguments),
}

impl<'a> Method<'a> {
    /// Whether a use may run the bare function on an object of the caller's choice.
    fn is_at_risk(&self, how: How<'a>) -> bool {
        match how {
            How::Bare => true,
            How::Value => !self.property,
            How::Call(_) if self.property => false,
            How::Call(arguments) => {
                let unpacked = arguments.args.iter().any(Expr::is_starred_expr) || arguments.keywords.iter().any(|word| word.arg.is_none());
                let names_receiver = arguments.find_keyword(self.receiver).is_some();
                let supplied = arguments.args.len() + arguments.keywords.len();
                unpacked || (supplied >= self.required && (!arguments.args.is_empty() || names_receiver))
            }
        }
    }
}

impl<'a> Scan<'a, '_> {
    /// Allows something that is harmless on a method's own object, unless the end of the file shows that another can be passed.
    /// Says whether the expression is such an object at all.
    pub(super) fn claim_own(&mut self, object: &Expr, rule: &'static Rule, range: TextRange, message: &str) -> bool {
        let Some(method) = self.method_of(object) else { return false };
        self.receivers.claims.push(Claim { method, rule, range, message: message.to_owned(), of_streams: false });
        true
    }

    /// The same of what is harmless anyway in code without streams of the library.
    pub(super) fn claim_own_beside_streams(&mut self, object: &Expr, rule: &'static Rule, range: TextRange, message: String) -> bool {
        let Some(method) = self.method_of(object) else { return false };
        self.receivers.claims.push(Claim { method, rule, range, message, of_streams: true });
        true
    }

    /// The method whose first parameter an expression is.
    fn method_of(&self, object: &Expr) -> Option<Method<'a>> {
        self.receiver_frame(object)?.method
    }

    /// Notes the call of an attribute.
    pub(super) fn note_call(&mut self, call: &'a ast::ExprCall, attribute: &'a ast::ExprAttribute) {
        if self.is_plain_data(&attribute.value) {
            return;
        }
        let handed_on = call.arguments.args.first().and_then(|first| self.method_of(first));
        let within = self.method_behind(&attribute.value).or(handed_on);
        self.note(Named::Whole(attribute.attr.as_str()), How::Call(&call.arguments), within, attribute.range);
    }

    /// Whether an expression is an object of a builtin type or the data of an object, which have no methods of this code's classes.
    fn is_plain_data(&self, base: &Expr) -> bool {
        let value = if let Expr::Name(name) = base { self.value_of(name.id.as_str()) } else { None };
        match value.unwrap_or(base) {
            Expr::Attribute(attribute) => &*attribute.attr == "__dict__",
            other => {
                other.is_literal_expr()
                    || matches!(other, Expr::Dict(_) | Expr::List(_) | Expr::Set(_) | Expr::FString(_) | Expr::DictComp(_))
            }
        }
    }

    /// Notes an attribute that is read without being called.
    pub(super) fn note_read(&mut self, attribute: &'a ast::ExprAttribute) {
        let within = self.method_behind(&attribute.value);
        self.note(Named::Whole(attribute.attr.as_str()), How::Value, within, attribute.range);
    }

    /// Notes that an attribute is set: a property that becomes another class's reads the objects of that class.
    pub(super) fn note_store(&mut self, object: Option<&Expr>, range: TextRange) {
        let within = object.and_then(|object| self.method_of(object));
        self.note(Named::Whole(OF_PROPERTIES[0]), How::Value, within, range);
    }

    /// Notes an attribute that is read by a name in a text.
    pub(super) fn note_named(&mut self, name: &str, object: Option<&Expr>, range: TextRange) {
        let within = object.and_then(|object| self.method_of(object));
        self.note(Named::Owned(name.to_owned()), How::Value, within, range);
    }

    /// Notes an attribute of whose name only the beginning is known.
    pub(super) fn note_prefix(&mut self, prefix: &str, object: Option<&Expr>, range: TextRange) {
        let within = object.and_then(|object| self.method_of(object));
        self.note(Named::Prefix(prefix.to_owned()), How::Value, within, range);
    }

    /// Notes a name that is read where a class body's own names are visible.
    pub(super) fn note_name(&mut self, name: &'a str, range: TextRange) {
        let body = self.frames.iter().rev().find(|frame| {
            !matches!(frame.kind, NameScope::TypeParameters | NameScope::Comprehension { .. } | NameScope::Generator | NameScope::Lambda)
        });
        if body.is_some_and(|frame| frame.kind == NameScope::Class) {
            self.note(Named::Whole(name), How::Bare, None, range);
        }
    }

    fn note(&mut self, name: Named<'a>, how: How<'a>, within: Option<Method<'a>>, line: TextRange) {
        self.receivers.uses.push(Use { name, how, within, line });
    }

    /// The method on whose object something is read: `self.name` or `super().name`.
    fn method_behind(&self, base: &Expr) -> Option<Method<'a>> {
        match base {
            Expr::Call(call) if call.arguments.is_empty() && matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "super") => {
                let builtin = matches!(self.meaning("super"), Meaning::Free);
                self.frames.iter().rev().find(|frame| frame.receiver.is_some())?.method.filter(|_| builtin)
            }
            other => self.method_of(other),
        }
    }

    /// The method that a function in a class body is, unless something about it lets any object in.
    pub(super) fn method_named(&mut self, function: &'a ast::StmtFunctionDef) -> Option<Method<'a>> {
        let name = function.name.as_str();
        let list = &*function.parameters;
        let receiver = list.posonlyargs.iter().chain(&list.args).next()?;
        let mangled = name.starts_with("__") && !is_special(name);
        if mangled || OF_CLASSES.contains(&name) || receiver.default.is_some() {
            return None;
        }
        let property = match &*function.decorator_list {
            [] => false,
            decorators => {
                let plain = decorators.iter().all(|decorator| self.is_plain_decorator(&decorator.expression, name));
                if !plain {
                    return None;
                }
                decorators.iter().any(|decorator| self.is_property(&decorator.expression, name))
            }
        };
        let parameters = list.posonlyargs.iter().chain(&list.args).chain(&list.kwonlyargs);
        let required = parameters.filter(|parameter| parameter.default.is_none()).count();
        Some(Method { name, receiver: receiver.parameter.name.as_str(), required, property })
    }

    fn is_plain_decorator(&self, decorator: &Expr, method: &str) -> bool {
        let plain = self.qualified(decorator).is_some_and(|(module, name)| PLAIN_DECORATORS.contains(&(&*module, name)));
        plain || self.is_property(decorator, method)
    }

    /// `@property`, `@cached_property`, and `@name.setter` on the property that the class makes just before.
    fn is_property(&self, decorator: &Expr, method: &str) -> bool {
        match decorator {
            Expr::Name(name) if name.id.as_str() == "property" => matches!(self.meaning("property"), Meaning::Free),
            Expr::Attribute(attribute) if matches!(attribute.attr.as_str(), "setter" | "deleter") => {
                let class = self
                    .frames
                    .iter()
                    .rev()
                    .find(|frame| frame.kind == NameScope::Class)
                    .and_then(|frame| self.scopes.tables.get(frame.table));
                let symbol = class.and_then(|table| table.symbols.get(method));
                let getter = symbol.filter(|symbol| symbol.count == 2).and_then(|symbol| match symbol.first {
                    Some(Binding::Function(getter)) => getter.decorator_list.first(),
                    _ => None,
                });
                matches!(&*attribute.value, Expr::Name(name) if name.id.as_str() == method)
                    && getter.is_some_and(|getter| matches!(&getter.expression, Expr::Name(name) if name.id.as_str() == "property"))
                    && matches!(self.meaning("property"), Meaning::Free)
            }
            other => self.qualified(other).is_some_and(|(module, name)| module == "functools" && name == "cached_property"),
        }
    }

    /// Decorators are called with what they decorate. A `@name.setter` reads the property, which hands its method to nobody.
    pub(super) fn decorators(&mut self, list: &'a [ast::Decorator], name: &str) {
        for decorator in list {
            let Expr::Attribute(attribute) = &decorator.expression else { continue };
            self.note_read(attribute);
            if self.is_property(&decorator.expression, name) && attribute.value.is_name_expr() && self.modules(&attribute.value).is_empty()
            {
                self.mark_judged(&attribute.value);
            }
        }
    }

    /// Notes whether a class may inherit from `type`.
    pub(super) fn note_bases(&mut self, class: &'a ast::StmtClassDef) {
        let bases = class.bases();
        let plain_keyword = |keyword: &ast::Keyword| match keyword.arg.as_deref() {
            None => false,
            Some("metaclass") => self.qualified(&keyword.value).is_some(),
            Some(_) => true,
        };
        let plain = bases.iter().all(|base| self.makes_objects(base, MAX_BASES)) && class.keywords().iter().all(plain_keyword);
        self.receivers.classes_of_classes |= !plain;
        if !class.decorator_list.is_empty() && !class.decorator_list.iter().all(|decorator| self.is_foreign(&decorator.expression)) {
            self.receivers.decorated.insert(class.name.as_str());
        }
        self.receivers.inherited.extend(bases.iter().filter_map(|base| base.as_name_expr()).map(|name| name.id.as_str()));
    }

    /// Whether some class seen so far may be a class of classes, or made by one that this code writes.
    pub(super) fn has_classes_of_classes(&self) -> bool {
        self.receivers.classes_of_classes
    }

    /// Whether a base class is plainly not a class of classes.
    fn makes_objects(&self, base: &Expr, steps: usize) -> bool {
        let Some(steps) = steps.checked_sub(1) else { return false };
        let plain = |name: &str| !name.ends_with("Meta") && !name.ends_with("Type");
        match base {
            Expr::Subscript(subscript) => self.makes_objects(&subscript.value, steps),
            Expr::Attribute(attribute) => !self.modules(&attribute.value).is_empty() && plain(attribute.attr.as_str()),
            Expr::Call(call) => {
                self.qualified(&call.func).is_some_and(|(_, name)| matches!(name, "namedtuple" | "NamedTuple" | "TypedDict" | "NewType"))
            }
            Expr::Name(name) => match self.meaning(name.id.as_str()).symbol() {
                None => name.id.as_str() != "type",
                Some(symbol) if !symbol.imports.is_empty() => {
                    let imported = |binding: &Binding<'_>| matches!(binding, Binding::ImportFrom(_, alias) if plain(alias.name.as_str()));
                    symbol.count as usize == symbol.imports.len() && symbol.imports.iter().all(imported)
                }
                Some(symbol) => match symbol.single_value() {
                    Some(value) => self.makes_objects(value, steps),
                    None => symbol.is_bound_once() && matches!(symbol.first, Some(Binding::Class)),
                },
            },
            _ => false,
        }
    }

    /// Judges what was allowed on a method's own object, with every use of the method known.
    pub(super) fn judge_claims(&mut self) {
        let mut noted = std::mem::take(&mut self.receivers);
        let streams = self.streams.are_there();
        noted.claims.retain(|claim| streams || !claim.of_streams);
        if noted.claims.is_empty() {
            return;
        }
        let exposed = exposed_methods(&noted);
        let classes = noted.classes_of_classes || !noted.decorated.is_disjoint(&noted.inherited);
        for claim in noted.claims {
            let why = if classes {
                "in code where objects may be classes".to_owned()
            } else if let Some(line) = exposed.get(claim.method.name) {
                let line = self.lines.line(line.start());
                format!("in `{}`, which line {line} may call on any object", shorten(claim.method.name))
            } else {
                continue;
            };
            self.add(claim.rule, claim.range, format!("{}, {why}", claim.message));
        }
    }
}

/// The methods that may run on objects of others, each with the use that shows it.
fn exposed_methods<'a>(noted: &Receivers<'a>) -> Map<&'a str, TextRange> {
    let mut methods: BTreeMap<&'a str, Vec<Method<'a>>> = BTreeMap::new();
    let mut passed_on: Map<&'a str, Vec<&Use<'a>>> = Map::default();
    let mut properties = false;
    for method in noted.claims.iter().map(|claim| claim.method).chain(noted.uses.iter().filter_map(|used| used.within)) {
        properties |= method.property;
        let same = methods.entry(method.name).or_default();
        let known = same
            .iter()
            .any(|other| other.required == method.required && other.receiver == method.receiver && other.property == method.property);
        if !known {
            same.push(method);
        }
    }
    for used in &noted.uses {
        if let Some(method) = used.within {
            passed_on.entry(method.name).or_default().push(used);
        }
    }
    let mut exposed: Map<&'a str, TextRange> = Map::default();
    // Each use of many methods is looked at once: the next like it exposes the same ones.
    let mut of_many: Set<(&str, bool)> = Set::default();
    let mut open: Vec<&Use<'a>> = noted.uses.iter().filter(|used| used.within.is_none()).rev().collect();
    while let Some(used) = open.pop() {
        let (name, is_prefix) = used.name.text();
        let is_of_many = is_prefix || (properties && opens_property(name, is_prefix));
        if is_of_many && !of_many.insert((name, is_prefix)) {
            continue;
        }
        for name in at_risk(used, &methods, properties) {
            if let Entry::Vacant(place) = exposed.entry(name) {
                place.insert(used.line);
                open.extend(passed_on.remove(name).unwrap_or_default());
            }
        }
    }
    exposed
}

/// Whether reading an attribute of this name, or of one that starts so, hands out the method of a property.
fn opens_property(name: &str, is_prefix: bool) -> bool {
    OF_PROPERTIES.iter().any(|attribute| if is_prefix { attribute.starts_with(name) } else { *attribute == name })
}

/// The methods that one use may run on any object.
fn at_risk<'a>(used: &Use<'a>, methods: &BTreeMap<&'a str, Vec<Method<'a>>>, properties: bool) -> Set<&'a str> {
    let risky = |same: &[Method<'a>]| same.iter().any(|method| method.is_at_risk(used.how));
    let (name, prefix) = used.name.text();
    if properties && opens_property(name, prefix) {
        return methods.iter().filter(|(_, same)| same.iter().any(|method| method.property)).map(|(name, _)| *name).collect();
    }
    if prefix {
        let from = methods.range::<str, _>((Bound::Included(name), Bound::Unbounded)).take_while(|(method, _)| method.starts_with(name));
        return from.filter(|(_, same)| risky(same)).map(|(method, _)| *method).collect();
    }
    methods.get_key_value(name).filter(|(_, same)| risky(same)).map(|(method, _)| *method).into_iter().collect()
}
