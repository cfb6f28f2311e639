//! Templates of `str.format`: fields that walk attributes, templates put together from pieces, and `format` as a value.

use ruff_python_ast::{self as ast, Expr, InterpolatedStringElement};
use ruff_text_size::{Ranged, TextRange};

use super::Scan;
use super::names::is_special;
use crate::report::shorten;
use crate::rule;

/// Expressions looked at for the pieces of one template.
const MAX_STEPS: usize = 200;
/// Depth of names and expressions inside one another.
const MAX_DEPTH: usize = 16;
/// Texts remembered until it is known whether some template is open.
const MAX_PIECES: usize = 500;
/// Fields inside the format of a field.
const MAX_NESTED: usize = 4;
/// Shortest piece of a special name that is recognized.
const MIN_FRAGMENT: usize = 5;

/// Special attributes that a field may show: they are text.
const SHOWN: &[&str] = &["__name__", "__qualname__", "__doc__", "__module__"];
/// What templates are written to reach.
const REACHED: &[&str] = &[
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__bases__",
    "__base__",
    "__mro__",
    "__code__",
    "__closure__",
    "__import__",
    "__getattribute__",
    "__func__",
    "__self__",
    "__wrapped__",
    "__traceback__",
    "__loader__",
    "__spec__",
    "__dict__",
];
/// Functions that turn data into text that nobody can read here.
const DECODERS: &[&str] = &[
    "decode",
    "fromhex",
    "unhexlify",
    "a2b_hex",
    "a2b_base64",
    "b64decode",
    "b32decode",
    "b16decode",
    "b85decode",
    "a85decode",
    "urlsafe_b64decode",
    "standard_b64decode",
    "translate",
    "decompress",
    "reversed",
    "chr",
    "unquote",
    "swapcase",
    "loads",
];

impl<'a> Scan<'a, '_> {
    /// An attribute `format` or `format_map`, called or not.
    pub(super) fn template_attribute(&mut self, attribute: &'a ast::ExprAttribute) {
        if !matches!(attribute.attr.as_str(), "format" | "format_map") {
            return;
        }
        if self.is_string_type(&attribute.value) {
            // The call, if it is one, has looked at the template already.
            if !self.judged.remove(&std::ptr::from_ref(attribute).addr()) {
                self.add(&rule::FORMAT_FORMATTER, attribute.range, "`str.format` takes any template".to_owned());
            }
            return;
        }
        self.template(&attribute.value, attribute.value.range());
    }

    /// `str.format(template, ...)`: the template is the first argument.
    pub(super) fn format_call(&mut self, call: &'a ast::ExprCall) {
        let Expr::Attribute(attribute) = &*call.func else { return };
        if !matches!(attribute.attr.as_str(), "format" | "format_map") {
            return;
        }
        if self.is_string_type(&attribute.value) {
            match call.arguments.args.first() {
                Some(template) if !template.is_starred_expr() => {
                    self.judged.insert(std::ptr::from_ref(attribute).addr());
                    self.template(template, template.range());
                }
                _ => {}
            }
        } else if self.fold_text(&attribute.value).is_none() {
            // `type("").format(template, ...)` and the like: an argument may be the template.
            for argument in &call.arguments.args {
                if let Some(text) = self.fold_text(argument) {
                    self.fields(&text, argument.range());
                }
            }
        }
    }

    /// Whether an expression is the class of strings.
    fn is_string_type(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Name(name) => name.id.as_str() == "str" && self.meaning("str").symbol().is_none(),
            Expr::Attribute(attribute) => &*attribute.attr == "__class__",
            Expr::Call(call) => matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "type"),
            _ => false,
        }
    }

    fn template(&mut self, template: &'a Expr, range: TextRange) {
        if let Some(text) = self.fold_text(template) {
            self.fields(&text, range);
            return;
        }
        self.open_templates = true;
        let mut pieces = Pieces { texts: Vec::new(), decoded: false, steps: MAX_STEPS };
        self.pieces(template, MAX_DEPTH, &mut pieces);
        let unknown = self.fold_budget.get() == 0;
        if unknown || pieces.decoded || pieces.texts.iter().any(|text| self.is_suspicious(text)) {
            self.add(&rule::FORMAT_BUILT, range, "the template is put together at run time".to_owned());
        }
    }

    /// Checks the replacement fields of a constant template.
    fn fields(&mut self, template: &str, range: TextRange) {
        if let Some(reached) = self.reached_by(template, MAX_NESTED) {
            self.add(&rule::FORMAT_FIELD, range, format!("a field reaches `{}`", shorten(&reached)));
        }
    }

    /// The first special attribute that a field of `template` walks to.
    fn reached_by(&self, template: &str, nested: usize) -> Option<String> {
        for field in replacement_fields(template) {
            let mut steps = field.steps.iter().peekable();
            while let Some(step) = steps.next() {
                let next = steps.peek().map(|next| next.name);
                let shows_class = step.name == "__class__" && next.is_some_and(|next| SHOWN.contains(&next));
                let special = step.attribute && is_special(step.name) && !SHOWN.contains(&step.name) && !shows_class;
                let refused = self.refused_attribute(step.name).is_some() || REACHED.contains(&step.name);
                if special || (step.attribute && refused) || (is_special(step.name) && refused) {
                    return Some(step.name.to_owned());
                }
            }
            if let Some(rest) = field.spec.filter(|spec| spec.contains('{'))
                && let Some(nested) = nested.checked_sub(1)
                && let Some(reached) = self.reached_by(rest, nested)
            {
                return Some(reached);
            }
        }
        None
    }

    /// Whether a text looks like a piece of a template that walks to special attributes.
    fn is_suspicious(&self, text: &str) -> bool {
        self.reached_by(text, MAX_NESTED).is_some() || ends_inside_walk(text) || walks_by_field(text) || is_fragment(text)
    }

    /// Collects the constant pieces of a template that is not constant.
    fn pieces(&self, expr: &'a Expr, depth: usize, pieces: &mut Pieces) {
        let (Some(depth), Some(steps)) = (depth.checked_sub(1), pieces.steps.checked_sub(1)) else { return };
        pieces.steps = steps;
        match expr {
            Expr::StringLiteral(literal) => pieces.texts.push(literal.value.to_str().to_owned()),
            Expr::Name(name) => {
                if let Some(value) = self.value_of(name.id.as_str()) {
                    self.pieces(value, depth, pieces);
                }
            }
            Expr::BinOp(operation) => {
                self.pieces(&operation.left, depth, pieces);
                self.pieces(&operation.right, depth, pieces);
            }
            Expr::If(choice) => {
                self.pieces(&choice.body, depth, pieces);
                self.pieces(&choice.orelse, depth, pieces);
            }
            Expr::FString(string) => self.interpolated_pieces(string, depth, pieces),
            Expr::Call(call) => self.call_pieces(call, depth, pieces),
            Expr::Subscript(subscript) => {
                pieces.decoded |= subscript.slice.is_slice_expr() && constant_within(&subscript.value, depth);
                self.pieces(&subscript.value, depth, pieces);
            }
            Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. }) => {
                elts.iter().for_each(|item| self.pieces(item, depth, pieces));
            }
            _ => {}
        }
    }

    fn interpolated_pieces(&self, string: &'a ast::ExprFString, depth: usize, pieces: &mut Pieces) {
        for element in string.value.elements() {
            match element {
                InterpolatedStringElement::Literal(literal) => pieces.texts.push(literal.value.to_string()),
                InterpolatedStringElement::Interpolation(field) => self.pieces(&field.expression, depth, pieces),
            }
        }
    }

    fn call_pieces(&self, call: &'a ast::ExprCall, depth: usize, pieces: &mut Pieces) {
        let name = match &*call.func {
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            Expr::Name(name) => name.id.as_str(),
            _ => "",
        };
        let arguments = call.arguments.args.iter();
        let constant = arguments.clone().any(|argument| constant_within(argument, depth));
        let receiver = matches!(&*call.func, Expr::Attribute(attribute) if constant_within(&attribute.value, depth));
        // Codes mapped to characters and joined: `"".join(map(chr, [95, 95]))`.
        let mapped = name == "map"
            && call.arguments.args.first().is_some_and(|first| matches!(first, Expr::Name(name) if DECODERS.contains(&name.id.as_str())));
        pieces.decoded |= mapped || (DECODERS.contains(&name) && (constant || receiver));
        if let Expr::Attribute(attribute) = &*call.func {
            self.pieces(&attribute.value, depth, pieces);
        }
        for argument in arguments {
            if let Expr::Generator(ast::ExprGenerator { elt, .. }) | Expr::ListComp(ast::ExprListComp { elt, .. }) = argument {
                pieces.decoded |=
                    matches!(&**elt, Expr::Call(inner) if matches!(&*inner.func, Expr::Name(name) if name.id.as_str() == "chr"));
                self.pieces(elt, depth, pieces);
            }
            self.pieces(argument, depth, pieces);
        }
    }

    /// Remembers a text that could be a piece of a template.
    pub(super) fn note_text(&mut self, text: &str, range: TextRange) {
        if self.template_pieces.len() < MAX_PIECES
            && text.len() < 10_000
            && (text.contains('{') || has_dunder(text))
            && self.is_suspicious(text)
        {
            self.template_pieces.push((range, shorten(text)));
        }
    }

    pub(super) fn interpolated(&mut self, expr: &'a Expr) {
        let Expr::FString(string) = expr else { return };
        for element in string.value.elements() {
            if let InterpolatedStringElement::Literal(literal) = element {
                self.note_text(&literal.value, literal.range);
            }
        }
    }

    /// Once it is known that some template is not a constant, texts that look like pieces of one are refused.
    pub(super) fn judge_template_pieces(&mut self) {
        if !self.open_templates {
            return;
        }
        for (range, text) in std::mem::take(&mut self.template_pieces) {
            self.add(&rule::FORMAT_BUILT, range, format!("`{text}` looks like a piece of a template that reaches special attributes"));
        }
    }
}

/// Whether two underscores stand side by side.
fn has_dunder(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'_', bytes).any(|at| bytes.get(at + 1) == Some(&b'_'))
}

/// The constant parts of a template.
struct Pieces {
    texts: Vec<String>,
    decoded: bool,
    steps: usize,
}

/// Whether an expression holds a constant text, bytes, or list of numbers.
fn constant_within(expr: &Expr, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match expr {
        Expr::StringLiteral(literal) => !literal.value.is_empty(),
        Expr::BytesLiteral(_) | Expr::NumberLiteral(_) => true,
        Expr::List(ast::ExprList { elts, .. }) | Expr::Tuple(ast::ExprTuple { elts, .. }) => {
            elts.first().is_some_and(|item| constant_within(item, depth))
        }
        Expr::Call(call) => call.arguments.args.iter().any(|argument| constant_within(argument, depth)),
        Expr::BinOp(operation) => constant_within(&operation.left, depth) || constant_within(&operation.right, depth),
        _ => false,
    }
}

/// One step of a field's walk.
struct Step<'t> {
    name: &'t str,
    attribute: bool,
}

/// A replacement field.
struct Field<'t> {
    steps: Vec<Step<'t>>,
    spec: Option<&'t str>,
}

/// The replacement fields of a template, as `str.format` reads them.
fn replacement_fields(template: &str) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('{') {
            rest = tail;
            continue;
        }
        let end = field_end(rest);
        let body = &rest[..end];
        let (name, spec) = match body.find([':', '!']) {
            Some(at) => (&body[..at], Some(&body[at..])),
            None => (body, None),
        };
        fields.push(Field { steps: steps(name), spec });
        rest = &rest[end..];
    }
    fields
}

/// Where the field that was opened closes; fields may hold fields.
fn field_end(rest: &str) -> usize {
    let mut depth = 1_usize;
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn steps(name: &str) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let first = name.find(['.', '[']).unwrap_or(name.len());
    let mut rest = &name[first..];
    while !rest.is_empty() {
        let attribute = rest.starts_with('.');
        let tail = &rest[1..];
        let end = if attribute { tail.find(['.', '[']).unwrap_or(tail.len()) } else { tail.find(']').unwrap_or(tail.len()) };
        steps.push(Step { name: &tail[..end], attribute });
        rest = if attribute { &tail[end..] } else { tail[end..].strip_prefix(']').unwrap_or("") };
        if !rest.starts_with(['.', '[']) {
            break;
        }
    }
    steps
}

/// Whether a text stops inside a field that has begun to walk: `"{0."`.
fn ends_inside_walk(text: &str) -> bool {
    let Some(at) = text.rfind('{') else { return false };
    let tail = &text[at + 1..];
    let doubled = text[..at].ends_with('{');
    !doubled && !tail.contains(['}', ':', '!', ' ', '\n', '"', '\'', '(']) && tail.contains(['.', '['])
}

/// Whether a field's walk holds a field, which no template can: something will take its place first.
fn walks_by_field(text: &str) -> bool {
    replacement_fields(text).iter().flat_map(|field| &field.steps).any(|step| step.attribute && step.name.contains('{'))
}

/// Whether a text is a part of a special name, such as `"__glo"`, but not the whole of one.
fn is_fragment(text: &str) -> bool {
    let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.any(|word| {
        let partial = word.starts_with("__") != word.ends_with("__");
        partial && word.len() >= MIN_FRAGMENT && REACHED.iter().any(|name| name.contains(word))
    })
}
