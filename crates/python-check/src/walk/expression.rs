//! Expressions of the walk, and the targets that bind names.

use ruff_python_ast::{self as ast, Expr, ExprContext, InterpolatedStringElement};

use super::statement::optional;
use super::{Binding, NameScope, Place, Visitor};

pub(super) fn walk<'a, V: Visitor<'a>>(v: &mut V, expr: &'a Expr, place: Place) {
    v.enter_expr(expr, place);
    children(v, expr, place);
    v.leave_expr(expr);
}

fn all<'a, V: Visitor<'a>>(v: &mut V, list: &'a [Expr], place: Place) {
    for expr in list {
        walk(v, expr, place);
    }
}

/// Inside an annotation, subscripts and unions stay annotations; everything else is a value again.
fn inner(place: Place) -> Place {
    if matches!(place, Place::Annotation | Place::Metadata) { place } else { Place::Value }
}

fn children<'a, V: Visitor<'a>>(v: &mut V, expr: &'a Expr, place: Place) {
    match expr {
        Expr::BoolOp(ast::ExprBoolOp { op: _, values, range: _, node_index: _ }) => {
            let inside = if place == Place::Test { Place::Test } else { Place::Value };
            all(v, values, inside);
        }
        Expr::Named(ast::ExprNamed { target: name, value, range: _, node_index: _ }) => {
            walk(v, value, Place::Value);
            target(v, name, Binding::Walrus(value));
        }
        Expr::BinOp(ast::ExprBinOp { left, op: _, right, range: _, node_index: _ }) => {
            walk(v, left, inner(place));
            walk(v, right, inner(place));
        }
        Expr::UnaryOp(ast::ExprUnaryOp { op, operand, range: _, node_index: _ }) => {
            walk(v, operand, if op.is_not() { Place::Test } else { Place::Value });
        }
        Expr::Lambda(ast::ExprLambda { parameters: list, body, range: _, node_index: _ }) => lambda(v, list.as_deref(), body),
        Expr::If(ast::ExprIf { test, body, orelse, range: _, node_index: _ }) => {
            walk(v, test, Place::Test);
            walk(v, body, Place::Value);
            walk(v, orelse, Place::Value);
        }
        Expr::Compare(ast::ExprCompare { left, ops, comparators, range: _, node_index: _ }) => {
            let identity = ops.iter().all(|op| op.is_is() || op.is_is_not());
            let inside = if identity { Place::Test } else { Place::Value };
            walk(v, left, inside);
            all(v, comparators, inside);
        }
        Expr::Call(ast::ExprCall { func, arguments: list, range_start: _, node_index: _ }) => {
            walk(v, func, Place::Callee);
            arguments(v, list, Place::Value);
        }
        Expr::Attribute(ast::ExprAttribute { value, attr: _, ctx: _, range: _, node_index: _ }) => walk(v, value, Place::AttributeBase),
        Expr::Subscript(ast::ExprSubscript { value, slice, ctx: _, range: _, node_index: _ }) => {
            walk(v, value, inner(place));
            items(v, value, slice, inner(place));
        }
        Expr::Starred(ast::ExprStarred { value, ctx: _, range: _, node_index: _ }) => walk(v, value, inner(place)),
        Expr::Await(ast::ExprAwait { value, range: _, node_index: _ })
        | Expr::YieldFrom(ast::ExprYieldFrom { value, range: _, node_index: _ }) => {
            walk(v, value, Place::Value);
        }
        Expr::Yield(ast::ExprYield { value, range: _, node_index: _ }) => optional(v, value.as_deref(), Place::Value),
        Expr::Slice(ast::ExprSlice { lower, upper, step, range: _, node_index: _ }) => {
            optional(v, lower.as_deref(), Place::Value);
            optional(v, upper.as_deref(), Place::Value);
            optional(v, step.as_deref(), Place::Value);
        }
        Expr::Dict(ast::ExprDict { items, range: _, node_index: _ }) => {
            for ast::DictItem { key, value } in items {
                optional(v, key.as_ref(), Place::Value);
                walk(v, value, Place::Value);
            }
        }
        Expr::Set(ast::ExprSet { elts, range: _, node_index: _ }) => all(v, elts, Place::Value),
        Expr::List(ast::ExprList { elts, ctx: _, range: _, node_index: _ })
        | Expr::Tuple(ast::ExprTuple { elts, ctx: _, parenthesized: _, range: _, node_index: _ }) => all(v, elts, inner(place)),
        Expr::ListComp(ast::ExprListComp { elt, generators, range: _, node_index: _ })
        | Expr::SetComp(ast::ExprSetComp { elt, generators, range: _, node_index: _ }) => {
            comprehension(v, NameScope::Comprehension { is_async: is_async(generators) }, generators, None, elt);
        }
        Expr::DictComp(ast::ExprDictComp { key, value, generators, range: _, node_index: _ }) => {
            comprehension(v, NameScope::Comprehension { is_async: is_async(generators) }, generators, key.as_deref(), value);
        }
        Expr::Generator(ast::ExprGenerator { elt, generators, parenthesized: _, range: _, node_index: _ }) => {
            comprehension(v, NameScope::Generator, generators, None, elt);
        }
        Expr::FString(ast::ExprFString { value, range: _, node_index: _ }) => {
            for part in value {
                match part {
                    ast::FStringPart::Literal(ast::StringLiteral { value: _, flags: _, range: _, node_index: _ }) => {}
                    ast::FStringPart::FString(ast::FString { elements, flags: _, range: _, node_index: _ }) => fields(v, elements),
                }
            }
        }
        Expr::TString(ast::ExprTString { value, range: _, node_index: _ }) => {
            for ast::TString { elements, flags: _, range: _, node_index: _ } in value {
                fields(v, elements);
            }
        }
        Expr::Name(ast::ExprName { id: _, ctx: _, range: _, node_index: _ })
        | Expr::StringLiteral(ast::ExprStringLiteral { value: _, range: _, node_index: _ }) => {}
        Expr::BytesLiteral(ast::ExprBytesLiteral { value: _, range: _, node_index: _ }) => {}
        Expr::NumberLiteral(ast::ExprNumberLiteral { value: _, range: _, node_index: _ }) => {}
        Expr::BooleanLiteral(ast::ExprBooleanLiteral { value: _, range: _, node_index: _ }) => {}
        Expr::NoneLiteral(ast::ExprNoneLiteral { range: _, node_index: _ }) => {}
        Expr::EllipsisLiteral(ast::ExprEllipsisLiteral { range: _, node_index: _ }) => {}
        Expr::IpyEscapeCommand(ast::ExprIpyEscapeCommand { kind: _, value: _, range: _, node_index: _ }) => {}
    }
}

/// What stands between the brackets. In annotations, `Literal` and `Annotated` hold values beside types.
fn items<'a, V: Visitor<'a>>(v: &mut V, value: &'a Expr, slice: &'a Expr, place: Place) {
    let constructor = match value {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => "",
    };
    match (place, constructor, slice) {
        (Place::Annotation, "Literal", slice) => walk(v, slice, Place::Metadata),
        (Place::Annotation, "Annotated", Expr::Tuple(ast::ExprTuple { elts, .. })) => {
            v.enter_expr(slice, Place::Annotation);
            for (index, item) in elts.iter().enumerate() {
                walk(v, item, if index == 0 { Place::Annotation } else { Place::Metadata });
            }
            v.leave_expr(slice);
        }
        (place, _, slice) => walk(v, slice, place),
    }
}

fn fields<'a, V: Visitor<'a>>(v: &mut V, elements: &'a ast::InterpolatedStringElements) {
    for element in elements {
        match element {
            InterpolatedStringElement::Literal(ast::InterpolatedStringLiteralElement { value: _, range: _, node_index: _ }) => {}
            InterpolatedStringElement::Interpolation(ast::InterpolatedElement {
                expression,
                debug_text: _,
                conversion: _,
                format_spec,
                range: _,
                node_index: _,
            }) => {
                walk(v, expression, Place::Value);
                if let Some(spec) = format_spec {
                    let ast::InterpolatedStringFormatSpec { elements, range: _, node_index: _ } = &**spec;
                    fields(v, elements);
                }
            }
        }
    }
}

fn lambda<'a, V: Visitor<'a>>(v: &mut V, list: Option<&'a ast::Parameters>, body: &'a Expr) {
    if let Some(list) = list {
        defaults(v, list);
    }
    v.enter_parameters(None, list);
    v.enter_scope(NameScope::Lambda);
    if let Some(list) = list {
        parameters(v, list);
    }
    walk(v, body, Place::Value);
    v.leave_scope();
}

fn is_async(generators: &[ast::Comprehension]) -> bool {
    generators.iter().any(|generator| generator.is_async)
}

/// The first iterable is evaluated outside the scope of the comprehension.
fn comprehension<'a, V: Visitor<'a>>(
    v: &mut V,
    scope: NameScope,
    generators: &'a [ast::Comprehension],
    key: Option<&'a Expr>,
    value: &'a Expr,
) {
    if let Some(first) = generators.first() {
        walk(v, &first.iter, Place::Value);
    }
    v.enter_scope(scope);
    for (index, ast::Comprehension { target: place, iter, ifs, is_async: _, range: _, node_index: _ }) in generators.iter().enumerate() {
        if index > 0 {
            walk(v, iter, Place::Value);
        }
        target(v, place, Binding::Iterate(iter));
        all(v, ifs, Place::Test);
    }
    optional(v, key, Place::Value);
    walk(v, value, Place::Value);
    v.leave_scope();
}

pub(super) fn arguments<'a, V: Visitor<'a>>(v: &mut V, list: &'a ast::Arguments, place: Place) {
    let ast::Arguments { args, keywords, range: _, node_index: _ } = list;
    all(v, args, place);
    for ast::Keyword { arg: _, value, range: _, node_index: _ } in keywords {
        walk(v, value, Place::Value);
    }
}

pub(super) fn defaults<'a, V: Visitor<'a>>(v: &mut V, list: &'a ast::Parameters) {
    let ast::Parameters { posonlyargs, args, vararg: _, kwonlyargs, kwarg: _, range: _, node_index: _ } = list;
    for ast::ParameterWithDefault { parameter: _, default, range: _, node_index: _ } in posonlyargs.iter().chain(args).chain(kwonlyargs) {
        optional(v, default.as_deref(), Place::Value);
    }
}

pub(super) fn annotations<'a, V: Visitor<'a>>(v: &mut V, list: &'a ast::Parameters) {
    for_each_parameter(list, |parameter| optional(v, parameter.annotation.as_deref(), Place::Annotation));
}

pub(super) fn parameters<'a, V: Visitor<'a>>(v: &mut V, list: &'a ast::Parameters) {
    for_each_parameter(list, |parameter| v.bind(&parameter.name.id, parameter.name.range, Binding::Parameter));
}

fn for_each_parameter<'a>(list: &'a ast::Parameters, mut act: impl FnMut(&'a ast::Parameter)) {
    let ast::Parameters { posonlyargs, args, vararg, kwonlyargs, kwarg, range: _, node_index: _ } = list;
    posonlyargs.iter().chain(args).for_each(|parameter| act(&parameter.parameter));
    vararg.iter().for_each(|parameter| act(parameter));
    kwonlyargs.iter().for_each(|parameter| act(&parameter.parameter));
    kwarg.iter().for_each(|parameter| act(parameter));
}

/// A place that is assigned or deleted: names in it are bound as `binding` says, in nested places as [`Binding::Unpack`].
pub(super) fn target<'a, V: Visitor<'a>>(v: &mut V, place: &'a Expr, binding: Binding<'a>) {
    let nested = match binding {
        Binding::Delete => Binding::Delete,
        Binding::Declare => Binding::Declare,
        _ => Binding::Unpack,
    };
    match place {
        Expr::Name(name) if !matches!(name.ctx, ExprContext::Load) => {
            v.enter_expr(place, Place::Value);
            v.bind(&name.id, name.range, binding);
            v.leave_expr(place);
        }
        Expr::Tuple(ast::ExprTuple { elts, ctx: _, parenthesized: _, range: _, node_index: _ })
        | Expr::List(ast::ExprList { elts, ctx: _, range: _, node_index: _ }) => {
            v.enter_expr(place, Place::Value);
            for element in elts {
                target(v, element, nested);
            }
            v.leave_expr(place);
        }
        Expr::Starred(ast::ExprStarred { value, ctx: _, range: _, node_index: _ }) => {
            v.enter_expr(place, Place::Value);
            target(v, value, nested);
            v.leave_expr(place);
        }
        other => walk(v, other, Place::Value),
    }
}
