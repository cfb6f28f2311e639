//! The parameter schema of a utility: what an execution must be given. Values are JSON texts; the schema itself
//! does not parse them (see the `ParameterBinder` port).

use crate::code::Code;
use crate::identity::Secret;
use crate::json::JsonText;
use crate::sandbox::Secrets;
use crate::violation::Violation;

/// Highest number of parameters of one utility.
pub const MAX_PARAMETERS: usize = 64;
/// Longest parameter name in characters.
pub const MAX_PARAMETER_NAME: usize = 64;
/// Longest description of a parameter in characters.
pub const MAX_PARAMETER_DESCRIPTION: usize = 1_000;
/// Highest number of allowed values of one parameter.
pub const MAX_ENUM: usize = 100;

/// What stands before the name of the parameter that takes everything the schema does not name, as in Python.
const REST: &str = "**";

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// A Python identifier; with `**` before it, the parameter takes every value whose name the schema does not have.
    pub name: String,
    /// The JSON type that is accepted.
    pub value_type: ValueType,
    /// Whether an execution must give it.
    pub required: bool,
    /// JSON text of the default, where there is one. Only one that a person wrote is handed to the code: of an inferred schema it
    /// is for people, and the code's own default applies.
    pub default_json: Option<JsonText>,
    /// JSON texts of the allowed values; empty allows all of the type.
    pub enum_json: Vec<JsonText>,
    /// A secret value is handed to the code but not stored, logged or answered as a parameter, and masked in what the code reports.
    pub secret: bool,
    /// For people; may be empty.
    pub description: String,
}

/// JSON type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Any JSON value.
    Any,
    /// A string.
    String,
    /// A number without fraction or exponent.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl ValueType {
    /// Lower-case name, e.g. `integer`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ValueType::Any => "any",
            ValueType::String => "string",
            ValueType::Integer => "integer",
            ValueType::Number => "number",
            ValueType::Boolean => "boolean",
            ValueType::Array => "array",
            ValueType::Object => "object",
        }
    }
}

impl Parameter {
    /// Whether it takes every value whose name the schema does not have.
    pub fn is_rest(&self) -> bool {
        self.name.starts_with(REST)
    }
}

/// A schema, and who wrote it.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    /// The parameters.
    pub parameters: &'a [Parameter],
    /// Whether a person wrote it: then its defaults hold. An inferred one leaves them to the code, whose objects are not JSON.
    pub written: bool,
}

impl<'a> Schema<'a> {
    /// A schema that was read from the code.
    pub const fn inferred(parameters: &'a [Parameter]) -> Self {
        Schema { parameters, written: false }
    }

    /// A schema that a person wrote.
    pub const fn written(parameters: &'a [Parameter]) -> Self {
        Schema { parameters, written: true }
    }

    /// The parameters that have a name of their own.
    pub fn named(self) -> impl Iterator<Item = &'a Parameter> {
        self.parameters.iter().filter(|parameter| !parameter.is_rest())
    }

    /// The parameter of this name.
    pub fn find(self, name: &str) -> Option<&'a Parameter> {
        self.named().find(|parameter| parameter.name == name)
    }

    /// The parameter that takes what has no other.
    pub fn rest(self) -> Option<&'a Parameter> {
        self.parameters.iter().find(|parameter| parameter.is_rest())
    }
}

/// Parameters that fit a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The JSON object handed to the code: as given, with the defaults that a person wrote.
    pub json: JsonText,
    /// The same without secret values: what may be stored and shown.
    pub public_json: JsonText,
    /// The texts and numbers of the secret values.
    pub secrets: Secrets,
}

/// Port: reads the parameters of an execution against a schema.
pub trait ParameterBinder: Send + Sync {
    /// Checks `json` (one JSON object; empty means `{}`) against `schema`.
    ///
    /// # Errors
    /// Every violation: not JSON, not an object, missing, unknown, wrong type, not among the allowed values.
    fn bind(&self, schema: Schema<'_>, json: &str) -> Result<Bound, Vec<Violation>>;

    /// Takes one member out of a JSON object: its JSON text, and the object without it.
    ///
    /// # Errors
    /// When `json` is not one JSON object.
    fn take(&self, json: &str, member: &str) -> Result<(Option<JsonText>, JsonText), Vec<Violation>>;

    /// A JSON object with these texts as members, each in place of its own member of that name; and the names of those that it had.
    ///
    /// # Errors
    /// When `json` is not one JSON object.
    fn put(&self, json: &str, texts: &[(String, Secret)]) -> Result<(JsonText, Vec<String>), Vec<Violation>>;

    /// The name of the input of the transformer that `code` defines: its first parameter's; `None` where the code does not show it.
    fn input_name(&self, code: &Code) -> Option<String>;

    /// Reads `json` as one JSON value.
    ///
    /// # Errors
    /// A sentence that says where it stops being JSON.
    fn read_value(&self, json: String) -> Result<JsonText, String>;
}

/// Checks a schema that a person wrote; `field` is the path of the list.
pub fn check_schema(field: &str, schema: &[Parameter], violations: &mut Vec<Violation>) {
    if schema.len() > MAX_PARAMETERS {
        violations.push(Violation::new(field, "TOO_MANY", format!("{} parameters; the limit is {MAX_PARAMETERS}", schema.len())));
    }
    for (index, parameter) in schema.iter().enumerate() {
        let at = |leaf: &str| format!("{field}[{index}].{leaf}");
        let plain = parameter.name.strip_prefix(REST).unwrap_or(&parameter.name);
        if !is_identifier(plain) {
            violations.push(Violation::new(
                at("name"),
                "MALFORMED",
                format!("must be a Python identifier of at most {MAX_PARAMETER_NAME} characters, or `**` and one for all other names"),
            ));
        }
        if schema[..index].iter().any(|other| other.is_rest() && parameter.is_rest()) {
            violations.push(Violation::new(at("name"), "DUPLICATE", "one parameter takes all other names".to_owned()));
        } else if schema[..index].iter().any(|other| other.name == parameter.name) {
            violations.push(Violation::new(at("name"), "DUPLICATE", format!("`{}` appears twice", parameter.name)));
        }
        if parameter.description.chars().count() > MAX_PARAMETER_DESCRIPTION {
            violations.push(Violation::new(at("description"), "TOO_LONG", format!("the limit is {MAX_PARAMETER_DESCRIPTION} characters")));
        }
        if parameter.enum_json.len() > MAX_ENUM {
            violations.push(Violation::new(at("enum_json"), "TOO_MANY", format!("the limit is {MAX_ENUM} values")));
        }
        if parameter.is_rest() && (parameter.required || parameter.default_json.is_some()) {
            let text = format!("`{}` takes what is given: it is not required and has no default", parameter.name);
            violations.push(Violation::new(at("name"), "CONFLICT", text));
        }
        if parameter.required && parameter.default_json.is_some() {
            violations.push(Violation::new(at("default_json"), "CONFLICT", "a required parameter has no default".to_owned()));
        }
        if parameter.secret && parameter.default_json.is_some() {
            violations.push(Violation::new(
                at("default_json"),
                "CONFLICT",
                "a secret parameter has no default: it would be stored in clear".to_owned(),
            ));
        }
    }
}

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let starts = characters.next().is_some_and(|first| first.is_alphabetic() || first == '_');
    starts && name.chars().count() <= MAX_PARAMETER_NAME && characters.all(|c| c.is_alphanumeric() || c == '_')
}
