//! The policy scan: one walk that judges every import, name, attribute, call and template of a module.
//!
//! It follows names to their scope and imports to their module, and constants through simple assignments. It is a lint, not
//! a proof: what it cannot follow it refuses where that is rare in honest code, and leaves to the sandbox where it is not.

mod advice;
mod annotations;
mod attributes;
mod calls;
mod classes;
mod fold;
mod format;
mod imports;
mod names;
mod receivers;
mod resolve;
mod streams;

use std::cell::{Cell, OnceCell};

use domain::code::Import;
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::catalog::{Catalog, Name, Verdict};
use crate::location::Lines;
use crate::map::{Map, Set};
use crate::report::Sink;
use crate::rule::Rule;
use crate::scope::{Scopes, Symbol};
use crate::walk::{self, Binding, Block, NameScope, Place, Visitor};
use annotations::Annotations;
pub(crate) use annotations::Texts;
pub(crate) use attributes::Attributes;
use receivers::{Method, Receivers};
use resolve::Frame;
use streams::Streams;

/// What the scan works on.
pub(crate) struct Input<'a, 's> {
    pub text: &'s str,
    pub lines: &'s Lines<'s>,
    pub body: &'a [Stmt],
    pub scopes: &'s Scopes<'a>,
    pub catalog: &'s Catalog,
    pub attributes: &'s Attributes,
    pub texts: Texts<'a>,
    /// Whether the tree is free of syntax errors; doubts about names are only raised then.
    pub sound: bool,
}

/// Scans a module; returns what it imports.
pub(crate) fn run(mut input: Input<'_, '_>, sink: &mut Sink) -> Vec<Import> {
    let outer = Annotations::of(std::mem::take(&mut input.texts));
    let inner = outer.nested();
    let innermost = inner.nested();
    let mut scan = Scan::new(&input, [&outer, &inner, &innermost], sink);
    scan.metaclasses = classes::metaclasses(input.scopes);
    scan.plain_classes = classes::plain(input.scopes);
    walk::module(&mut scan, input.body);
    scan.finish();
    let imports = std::mem::take(&mut scan.imports);
    imports::list(imports, input.lines, input.catalog)
}

/// What an imported name may not be used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marked {
    /// A module: only left of a dot.
    Module,
    /// A function: only left of a parenthesis.
    CallOnly,
}

/// What a class inherits from.
#[derive(Debug, Clone, Copy, Default)]
struct Ancestry {
    /// Something imported.
    foreign: bool,
    /// `type`: its objects are classes.
    meta: bool,
}

/// The state of the walk.
pub(crate) struct Scan<'a, 's> {
    text: &'s str,
    lines: &'s Lines<'s>,
    scopes: &'s Scopes<'a>,
    catalog: &'s Catalog,
    attributes: &'s Attributes,
    sink: &'s mut Sink,
    sound: bool,
    annotations: [&'a Annotations; 3],
    /// Open scopes, and which of them know a name.
    frames: Vec<Frame<'a>>,
    next_table: usize,
    visible: Map<&'a str, Vec<(usize, &'s Symbol<'a>)>>,
    /// Imports that bind a module or a call-only function, by the address of their alias.
    marked: Map<usize, Marked>,
    /// The first parameter of the function that is about to be entered.
    first_parameter: Option<&'a str>,
    /// The method that this function is.
    entered_method: Option<Method<'a>>,
    receivers: Receivers<'a>,
    /// Classes of this code without a base class or a metaclass, and without a decorator save `dataclass`, by name.
    plain_classes: Set<&'a str>,
    /// This code's classes of classes, by name.
    metaclasses: Set<&'a str>,
    /// Class patterns that read attributes of this code's own classes by position.
    own_patterns: Vec<TextRange>,
    /// `A.__match_args__ = ...`, whose value was looked at, by the address of the target.
    listed: Set<usize>,
    streams: Streams,
    /// What each open class inherits from.
    classes: Vec<Ancestry>,
    /// Expressions that their parent has judged already, by address.
    judged: Set<usize>,
    /// Attributes that lead out of a module that this code imports.
    watched: Map<&'static str, &'static str>,
    /// Special names that classes of this code define.
    defined: Set<&'a str>,
    /// Where findings inside a string annotation belong.
    place_of_text: Option<TextRange>,
    star_imports: bool,
    /// Whether annotations may be evaluated: `functools.singledispatch` reads them.
    dispatches: bool,
    /// Whether some template is not a constant, and the texts that could be pieces of one.
    open_templates: bool,
    template_pieces: Vec<(TextRange, String)>,
    /// How many more expressions may be looked at to find constant texts.
    fold_budget: Cell<usize>,
    imports: Vec<(&'a str, TextRange)>,
    /// Imports of refused modules: the name that each binds, its rule, place and message.
    refused_imports: Vec<(&'a str, &'static Rule, TextRange, String)>,
    /// Every name that is read anywhere.
    read: Set<&'a str>,
    /// Methods of this code that share their name with a watched attribute of archives.
    own_methods: Set<&'a str>,
    /// The modules that are imported anywhere in the code.
    imported: Set<&'a str>,
    /// Members of modules that were judged and are free to use, by the module.
    free_members: Map<String, Set<String>>,
    /// Whether `.read` may open files by name: `configparser` is imported.
    configures: bool,
    words: Words,
}

/// What the whole text says or does not, looked for once where it matters.
#[derive(Default)]
struct Words {
    dispatch: OnceCell<bool>,
    new: OnceCell<bool>,
}

impl Words {
    /// Whether the text may name `functools.singledispatch`.
    fn may_dispatch(&self, text: &str) -> bool {
        *self.dispatch.get_or_init(|| text.contains("singledispatch") || !text.is_ascii())
    }

    /// Whether the text names the method that makes the objects of a class.
    fn names_new(&self, text: &str) -> bool {
        *self.new.get_or_init(|| text.contains("__new__"))
    }
}

impl<'a, 's> Scan<'a, 's> {
    fn new(input: &'s Input<'a, 's>, annotations: [&'a Annotations; 3], sink: &'s mut Sink) -> Self
    where
        'a: 's,
    {
        let mut scan = Scan {
            text: input.text,
            lines: input.lines,
            scopes: input.scopes,
            catalog: input.catalog,
            attributes: input.attributes,
            sink,
            sound: input.sound,
            annotations,
            frames: Vec::new(),
            next_table: 0,
            visible: Map::default(),
            marked: Map::default(),
            first_parameter: None,
            entered_method: None,
            receivers: Receivers::default(),
            plain_classes: Set::default(),
            metaclasses: Set::default(),
            own_patterns: Vec::new(),
            listed: Set::default(),
            streams: Streams::default(),
            classes: Vec::new(),
            judged: Set::default(),
            watched: Map::default(),
            defined: Set::default(),
            place_of_text: None,
            star_imports: false,
            dispatches: false,
            open_templates: false,
            template_pieces: Vec::new(),
            fold_budget: Cell::new(fold::BUDGET),
            imports: Vec::new(),
            refused_imports: Vec::new(),
            read: Set::default(),
            own_methods: Set::default(),
            imported: Set::default(),
            free_members: Map::default(),
            configures: false,
            words: Words::default(),
        };
        scan.survey();
        scan
    }

    /// What must be known before the walk: which imports make attributes suspicious, and which special names are the author's.
    fn survey(&mut self) {
        for table in &self.scopes.tables {
            for (name, symbol) in &table.symbols {
                if table.kind == NameScope::Class && symbol.count > 0 && name.starts_with('_') {
                    self.defined.insert(name);
                }
                if table.kind == NameScope::Class && symbol.is_bound_once() && symbol.function.is_some() {
                    self.own_methods.extend(attributes::OF_ARCHIVES.iter().find(|archive| *archive == name));
                }
                symbol.imports.iter().for_each(|binding| self.survey_binding(binding));
            }
        }
    }

    fn survey_binding(&mut self, binding: &Binding<'a>) {
        match binding {
            Binding::Import(alias) => {
                self.marked.insert(std::ptr::from_ref(*alias).addr(), Marked::Module);
                self.survey_import(alias.name.as_str(), "");
            }
            Binding::ImportFrom(import, alias) => {
                let (path, name) = (import.module.as_deref().unwrap_or_default(), alias.name.as_str());
                if self.is_module_inside(import, alias) {
                    self.marked.insert(std::ptr::from_ref(*alias).addr(), Marked::Module);
                } else if self.catalog.module(path) == Verdict::Reviewed && self.catalog.name(path, name) == Name::CallOnly {
                    self.marked.insert(std::ptr::from_ref(*alias).addr(), Marked::CallOnly);
                }
                self.survey_import(path, name);
            }
            _ => {}
        }
    }

    fn survey_import(&mut self, module: &'a str, name: &'a str) {
        self.star_imports |= name == "*";
        self.configures |= module == "configparser" || name == "configparser";
        self.imported.insert(module);
        self.note_streams(module, name);
        self.dispatches |= (module == "functools" || name == "functools") && self.words.may_dispatch(self.text);
        for (watched, attributes) in attributes::WATCHED {
            if module == *watched
                || module.split('.').next() == Some(*watched)
                || watched.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')) == Some(module)
            {
                self.watched.extend(attributes.split(' ').map(|attribute| (attribute, *watched)));
            }
        }
    }

    /// Ends the walk: what could only be judged with the whole file seen.
    fn finish(&mut self) {
        self.judge_refused_imports();
        self.judge_template_pieces();
        self.judge_patterns();
        self.judge_behind_streams();
        self.judge_claims();
    }

    fn add(&mut self, rule: &'static Rule, range: TextRange, message: String) {
        self.sink.add(rule, self.place_of_text.unwrap_or(range), message);
    }

    fn suggest(&mut self, rule: &'static Rule, range: TextRange, message: String, suggestion: String) {
        self.sink.suggest(rule, self.place_of_text.unwrap_or(range), message, suggestion);
    }

    fn mark_judged(&mut self, expr: &Expr) {
        self.judged.insert(address(expr));
    }

    fn text_is_not_ascii(&self, range: TextRange) -> bool {
        self.text.get(range.start().to_usize()..range.end().to_usize()).is_some_and(|text| !text.is_ascii())
    }

    /// Whether its parent has judged an expression. It is asked once: what was answered need not be kept.
    fn is_judged(&mut self, expr: &Expr) -> bool {
        !self.judged.is_empty() && self.judged.remove(&address(expr))
    }
}

fn address(expr: &Expr) -> usize {
    std::ptr::from_ref(expr).addr()
}

impl<'a> Visitor<'a> for Scan<'a, '_> {
    fn enter_scope(&mut self, kind: NameScope) {
        self.open_scope(kind);
    }

    fn leave_scope(&mut self) {
        self.close_scope();
    }

    fn enter_block(&mut self, _block: Block) {
        if let Some(frame) = self.frames.last_mut() {
            frame.certain.push(Set::default());
        }
    }

    fn leave_block(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.certain.pop();
        }
    }

    fn enter_parameters(&mut self, function: Option<&'a ast::StmtFunctionDef>, parameters: Option<&'a ast::Parameters>) {
        let first = parameters.and_then(|list| list.posonlyargs.iter().chain(&list.args).next());
        // A static method is handed any object.
        let is_static = function.is_some_and(|function| {
            function
                .decorator_list
                .iter()
                .any(|decorator| matches!(&decorator.expression, Expr::Name(name) if name.id.as_str() == "staticmethod"))
        });
        self.entered_method = function.and_then(|function| self.method_named(function));
        self.first_parameter = first.filter(|_| !is_static).map(|parameter| parameter.parameter.name.as_str());
    }

    fn enter_class(&mut self, class: &'a ast::StmtClassDef) {
        self.note_bases(class);
        let foreign = class.bases().iter().any(|base| self.is_foreign(base));
        let meta = self.metaclasses.contains(class.name.as_str());
        self.classes.push(Ancestry { foreign, meta });
    }

    fn leave_class(&mut self) {
        self.classes.pop();
    }

    fn enter_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::Assign(assign) => self.class_assignment(assign),
            Stmt::FunctionDef(function) => self.decorators(&function.decorator_list, function.name.as_str()),
            Stmt::ClassDef(class) => self.decorators(&class.decorator_list, class.name.as_str()),
            _ => {}
        }
    }

    fn enter_expr(&mut self, expr: &'a Expr, place: Place) {
        if self.sink.is_full() {
            return;
        }
        if place == Place::Annotation {
            self.annotation(expr);
        }
        match expr {
            Expr::Name(name) => self.name(expr, name, place),
            Expr::Attribute(attribute) => self.attribute(expr, attribute, place),
            Expr::Call(call) => self.call(call),
            Expr::Compare(compare) => self.membership(compare),
            Expr::StringLiteral(literal) => self.string(expr, literal, place),
            Expr::FString(_) | Expr::TString(_) => self.interpolated(expr),
            _ => {}
        }
    }

    fn bind(&mut self, name: &'a str, range: TextRange, binding: Binding<'a>) {
        self.bound(name, range, binding);
    }

    fn pattern_class(&mut self, class: &'a Expr, positional: bool) {
        if positional {
            self.positional_pattern(class);
        }
    }

    fn pattern_attribute(&mut self, attribute: &'a ast::Identifier) {
        self.note_named(attribute.as_str(), None, attribute.range());
        self.attribute_by_name(attribute.as_str(), attribute.range());
    }
}
