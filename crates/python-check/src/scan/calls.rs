//! Calls whose arguments decide whether they are allowed: attribute functions, `type`, and the call-only functions of modules.

use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::{Ranged, TextRange};

use super::fold::Prefix;
use super::names::is_special;
use super::resolve::Meaning;
use super::{Scan, advice};
use crate::catalog::{Name, Verdict, is_private_path};
use crate::report::shorten;
use crate::rule;
use crate::scope::Symbol;
use crate::walk::{Binding, Place};

impl<'a> Scan<'a, '_> {
    pub(super) fn call(&mut self, call: &'a ast::ExprCall) {
        match &*call.func {
            Expr::Name(name) => {
                let meaning = self.meaning(name.id.as_str());
                if !matches!(meaning, Meaning::Bound(_)) {
                    self.builtin_call(call, name.id.as_str());
                }
                // Most calls are of builtins and of this code's own functions, which are neither classes of classes nor imported.
                if meaning.symbol().is_some_and(|symbol| !symbol.is_plain_function()) {
                    self.class_call(call);
                    self.call_only(call);
                }
            }
            Expr::Attribute(attribute) => {
                self.note_call(call, attribute);
                self.method_call(call, attribute);
                self.bytes_of_stream(call);
                self.class_call(call);
                self.call_only(call);
                self.format_call(call);
            }
            _ => self.class_call(call),
        }
        self.handed_to_caller(call);
    }

    fn builtin_call(&mut self, call: &'a ast::ExprCall, name: &str) {
        match name {
            "getattr" | "setattr" | "delattr" => {
                self.mark_judged(&call.func);
                let done = self.own_access(call, name) || (name == "getattr" && self.module_access(call));
                if !done {
                    if name != "getattr" {
                        self.note_store(call.arguments.args.first(), call.range());
                    }
                    self.named_access(call, 1, name);
                }
            }
            "open" if self.catalog.is_compatible() && self.opens_private_file(call) => {
                self.streams.have_come();
                self.mark_judged(&call.func);
            }
            // The same as `object.__dict__`.
            "vars" => {
                if let [object] = &*call.arguments.args
                    && self.claim_own(object, &rule::INTROSPECTION_BUILTIN, call.range(), "`vars` of an object")
                {
                    self.mark_judged(&call.func);
                }
            }
            "type"
                if call.arguments.args.len() > 1
                    || !call.arguments.keywords.is_empty()
                    || call.arguments.args.iter().any(Expr::is_starred_expr) =>
            {
                self.add(&rule::DYNAMIC_TYPE, call.range(), "`type` makes a class".to_owned());
            }
            _ => {}
        }
    }

    /// `open` of a file below the private `/tmp` whose name is written out. Without `buffering` and `opener` it answers a stream, not
    /// the file behind one.
    fn opens_private_file(&self, call: &'a ast::ExprCall) -> bool {
        let [file, rest @ ..] = &*call.arguments.args else { return false };
        let plain = !file.is_starred_expr() && rest.iter().all(|argument| !argument.is_starred_expr()) && rest.len() <= 1;
        let named = |keyword: &ast::Keyword| {
            keyword.arg.as_ref().is_some_and(|name| matches!(name.as_str(), "mode" | "encoding" | "errors" | "newline"))
        };
        let paths = self.constant_names(file).unwrap_or_default();
        plain && call.arguments.keywords.iter().all(named) && !paths.is_empty() && paths.iter().all(|path| is_private_path(path))
    }

    /// What a method sets on its own object is its own attribute, and so is what it reads by the names that its class lists.
    fn own_access(&mut self, call: &'a ast::ExprCall, function: &str) -> bool {
        let [object, name, ..] = &*call.arguments.args else { return false };
        if object.is_starred_expr() || name.is_starred_expr() {
            return false;
        }
        let message = format!("`{function}` with a computed name");
        if function != "getattr" {
            return self.claim_own(object, &rule::INTROSPECTION_NAME, name.range(), &message);
        }
        let Some(names) = self.class_constants(name) else { return false };
        let own = self.claim_own(object, &rule::INTROSPECTION_NAME, name.range(), &message);
        if own {
            names.iter().for_each(|constant| self.constant_access(constant, name.range(), function));
        }
        own
    }

    /// `getattr(module, "name")` reads a member as `module.name` does; says whether the call is that.
    fn module_access(&mut self, call: &'a ast::ExprCall) -> bool {
        let [module, name, ..] = &*call.arguments.args else { return false };
        let modules = self.modules(module);
        let Some(names) = self.constant_names(name).filter(|_| !modules.is_empty()) else { return false };
        self.mark_judged(module);
        for (module, name) in modules.iter().flat_map(|module| names.iter().map(move |name| (module, name))) {
            self.member_by_name(module, name, call.range(), Place::Value);
        }
        true
    }

    /// An access whose attribute name is the argument at `index`.
    fn named_access(&mut self, call: &'a ast::ExprCall, index: usize, function: &str) {
        let starred = call.arguments.args.iter().take(index + 1).any(Expr::is_starred_expr);
        match call.arguments.args.get(index) {
            Some(name) if !starred => self.attribute_argument(name, call.arguments.args.first().filter(|_| index > 0), function),
            _ => self.add(&rule::INTROSPECTION_NAME, call.range(), format!("`{function}` without a name that is written out")),
        }
    }

    fn attribute_argument(&mut self, argument: &'a Expr, object: Option<&'a Expr>, function: &str) {
        if let Some(names) = self.constant_names(argument) {
            names.iter().for_each(|name| self.note_named(name, object, argument.range()));
            names.iter().for_each(|name| self.constant_access(name, argument.range(), function));
            return;
        }
        match self.fold_prefix(argument) {
            Prefix::Start(prefix) if !self.may_become_refused(&prefix) => {
                self.note_prefix(&prefix, object, argument.range());
                self.note_prefix_of_behind(&prefix, argument.range());
            }
            Prefix::Whole(_) | Prefix::Start(_) | Prefix::Unknown => {
                let message = format!("`{function}` with a computed name");
                let module = object.and_then(|object| self.modules(object).into_iter().next());
                match module.as_deref().and_then(advice::of_computed_member) {
                    Some(other) => self.suggest(&rule::INTROSPECTION_NAME, argument.range(), message, other.to_owned()),
                    None => self.add(&rule::INTROSPECTION_NAME, argument.range(), message),
                }
            }
        }
    }

    /// `"name" in locals()` tells whether a variable is there, and hands out nothing.
    pub(super) fn membership(&mut self, compare: &'a ast::ExprCompare) {
        let ([op], [namespace], Expr::StringLiteral(_)) = (&*compare.ops, &*compare.comparators, &*compare.left) else { return };
        let Expr::Call(call) = namespace else { return };
        let Expr::Name(name) = &*call.func else { return };
        let asks = (op.is_in() || op.is_not_in()) && call.arguments.is_empty() && matches!(name.id.as_str(), "locals" | "globals");
        if asks && matches!(self.meaning(&name.id), Meaning::Free) {
            self.mark_judged(&call.func);
        }
    }

    fn constant_access(&mut self, name: &str, range: TextRange, function: &str) {
        let special = is_special(name) && !matches!(name, "__name__" | "__doc__" | "__qualname__" | "__module__" | "__version__");
        let refused = self.attribute_by_name(name, range);
        if !refused && (special || matches!(name, "format" | "format_map")) {
            self.add(&rule::INTROSPECTION_NAME, range, format!("`{function}` reaches `{}`", shorten(name)));
        }
    }

    fn method_call(&mut self, call: &'a ast::ExprCall, attribute: &'a ast::ExprAttribute) {
        match attribute.attr.as_str() {
            // `object.__setattr__(self, "name", value)` is how frozen classes set their fields.
            function @ ("__setattr__" | "__delattr__") => {
                let bound = matches!(&*attribute.value, Expr::Call(inner) if matches!(&*inner.func, Expr::Name(name) if name.id.as_str() == "super"));
                self.mark_judged(&call.func);
                self.note_store(if bound { None } else { call.arguments.args.first() }, call.range());
                self.named_access(call, usize::from(!bound), function);
            }
            "read" => {
                // A stream is read without an argument or with a number; `ConfigParser.read` takes names of files.
                let plain = matches!(&*call.arguments.args, [] | [Expr::NumberLiteral(_)]);
                if plain && call.arguments.keywords.is_empty() {
                    self.mark_judged(&call.func);
                }
            }
            _ => {}
        }
    }

    /// Functions of modules that may only be called, each with its own check of the arguments.
    fn call_only(&mut self, call: &'a ast::ExprCall) {
        if matches!(&*call.func, Expr::Attribute(attribute) if !self.catalog.may_be_call_only(&attribute.attr)) {
            return;
        }
        let Some((module, name)) = self.qualified(&call.func) else { return };
        if self.catalog.module(&module) != Verdict::Reviewed || self.catalog.name(&module, name) != Name::CallOnly {
            return;
        }
        self.mark_judged(&call.func);
        let positional = call.arguments.args.len();
        let starred =
            call.arguments.args.iter().any(Expr::is_starred_expr) || call.arguments.keywords.iter().any(|keyword| keyword.arg.is_none());
        let only = |allowed: &[&str]| {
            call.arguments.keywords.iter().all(|keyword| keyword.arg.as_ref().is_some_and(|name| allowed.contains(&name.as_str())))
        };
        let checked = match name {
            "attrgetter" => return self.getter(call, true),
            "methodcaller" => return self.getter(call, false),
            "wraps" => positional == 1 && only(&[]),
            "update_wrapper" => positional == 2 && only(&[]),
            "GzipFile" => {
                positional == 0 && only(&["fileobj", "mode", "compresslevel", "mtime"]) && call.arguments.find_keyword("fileobj").is_some()
            }
            "basicConfig" => positional == 0 && only(&["level", "format", "datefmt", "force"]),
            "Formatter" => positional <= 2 && only(&["fmt", "datefmt"]),
            "StreamHandler" => true,
            "ZipFile" => call.arguments.args.first().is_some_and(|file| self.is_in_memory(file)),
            // The mode, which in a spooled file comes after the largest size.
            "NamedTemporaryFile" | "TemporaryFile" | "SpooledTemporaryFile" => {
                positional <= if name == "SpooledTemporaryFile" { 2 } else { 1 }
                    && only(&["mode", "encoding", "newline", "errors", "delete", "max_size"])
            }
            "canonicalize" => positional == 1 && only(&["with_comments", "strip_text", "rewrite_prefixes"]),
            _ => true,
        };
        if !checked || starred {
            self.add(&rule::API_ARGUMENTS, call.range(), format!("`{name}` with arguments that reach further than its purpose"));
        }
    }

    /// Whether an expression is plainly something to write data to, in code that has archives too.
    pub(super) fn is_stream(&self, expr: &Expr) -> bool {
        let value = match expr {
            Expr::Name(name) => self.plain_value(name.id.as_str()),
            _ => None,
        };
        let Expr::Call(call) = value.unwrap_or(expr) else { return false };
        match &*call.func {
            Expr::Attribute(attribute) if &*attribute.attr == "open" => self.is_archive(&attribute.value),
            func => self
                .qualified(func)
                .is_some_and(|(module, name)| module == "io" && matches!(name, "BytesIO" | "StringIO" | "TextIOWrapper")),
        }
    }

    /// Whether an expression is a name that only ever stands for an archive.
    fn is_archive(&self, expr: &Expr) -> bool {
        let Expr::Name(name) = expr else { return false };
        let Some(Expr::Call(call)) = self.plain_value(name.id.as_str()) else { return false };
        self.qualified(&call.func).is_some_and(|(module, name)| module == "zipfile" && name == "ZipFile")
    }

    /// The one value of a name that an assignment or a `with` binds.
    fn plain_value(&self, name: &str) -> Option<&'a Expr> {
        match self.meaning(name).symbol()? {
            symbol @ Symbol { first: Some(Binding::With(value) | Binding::Assign(value)), deleted: false, .. }
                if symbol.is_bound_once() =>
            {
                Some(value)
            }
            _ => None,
        }
    }

    /// Whether an expression is plainly a stream in memory, made here or once under this name.
    fn is_in_memory(&self, expr: &Expr) -> bool {
        let value = if let Expr::Name(name) = expr { self.value_of(name.id.as_str()) } else { None };
        let Expr::Call(call) = value.unwrap_or(expr) else { return false };
        self.qualified(&call.func).is_some_and(|(module, name)| module == "io" && name == "BytesIO")
    }

    /// `attrgetter("a.b", "c")` and `methodcaller("name", ...)`.
    fn getter(&mut self, call: &'a ast::ExprCall, all: bool) {
        let names = if all { &call.arguments.args[..] } else { &call.arguments.args[..call.arguments.args.len().min(1)] };
        if names.is_empty() || !call.arguments.keywords.is_empty() && all {
            self.add(&rule::INTROSPECTION_NAME, call.range(), "a getter without a name that is written out".to_owned());
        }
        for argument in names {
            match self.fold_prefix(argument) {
                Prefix::Whole(path) => {
                    for name in path.split('.') {
                        self.note_named(name, None, argument.range());
                        if !self.attribute_by_name(name, argument.range()) && matches!(name, "format" | "format_map") {
                            self.add(&rule::FORMAT_FORMATTER, argument.range(), "a getter of `format` takes any template".to_owned());
                        }
                    }
                }
                Prefix::Start(_) | Prefix::Unknown => {
                    self.add(&rule::INTROSPECTION_NAME, argument.range(), "a getter with a computed name".to_owned());
                }
            }
        }
    }
}
