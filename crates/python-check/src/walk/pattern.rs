//! Match patterns of the walk.

use ruff_python_ast::{self as ast, Pattern};

use super::{Binding, Place, Visitor};

pub(super) fn walk<'a, V: Visitor<'a>>(v: &mut V, pattern: &'a Pattern) {
    match pattern {
        Pattern::MatchValue(ast::PatternMatchValue { value, range: _, node_index: _ }) => super::expression(v, value, Place::Value),
        Pattern::MatchSingleton(ast::PatternMatchSingleton { value: _, range: _, node_index: _ }) => {}
        Pattern::MatchSequence(ast::PatternMatchSequence { patterns, range: _, node_index: _ })
        | Pattern::MatchOr(ast::PatternMatchOr { patterns, range: _, node_index: _ }) => all(v, patterns),
        Pattern::MatchMapping(ast::PatternMatchMapping { keys, patterns, rest, range: _, node_index: _ }) => {
            for key in keys {
                super::expression(v, key, Place::Value);
            }
            all(v, patterns);
            capture(v, rest.as_ref());
        }
        Pattern::MatchClass(ast::PatternMatchClass { cls, arguments, range: _, node_index: _ }) => class(v, cls, arguments),
        Pattern::MatchStar(ast::PatternMatchStar { name, range: _, node_index: _ }) => capture(v, name.as_ref()),
        Pattern::MatchAs(ast::PatternMatchAs { pattern, name, range: _, node_index: _ }) => {
            if let Some(pattern) = pattern {
                walk(v, pattern);
            }
            capture(v, name.as_ref());
        }
    }
}

fn all<'a, V: Visitor<'a>>(v: &mut V, patterns: &'a [Pattern]) {
    for pattern in patterns {
        walk(v, pattern);
    }
}

fn class<'a, V: Visitor<'a>>(v: &mut V, name: &'a ast::Expr, arguments: &'a ast::PatternArguments) {
    let ast::PatternArguments { patterns, keywords, range: _, node_index: _ } = arguments;
    super::expression(v, name, Place::Value);
    v.pattern_class(name, !patterns.is_empty());
    all(v, patterns);
    for ast::PatternKeyword { attr, pattern, range: _, node_index: _ } in keywords {
        v.pattern_attribute(attr);
        walk(v, pattern);
    }
}

fn capture<'a, V: Visitor<'a>>(v: &mut V, name: Option<&'a ast::Identifier>) {
    if let Some(name) = name {
        v.bind(&name.id, name.range, Binding::Capture);
    }
}
