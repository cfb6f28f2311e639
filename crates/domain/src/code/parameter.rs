//! The parameter schema of a utility: what an execution must be given. Values are JSON texts; the schema itself
//! does not parse them (see the `ParameterBinder` port).

use crate::json::JsonText;
use crate::violation::Violation;

/// Highest number of parameters of one utility.
pub const MAX_PARAMETERS: usize = 64;
/// Longest parameter name in characters.
pub const MAX_PARAMETER_NAME: usize = 64;
/// Longest description of a parameter in characters.
pub const MAX_PARAMETER_DESCRIPTION: usize = 1_000;
/// Highest number of allowed values of one parameter.
pub const MAX_ENUM: usize = 100;

/// One parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// A Python identifier.
    pub name: String,
    /// The JSON type that is accepted.
    pub value_type: ValueType,
    /// Whether an execution must give it.
    pub required: bool,
    /// JSON text of the default, where there is one.
    pub default_json: Option<JsonText>,
    /// JSON texts of the allowed values; empty allows all of the type.
    pub enum_json: Vec<JsonText>,
    /// A secret value is handed to the code but never stored, logged or returned.
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

/// Parameters that fit a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The JSON object handed to the code, as given.
    pub json: JsonText,
    /// The same without secret values: what may be stored and shown.
    pub public_json: JsonText,
}

/// Port: reads the parameters of an execution against a schema.
pub trait ParameterBinder: Send + Sync {
    /// Checks `json` (one JSON object; empty means `{}`) against `schema`.
    ///
    /// # Errors
    /// Every violation: not JSON, not an object, missing, unknown, wrong type, not among the allowed values.
    fn bind(&self, schema: &[Parameter], json: &str) -> Result<Bound, Vec<Violation>>;

    /// Takes one member out of a JSON object: its JSON text, and the object without it.
    ///
    /// # Errors
    /// When `json` is not one JSON object.
    fn take(&self, json: &str, member: &str) -> Result<(Option<JsonText>, JsonText), Vec<Violation>>;

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
        if !is_identifier(&parameter.name) {
            violations.push(Violation::new(
                at("name"),
                "MALFORMED",
                format!("must be a Python identifier of at most {MAX_PARAMETER_NAME} characters"),
            ));
        }
        if schema[..index].iter().any(|other| other.name == parameter.name) {
            violations.push(Violation::new(at("name"), "DUPLICATE", format!("`{}` appears twice", parameter.name)));
        }
        if parameter.description.chars().count() > MAX_PARAMETER_DESCRIPTION {
            violations.push(Violation::new(at("description"), "TOO_LONG", format!("the limit is {MAX_PARAMETER_DESCRIPTION} characters")));
        }
        if parameter.enum_json.len() > MAX_ENUM {
            violations.push(Violation::new(at("enum_json"), "TOO_MANY", format!("the limit is {MAX_ENUM} values")));
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
