//! Statements of the walk.

use ruff_python_ast::{self as ast, Expr, Stmt};

use super::expression::{self, arguments, parameters, target, walk};
use super::pattern;
use super::{Binding, Block, NameScope, Place, Visitor};

pub(super) fn block<'a, V: Visitor<'a>>(v: &mut V, body: &'a [Stmt], kind: Block) {
    v.enter_block(kind);
    for stmt in body {
        statement(v, stmt);
    }
    v.leave_block();
}

fn statement<'a, V: Visitor<'a>>(v: &mut V, stmt: &'a Stmt) {
    v.enter_stmt(stmt);
    match stmt {
        Stmt::FunctionDef(function) => function_def(v, function),
        Stmt::ClassDef(class) => class_def(v, class),
        Stmt::TypeAlias(alias) => type_alias(v, alias),
        Stmt::Import(import) => imports(v, import),
        Stmt::ImportFrom(import) => imports_from(v, import),
        Stmt::Match(choice) => match_stmt(v, choice),
        Stmt::Try(attempt) => try_stmt(v, attempt),
        Stmt::For(repeat) => for_stmt(v, repeat),
        Stmt::With(with) => with_stmt(v, with),
        Stmt::While(ast::StmtWhile { test, body, orelse, range: _, node_index: _ }) => {
            walk(v, test, Place::Test);
            block(v, body, Block::Loop);
            branch(v, orelse);
        }
        Stmt::If(ast::StmtIf { test, body, elif_else_clauses, range: _, node_index: _ }) => {
            walk(v, test, Place::Test);
            branch(v, body);
            for ast::ElifElseClause { test, body, range: _, node_index: _ } in elif_else_clauses {
                optional(v, test.as_ref(), Place::Test);
                branch(v, body);
            }
        }
        Stmt::Assign(ast::StmtAssign { targets, value, range: _, node_index: _ }) => {
            walk(v, value, Place::Value);
            for place in targets {
                target(v, place, Binding::Assign(value));
            }
        }
        Stmt::AugAssign(ast::StmtAugAssign { target: place, op: _, value, range: _, node_index: _ }) => {
            walk(v, value, Place::Value);
            target(v, place, Binding::Unpack);
        }
        Stmt::AnnAssign(ast::StmtAnnAssign { target: place, annotation, value, simple: _, range: _, node_index: _ }) => {
            walk(v, annotation, Place::Annotation);
            optional(v, value.as_deref(), Place::Value);
            target(v, place, value.as_deref().map_or(Binding::Declare, Binding::Assign));
        }
        Stmt::Delete(ast::StmtDelete { targets, range: _, node_index: _ }) => {
            for place in targets {
                target(v, place, Binding::Delete);
            }
        }
        Stmt::Return(ast::StmtReturn { value, range: _, node_index: _ }) => optional(v, value.as_deref(), Place::Value),
        Stmt::Raise(ast::StmtRaise { exc, cause, range: _, node_index: _ }) => {
            optional(v, exc.as_deref(), Place::Value);
            optional(v, cause.as_deref(), Place::Value);
        }
        Stmt::Assert(ast::StmtAssert { test, msg, range: _, node_index: _ }) => {
            walk(v, test, Place::Test);
            optional(v, msg.as_deref(), Place::Value);
        }
        Stmt::Global(ast::StmtGlobal { names, range: _, node_index: _ }) => {
            for name in names {
                v.bind(&name.id, name.range, Binding::Global);
            }
        }
        Stmt::Nonlocal(ast::StmtNonlocal { names, range: _, node_index: _ }) => {
            for name in names {
                v.bind(&name.id, name.range, Binding::Nonlocal);
            }
        }
        Stmt::Expr(ast::StmtExpr { value, range: _, node_index: _ }) => walk(v, value, Place::Statement),
        Stmt::Pass(ast::StmtPass { range: _, node_index: _ })
        | Stmt::Break(ast::StmtBreak { range: _, node_index: _ })
        | Stmt::Continue(ast::StmtContinue { range: _, node_index: _ }) => {}
        Stmt::IpyEscapeCommand(ast::StmtIpyEscapeCommand { range: _, node_index: _, kind: _, value: _ }) => {}
    }
    v.leave_stmt(stmt);
}

fn branch<'a, V: Visitor<'a>>(v: &mut V, body: &'a [Stmt]) {
    block(v, body, Block::Branch);
}

pub(super) fn optional<'a, V: Visitor<'a>>(v: &mut V, expr: Option<&'a Expr>, place: Place) {
    if let Some(expr) = expr {
        walk(v, expr, place);
    }
}

fn function_def<'a, V: Visitor<'a>>(v: &mut V, function: &'a ast::StmtFunctionDef) {
    let ast::StmtFunctionDef { is_async, decorator_list, name, type_params, parameters: list, returns, body, range: _, node_index: _ } =
        function;
    decorators(v, decorator_list);
    expression::defaults(v, list);
    let generic = enter_type_parameters(v, type_params.as_deref());
    expression::annotations(v, list);
    optional(v, returns.as_deref(), Place::Annotation);
    v.enter_parameters(Some(function), Some(list));
    v.enter_scope(NameScope::Function { is_async: *is_async });
    parameters(v, list);
    block(v, body, Block::Body);
    v.leave_scope();
    if generic {
        v.leave_scope();
    }
    v.bind(&name.id, name.range, Binding::Function(function));
}

fn class_def<'a, V: Visitor<'a>>(v: &mut V, class: &'a ast::StmtClassDef) {
    let ast::StmtClassDef { decorator_list, name, type_params, arguments: bases, body, range: _, node_index: _ } = class;
    decorators(v, decorator_list);
    let generic = enter_type_parameters(v, type_params.as_deref());
    if let Some(list) = bases {
        arguments(v, list, Place::BaseClass);
    }
    v.enter_class(class);
    v.enter_scope(NameScope::Class);
    block(v, body, Block::Body);
    v.leave_scope();
    v.leave_class();
    if generic {
        v.leave_scope();
    }
    v.bind(&name.id, name.range, Binding::Class);
}

fn type_alias<'a, V: Visitor<'a>>(v: &mut V, alias: &'a ast::StmtTypeAlias) {
    let ast::StmtTypeAlias { name, type_params, value, range: _, node_index: _ } = alias;
    let generic = enter_type_parameters(v, type_params.as_deref());
    walk(v, value, Place::Annotation);
    if generic {
        v.leave_scope();
    }
    target(v, name, Binding::Type);
}

fn decorators<'a, V: Visitor<'a>>(v: &mut V, list: &'a [ast::Decorator]) {
    for ast::Decorator { expression, range: _, node_index: _ } in list {
        walk(v, expression, Place::Callee);
    }
}

/// Opens the scope of type parameters where there are any; says whether it did.
fn enter_type_parameters<'a, V: Visitor<'a>>(v: &mut V, list: Option<&'a ast::TypeParams>) -> bool {
    let Some(ast::TypeParams { type_params, range: _, node_index: _ }) = list else { return false };
    v.enter_scope(NameScope::TypeParameters);
    for parameter in type_params {
        let name = match parameter {
            ast::TypeParam::TypeVar(ast::TypeParamTypeVar { name, bound, default, range: _, node_index: _ }) => {
                optional(v, bound.as_deref(), Place::Annotation);
                optional(v, default.as_deref(), Place::Annotation);
                name
            }
            ast::TypeParam::TypeVarTuple(ast::TypeParamTypeVarTuple { name, default, range: _, node_index: _ })
            | ast::TypeParam::ParamSpec(ast::TypeParamParamSpec { name, default, range: _, node_index: _ }) => {
                optional(v, default.as_deref(), Place::Annotation);
                name
            }
        };
        v.bind(&name.id, name.range, Binding::Type);
    }
    true
}

fn imports<'a, V: Visitor<'a>>(v: &mut V, import: &'a ast::StmtImport) {
    let ast::StmtImport { names, is_lazy: _, range: _, node_index: _ } = import;
    for alias in names {
        let ast::Alias { name, asname, range: _, node_index: _ } = alias;
        let bound = match asname {
            Some(asname) => asname.as_str(),
            None => name.as_str().split('.').next().unwrap_or_default(),
        };
        v.bind(bound, alias.range, Binding::Import(alias));
    }
}

fn imports_from<'a, V: Visitor<'a>>(v: &mut V, import: &'a ast::StmtImportFrom) {
    let ast::StmtImportFrom { module: _, names, level: _, is_lazy: _, range: _, node_index: _ } = import;
    for alias in names {
        let ast::Alias { name, asname, range: _, node_index: _ } = alias;
        v.bind(asname.as_ref().unwrap_or(name).as_str(), alias.range, Binding::ImportFrom(import, alias));
    }
}

fn match_stmt<'a, V: Visitor<'a>>(v: &mut V, choice: &'a ast::StmtMatch) {
    let ast::StmtMatch { subject, cases, range: _, node_index: _ } = choice;
    walk(v, subject, Place::Value);
    for ast::MatchCase { pattern: shape, guard, body, range: _, node_index: _ } in cases {
        pattern::walk(v, shape);
        optional(v, guard.as_deref(), Place::Test);
        branch(v, body);
    }
}

fn try_stmt<'a, V: Visitor<'a>>(v: &mut V, attempt: &'a ast::StmtTry) {
    let ast::StmtTry { body, handlers, orelse, finalbody, is_star: _, range: _, node_index: _ } = attempt;
    block(v, body, Block::Try);
    for handler in handlers {
        let ast::ExceptHandler::ExceptHandler(ast::ExceptHandlerExceptHandler { type_, name, body, range: _, node_index: _ }) = handler;
        optional(v, type_.as_deref(), Place::Value);
        if let Some(name) = name {
            v.bind(&name.id, name.range, Binding::Handler);
        }
        branch(v, body);
    }
    branch(v, orelse);
    branch(v, finalbody);
}

fn for_stmt<'a, V: Visitor<'a>>(v: &mut V, repeat: &'a ast::StmtFor) {
    let ast::StmtFor { is_async: _, target: place, iter, body, orelse, range: _, node_index: _ } = repeat;
    walk(v, iter, Place::Value);
    // The target belongs to the loop's block: it is bound whenever the body runs.
    v.enter_block(Block::Loop);
    target(v, place, Binding::Iterate(iter));
    for stmt in body {
        statement(v, stmt);
    }
    v.leave_block();
    branch(v, orelse);
}

fn with_stmt<'a, V: Visitor<'a>>(v: &mut V, with: &'a ast::StmtWith) {
    let ast::StmtWith { is_async: _, items, body, range: _, node_index: _ } = with;
    v.enter_block(Block::With);
    for ast::WithItem { context_expr, optional_vars, range: _, node_index: _ } in items {
        walk(v, context_expr, Place::Value);
        if let Some(place) = optional_vars {
            target(v, place, Binding::With(context_expr));
        }
    }
    for stmt in body {
        statement(v, stmt);
    }
    v.leave_block();
}
