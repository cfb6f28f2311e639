//! Enums of the code: which JSON values stand for their members. The sandbox makes the members of the values.

use domain::code::ValueType;
use ruff_python_ast::{self as ast, Expr, Stmt, StmtClassDef};

use super::context::Context;
use super::default;
use super::foreign::{decorated_by, last_name};

/// Bases looked at for one class, those of bases included: a class may name thousands.
const MAX_BASES: usize = 16;
/// What changes which value stands for which member, or which members there are.
const CUSTOM: &[&str] = &["__new__", "_missing_", "__init__", "__init_subclass__", "_generate_next_value_"];
/// Decorators that change no member.
const HARMLESS: &[&str] = &["unique", "verify"];

/// An Enum.
pub(super) struct Enumeration {
    /// The type of all values.
    pub value_type: ValueType,
    /// Members with the JSON texts of their values; empty where those cannot be told.
    pub values: Vec<(String, String)>,
}

/// The Enum of this name.
pub(super) fn find(context: &Context<'_, '_>, name: &str) -> Option<Enumeration> {
    let class = context.class(name)?;
    let unknown = Enumeration { value_type: ValueType::Any, values: Vec::new() };
    if !is_enum(context, class, &mut { MAX_BASES })? {
        return Some(unknown);
    }
    let values = members(context, class).filter(|values| !values.is_empty());
    let Some(values) = values else { return Some(unknown) };
    let first = values[0].1;
    let value_type = if values.iter().all(|(_, value_type, _)| *value_type == first) { first } else { ValueType::Any };
    Some(Enumeration { value_type, values: values.into_iter().map(|(name, _, json)| (name, json)).collect() })
}

/// The JSON text of `Level.LOW`.
pub(super) fn member(context: &Context<'_, '_>, expr: &Expr) -> Option<String> {
    let Expr::Attribute(ast::ExprAttribute { value, attr, .. }) = expr else { return None };
    let name = value.as_name_expr()?.id.as_str();
    find(context, name)?.values.into_iter().find(|(member, _)| member == attr.as_str()).map(|(_, json)| json)
}

/// Whether each member has a value of its own; `None` where the class is no Enum. Flags have combinations, too.
fn is_enum(context: &Context<'_, '_>, class: &StmtClassDef, left: &mut usize) -> Option<bool> {
    class.bases().iter().filter_map(last_name).find_map(|base| {
        *left = left.checked_sub(1)?;
        match base {
            "Enum" | "IntEnum" | "StrEnum" => Some(true),
            "Flag" | "IntFlag" => Some(false),
            other => is_enum(context, context.class(other)?, left),
        }
    })
}

/// Names, types and JSON texts of the members; `None` where not every one is certain to be here as it is written, or too much was looked at.
fn members(context: &Context<'_, '_>, class: &StmtClassDef) -> Option<Vec<(String, ValueType, String)>> {
    let mixed_in = value_types(context, class, &mut { MAX_BASES })?;
    let mut members = Vec::new();
    for (name, value) in assigned(context, class)? {
        let value_type = default::literal_type(value);
        let plain = matches!(value_type, ValueType::String | ValueType::Integer | ValueType::Number | ValueType::Boolean);
        if !plain || mixed_in.iter().any(|mixed_in| *mixed_in != value_type) {
            return None;
        }
        members.push((name.to_owned(), value_type, default::json(value, context)?));
    }
    Some(members)
}

/// The types that the class and its bases make every value; `None` where a base is not known to leave the members alone.
fn value_types(context: &Context<'_, '_>, class: &StmtClassDef, left: &mut usize) -> Option<Vec<ValueType>> {
    let harmless =
        class.decorator_list.iter().all(|decorator| decorated_by(&decorator.expression).is_some_and(|name| HARMLESS.contains(&name)));
    let keywords = class.arguments.as_ref().is_some_and(|arguments| !arguments.keywords.is_empty());
    if !harmless || keywords || assigned(context, class).is_none() {
        return None;
    }
    let mut types = Vec::new();
    for base in class.bases() {
        *left = left.checked_sub(1)?;
        match last_name(base)? {
            "Enum" => {}
            "IntEnum" | "int" => types.push(ValueType::Integer),
            "StrEnum" | "str" => types.push(ValueType::String),
            "float" => types.push(ValueType::Number),
            own => types.extend(value_types(context, context.class(own)?, left)?),
        }
    }
    Some(types)
}

/// What the body assigns, each to one name; `None` where it does anything else that may make a member or change one.
fn assigned<'c>(context: &Context<'_, '_>, class: &'c StmtClassDef) -> Option<Vec<(&'c str, &'c Expr)>> {
    context.spend(class.body.len())?;
    let mut assigned = Vec::new();
    for stmt in &class.body {
        match stmt {
            Stmt::FunctionDef(method) if !CUSTOM.contains(&method.name.as_str()) => {}
            Stmt::Expr(docstring) if docstring.value.is_string_literal_expr() => {}
            Stmt::Pass(_) => {}
            Stmt::Assign(assign) => {
                let [target] = assign.targets.as_slice() else { return None };
                let name = target.as_name_expr()?.id.as_str();
                if !is_reserved(name) {
                    assigned.push((name, &*assign.value));
                }
            }
            _ => return None,
        }
    }
    Some(assigned)
}

/// Whether Enum makes no member of this name: `_ignore_`, `__slots__`.
fn is_reserved(name: &str) -> bool {
    name.len() > 2 && name.starts_with('_') && name.ends_with('_')
}
