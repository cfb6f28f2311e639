//! Source texts: what they are, what a check says of them, and the parameters they take.

mod finding;
mod kind;
mod parameter;
mod source;

pub use finding::{COMPILE_RULE, CodeReport, Family, Finding, Import, KIND_RULE, Severity, Span, Standing};
pub use kind::Kind;
pub use parameter::{
    Bound, MAX_ENUM, MAX_PARAMETER_DESCRIPTION, MAX_PARAMETER_NAME, MAX_PARAMETERS, Parameter, ParameterBinder, Schema, ValueType,
    check_schema,
};
pub use source::{Code, MAX_CODE};
