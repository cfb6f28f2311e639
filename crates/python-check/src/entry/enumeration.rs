//! Enums of the code: which JSON values stand for their members. The sandbox makes the members of the values.

use domain::code::ValueType;
use ruff_python_ast::{self as ast, Expr, Stmt, StmtClassDef};

use super::default;
use super::foreign::last_name;
use crate::scope::Scopes;

/// Enums that inherit from one another.
const MAX_STEPS: usize = 4;
/// What changes which value stands for which member.
const CUSTOM: &[&str] = &["__new__", "_missing_", "__init__"];

/// An Enum.
pub(super) struct Enumeration {
    /// The type of all values.
    pub value_type: ValueType,
    /// Members with the JSON texts of their values; empty where those cannot be told.
    pub values: Vec<(String, String)>,
}

/// The Enum of this name.
pub(super) fn find(body: &[Stmt], scopes: &Scopes<'_>, name: &str) -> Option<Enumeration> {
    let class = class_of(body, name)?;
    let unknown = Enumeration { value_type: ValueType::Any, values: Vec::new() };
    if !is_enum(body, class, MAX_STEPS)? {
        return Some(unknown);
    }
    let custom = class.body.iter().filter_map(Stmt::as_function_def_stmt).any(|method| CUSTOM.contains(&method.name.as_str()));
    let values = members(class, scopes).filter(|values| !custom && !values.is_empty());
    let Some(values) = values else { return Some(unknown) };
    let first = values[0].1;
    let value_type = if values.iter().all(|(_, value_type, _)| *value_type == first) { first } else { ValueType::Any };
    Some(Enumeration { value_type, values: values.into_iter().map(|(name, _, json)| (name, json)).collect() })
}

/// The JSON text of `Level.LOW`.
pub(super) fn member(body: &[Stmt], scopes: &Scopes<'_>, expr: &Expr) -> Option<String> {
    let Expr::Attribute(ast::ExprAttribute { value, attr, .. }) = expr else { return None };
    let name = value.as_name_expr()?.id.as_str();
    find(body, scopes, name)?.values.into_iter().find(|(member, _)| member == attr.as_str()).map(|(_, json)| json)
}

fn class_of<'a>(body: &'a [Stmt], name: &str) -> Option<&'a StmtClassDef> {
    body.iter().filter_map(Stmt::as_class_def_stmt).find(|class| class.name.as_str() == name)
}

/// Whether each member has a value of its own; `None` where the class is no Enum. Flags have combinations, too.
fn is_enum(body: &[Stmt], class: &StmtClassDef, steps: usize) -> Option<bool> {
    let steps = steps.checked_sub(1)?;
    class.bases().iter().filter_map(last_name).find_map(|base| match base {
        "Enum" | "IntEnum" | "StrEnum" => Some(true),
        "Flag" | "IntFlag" => Some(false),
        other => is_enum(body, class_of(body, other)?, steps),
    })
}

/// Names, types and JSON texts of the members; `None` where one has a value that is no text, number or boolean.
fn members(class: &StmtClassDef, scopes: &Scopes<'_>) -> Option<Vec<(String, ValueType, String)>> {
    let assigned = class.body.iter().filter_map(Stmt::as_assign_stmt).filter_map(|assign| {
        let name = assign.targets.first()?.as_name_expr()?.id.as_str();
        (!name.starts_with('_')).then_some((name, &*assign.value))
    });
    let values = assigned.map(|(name, value)| {
        let value_type = default::literal_type(value);
        let plain = matches!(value_type, ValueType::String | ValueType::Integer | ValueType::Number | ValueType::Boolean);
        Some((name.to_owned(), value_type, default::json(value, scopes).filter(|_| plain)?))
    });
    values.collect()
}
