//! Names that are read: builtins that are refused, modules used as values, and names that nothing defines.

use ruff_python_ast::{self as ast, Expr, ExprContext};
use ruff_text_size::TextRange;

use super::resolve::Meaning;
use super::{Marked, Scan, advice};
use crate::report::shorten;
use crate::rule::{self, Rule};
use crate::walk::{Binding, NameScope, Place};

/// Special names of a module that hold text or are empty.
const PLAIN_SPECIAL: &[&str] =
    &["__name__", "__doc__", "__debug__", "__file__", "__package__", "__class__", "__version__", "__author__", "__all__"];

/// Special names of a module that the interpreter itself looks up.
const HELD: &[&str] = &["__builtins__", "__annotations__", "__loader__", "__spec__", "__import__", "__build_class__", "__path__"];

/// Names that the runtime gives to top-level code.
const GIVEN: &[&str] = &["params", "WindowsError"];

/// Special names that a class body knows.
const IN_CLASS: &[&str] = &["__module__", "__qualname__"];

/// Whether it matters that the code binds this name before it reads it.
pub(super) fn is_restricted(name: &str) -> bool {
    refusal(name).is_some() || is_special(name)
}

/// Builtins that are refused wherever they are read.
fn refusal(name: &str) -> Option<(&'static Rule, &'static str)> {
    Some(match name {
        "open" | "file" => (&rule::FILE_BUILTIN, "it opens files"),
        "eval" | "exec" => (&rule::DYNAMIC_BUILTIN, "it runs text as code"),
        "execfile" => (&rule::DYNAMIC_BUILTIN, "it runs a file as code"),
        "compile" => (&rule::DYNAMIC_BUILTIN, "it makes code from text"),
        "__import__" => (&rule::DYNAMIC_BUILTIN, "it imports a module by a computed name"),
        "reload" => (&rule::DYNAMIC_BUILTIN, "it imports a module anew"),
        "globals" => (&rule::INTROSPECTION_BUILTIN, "it hands out the namespace of the module"),
        "locals" => (&rule::INTROSPECTION_BUILTIN, "it hands out a namespace"),
        "vars" => (&rule::INTROSPECTION_BUILTIN, "it hands out the namespace of any object"),
        "dir" => (&rule::INTROSPECTION_BUILTIN, "it lists what to reach for"),
        "breakpoint" => (&rule::DEBUG_BUILTIN, "it starts a debugger"),
        "help" => (&rule::DEBUG_BUILTIN, "it starts a pager"),
        "license" | "copyright" | "credits" => (&rule::DEBUG_BUILTIN, "it reads files and starts a pager"),
        "input" | "raw_input" => (&rule::CALL_FORBIDDEN, "there is nobody to ask"),
        "exit" | "quit" => (&rule::CALL_FORBIDDEN, "it belongs to interactive sessions"),
        "getattr" | "setattr" | "delattr" => (&rule::INTROSPECTION_ALIAS, "it reaches any attribute"),
        _ => return None,
    })
}

pub(super) fn is_special(name: &str) -> bool {
    name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

impl<'a> Scan<'a, '_> {
    pub(super) fn name(&mut self, expr: &'a Expr, name: &'a ast::ExprName, place: Place) {
        self.lookalike(name.id.as_str(), name.range);
        let id = name.id.as_str();
        if name.ctx == ExprContext::Load {
            self.read.insert(id);
        }
        if name.ctx != ExprContext::Load || self.is_judged(expr) {
            return;
        }
        self.note_name(id, name.range);
        match self.meaning(id) {
            Meaning::Bound(symbol) => self.imported(&symbol.imports, name, place),
            Meaning::Perhaps(symbol) => {
                self.imported(&symbol.imports, name, place);
                self.builtin(id, name.range, place);
            }
            Meaning::Free => {
                self.builtin(id, name.range, place);
                self.undefined(id, name.range);
            }
        }
    }

    fn builtin(&mut self, name: &str, range: TextRange, place: Place) {
        if let Some((rule, why)) = refusal(name) {
            let how = if place == Place::Callee { "call of" } else { "use of" };
            let message = format!("{how} `{name}`: {why}");
            match advice::of_builtin(name) {
                Some(other) => self.suggest(rule, range, message, other.to_owned()),
                None => self.add(rule, range, message),
            }
        } else if is_special(name) && !PLAIN_SPECIAL.contains(&name) && !IN_CLASS.contains(&name) {
            self.add(&rule::INTROSPECTION_MODULE_NAME, range, format!("use of `{}`", shorten(name)));
        }
    }

    fn undefined(&mut self, name: &str, range: TextRange) {
        let known = self.catalog.is_builtin(name) || GIVEN.contains(&name) || is_special(name) || refusal(name).is_some();
        if self.sound && !self.star_imports && !known && self.place_of_text.is_none() {
            let message = format!("nothing defines `{}`", shorten(name));
            match advice::of_python_2_builtin(name) {
                Some(other) => {
                    self.suggest(&rule::QUALITY_UNDEFINED, range, format!("{message}: it belongs to Python 2"), other.to_owned())
                }
                None => self.add(&rule::QUALITY_UNDEFINED, range, message),
            }
        }
    }

    /// A module may only stand left of a dot; a call-only function only left of a parenthesis.
    fn imported(&mut self, imports: &[Binding<'a>], name: &'a ast::ExprName, place: Place) {
        for binding in imports {
            let (Binding::Import(alias) | Binding::ImportFrom(_, alias)) = binding else { continue };
            match self.marked.get(&std::ptr::from_ref(*alias).addr()) {
                // Nobody evaluates the text of an annotation but `functools.singledispatch`.
                Some(Marked::Module) if place == Place::Annotation && self.place_of_text.is_some() && !self.dispatches => {}
                Some(Marked::Module) if !matches!(place, Place::AttributeBase | Place::Test) => {
                    self.add(&rule::PIVOT_VALUE, name.range, format!("the module `{}` is used as a value", name.id));
                }
                Some(Marked::CallOnly) if place != Place::Test => {
                    self.add(&rule::API_CALL_ONLY, name.range, format!("`{}` is used as a value", name.id));
                }
                Some(Marked::Module | Marked::CallOnly) | None => {}
            }
        }
    }

    pub(super) fn bound(&mut self, name: &'a str, range: TextRange, binding: Binding<'a>) {
        self.lookalike(name, range);
        self.note_certain(name, binding);
        let in_class = self.frames.last().is_some_and(|frame| frame.kind == NameScope::Class);
        if in_class {
            self.class_member(name, range);
            if name == "__match_args__" {
                self.bound_match_args(binding, range);
            }
            self.class_import(name, range, binding);
        } else if HELD.contains(&name) {
            self.add(&rule::INTROSPECTION_MODULE_NAME, range, format!("`{}` is bound", shorten(name)));
        }
    }

    /// What a class body imports can be reached through the class and its objects, where nothing follows it.
    fn class_import(&mut self, name: &str, range: TextRange, binding: Binding<'a>) {
        let (Binding::Import(alias) | Binding::ImportFrom(_, alias)) = binding else { return };
        match self.marked.get(&std::ptr::from_ref(alias).addr()) {
            Some(Marked::Module) => self.add(&rule::PIVOT_VALUE, range, format!("the module `{name}` becomes an attribute of a class")),
            Some(Marked::CallOnly) => self.add(&rule::API_CALL_ONLY, range, format!("`{name}` becomes an attribute of a class")),
            None => {}
        }
    }

    /// A name that is written in other characters than it means.
    pub(super) fn lookalike(&mut self, name: &str, range: TextRange) {
        if range.len().to_usize() > name.len()
            && name.is_ascii()
            && !name.is_empty()
            && self.place_of_text.is_none()
            && self.text_is_not_ascii(range)
        {
            self.add(&rule::ENCODING_LOOKALIKE, range, format!("this name is read as `{}`", shorten(name)));
        }
    }
}
