//! `zona utility create` and `update`: the parts of a utility as flags. An update changes what was named, nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use api_proto::zona::utility::v1 as pb;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::choices::{Isolation, Kind};
use super::show;
use crate::client::names;
use crate::client::repeated::RequestId;
use crate::command::run::proto_duration;
use crate::context::Context;
use crate::failure::{Failure, Result};
use crate::input::read;
use crate::output::note;

#[derive(Debug, Args)]
pub struct Create {
    /// Id of the new utility: lower-case letters, digits and hyphens
    name: String,
    /// Python source; `-` is standard input
    #[arg(short, long, alias = "code", value_name = "FILE")]
    file: PathBuf,
    /// What it must be [default: what the code shows]
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    call: Call,
}

#[derive(Debug, Args)]
pub struct Update {
    /// Utility: an id of the tenant, or a full name
    name: String,
    /// New Python source; `-` is standard input
    #[arg(short, long, alias = "code", value_name = "FILE")]
    file: Option<PathBuf>,
    /// Infer the parameters from the code again
    #[arg(long, conflicts_with = "parameters")]
    infer_parameters: bool,
    /// Only when the utility still has this etag
    #[arg(long)]
    etag: Option<String>,
    #[command(flatten)]
    parts: Parts,
    #[command(flatten)]
    call: Call,
}

/// What can be set on create and changed by update.
#[derive(Debug, Args)]
struct Parts {
    /// Title for people
    #[arg(long, value_name = "TEXT")]
    display_name: Option<String>,
    /// What it does
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A tag; may be repeated. On update, these replace the ones before; `--tag ""` leaves none
    #[arg(long)]
    tag: Option<Vec<String>>,
    /// Parameter schema to use instead of the inferred one: a JSON file with a list as `zona utility get -o json` shows it
    #[arg(long, value_name = "FILE")]
    parameters: Option<PathBuf>,
    /// Runtime that the code runs on
    #[arg(long)]
    runtime: Option<String>,
    /// How strongly each execution is isolated, at least
    #[arg(long, value_enum, ignore_case = true)]
    isolation: Option<Isolation>,
    /// Whether each execution runs in a process that was forked for it alone; the tenant's policy may demand it for all
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    fresh_processes: Option<bool>,
    /// Whether Transform calls store their values and results
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    store_values: Option<bool>,
    /// Whether secret values stand unmasked in what the code prints, returns and raises
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    show_secrets: Option<bool>,
    #[command(flatten)]
    limits: Limits,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of one execution")]
struct Limits {
    /// Wall-clock time, e.g. 10s
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    timeout: Option<Duration>,
    /// Last part of the time limit in which the code may clean up
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    grace: Option<Duration>,
    /// CPU time
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    cpu_time: Option<Duration>,
    /// Memory, e.g. 256MiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<i64>,
    /// Stored output, e.g. 1MiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    output_bytes: Option<i64>,
    /// Result as JSON text
    #[arg(long, value_name = "SIZE", value_parser = size)]
    result_bytes: Option<i64>,
    /// Private /tmp
    #[arg(long, value_name = "SIZE", value_parser = size)]
    tmpfs: Option<i64>,
    /// Open file descriptors
    #[arg(long, value_name = "NUMBER")]
    open_files: Option<i32>,
    /// What happens beyond the output limit
    #[arg(long, value_enum)]
    on_output_limit: Option<OnOutputLimit>,
}

#[derive(Debug, Args)]
struct Call {
    /// What to say about the version
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
    #[command(flatten)]
    request: RequestId,
    /// Check everything and store nothing
    #[arg(long)]
    validate_only: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnOutputLimit {
    Drop,
    Stop,
}

impl Create {
    pub async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?;
        let mut utility = pb::Utility {
            kind: self.kind.map_or(pb::UtilityKind::Unspecified, Kind::proto).into(),
            code: source(&self.file)?,
            ..Default::default()
        };
        self.parts.apply(&mut utility)?;
        let request = |request_id| pb::CreateUtilityRequest {
            parent: names::parent(&name.tenant),
            utility_id: name.id.clone(),
            utility: Some(utility),
            message: self.call.message.clone(),
            request_id,
            validate_only: self.call.validate_only,
        };
        let client = context.connect().await?;
        let utility = self.call.request.once(request, async |request| client.utilities().create_utility(request).await).await?;
        show::utility_line(context, &utility, if self.call.validate_only { "valid, not created" } else { "created" })
    }
}

impl Update {
    pub async fn run(&self, context: &Context) -> Result {
        let name = names::utility(&context.tenant, &self.name)?.to_string();
        let mut utility = pb::Utility { name, etag: self.etag.clone().unwrap_or_default(), ..Default::default() };
        let mut paths = self.parts.apply(&mut utility)?;
        if let Some(file) = &self.file {
            utility.code = source(file)?;
            paths.push("code");
        }
        if self.infer_parameters {
            paths.push("parameters_overridden");
        }
        if paths.is_empty() {
            return Err(Failure::usage("nothing to change was named").hint("`zona utility update --help` lists what can be changed"));
        }
        let request = |request_id| pb::UpdateUtilityRequest {
            utility: Some(utility),
            update_mask: Some(prost_types::FieldMask { paths: paths.into_iter().map(str::to_owned).collect() }),
            message: self.call.message.clone(),
            request_id,
            validate_only: self.call.validate_only,
        };
        let client = context.connect().await?;
        let utility = self.call.request.once(request, async |request| client.utilities().update_utility(request).await).await?;
        show::utility_line(context, &utility, if self.call.validate_only { "valid, not updated" } else { "updated" })
    }
}

impl Parts {
    /// Puts what was named into `utility`; answers its paths.
    fn apply(&self, utility: &mut pb::Utility) -> Result<Vec<&'static str>> {
        let mut paths = Vec::new();
        set(&mut paths, "display_name", &mut utility.display_name, self.display_name.clone());
        set(&mut paths, "description", &mut utility.description, self.description.clone());
        let tags = self.tag.clone().map(|tags| tags.into_iter().filter(|tag| !tag.is_empty()).collect());
        set(&mut paths, "tags", &mut utility.tags, tags);
        set(&mut paths, "runtime", &mut utility.runtime, self.runtime.clone());
        set(&mut paths, "isolation", &mut utility.isolation, self.isolation.map(|isolation| isolation.proto().into()));
        set(&mut paths, "fresh_processes", &mut utility.fresh_processes, self.fresh_processes);
        set(&mut paths, "store_values", &mut utility.store_values, self.store_values);
        set(&mut paths, "show_secrets", &mut utility.show_secrets, self.show_secrets);
        if let Some(path) = &self.parameters {
            utility.parameters = schema(path)?;
            utility.parameters_overridden = true;
            paths.extend(["parameters", "parameters_overridden"]);
        }
        let mut limits = pb::Limits::default();
        let before = paths.len();
        self.limits.apply(&mut limits, &mut paths)?;
        if paths.len() > before {
            utility.limits = Some(limits);
        }
        Ok(paths)
    }
}

impl Limits {
    fn apply(&self, limits: &mut pb::Limits, paths: &mut Vec<&'static str>) -> Result<()> {
        let duration = |duration: Option<Duration>| duration.map(proto_duration).transpose();
        set(paths, "limits.timeout", &mut limits.timeout, duration(self.timeout)?.map(Some));
        set(paths, "limits.grace", &mut limits.grace, duration(self.grace)?.map(Some));
        set(paths, "limits.cpu_time", &mut limits.cpu_time, duration(self.cpu_time)?.map(Some));
        set(paths, "limits.memory_bytes", &mut limits.memory_bytes, self.memory);
        set(paths, "limits.output_bytes", &mut limits.output_bytes, self.output_bytes);
        set(paths, "limits.result_bytes", &mut limits.result_bytes, self.result_bytes);
        set(paths, "limits.tmpfs_bytes", &mut limits.tmpfs_bytes, self.tmpfs);
        set(paths, "limits.open_files", &mut limits.open_files, self.open_files);
        let action = self.on_output_limit.map(|action| match action {
            OnOutputLimit::Drop => pb::OutputLimitAction::Drop.into(),
            OnOutputLimit::Stop => pb::OutputLimitAction::Stop.into(),
        });
        set(paths, "limits.on_output_limit", &mut limits.on_output_limit, action);
        Ok(())
    }
}

fn set<T>(paths: &mut Vec<&'static str>, path: &'static str, field: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *field = value;
        paths.push(path);
    }
}

/// A parameter as `zona utility get -o json` prints it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ParameterFile {
    name: String,
    #[serde(default)]
    value_type: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    default: Option<Box<RawValue>>,
    #[serde(default, rename = "enum")]
    allowed: Vec<Box<RawValue>>,
    #[serde(default)]
    secret: bool,
    #[serde(default)]
    description: String,
}

fn schema(path: &std::path::Path) -> Result<Vec<pb::Parameter>> {
    let wrong = |error: String| Failure::usage(format!("{} is not a list of parameters: {error}", path.display()));
    let bytes = read(path)?;
    let parameters: Vec<ParameterFile> = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if parameters.is_empty() {
        note("the schema is empty: executions can be given no parameter");
    }
    parameters.into_iter().map(|parameter| parameter.proto().map_err(wrong)).collect()
}

impl ParameterFile {
    fn proto(self) -> std::result::Result<pb::Parameter, String> {
        let value_type = match &self.value_type {
            None => pb::ValueType::Any,
            Some(name) => pb::ValueType::from_str_name(&format!("VALUE_TYPE_{}", name.to_uppercase()))
                .ok_or_else(|| format!("`{name}` is no type; types are any, string, integer, number, boolean, array and object"))?,
        };
        Ok(pb::Parameter {
            name: self.name,
            value_type: value_type.into(),
            required: self.required,
            default_json: self.default.map(|json| json.get().to_owned()),
            enum_json: self.allowed.iter().map(|json| json.get().to_owned()).collect(),
            secret: self.secret,
            description: self.description,
        })
    }
}

/// Reads `1048576`, `1024KiB`, `1MiB`, `1GiB`.
fn size(text: &str) -> std::result::Result<i64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let factor: i64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err("must be a size such as 65536, 64KiB, 256MiB or 1GiB".to_owned()),
    };
    let number: i64 = digits.parse().map_err(|_| "must start with a whole number".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "is too large".to_owned())
}

/// Source as text, as the contract wants it.
pub(super) fn source(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{} is not UTF-8 at byte {at}", path.display())).hint("save the source as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_binary_units() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(size(text).ok(), expected, "{text}");
        check("65536", Some(65_536));
        check("64KiB", Some(65_536));
        check("1 gib", Some(1 << 30));
        check("1MB", None);
        check("MiB", None);
        check("9000000000GiB", None);
    }

    #[test]
    fn a_schema_keeps_the_texts_of_its_values() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("schema.json");
        std::fs::write(
            &path,
            r#"[{"name": "n", "value_type": "NUMBER", "default": 1.10, "enum": [1.10, 2]}, {"name": "t", "secret": true}]"#,
        )
        .unwrap();
        let schema = super::schema(&path).unwrap();
        assert_eq!(schema[0].default_json.as_deref(), Some("1.10"));
        assert_eq!(schema[0].enum_json, ["1.10", "2"]);
        assert!(schema[1].secret && schema[1].value_type() == pb::ValueType::Any);
        std::fs::write(&path, r#"[{"name": "n", "type": "number"}]"#).unwrap();
        assert!(super::schema(&path).unwrap_err().message.contains("unknown field `type`"));
    }
}
