//! Annotations as parameter types. What is not understood accepts any value: a schema must never refuse what the code takes.

use domain::code::{MAX_ENUM, MAX_PARAMETER_DESCRIPTION, ValueType};
use ruff_python_ast::{self as ast, Expr, Operator};

use super::context::Context;
use super::foreign::{self, Arrival};
use super::{default, enumeration};
use crate::map::Set;
use crate::syntax;
use crate::walk::Binding;

/// Aliases and string annotations followed inside one another.
const MAX_STEPS: usize = 8;

/// What an annotation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    pub value_type: ValueType,
    pub nullable: bool,
    pub enum_json: Vec<String>,
    pub secret: bool,
    pub description: String,
    /// What arrives, where nothing makes the type that the annotation names of JSON.
    pub arrival: Option<Arrival>,
    /// The form of the text of which the sandbox makes the type that the annotation names.
    pub form: Option<&'static str>,
}

impl Default for Schema {
    fn default() -> Self {
        Schema {
            value_type: ValueType::Any,
            nullable: false,
            enum_json: Vec::new(),
            secret: false,
            description: String::new(),
            arrival: None,
            form: None,
        }
    }
}

/// Reads an annotation.
pub(super) fn read(annotation: &Expr, context: &Context<'_, '_>) -> Schema {
    Reader { context }.schema(annotation, MAX_STEPS)
}

struct Reader<'c, 's, 'a> {
    context: &'c Context<'s, 'a>,
}

impl Reader<'_, '_, '_> {
    fn schema(&self, annotation: &Expr, steps: usize) -> Schema {
        let (Some(steps), Some(())) = (steps.checked_sub(1), self.context.spend(1)) else { return Schema::default() };
        match annotation {
            Expr::NoneLiteral(_) => Schema { nullable: true, ..Schema::default() },
            Expr::StringLiteral(text) => self.text(text.value.to_str(), steps),
            Expr::Name(name) => self.name(name.id.as_str(), steps),
            Expr::Attribute(attribute) => plain(None, attribute.attr.as_str()),
            Expr::BinOp(ast::ExprBinOp { left, op: Operator::BitOr, right, .. }) => {
                let mut members = Vec::new();
                flatten(left, &mut members);
                flatten(right, &mut members);
                self.union(&members, steps)
            }
            Expr::Subscript(subscript) => self.subscript(subscript, steps),
            _ => Schema::default(),
        }
    }

    fn text(&self, text: &str, steps: usize) -> Schema {
        let parsed = self.context.spend_text(text).and_then(|()| syntax::parse_annotation(text));
        parsed.map_or_else(Schema::default, |parsed| self.schema(parsed.expr(), steps))
    }

    /// A plain name: a builtin or typing type, or an alias of the module.
    fn name(&self, name: &str, steps: usize) -> Schema {
        let Some(symbol) = self.context.scopes.global(name) else { return plain(None, name) };
        match symbol.first {
            Some(Binding::ImportFrom(import, alias)) => plain(import.module.as_deref(), alias.name.as_str()),
            Some(Binding::Class) => self.class(name),
            _ => symbol.single_value().map_or_else(Schema::default, |value| self.schema(value, steps)),
        }
    }

    fn class(&self, name: &str) -> Schema {
        if let Some(enumeration) = enumeration::find(self.context, name) {
            // More than a schema lists: the sandbox knows them all.
            let listed = enumeration.values.len() <= MAX_ENUM;
            let enum_json = enumeration.values.into_iter().filter(|_| listed).map(|(_, json)| json).collect();
            return Schema { value_type: enumeration.value_type, enum_json, ..Schema::default() };
        }
        let (value_type, arrival) = foreign::of_class(self.context, name);
        Schema { value_type, arrival, ..Schema::default() }
    }

    fn subscript(&self, subscript: &ast::ExprSubscript, steps: usize) -> Schema {
        let arguments: Vec<&Expr> = match &*subscript.slice {
            Expr::Tuple(tuple) => tuple.elts.iter().collect(),
            single => vec![single],
        };
        match self.constructor(&subscript.value).as_str() {
            "Optional" => Schema { nullable: true, ..self.union(&arguments, steps) },
            "Union" => self.union(&arguments, steps),
            "Literal" => self.literal(&arguments),
            "Annotated" => self.annotated(&arguments, steps),
            "Final" | "Required" | "NotRequired" | "ClassVar" => {
                arguments.first().map(|first| self.schema(first, steps)).unwrap_or_default()
            }
            _ => self.container(&subscript.value, &arguments, steps),
        }
    }

    /// A list or an object, whose items may be of a type that nothing makes.
    fn container(&self, container: &Expr, arguments: &[&Expr], steps: usize) -> Schema {
        let mut schema = self.schema(container, steps);
        if matches!(schema.value_type, ValueType::Array | ValueType::Object) && schema.arrival.is_none() {
            let items = arguments.iter().filter_map(|argument| self.schema(argument, steps).arrival);
            schema.arrival = items.map(|arrival| Arrival { inside: true, ..arrival }).next();
        }
        schema
    }

    /// The last part of the constructor's name, import aliases resolved.
    fn constructor(&self, expr: &Expr) -> String {
        match expr {
            Expr::Attribute(attribute) => attribute.attr.to_string(),
            Expr::Name(name) => match self.context.scopes.global(name.id.as_str()).and_then(|symbol| symbol.first) {
                Some(Binding::ImportFrom(_, alias)) => alias.name.to_string(),
                _ => name.id.to_string(),
            },
            _ => String::new(),
        }
    }

    fn union(&self, members: &[&Expr], steps: usize) -> Schema {
        let mut merged: Option<Schema> = None;
        let mut nullable = false;
        for member in members.iter().take(32) {
            if member.is_none_literal_expr() {
                nullable = true;
                continue;
            }
            let schema = self.schema(member, steps);
            nullable |= schema.nullable;
            merged = Some(match merged {
                None => schema,
                Some(first) => merge(first, schema),
            });
        }
        Schema { nullable, ..merged.unwrap_or_default() }
    }

    fn literal(&self, values: &[&Expr]) -> Schema {
        let mut schema = Schema::default();
        let mut types = Vec::new();
        let mut seen = Set::default();
        for value in values {
            let Some(json) = default::json(value, self.context) else { return Schema::default() };
            schema.nullable |= json == "null";
            if json != "null" {
                types.push(default::literal_type(value));
            }
            if seen.insert(json.clone()) {
                schema.enum_json.push(json);
            }
        }
        schema.value_type = types.first().copied().filter(|first| types.iter().all(|other| other == first)).unwrap_or(ValueType::Any);
        schema
    }

    fn annotated(&self, arguments: &[&Expr], steps: usize) -> Schema {
        let Some((first, metadata)) = arguments.split_first() else { return Schema::default() };
        let mut schema = self.schema(first, steps);
        for item in metadata {
            match item {
                Expr::StringLiteral(text) if text.value.to_str() == "secret" => schema.secret = true,
                Expr::StringLiteral(text) => schema.description = shortened(text.value.to_str()),
                Expr::Call(call) => schema.description = described(call).map_or(schema.description, shortened),
                _ => {}
            }
        }
        schema
    }
}

/// The text of `Doc("...")`, `Field(description="...")` and their kin.
fn described(call: &ast::ExprCall) -> Option<&str> {
    let called = match &*call.func {
        Expr::Name(name) => name.id.as_str(),
        Expr::Attribute(attribute) => attribute.attr.as_str(),
        _ => return None,
    };
    let keyword = if called == "Doc" { "documentation" } else { "description" };
    let first = call.arguments.args.first().filter(|_| called == "Doc");
    let named = call.arguments.find_keyword(keyword).map(|keyword| &keyword.value);
    Some(first.or(named)?.as_string_literal_expr()?.value.to_str())
}

/// A description of bounded length.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_PARAMETER_DESCRIPTION).collect()
}

/// The members of `a | b | c`, without recursion: the chain may be long.
fn flatten<'e>(expr: &'e Expr, members: &mut Vec<&'e Expr>) {
    let mut pending = vec![expr];
    while let Some(next) = pending.pop() {
        match next {
            Expr::BinOp(ast::ExprBinOp { left, op: Operator::BitOr, right, .. }) => {
                pending.push(right);
                pending.push(left);
            }
            member => members.push(member),
        }
    }
}

fn merge(first: Schema, second: Schema) -> Schema {
    let value_type = match (first.value_type, second.value_type) {
        (one, other) if one == other => one,
        (ValueType::Integer | ValueType::Number, ValueType::Integer | ValueType::Number) => ValueType::Number,
        _ => ValueType::Any,
    };
    // Allowed values hold only when every member has them.
    let enum_json =
        if first.enum_json.is_empty() || second.enum_json.is_empty() { Vec::new() } else { [first.enum_json, second.enum_json].concat() };
    let description = if first.description.is_empty() { second.description } else { first.description };
    Schema {
        value_type,
        nullable: first.nullable || second.nullable,
        enum_json,
        secret: first.secret || second.secret,
        description,
        // Where one of several types is JSON's own, the code can take what arrives.
        arrival: first.arrival.and(second.arrival),
        form: first.form.filter(|form| second.form == Some(form)),
    }
}

/// A type by its name, and by the module that it is imported from where that shows.
fn plain(module: Option<&str>, name: &str) -> Schema {
    if let Some(made) = foreign::made(module, name) {
        return Schema { value_type: made.0, form: made.1, ..Schema::default() };
    }
    let value_type = match name {
        "str" | "Text" | "AnyStr" | "LiteralString" => ValueType::String,
        "int" => ValueType::Integer,
        "float" => ValueType::Number,
        "bool" => ValueType::Boolean,
        "list" | "List" | "tuple" | "Tuple" | "set" | "Set" | "frozenset" | "FrozenSet" | "Sequence" | "MutableSequence" | "Iterable"
        | "Iterator" | "Collection" | "AbstractSet" | "MutableSet" | "deque" | "Deque" => ValueType::Array,
        "dict" | "Dict" | "Mapping" | "MutableMapping" | "OrderedDict" | "DefaultDict" | "defaultdict" => ValueType::Object,
        _ => ValueType::Any,
    };
    Schema { value_type, arrival: foreign::of_library(name), ..Schema::default() }
}
