//! Documents of what utilities, versions and executions share: definition, limits and parameters.

use std::time::Duration;

use domain::code::{Kind, Parameter, ValueType};
use domain::json::JsonText;
use domain::name::RuntimeId;
use domain::sandbox::{Isolation, Limits, OnOutputLimit};
use domain::utility::Definition;
use serde::{Deserialize, Serialize};

/// See [`Definition`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DefinitionDocument {
    kind: KindDocument,
    #[serde(default)]
    parameters: Vec<ParameterDocument>,
    #[serde(default)]
    parameters_overridden: bool,
    limits: LimitsDocument,
    runtime: String,
    isolation: IsolationDocument,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    fresh_processes: bool,
}

/// See [`Kind`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindDocument {
    Transformer,
    Script,
}

/// See [`Isolation`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum IsolationDocument {
    T1,
    T2,
    T3,
}

/// See [`Limits`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LimitsDocument {
    memory_bytes: u64,
    wall_millis: u64,
    grace_millis: u64,
    cpu_millis: u64,
    output_bytes: u64,
    stop_at_output_limit: bool,
    result_bytes: u64,
    tmpfs_bytes: u64,
    open_files: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct ParameterDocument {
    name: String,
    #[serde(rename = "type")]
    value_type: ValueTypeDocument,
    required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    default_json: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    enum_json: Vec<String>,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    description: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ValueTypeDocument {
    Any,
    String,
    Integer,
    Number,
    Boolean,
    Array,
    Object,
}

// === impl DefinitionDocument ===

impl From<&Definition> for DefinitionDocument {
    fn from(definition: &Definition) -> Self {
        DefinitionDocument {
            kind: definition.kind.into(),
            parameters: definition.parameters.iter().map(ParameterDocument::from).collect(),
            parameters_overridden: definition.parameters_overridden,
            limits: (&definition.limits).into(),
            runtime: definition.runtime.to_string(),
            isolation: definition.isolation.into(),
            fresh_processes: definition.fresh_processes,
        }
    }
}

impl From<DefinitionDocument> for Definition {
    fn from(document: DefinitionDocument) -> Self {
        Definition {
            kind: document.kind.into(),
            parameters: document.parameters.into_iter().map(Parameter::from).collect(),
            parameters_overridden: document.parameters_overridden,
            limits: document.limits.into(),
            runtime: RuntimeId::new(document.runtime),
            isolation: document.isolation.into(),
            fresh_processes: document.fresh_processes,
        }
    }
}

// === impl LimitsDocument ===

impl From<&Limits> for LimitsDocument {
    fn from(limits: &Limits) -> Self {
        LimitsDocument {
            memory_bytes: limits.memory,
            wall_millis: millis(limits.wall),
            grace_millis: millis(limits.grace),
            cpu_millis: millis(limits.cpu),
            output_bytes: limits.output,
            stop_at_output_limit: match limits.on_output_limit {
                OnOutputLimit::Drop => false,
                OnOutputLimit::Stop => true,
            },
            result_bytes: limits.result,
            tmpfs_bytes: limits.tmpfs,
            open_files: limits.open_files,
        }
    }
}

impl From<LimitsDocument> for Limits {
    fn from(document: LimitsDocument) -> Self {
        Limits {
            memory: document.memory_bytes,
            wall: Duration::from_millis(document.wall_millis),
            grace: Duration::from_millis(document.grace_millis),
            cpu: Duration::from_millis(document.cpu_millis),
            output: document.output_bytes,
            on_output_limit: if document.stop_at_output_limit { OnOutputLimit::Stop } else { OnOutputLimit::Drop },
            result: document.result_bytes,
            tmpfs: document.tmpfs_bytes,
            open_files: document.open_files,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

// === impl ParameterDocument ===

impl From<&Parameter> for ParameterDocument {
    fn from(parameter: &Parameter) -> Self {
        ParameterDocument {
            name: parameter.name.clone(),
            value_type: parameter.value_type.into(),
            required: parameter.required,
            default_json: parameter.default_json.clone().map(JsonText::into_string),
            enum_json: parameter.enum_json.iter().map(JsonText::to_string).collect(),
            secret: parameter.secret,
            description: parameter.description.clone(),
        }
    }
}

impl From<ParameterDocument> for Parameter {
    fn from(document: ParameterDocument) -> Self {
        Parameter {
            name: document.name,
            value_type: document.value_type.into(),
            required: document.required,
            default_json: document.default_json.map(JsonText::read),
            enum_json: document.enum_json.into_iter().map(JsonText::read).collect(),
            secret: document.secret,
            description: document.description,
        }
    }
}

// === enums ===

macro_rules! mirrored {
    ($domain:ident, $document:ident, $($variant:ident = $stored:ident),+) => {
        impl From<$domain> for $document {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => $document::$stored),+ }
            }
        }
        impl From<$document> for $domain {
            fn from(value: $document) -> Self {
                match value { $($document::$stored => $domain::$variant),+ }
            }
        }
    };
}

mirrored!(Kind, KindDocument, Transformer = Transformer, Script = Script);
mirrored!(Isolation, IsolationDocument, TenantWarm = T1, SingleUse = T2, OneShot = T3);
mirrored!(
    ValueType,
    ValueTypeDocument,
    Any = Any,
    String = String,
    Integer = Integer,
    Number = Number,
    Boolean = Boolean,
    Array = Array,
    Object = Object
);
