//! Constant text: what an expression is, when it is put together from constants only. Bounded in depth, steps and size.

use std::cell::Cell;

use ruff_python_ast::{self as ast, Expr, InterpolatedStringElement, Number, Operator};

use super::Scan;

/// Expressions looked at for one text.
const MAX_STEPS: usize = 200;
/// Expressions looked at for all texts of one file; what comes after counts as not constant.
pub(super) const BUDGET: usize = 100_000;
/// Longest text, in bytes.
const MAX_TEXT: usize = 4_096;
/// Depth of expressions and names inside one another.
const MAX_DEPTH: usize = 24;

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Bytes(Vec<u8>),
    Int(i64),
    List(Vec<Value>),
}

/// How much of a text is constant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prefix {
    /// All of it.
    Whole(String),
    /// Its beginning.
    Start(String),
    /// Nothing.
    Unknown,
}

impl<'a> Scan<'a, '_> {
    /// The text of an expression that is constant.
    pub(super) fn fold_text(&self, expr: &Expr) -> Option<String> {
        match self.folder().value(expr, MAX_DEPTH)? {
            Value::Text(text) => Some(text),
            Value::Bytes(_) | Value::Int(_) | Value::List(_) => None,
        }
    }

    /// Every text that an expression can be, when all of them are constant: the expression itself, the branches of a choice,
    /// and what a loop over constants gives to its variable.
    pub(super) fn constant_names(&self, expr: &Expr) -> Option<Vec<String>> {
        if let Some(text) = self.fold_text(expr) {
            return Some(vec![text]);
        }
        match expr {
            Expr::If(choice) => Some([self.fold_text(&choice.body)?, self.fold_text(&choice.orelse)?].into()),
            Expr::Name(name) => self.constant_items(self.items_of(name.id.as_str())?),
            _ => None,
        }
    }

    /// The texts that a loop over `self.NAMES` gives to a name, as the class writes them: an object may have others.
    pub(super) fn class_constants(&self, name: &Expr) -> Option<Vec<String>> {
        let Expr::Name(name) = name else { return None };
        match self.items_of(name.id.as_str())? {
            Expr::Attribute(attribute) if self.is_receiver(&attribute.value) => {
                self.constant_items(self.class_value(attribute.attr.as_str()).filter(|value| value.is_tuple_expr())?)
            }
            _ => None,
        }
    }

    /// The texts that a loop runs over. Through a name only a tuple is constant: a list may have grown since.
    fn constant_items(&self, items: &Expr) -> Option<Vec<String>> {
        let items = match items {
            Expr::Name(name) => self.value_of(name.id.as_str()).filter(|value| value.is_tuple_expr())?,
            other => other,
        };
        match items {
            Expr::Tuple(ast::ExprTuple { elts, .. }) | Expr::List(ast::ExprList { elts, .. }) | Expr::Set(ast::ExprSet { elts, .. }) => {
                elts.iter().map(|item| self.fold_text(item)).collect()
            }
            _ => None,
        }
    }

    /// The constant beginning of a text.
    pub(super) fn fold_prefix(&self, expr: &Expr) -> Prefix {
        if let Some(text) = self.fold_text(expr) {
            return Prefix::Whole(text);
        }
        let named = if let Expr::Name(name) = expr { self.value_of(name.id.as_str()) } else { None };
        let start = match named.unwrap_or(expr) {
            Expr::BinOp(ast::ExprBinOp { left, op: Operator::Add, .. }) => match self.fold_text(left) {
                Some(text) => text,
                None => return self.fold_start(left),
            },
            Expr::FString(string) => literal_start(string),
            Expr::BinOp(ast::ExprBinOp { left, op: Operator::Mod, .. }) => match self.fold_text(left) {
                Some(text) => text.split('%').next().unwrap_or_default().to_owned(),
                None => return Prefix::Unknown,
            },
            _ => return Prefix::Unknown,
        };
        if start.is_empty() { Prefix::Unknown } else { Prefix::Start(start) }
    }

    /// The beginning of the left side of a sum, without recursion: sums are long.
    fn fold_start(&self, expr: &Expr) -> Prefix {
        let mut expr = expr;
        while let Expr::BinOp(ast::ExprBinOp { left, op: Operator::Add, .. }) = expr {
            expr = left;
        }
        match expr {
            Expr::FString(string) if !literal_start(string).is_empty() => Prefix::Start(literal_start(string)),
            other => self.fold_text(other).filter(|text| !text.is_empty()).map_or(Prefix::Unknown, Prefix::Start),
        }
    }

    fn folder(&self) -> Folder<'_, 'a, '_> {
        Folder { scan: self, steps: Cell::new(MAX_STEPS) }
    }
}

/// The literal text before the first field of an f-string.
fn literal_start(string: &ast::ExprFString) -> String {
    let mut text = String::new();
    for part in &string.value {
        match part {
            ast::FStringPart::Literal(literal) => text.push_str(&literal.value),
            ast::FStringPart::FString(string) => {
                for element in &string.elements {
                    match element {
                        InterpolatedStringElement::Literal(literal) => text.push_str(&literal.value),
                        InterpolatedStringElement::Interpolation(_) => return text,
                    }
                }
            }
        }
    }
    text
}

struct Folder<'f, 'a, 's> {
    scan: &'f Scan<'a, 's>,
    steps: Cell<usize>,
}

impl Folder<'_, '_, '_> {
    fn value(&self, expr: &Expr, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        self.steps.set(self.steps.get().checked_sub(1)?);
        self.scan.fold_budget.set(self.scan.fold_budget.get().checked_sub(1)?);
        let value = match expr {
            Expr::StringLiteral(literal) => Value::Text(literal.value.to_str().to_owned()),
            Expr::BytesLiteral(literal) => Value::Bytes(literal.value.bytes().collect()),
            Expr::NumberLiteral(literal) => match &literal.value {
                Number::Int(int) => Value::Int(int.as_i64()?),
                Number::Float(_) | Number::Complex { .. } => return None,
            },
            Expr::UnaryOp(unary) if unary.op == ast::UnaryOp::USub => match self.value(&unary.operand, depth)? {
                Value::Int(int) => Value::Int(int.checked_neg()?),
                _ => return None,
            },
            Expr::Name(name) => self.value(self.scan.value_of(name.id.as_str())?, depth)?,
            Expr::FString(string) => Value::Text(self.interpolated(string, depth)?),
            Expr::List(list) => self.list(&list.elts, depth)?,
            Expr::Tuple(tuple) => self.list(&tuple.elts, depth)?,
            Expr::BinOp(operation) => self.operation(operation, depth)?,
            Expr::Subscript(subscript) => self.slice(subscript, depth)?,
            Expr::Call(call) => self.call(call, depth)?,
            _ => return None,
        };
        bounded(value)
    }

    fn text(&self, expr: &Expr, depth: usize) -> Option<String> {
        match self.value(expr, depth)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self, items: &[Expr], depth: usize) -> Option<Value> {
        items.iter().map(|item| self.value(item, depth)).collect::<Option<Vec<_>>>().map(Value::List)
    }

    fn interpolated(&self, string: &ast::ExprFString, depth: usize) -> Option<String> {
        let mut text = String::new();
        for part in &string.value {
            match part {
                ast::FStringPart::Literal(literal) => text.push_str(&literal.value),
                ast::FStringPart::FString(string) => {
                    for element in &string.elements {
                        match element {
                            InterpolatedStringElement::Literal(literal) => text.push_str(&literal.value),
                            InterpolatedStringElement::Interpolation(field) if field.format_spec.is_none() => {
                                text.push_str(&shown(&self.value(&field.expression, depth)?)?);
                            }
                            InterpolatedStringElement::Interpolation(_) => return None,
                        }
                    }
                }
            }
        }
        Some(text)
    }

    fn operation(&self, operation: &ast::ExprBinOp, depth: usize) -> Option<Value> {
        let left = self.value(&operation.left, depth)?;
        let right = self.value(&operation.right, depth)?;
        Some(match (operation.op, left, right) {
            (Operator::Add, Value::Text(one), Value::Text(other)) => Value::Text(one + &other),
            (Operator::Add, Value::Bytes(one), Value::Bytes(other)) => Value::Bytes([one, other].concat()),
            (Operator::Add, Value::List(one), Value::List(other)) => Value::List([one, other].concat()),
            (Operator::Add, Value::Int(one), Value::Int(other)) => Value::Int(one.checked_add(other)?),
            (Operator::Sub, Value::Int(one), Value::Int(other)) => Value::Int(one.checked_sub(other)?),
            (Operator::BitXor, Value::Int(one), Value::Int(other)) => Value::Int(one ^ other),
            (Operator::Mult, Value::Text(text), Value::Int(times)) | (Operator::Mult, Value::Int(times), Value::Text(text)) => {
                let times = usize::try_from(times.max(0)).ok()?;
                Value::Text(if text.len().checked_mul(times)? > MAX_TEXT { return None } else { text.repeat(times) })
            }
            (Operator::Mod, Value::Text(text), Value::List(values)) => Value::Text(percent(&text, &values)?),
            (Operator::Mod, Value::Text(text), value) => Value::Text(percent(&text, &[value])?),
            _ => return None,
        })
    }

    fn slice(&self, subscript: &ast::ExprSubscript, depth: usize) -> Option<Value> {
        let text: Vec<char> = self.text(&subscript.value, depth)?.chars().collect();
        let part = |bound: &Option<Box<Expr>>| match bound.as_deref() {
            None => Some(None),
            Some(expr) => match self.value(expr, depth)? {
                Value::Int(int) => Some(Some(int)),
                _ => None,
            },
        };
        match &*subscript.slice {
            Expr::Slice(slice) => {
                let (lower, upper, step) = (part(&slice.lower)?, part(&slice.upper)?, part(&slice.step)?.unwrap_or(1));
                let length = i64::try_from(text.len()).ok()?;
                let place = |at: i64| (if at < 0 { at + length } else { at }).clamp(0, length);
                match step {
                    1 => {
                        let (from, to) = (place(lower.unwrap_or(0)), place(upper.unwrap_or(length)));
                        Some(Value::Text(text.get(usize::try_from(from).ok()?..usize::try_from(to).ok()?)?.iter().collect()))
                    }
                    -1 if lower.is_none() && upper.is_none() => Some(Value::Text(text.iter().rev().collect())),
                    2.. if lower.is_none() && upper.is_none() => {
                        Some(Value::Text(text.iter().step_by(usize::try_from(step).ok()?).collect()))
                    }
                    _ => None,
                }
            }
            index => match self.value(index, depth)? {
                Value::Int(at) => {
                    let at = if at < 0 { at + i64::try_from(text.len()).ok()? } else { at };
                    Some(Value::Text(text.get(usize::try_from(at).ok()?)?.to_string()))
                }
                _ => None,
            },
        }
    }

    fn call(&self, call: &ast::ExprCall, depth: usize) -> Option<Value> {
        let arguments = &*call.arguments.args;
        if !call.arguments.keywords.is_empty() {
            return None;
        }
        match (&*call.func, arguments) {
            (Expr::Name(name), [argument]) => match (name.id.as_str(), self.value(argument, depth)?) {
                ("chr", Value::Int(code)) => char::from_u32(u32::try_from(code).ok()?).map(|c| Value::Text(c.to_string())),
                ("str", value) => shown(&value).map(Value::Text),
                ("bytes" | "bytearray", Value::List(codes)) => bytes_of(&codes).map(Value::Bytes),
                ("bytes", Value::Bytes(bytes)) => Some(Value::Bytes(bytes)),
                ("list" | "tuple", Value::List(items)) => Some(Value::List(items)),
                _ => None,
            },
            (Expr::Attribute(method), _) => self.method(method, arguments, depth),
            _ => None,
        }
    }

    fn method(&self, method: &ast::ExprAttribute, arguments: &[Expr], depth: usize) -> Option<Value> {
        if &*method.attr == "fromhex"
            && let [hex] = arguments
        {
            return unhex(&self.text(hex, depth)?).map(Value::Bytes);
        }
        let receiver = self.value(&method.value, depth)?;
        let values = arguments.iter().map(|argument| self.value(argument, depth)).collect::<Option<Vec<_>>>()?;
        match (receiver, method.attr.as_str(), values.as_slice()) {
            (Value::Bytes(bytes), "decode", []) => String::from_utf8(bytes).ok().map(Value::Text),
            (Value::Bytes(bytes), "decode", [Value::Text(name)]) if name.to_ascii_lowercase().starts_with("utf") || name == "ascii" => {
                String::from_utf8(bytes).ok().map(Value::Text)
            }
            (Value::Text(text), "encode", []) => Some(Value::Bytes(text.into_bytes())),
            (Value::Text(separator), "join", [Value::List(items)]) => {
                let items = items.iter().map(shown).collect::<Option<Vec<_>>>()?;
                Some(Value::Text(items.join(&separator)))
            }
            (Value::Text(separator), "join", [Value::Text(text)]) => {
                let items: Vec<String> = text.chars().map(String::from).collect();
                Some(Value::Text(items.join(&separator)))
            }
            (Value::Text(text), "replace", [Value::Text(from), Value::Text(to)]) => {
                Some(Value::Text(if text.len().checked_mul(to.len() + 1)? > MAX_TEXT * 16 {
                    return None;
                } else {
                    text.replace(from.as_str(), to)
                }))
            }
            (Value::Text(text), "lower" | "casefold", []) => Some(Value::Text(text.to_lowercase())),
            (Value::Text(text), "upper", []) => Some(Value::Text(text.to_uppercase())),
            (Value::Text(text), "swapcase", []) => Some(Value::Text(
                text.chars().map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect(),
            )),
            (Value::Text(text), "strip", []) => Some(Value::Text(text.trim().to_owned())),
            (Value::Text(text), "strip", [Value::Text(set)]) => Some(Value::Text(text.trim_matches(|c| set.contains(c)).to_owned())),
            (Value::Text(text), "removeprefix", [Value::Text(start)]) => {
                Some(Value::Text(text.strip_prefix(start.as_str()).unwrap_or(&text).to_owned()))
            }
            (Value::Text(text), "removesuffix", [Value::Text(end)]) => {
                Some(Value::Text(text.strip_suffix(end.as_str()).unwrap_or(&text).to_owned()))
            }
            (Value::Text(text), "format", values) => positional_format(&text, values).map(Value::Text),
            _ => None,
        }
    }
}

fn bounded(value: Value) -> Option<Value> {
    let size = match &value {
        Value::Text(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(items) => items.len(),
        Value::Int(_) => 0,
    };
    (size <= MAX_TEXT).then_some(value)
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(int) => Some(int.to_string()),
        Value::Bytes(_) | Value::List(_) => None,
    }
}

fn bytes_of(codes: &[Value]) -> Option<Vec<u8>> {
    codes.iter().map(|code| if let Value::Int(code) = code { u8::try_from(*code).ok() } else { None }).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.len() % 2 == 1 {
        return None;
    }
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// `%s` and `%c` with values; other conversions are not constant text.
fn percent(text: &str, values: &[Value]) -> Option<String> {
    let mut values = values.iter();
    let mut result = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            result.push(character);
            continue;
        }
        match characters.next()? {
            '%' => result.push('%'),
            's' | 'd' => result.push_str(&shown(values.next()?)?),
            'c' => match values.next()? {
                Value::Int(code) => result.push(char::from_u32(u32::try_from(*code).ok()?)?),
                value => result.push_str(&shown(value)?),
            },
            _ => return None,
        }
    }
    Some(result)
}

/// `{}` and `{0}` with values; anything else in a field is not followed.
fn positional_format(text: &str, values: &[Value]) -> Option<String> {
    let mut result = String::new();
    let mut rest = text;
    let mut next = 0;
    while let Some(at) = rest.find(['{', '}']) {
        result.push_str(&rest[..at]);
        let tail = &rest[at..];
        if let Some(tail) = tail.strip_prefix("{{") {
            result.push('{');
            rest = tail;
        } else if let Some(tail) = tail.strip_prefix("}}") {
            result.push('}');
            rest = tail;
        } else {
            let end = tail.find('}')?;
            let index = match tail.get(1..end)? {
                "" => {
                    next += 1;
                    next - 1
                }
                number => number.parse().ok()?,
            };
            result.push_str(&shown(values.get(index)?)?);
            rest = &tail[end + 1..];
        }
    }
    result.push_str(rest);
    Some(result)
}
