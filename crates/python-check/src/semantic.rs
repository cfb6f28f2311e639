//! Errors that Python's compiler reports on code that parses: `return` outside a function, a name both nonlocal and global,
//! `await` outside `async`, ... The judgment is the parser's semantic checker; this gives it scopes, loops and names.

mod blocks;
mod shapes;

use std::cell::RefCell;

use ruff_python_ast::{self as ast, Expr, PythonVersion, Stmt};
use ruff_python_parser::semantic_errors::{
    AwaitOutsideAsyncFunctionKind, LazyImportContext, SemanticSyntaxChecker, SemanticSyntaxContext, SemanticSyntaxError,
    SemanticSyntaxErrorKind, YieldOutsideFunctionKind,
};
use ruff_text_size::{Ranged, TextRange};

use crate::map::Set;
use crate::report::Sink;
use crate::rule;
use crate::scope::{Scopes, Symbol};
use crate::walk::{self, Binding, Block, NameScope, Place, Visitor};

/// Reports every semantic error of a module.
pub(crate) fn report<'a>(text: &'a str, body: &'a [Stmt], scopes: &'a Scopes<'a>, version: PythonVersion, sink: &mut Sink) {
    let context = Context {
        text,
        version,
        scopes,
        open: Vec::new(),
        next: 0,
        future: has_future_annotations(body),
        comprehension: None,
        errors: RefCell::default(),
    };
    let mut semantic =
        Semantic { checker: SemanticSyntaxChecker::new(), context, problems: Vec::new(), of_names: Vec::new(), newer: Vec::new() };
    semantic.blocks(body, || false);
    walk::module(&mut semantic, body);
    for (range, problem) in semantic.problems {
        sink.add(&rule::SYNTAX_SEMANTIC, range, problem.to_owned());
    }
    for (range, problem) in semantic.of_names {
        sink.add(&rule::SYNTAX_SEMANTIC, range, problem);
    }
    for (range, problem) in semantic.newer {
        sink.add(&rule::SYNTAX_VERSION, range, problem.to_owned());
    }
    for (range, error) in semantic.context.errors.into_inner() {
        if sink.is_full() {
            return;
        }
        match error.kind {
            SemanticSyntaxErrorKind::ReturnOutsideFunction => {
                sink.suggest(&rule::SYNTAX_SEMANTIC, range, error.to_string(), RETURN.to_owned());
            }
            SemanticSyntaxErrorKind::AwaitOutsideAsyncFunction(_)
            | SemanticSyntaxErrorKind::YieldOutsideFunction(YieldOutsideFunctionKind::Await) => {
                sink.suggest(&rule::SYNTAX_SEMANTIC, range, error.to_string(), AWAIT.to_owned());
            }
            _ => sink.add(&rule::SYNTAX_SEMANTIC, range, error.to_string()),
        }
    }
}

/// What to do with a `return` outside a function.
const RETURN: &str = "Put the statements into `def main():`; what it returns is the result.";

/// What to do with an `await` outside an asynchronous function.
const AWAIT: &str = "Put the statements into `async def main():`, which runs as it is; or make the function around it `async def`.";

fn has_future_annotations(body: &[Stmt]) -> bool {
    body.iter().any(|stmt| match stmt {
        Stmt::ImportFrom(import) => {
            import.module.as_deref() == Some("__future__") && import.names.iter().any(|alias| &*alias.name == "annotations")
        }
        _ => false,
    })
}

struct Semantic<'a> {
    checker: SemanticSyntaxChecker,
    context: Context<'a>,
    problems: Vec<shapes::Problem>,
    /// Names that are declared where or as what they cannot be.
    of_names: Vec<(TextRange, String)>,
    /// Syntax that the parser takes for older than it is.
    newer: Vec<shapes::Problem>,
}

/// An open scope with its open blocks.
struct Open<'a> {
    table: usize,
    kind: NameScope,
    blocks: Vec<Block>,
    /// Names that were read or bound so far; kept only where something is nonlocal.
    used: Set<&'a str>,
    /// Names that were bound so far in ways that the parser's checker does not see; kept only where something is global.
    bound: Set<&'a str>,
}

struct Context<'a> {
    text: &'a str,
    version: PythonVersion,
    scopes: &'a Scopes<'a>,
    open: Vec<Open<'a>>,
    next: usize,
    future: bool,
    /// The comprehension whose errors are being found: CPython puts those about `async` at it.
    comprehension: Option<TextRange>,
    errors: RefCell<Vec<(TextRange, SemanticSyntaxError)>>,
}

impl<'a> Context<'a> {
    fn current(&self) -> NameScope {
        self.open.last().map_or(NameScope::Module, |open| open.kind)
    }

    fn symbol(&self, name: &str) -> Option<&Symbol<'a>> {
        self.scopes.tables[self.open.last()?.table].symbols.get(name)
    }

    /// Whether the nearest scope around the open one that binds `name` is a list of type parameters.
    fn is_type_parameter(&self, name: &str) -> bool {
        let outer = self.open.iter().rev().skip(1).filter(|open| !matches!(open.kind, NameScope::Module | NameScope::Class));
        let mut bound = outer.filter_map(|open| Some((open.kind, self.scopes.tables[open.table].symbols.get(name)?)));
        bound.find(|(_, symbol)| symbol.is_local()).is_some_and(|(kind, _)| kind == NameScope::TypeParameters)
    }

    fn outward(&self) -> impl Iterator<Item = NameScope> + '_ {
        self.open.iter().rev().map(|open| open.kind)
    }
}

impl<'a> Visitor<'a> for Semantic<'a> {
    fn enter_scope(&mut self, kind: NameScope) {
        self.context.open.push(Open { table: self.context.next, kind, blocks: Vec::new(), used: Set::default(), bound: Set::default() });
        self.context.next += 1;
    }

    fn leave_scope(&mut self) {
        self.context.open.pop();
    }

    fn enter_block(&mut self, block: Block) {
        if let Some(open) = self.context.open.last_mut() {
            open.blocks.push(block);
        }
    }

    fn leave_block(&mut self) {
        if let Some(open) = self.context.open.last_mut() {
            open.blocks.pop();
        }
    }

    fn enter_stmt(&mut self, stmt: &'a Stmt) {
        self.checker.visit_stmt(stmt, &self.context);
        shapes::statement(stmt, &mut self.problems);
        match stmt {
            Stmt::FunctionDef(function) => {
                self.type_parameters(function.type_params.as_deref());
                self.blocks(&function.body, || function.is_async || walk::yields(function));
            }
            Stmt::ClassDef(class) => {
                self.type_parameters(class.type_params.as_deref());
                self.blocks(&class.body, || false);
            }
            Stmt::TypeAlias(alias) => self.type_parameters(alias.type_params.as_deref()),
            Stmt::AnnAssign(ast::StmtAnnAssign { target, simple: true, .. }) => self.annotated(target),
            _ => {}
        }
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        self.context.comprehension = is_comprehension(expr).then(|| expr.range());
        self.checker.visit_expr(expr, &self.context);
        self.context.comprehension = None;
        shapes::expression(expr, self.context.text, self.context.version, &mut self.problems);
        if let Expr::Name(name) = expr {
            self.use_name(name.id.as_str());
        }
    }

    fn bind(&mut self, name: &'a str, range: TextRange, binding: Binding<'a>) {
        match binding {
            Binding::Nonlocal => self.declare_nonlocal(name, range),
            Binding::Global => self.declare_global(name, range),
            _ => {
                self.use_name(name);
                self.bind_name(name, binding);
            }
        }
    }
}

impl<'a> Semantic<'a> {
    fn blocks(&mut self, body: &[Stmt], suspends: impl FnOnce() -> bool) {
        if let Some(range) = blocks::too_many(body, self.context.version, suspends) {
            self.problems.push((range, "too many statically nested blocks"));
        }
    }

    /// The parser tells the age of defaults of plain type parameters only.
    fn type_parameters(&mut self, list: Option<&ast::TypeParams>) {
        if self.context.version >= PythonVersion::PY313 {
            return;
        }
        let late = list.into_iter().flat_map(|list| &list.type_params).filter_map(|parameter| match parameter {
            ast::TypeParam::TypeVarTuple(ast::TypeParamTypeVarTuple { default, .. })
            | ast::TypeParam::ParamSpec(ast::TypeParamParamSpec { default, .. }) => default.as_deref(),
            ast::TypeParam::TypeVar(_) => None,
        });
        self.newer.extend(late.map(|default| (default.range(), "type parameters have defaults only since Python 3.13")));
    }

    fn annotated(&mut self, target: &Expr) {
        if let Expr::Name(name) = target
            && self.context.symbol(&name.id).is_some_and(|symbol| symbol.nonlocal)
        {
            self.of_names.push((name.range, format!("annotated name '{}' can't be nonlocal", name.id)));
        }
    }

    fn declare_nonlocal(&mut self, name: &'a str, range: TextRange) {
        if self.context.open.last().is_some_and(|open| open.used.contains(name)) {
            self.of_names.push((range, format!("name '{name}' is used prior to nonlocal declaration")));
        }
        if self.context.is_type_parameter(name) {
            self.of_names.push((range, format!("nonlocal binding not allowed for type parameter '{name}'")));
        }
        self.declare_once(name, range);
    }

    fn declare_global(&mut self, name: &'a str, range: TextRange) {
        if self.context.open.last().is_some_and(|open| open.bound.contains(name)) {
            self.of_names.push((range, format!("name '{name}' is assigned to before global declaration")));
        }
        self.declare_once(name, range);
    }

    /// Where a name is both, CPython names the first declaration.
    fn declare_once(&mut self, name: &str, range: TextRange) {
        let symbol = self.context.symbol(name);
        let first = symbol
            .and_then(|symbol| symbol.global.filter(|_| symbol.nonlocal))
            .map(|global| if global.start() < range.start() { global } else { range });
        if let Some(first) = first {
            self.of_names.push((first, format!("name '{name}' is nonlocal and global")));
        }
    }

    /// Remembers what the parser's checker does not take for an assignment.
    fn bind_name(&mut self, name: &'a str, binding: Binding<'a>) {
        let unseen = matches!(binding, Binding::Function(_) | Binding::Class | Binding::Handler | Binding::Capture | Binding::Type);
        if unseen
            && self.context.scopes.has_global
            && let Some(open) = self.context.open.last_mut()
        {
            open.bound.insert(name);
        }
    }

    fn use_name(&mut self, name: &'a str) {
        if self.context.scopes.has_nonlocal
            && let Some(open) = self.context.open.last_mut()
        {
            open.used.insert(name);
        }
    }
}

fn is_comprehension(expr: &Expr) -> bool {
    matches!(expr, Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_))
}

impl Context<'_> {
    /// Where CPython puts an error that the parser's checker puts elsewhere.
    fn place(&self, error: &SemanticSyntaxError) -> TextRange {
        match &error.kind {
            SemanticSyntaxErrorKind::AwaitOutsideAsyncFunction(AwaitOutsideAsyncFunctionKind::AsyncComprehension)
            | SemanticSyntaxErrorKind::AsyncComprehensionInSyncComprehension(_) => self.comprehension.unwrap_or(error.range),
            // At the declaration, not at the use before it.
            SemanticSyntaxErrorKind::LoadBeforeGlobalDeclaration { start, .. } => TextRange::empty(*start),
            SemanticSyntaxErrorKind::AnnotatedGlobal(name) => {
                let declared = self.global(name).unwrap_or(error.range);
                if declared.start() > error.range.start() { declared } else { error.range }
            }
            _ => error.range,
        }
    }
}

impl SemanticSyntaxContext for Context<'_> {
    fn future_annotations_or_stub(&self) -> bool {
        self.future
    }

    fn lazy_import_context(&self) -> Option<LazyImportContext> {
        match self.current() {
            NameScope::Function { .. } | NameScope::Lambda => return Some(LazyImportContext::Function),
            NameScope::Class => return Some(LazyImportContext::Class),
            NameScope::Module | NameScope::Comprehension { .. } | NameScope::Generator | NameScope::TypeParameters => {}
        }
        let in_try = self.open.last().is_some_and(|open| open.blocks.contains(&Block::Try));
        in_try.then_some(LazyImportContext::TryExceptBlocks)
    }

    fn python_version(&self) -> PythonVersion {
        self.version
    }

    fn source(&self) -> &str {
        self.text
    }

    fn global(&self, name: &str) -> Option<TextRange> {
        if self.scopes.has_global { self.symbol(name)?.global } else { None }
    }

    fn has_nonlocal_binding(&self, name: &str) -> bool {
        let outer = self.open.iter().rev().skip(1).filter(|open| !matches!(open.kind, NameScope::Module | NameScope::Class));
        let mut bound = outer.filter_map(|open| self.scopes.tables[open.table].symbols.get(name));
        bound.any(|symbol| symbol.is_local() && (symbol.count > 0 || symbol.deleted || symbol.declared))
            || (name == "__class__" && self.outward().skip(1).any(|kind| kind == NameScope::Class))
    }

    fn in_async_context(&self) -> bool {
        for kind in self.outward() {
            match kind {
                NameScope::Class | NameScope::Lambda => return false,
                NameScope::Function { is_async } => return is_async,
                NameScope::Module | NameScope::Comprehension { .. } | NameScope::Generator | NameScope::TypeParameters => {}
            }
        }
        false
    }

    fn in_await_allowed_context(&self) -> bool {
        for kind in self.outward() {
            match kind {
                NameScope::Class => return false,
                NameScope::Function { .. } | NameScope::Lambda | NameScope::Generator => return true,
                NameScope::Module | NameScope::Comprehension { .. } | NameScope::TypeParameters => {}
            }
        }
        false
    }

    fn in_yield_allowed_context(&self) -> bool {
        for kind in self.outward() {
            match kind {
                NameScope::Class | NameScope::Comprehension { .. } | NameScope::Generator => return false,
                NameScope::Function { .. } | NameScope::Lambda => return true,
                NameScope::Module | NameScope::TypeParameters => {}
            }
        }
        false
    }

    fn in_sync_comprehension(&self) -> bool {
        self.outward().any(|kind| kind == NameScope::Comprehension { is_async: false })
    }

    fn in_class_body_comprehension(&self) -> bool {
        for kind in self.outward() {
            match kind {
                NameScope::Comprehension { .. } | NameScope::Generator | NameScope::TypeParameters => {}
                NameScope::Class => return true,
                NameScope::Module | NameScope::Function { .. } | NameScope::Lambda => return false,
            }
        }
        false
    }

    fn in_module_scope(&self) -> bool {
        self.current() == NameScope::Module
    }

    fn in_function_scope(&self) -> bool {
        matches!(self.current(), NameScope::Function { .. } | NameScope::Lambda)
    }

    fn in_generator_context(&self) -> bool {
        self.outward().any(|kind| kind == NameScope::Generator)
    }

    fn in_notebook(&self) -> bool {
        false
    }

    fn report_semantic_error(&self, error: SemanticSyntaxError) {
        self.errors.borrow_mut().push((self.place(&error), error));
    }

    fn in_loop_context(&self) -> bool {
        self.open.last().is_some_and(|open| open.blocks.contains(&Block::Loop))
    }

    fn is_bound_parameter(&self, name: &str) -> bool {
        self.symbol(name).is_some_and(|symbol| symbol.parameter)
    }
}
