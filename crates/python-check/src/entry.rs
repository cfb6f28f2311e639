//! The entry point: which function is called, what kind of utility that makes, and whether it can be called at all.

mod annotation;
mod context;
mod default;
mod docstring;
mod enumeration;
mod foreign;
mod started;
mod top_level;

use std::cell::OnceCell;
use std::collections::HashMap;

use domain::code::{Kind, MAX_ENUM, MAX_PARAMETER_NAME, MAX_PARAMETERS, Parameter, ValueType};
use domain::json::JsonText;
use ruff_python_ast::{self as ast, Expr, Stmt, StmtFunctionDef};
use ruff_text_size::{Ranged, TextRange};

use self::context::Context;
use self::foreign::Handling;
use crate::numbers::Counter;
use crate::report::{Sink, shorten};
use crate::rule;
use crate::scope::Scopes;
use crate::walk::{self, Binding};

/// The JSON text of `None`.
const NULL: &str = "null";

/// What the entry point says.
#[derive(Debug)]
pub(crate) struct Entry {
    pub kind: Kind,
    pub parameters: Vec<Parameter>,
}

/// Finds the entry point: `transform` makes a transformer, `main` or neither a script.
pub(crate) fn infer<'a>(body: &'a [Stmt], scopes: &Scopes<'a>, sink: &mut Sink) -> Entry {
    let kind = if defines(scopes, "transform") { Kind::Transformer } else { Kind::Script };
    let name = if kind == Kind::Transformer { "transform" } else { "main" };
    let mut parameters = Vec::new();
    if let Some(callable) = Callable::find(scopes, name) {
        callable.check(sink);
        let described = callable.docstring().map(docstring::descriptions).unwrap_or_default();
        let context = Context::new(body, scopes);
        let signature = Signature { kind, context, function: callable.function, handling: OnceCell::new(), described };
        parameters = signature.parameters(callable.parameters, callable.range, sink);
    } else if defines(scopes, name) {
        // A partial, a bound method, an imported function: what it takes shows only when it is called.
        parameters.push(top_level::any_parameter());
    } else {
        nothing_runs(body, sink);
        parameters.extend(top_level::reads_params(body, scopes).then(top_level::any_parameter));
    }
    if kind == Kind::Transformer
        && let Some(other) = Callable::find(scopes, "main").filter(|_| !is_called(body, "main"))
    {
        sink.add(&rule::QUALITY_TWO_ENTRIES, other.range, "`main` is never called: `transform` is the entry point".to_owned());
    }
    Entry { kind, parameters }
}

/// The name of the first parameter of `transform`.
pub(crate) fn input_name(body: &[Stmt]) -> Option<String> {
    let list = Callable::find(&Scopes::build(body, &mut Counter::default()), "transform")?.parameters?;
    list.posonlyargs.iter().chain(&list.args).next().map(|first| first.parameter.name.to_string())
}

/// A module that defines functions and runs none.
fn nothing_runs(body: &[Stmt], sink: &mut Sink) {
    let Some((function, meant)) = started::meant(body) else { return };
    let name = shorten(&function.name);
    let message = "nothing runs: there is no `main` or `transform`, and nothing calls the functions";
    let (message, advice) = match meant {
        Some(entry) => (format!("{message}; is `{name}` meant to be `{entry}`?"), format!("Call it `{entry}`.")),
        None => (message.to_owned(), format!("Call `{name}` `main` (or `transform`, if it takes one value), or call it at the end.")),
    };
    sink.suggest(&rule::QUALITY_NO_ENTRY, function.name.range, message, advice);
}

/// Whether some code names a function.
fn is_called(body: &[Stmt], name: &str) -> bool {
    struct Reads<'s>(&'s str, bool);
    impl<'a> walk::Visitor<'a> for Reads<'_> {
        fn enter_expr(&mut self, expr: &'a Expr, _place: walk::Place) {
            self.1 |= matches!(expr, Expr::Name(read) if read.ctx.is_load() && read.id.as_str() == self.0);
        }
    }
    let mut reads = Reads(name, false);
    walk::module(&mut reads, body);
    reads.1
}

fn defines(scopes: &Scopes<'_>, name: &str) -> bool {
    scopes.global(name).is_some_and(|symbol| symbol.count > 0 && !symbol.deleted)
}

/// A function or lambda of the module.
#[derive(Clone, Copy)]
struct Callable<'a> {
    parameters: Option<&'a ast::Parameters>,
    range: TextRange,
    function: Option<&'a StmtFunctionDef>,
}

impl<'a> Callable<'a> {
    fn find(scopes: &Scopes<'a>, name: &str) -> Option<Self> {
        let symbol = scopes.global(name)?;
        if let Some(function) = symbol.function {
            return Some(Callable { parameters: Some(&function.parameters), range: function.name.range, function: Some(function) });
        }
        match symbol.first {
            Some(Binding::Assign(Expr::Lambda(lambda))) => {
                Some(Callable { parameters: lambda.parameters.as_deref(), range: lambda.range, function: None })
            }
            _ => None,
        }
    }

    fn docstring(&self) -> Option<&'a str> {
        let first = self.function?.body.first()?.as_expr_stmt()?;
        Some(first.value.as_string_literal_expr()?.value.to_str())
    }

    fn check(&self, sink: &mut Sink) {
        let Some(function) = self.function else { return };
        let name = &function.name;
        if walk::yields(function) && function.decorator_list.is_empty() {
            sink.add(&rule::QUALITY_GENERATOR, name.range, format!("`{name}` yields"));
        }
    }
}

/// A signature that is turned into a schema.
struct Signature<'s, 'a> {
    kind: Kind,
    context: Context<'s, 'a>,
    function: Option<&'a StmtFunctionDef>,
    /// What the function does with its parameters, once it is asked for.
    handling: OnceCell<Handling<'a>>,
    /// What the docstring says of parameters.
    described: HashMap<String, String>,
}

impl<'a> Signature<'_, 'a> {
    fn parameters(&self, list: Option<&ast::Parameters>, range: TextRange, sink: &mut Sink) -> Vec<Parameter> {
        let Some(list) = list else {
            self.value_missing(range, sink);
            return Vec::new();
        };
        let mut positional: Vec<_> = list
            .posonlyargs
            .iter()
            .map(|parameter| (parameter, true))
            .chain(list.args.iter().map(|parameter| (parameter, false)))
            .collect();
        if self.kind == Kind::Transformer {
            if !positional.is_empty() {
                let (value, _) = positional.remove(0);
                let schema = self.schema(&value.parameter);
                self.warn_of_type(&value.parameter, &schema, sink);
            } else if list.vararg.is_none() {
                self.value_missing(range, sink);
            }
        }
        for (parameter, _) in positional.iter().filter(|(parameter, positional_only)| *positional_only && parameter.default.is_none()) {
            sink.add(&rule::QUALITY_POSITIONAL, parameter.range(), format!("`{}` is positional-only", parameter.parameter.name));
        }
        let named = positional.iter().filter(|(_, positional_only)| !positional_only).map(|(parameter, _)| *parameter);
        let named: Vec<_> = named.chain(&list.kwonlyargs).collect();
        let total = named.len() + usize::from(list.kwarg.is_some());
        // One too many, so that nobody takes what is there for all there is.
        let mut schema: Vec<Parameter> =
            named.into_iter().take(MAX_PARAMETERS + 1).map(|parameter| self.parameter(parameter, sink)).collect();
        schema.extend(list.kwarg.as_deref().map(|rest| self.rest(rest, sink)));
        if total > MAX_PARAMETERS {
            sink.add(&rule::LIMITS_PARAMETERS, range, format!("{total} parameters; the limit is {MAX_PARAMETERS}"));
        }
        schema
    }

    fn schema(&self, parameter: &ast::Parameter) -> annotation::Schema {
        let annotation = parameter.annotation.as_deref();
        annotation.map(|annotation| annotation::read(annotation, &self.context)).unwrap_or_default()
    }

    fn handling(&self) -> Option<&Handling<'a>> {
        self.function.map(|function| self.handling.get_or_init(|| Handling::of(function)))
    }

    /// Warns of an annotation of which nothing is made, unless the function does; and of a function that makes it once more.
    fn warn_of_type(&self, parameter: &ast::Parameter, schema: &annotation::Schema, sink: &mut Sink) {
        let (Some(annotation), name) = (parameter.annotation.as_deref(), parameter.name.as_str()) else { return };
        if let Some(arrival) = schema.arrival
            && self.handling().is_none_or(|handling| !handling.converts(name, annotation))
        {
            let arrives = if arrival.inside { format!("with {} inside", arrival.what) } else { format!("as {}", arrival.what) };
            sink.add(&rule::QUALITY_CONVERT, annotation.range(), format!("`{}` arrives {arrives}", shorten(name)));
        }
        if schema.form.is_some()
            && let Some(range) = self.handling().and_then(|handling| handling.read_again(name))
        {
            sink.add(&rule::QUALITY_CONVERTED, range, format!("`{}` is no text any more here", shorten(name)));
        }
    }

    fn value_missing(&self, range: TextRange, sink: &mut Sink) {
        if self.kind == Kind::Transformer {
            sink.add(&rule::QUALITY_NO_VALUE, range, "`transform` has no positional parameter".to_owned());
        }
    }

    /// What `**name` takes: any parameter, each of the type that the annotation names.
    fn rest(&self, parameter: &ast::Parameter, sink: &mut Sink) -> Parameter {
        let read = ast::ParameterWithDefault {
            range: parameter.range,
            node_index: parameter.node_index.clone(),
            parameter: parameter.clone(),
            default: None,
        };
        let one = self.parameter(&read, sink);
        Parameter { name: format!("**{}", one.name), required: false, ..one }
    }

    fn parameter(&self, parameter: &ast::ParameterWithDefault, sink: &mut Sink) -> Parameter {
        let name = parameter.parameter.name.as_str();
        if name.chars().count() > MAX_PARAMETER_NAME {
            sink.add(
                &rule::LIMITS_PARAMETERS,
                parameter.parameter.name.range,
                format!("the parameter's name is longer than {MAX_PARAMETER_NAME} characters"),
            );
        }
        let mut schema = self.schema(&parameter.parameter);
        let default = parameter.default.as_deref();
        let constant = |value| default::json(value, &self.context).or_else(|| enumeration::member(&self.context, value));
        let default_json = default.and_then(constant);
        // Null beside the values of the type; a default of null says so already.
        let adds_null = schema.nullable && default_json.as_deref() != Some(NULL);
        if adds_null && !schema.enum_json.is_empty() && !schema.enum_json.iter().any(|value| value == NULL) {
            schema.enum_json.push(NULL.to_owned());
        }
        if schema.enum_json.len() > MAX_ENUM {
            sink.add(
                &rule::LIMITS_PARAMETERS,
                parameter.range(),
                format!("{} allowed values; the limit is {MAX_ENUM}", schema.enum_json.len()),
            );
            schema.enum_json.truncate(MAX_ENUM);
        }
        if schema.secret && default.is_some_and(|value| !value.is_none_literal_expr()) {
            sink.add(&rule::QUALITY_SECRET_DEFAULT, parameter.range(), format!("the secret `{name}` has a default"));
        }
        self.warn_of_type(&parameter.parameter, &schema, sink);
        if schema.description.is_empty() {
            schema.description = self.described.get(name).map(|text| annotation::shortened(text)).unwrap_or_default();
        }
        if schema.description.is_empty() {
            schema.description = schema.form.unwrap_or_default().to_owned();
        }
        let value_type = if adds_null { ValueType::Any } else { schema.value_type };
        Parameter {
            name: name.to_owned(),
            value_type,
            required: default.is_none(),
            default_json: if schema.secret { None } else { default_json.map(JsonText::read) },
            enum_json: schema.enum_json.into_iter().map(JsonText::read).collect(),
            secret: schema.secret,
            description: schema.description,
        }
    }
}
