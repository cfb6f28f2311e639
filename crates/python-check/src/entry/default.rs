//! Constants as JSON: defaults and literal values. What is not a constant has no JSON, and the function's own default applies.

use domain::code::ValueType;
use ruff_python_ast::{Expr, Number, UnaryOp};

use super::context::Context;

/// Names followed to their one value.
const MAX_STEPS: usize = 4;
/// Longest JSON text of a default.
const MAX_JSON: usize = 64 * 1024;

/// The JSON text of a constant.
pub(super) fn json(value: &Expr, context: &Context<'_, '_>) -> Option<String> {
    let mut text = String::new();
    write(value, context, MAX_STEPS, &mut text)?;
    Some(text)
}

/// The type of a constant as it stands.
pub(super) fn literal_type(value: &Expr) -> ValueType {
    match value {
        Expr::StringLiteral(_) => ValueType::String,
        Expr::BooleanLiteral(_) => ValueType::Boolean,
        Expr::NumberLiteral(number) => match number.value {
            Number::Int(_) => ValueType::Integer,
            Number::Float(_) => ValueType::Number,
            Number::Complex { .. } => ValueType::Any,
        },
        Expr::UnaryOp(unary) if matches!(unary.op, UnaryOp::USub | UnaryOp::UAdd) => literal_type(&unary.operand),
        Expr::List(_) | Expr::Tuple(_) => ValueType::Array,
        Expr::Dict(_) => ValueType::Object,
        _ => ValueType::Any,
    }
}

fn write(value: &Expr, context: &Context<'_, '_>, steps: usize, text: &mut String) -> Option<()> {
    if text.len() > MAX_JSON {
        return None;
    }
    context.spend(1)?;
    match value {
        Expr::NoneLiteral(_) => text.push_str("null"),
        Expr::BooleanLiteral(literal) => text.push_str(if literal.value { "true" } else { "false" }),
        Expr::StringLiteral(literal) => {
            context.spend_text(literal.value.to_str())?;
            text.push_str(&quoted(literal.value.to_str()));
        }
        Expr::NumberLiteral(_) => text.push_str(&number(value)?),
        Expr::UnaryOp(unary) if matches!(unary.op, UnaryOp::USub | UnaryOp::UAdd) && unary.operand.is_number_literal_expr() => {
            if unary.op == UnaryOp::USub {
                text.push('-');
            }
            text.push_str(&number(&unary.operand)?);
        }
        Expr::List(list) => sequence(&list.elts, context, steps, text)?,
        Expr::Tuple(tuple) => sequence(&tuple.elts, context, steps, text)?,
        Expr::Dict(dict) => object(&dict.items, context, steps, text)?,
        Expr::Name(name) => {
            let value = context.scopes.global(name.id.as_str())?.single_value()?;
            write(value, context, steps.checked_sub(1)?, text)?;
        }
        _ => return None,
    }
    Some(())
}

fn sequence(items: &[Expr], context: &Context<'_, '_>, steps: usize, text: &mut String) -> Option<()> {
    text.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(item, context, steps, text)?;
    }
    text.push(']');
    Some(())
}

fn object(items: &[ruff_python_ast::DictItem], context: &Context<'_, '_>, steps: usize, text: &mut String) -> Option<()> {
    text.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        let key = item.key.as_ref()?.as_string_literal_expr()?;
        context.spend_text(key.value.to_str())?;
        text.push_str(&quoted(key.value.to_str()));
        text.push(':');
        write(&item.value, context, steps, text)?;
    }
    text.push('}');
    Some(())
}

fn number(value: &Expr) -> Option<String> {
    match &value.as_number_literal_expr()?.value {
        Number::Int(int) => {
            let digits = int.to_string();
            // Longer literals than 64 bits are kept as written, which may be another base.
            digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
        }
        Number::Float(float) if float.is_finite() => serde_json::Number::from_f64(*float).map(|number| number.to_string()),
        Number::Float(_) | Number::Complex { .. } => None,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
