//! Classes that no class statement writes out: made by calling `type` or another class of classes, however it is reached. Nobody
//! can read what such a class defines, so it may not be made, and no class pattern may read attributes by what it lists.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::Scan;
use super::resolve::Meaning;
use crate::map::Set;
use crate::rule;
use crate::scope::Scopes;
use crate::walk::Binding;

/// Classes that inherit from classes that come later in the text are found in a later pass; people write one or two levels.
const MAX_PASSES: usize = 8;
/// Names and calls followed to a class of classes.
const MAX_STEPS: usize = 8;
/// Functions that call what they are given, with arguments from elsewhere.
const CALLERS: &[&str] = &["partial", "partialmethod", "starmap", "reduce", "accumulate"];

/// What a class of classes is, as an expression says it.
enum Maker<'e> {
    /// `type`, a metaclass of this code, or an imported one.
    Metaclass,
    /// The class of an object: a class of classes if the object is a class.
    ClassOf(&'e Expr),
}

/// The names of classes in this code that inherit from nothing and are what their statement says: `dataclass` adds methods. Each class
/// of the name is such a one.
pub(super) fn plain<'a>(scopes: &Scopes<'a>) -> Set<&'a str> {
    let is_plain = |class: &ast::StmtClassDef| {
        class.arguments.is_none() && class.decorator_list.iter().all(|decorator| is_dataclass(&decorator.expression, scopes))
    };
    let (plain, others): (Vec<_>, Vec<_>) = scopes.classes.iter().copied().partition(|class| is_plain(class));
    let others: Set<&str> = others.iter().map(|class| class.name.as_str()).collect();
    plain.iter().map(|class| class.name.as_str()).filter(|name| !others.contains(name)).collect()
}

/// `@dataclass` and `@dataclasses.dataclass`, with arguments or without.
fn is_dataclass(decorator: &Expr, scopes: &Scopes<'_>) -> bool {
    let only_import = |name: &str| scopes.global(name).filter(|symbol| symbol.is_bound_once()).and_then(|symbol| symbol.first);
    match decorator {
        Expr::Call(call) => is_dataclass(&call.func, scopes),
        Expr::Name(name) => matches!(
            only_import(&name.id),
            Some(Binding::ImportFrom(import, alias)) if import.module.as_deref() == Some("dataclasses") && &*alias.name == "dataclass"
        ),
        Expr::Attribute(attribute) if &*attribute.attr == "dataclass" => attribute
            .value
            .as_name_expr()
            .is_some_and(|module| matches!(only_import(&module.id), Some(Binding::Import(alias)) if &*alias.name == "dataclasses")),
        _ => false,
    }
}

/// The names of classes in this code whose objects are classes.
pub(super) fn metaclasses<'a>(scopes: &Scopes<'a>) -> Set<&'a str> {
    let mut found: Set<&'a str> = Set::default();
    for _ in 0..MAX_PASSES {
        let before = found.len();
        let makes_classes = |base: &Expr| match base {
            Expr::Name(name) => {
                let value = scopes.global(&name.id).and_then(|symbol| symbol.single_value()).and_then(Expr::as_name_expr);
                [Some(name), value]
                    .into_iter()
                    .flatten()
                    .any(|name| found.contains(name.id.as_str()) || is_foreign_metaclass(&name.id, scopes))
            }
            Expr::Attribute(ast::ExprAttribute { value, attr, .. }) => {
                is_metaclass_name(attr) && matches!(&**value, Expr::Name(module) if is_imported(&module.id, scopes))
            }
            // `class M(type(A))`.
            Expr::Call(call) => matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "type"),
            _ => false,
        };
        let more: Vec<&'a str> =
            scopes.classes.iter().filter(|class| class.bases().iter().any(makes_classes)).map(|class| class.name.as_str()).collect();
        found.extend(more);
        if found.len() == before {
            break;
        }
    }
    found
}

/// Whether a name is `type`, or one that an import binds and that says so.
fn is_foreign_metaclass(name: &str, scopes: &Scopes<'_>) -> bool {
    let Some(symbol) = scopes.global(name) else { return name == "type" };
    symbol.imports.iter().any(|binding| matches!(binding, Binding::ImportFrom(_, alias) if is_metaclass_name(&alias.name)))
}

fn is_imported(name: &str, scopes: &Scopes<'_>) -> bool {
    scopes.global(name).is_some_and(|symbol| !symbol.imports.is_empty())
}

fn is_metaclass_name(name: &str) -> bool {
    matches!(name, "type" | "EnumType") || name.ends_with("Meta")
}

impl<'a> Scan<'a, '_> {
    /// A call that makes a class, by whatever name. `type(...)` itself is judged with the builtins, and what hands a class of classes on in
    /// [`Scan::handed_to_caller`].
    pub(super) fn class_call(&mut self, call: &'a ast::ExprCall) {
        let written = matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "type") && self.is_free(&call.func);
        if !written {
            match self.maker(&call.func, MAX_STEPS) {
                Some(Maker::Metaclass) if makes_class(&call.arguments) => self.made(call.range()),
                Some(Maker::ClassOf(object)) if takes_three(&call.arguments) => self.made_by_class_of(object, call.range()),
                _ => {}
            }
        }
        if let Expr::Attribute(attribute) = &*call.func {
            self.unbound_maker(call, attribute);
        }
    }

    /// `type.__call__(type, ...)` and `M.__new__(M, ...)`, which a metaclass itself uses in its own methods.
    fn unbound_maker(&mut self, call: &'a ast::ExprCall, attribute: &'a ast::ExprAttribute) {
        if !matches!(attribute.attr.as_str(), "__call__" | "__new__") || self.classes.last().is_some_and(|class| class.meta) {
            return;
        }
        match self.maker(&attribute.value, MAX_STEPS) {
            Some(Maker::Metaclass) if makes_class(&call.arguments) => self.made(call.range()),
            Some(Maker::ClassOf(object)) if takes_three(&call.arguments) || call.arguments.args.len() > 3 => {
                self.made_by_class_of(object, call.range());
            }
            _ => {}
        }
    }

    /// `functools.partial(type, ...)` and `map(type, names, bases, members)`.
    pub(super) fn handed_to_caller(&mut self, call: &'a ast::ExprCall) {
        let caller = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return,
        };
        let more = call.arguments.args.len() > 2 || call.arguments.args.iter().any(Expr::is_starred_expr);
        if (CALLERS.contains(&caller) || caller == "map" && more)
            && call.arguments.args.first().is_some_and(|first| matches!(self.maker(first, MAX_STEPS), Some(Maker::Metaclass)))
        {
            self.made(call.range());
        }
    }

    fn made(&mut self, range: TextRange) {
        self.add(&rule::DYNAMIC_TYPE, range, "a call makes a class".to_owned());
    }

    /// The class of a method's own object makes no class, unless the object can be a class.
    fn made_by_class_of(&mut self, object: &Expr, range: TextRange) {
        let message = "the class of an object is called with three arguments, which makes a class where the object is one";
        if !self.claim_own(object, &rule::DYNAMIC_TYPE, range, message) {
            self.add(&rule::DYNAMIC_TYPE, range, message.to_owned());
        }
    }

    /// Whether an expression is a class of classes.
    fn maker<'e>(&self, expr: &'e Expr, steps: usize) -> Option<Maker<'e>>
    where
        'a: 'e,
    {
        let steps = steps.checked_sub(1)?;
        match expr {
            Expr::Name(name) => match self.meaning(&name.id).symbol() {
                None => (name.id.as_str() == "type").then_some(Maker::Metaclass),
                Some(symbol) => {
                    let imported =
                        |binding: &Binding<'_>| matches!(binding, Binding::ImportFrom(_, alias) if is_metaclass_name(&alias.name));
                    let own = matches!(symbol.first, Some(Binding::Class)) && self.metaclasses.contains(name.id.as_str());
                    if own || symbol.imports.iter().any(imported) {
                        return Some(Maker::Metaclass);
                    }
                    self.maker(symbol.single_value()?, steps)
                }
            },
            Expr::Attribute(attribute) if &*attribute.attr == "__class__" => Some(Maker::ClassOf(&attribute.value)),
            Expr::Attribute(attribute) => {
                (is_metaclass_name(&attribute.attr) && !self.modules(&attribute.value).is_empty()).then_some(Maker::Metaclass)
            }
            Expr::Call(call) if self.is_free(&call.func) => match (&*call.func, &*call.arguments.args) {
                (Expr::Name(name), [object]) if name.id.as_str() == "type" => Some(Maker::ClassOf(object)),
                _ => None,
            },
            Expr::Named(named) => self.maker(&named.value, steps),
            _ => None,
        }
    }

    /// Whether an expression is an object that the call of a class of this code makes, here or once under this name. Such a class
    /// inherits from nothing that is imported.
    pub(super) fn is_own_object(&self, object: &Expr) -> bool {
        let value = if let Expr::Name(name) = object { self.value_of(&name.id) } else { None };
        let Expr::Call(call) = value.unwrap_or(object) else { return false };
        let Expr::Name(class) = &*call.func else { return false };
        let symbol = self.meaning(&class.id).symbol();
        symbol.is_some_and(|symbol| symbol.is_bound_once() && matches!(symbol.first, Some(Binding::Class)))
            && self.plain_classes.contains(class.id.as_str())
            // It gives an object of any class, also where it is set on the class later.
            && !self.words.names_new(self.text)
    }

    fn is_free(&self, expr: &Expr) -> bool {
        matches!(expr, Expr::Name(name) if matches!(self.meaning(&name.id), Meaning::Free))
    }

    /// `case A(x, y)` reads the attributes that the class lists in `__match_args__`: the class must be one that can be read.
    pub(super) fn positional_pattern(&mut self, class: &'a Expr) {
        match self.is_written_class(class, MAX_STEPS) {
            Some(true) => {}
            // What its bases and metaclasses are is known at the end.
            Some(false) => self.own_patterns.push(class.range()),
            None => self.unread_pattern(class.range()),
        }
    }

    /// Judges the patterns of this code's own classes.
    pub(super) fn judge_patterns(&mut self) {
        if self.has_classes_of_classes() {
            let patterns = std::mem::take(&mut self.own_patterns);
            patterns.into_iter().for_each(|range| self.unread_pattern(range));
        }
    }

    fn unread_pattern(&mut self, range: TextRange) {
        let message = "a pattern reads attributes by position, of a class whose `__match_args__` are not written out";
        self.add(&rule::INTROSPECTION_NAME, range, message.to_owned());
    }

    /// Whether a class is written out: by the library (true) or by a class statement of this code (false).
    fn is_written_class(&self, class: &Expr, steps: usize) -> Option<bool> {
        let steps = steps.checked_sub(1)?;
        match class {
            Expr::Name(name) => match self.meaning(&name.id).symbol() {
                None => Some(true),
                Some(symbol) if !symbol.imports.is_empty() => (symbol.count as usize == symbol.imports.len()).then_some(true),
                Some(symbol) => match symbol.single_value() {
                    Some(Expr::Call(call)) => {
                        let (_, made) = self.qualified(&call.func)?;
                        matches!(made, "namedtuple" | "NamedTuple").then_some(true)
                    }
                    Some(value) => self.is_written_class(value, steps),
                    None => (symbol.is_bound_once() && matches!(symbol.first, Some(Binding::Class))).then_some(false),
                },
            },
            Expr::Attribute(attribute) if !self.modules(&attribute.value).is_empty() => Some(true),
            // A class inside a class.
            Expr::Attribute(attribute) => self.is_written_class(&attribute.value, steps).map(|_| false),
            _ => None,
        }
    }
}

/// Whether a call of a class of classes makes one: with one argument `type` only tells the class of an object.
fn makes_class(arguments: &ast::Arguments) -> bool {
    arguments.args.len() > 1 || !arguments.keywords.is_empty() || arguments.args.iter().any(Expr::is_starred_expr)
}

/// Whether a call may pass the name, the bases and the members of a class.
fn takes_three(arguments: &ast::Arguments) -> bool {
    arguments.args.len() == 3 || arguments.args.iter().any(Expr::is_starred_expr)
}
