//! Parameters of an execution from the command line to one JSON object. Whether they fit is the server's to say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::value::RawValue;

use crate::failure::{Failure, Result};
use crate::input::read;

#[derive(Debug, Args)]
#[command(next_help_heading = "Parameters")]
pub struct ParameterArgs {
    /// A parameter; the value is JSON where it is JSON, else a text: count=5, severity=high, tags='["a"]'
    #[arg(long = "param", value_name = "KEY=VALUE")]
    param: Vec<String>,
    /// A parameter whose value is a text, whatever it looks like: zip=01234
    #[arg(long, value_name = "KEY=TEXT")]
    param_string: Vec<String>,
    /// A parameter whose value is the text of a file, without its last line break; for secrets, which do not belong on a command
    /// line; `-` is standard input
    #[arg(long, value_name = "KEY=FILE")]
    param_file: Vec<String>,
    /// All parameters as one JSON object; single ones from the other flags are put on top
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
}

impl ParameterArgs {
    /// One JSON object.
    ///
    /// # Errors
    /// A flag without `=`, a file that cannot be read, or `--params` that is not a JSON object.
    pub fn json(&self) -> Result<String> {
        let single = self.param.len() + self.param_string.len() + self.param_file.len();
        if let (Some(whole), 0) = (&self.params, single) {
            // The server checks it as it was typed, repeated keys included.
            return Ok(whole.clone());
        }
        let mut members: BTreeMap<String, Box<RawValue>> = match &self.params {
            Some(whole) => {
                serde_json::from_str(whole).map_err(|error| Failure::usage(format!("--params is not a JSON object: {error}")))?
            }
            None => BTreeMap::new(),
        };
        for argument in &self.param {
            let (key, value) = split("--param", argument)?;
            members.insert(key.to_owned(), json_or_text(value)?);
        }
        for argument in &self.param_string {
            let (key, value) = split("--param-string", argument)?;
            members.insert(key.to_owned(), text(value)?);
        }
        for argument in &self.param_file {
            let (key, path) = split("--param-file", argument)?;
            members.insert(key.to_owned(), text(&file_text(path)?)?);
        }
        serde_json::to_string(&members).map_err(|error| Failure::usage(format!("the parameters cannot be written: {error}")))
    }
}

fn split<'a>(flag: &str, argument: &'a str) -> Result<(&'a str, &'a str)> {
    match argument.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key, value)),
        _ => Err(Failure::usage(format!("{flag} takes KEY=VALUE, not `{argument}`"))),
    }
}

fn json_or_text(value: &str) -> Result<Box<RawValue>> {
    match RawValue::from_string(value.to_owned()) {
        Ok(raw) => Ok(raw),
        Err(_) => text(value),
    }
}

fn text(value: &str) -> Result<Box<RawValue>> {
    serde_json::value::to_raw_value(value).map_err(|error| Failure::usage(format!("a text cannot be written as JSON: {error}")))
}

fn file_text(path: &str) -> Result<String> {
    let bytes = read(&PathBuf::from(path))?;
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{path} is not UTF-8")))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(param: &[&str], param_string: &[&str], params: Option<&str>) -> ParameterArgs {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        ParameterArgs { param: owned(param), param_string: owned(param_string), param_file: Vec::new(), params: params.map(str::to_owned) }
    }

    fn check(param: &[&str], param_string: &[&str], params: Option<&str>, expected: &str) {
        assert_eq!(arguments(param, param_string, params).json().unwrap(), expected);
    }

    #[test]
    fn a_value_is_json_where_it_is_json_else_a_text() {
        check(
            &["n=9007199254740993.10", "s=high", "l=[1, 2]", "e="],
            &[],
            None,
            r#"{"e":"","l":[1, 2],"n":9007199254740993.10,"s":"high"}"#,
        );
        check(&["q=a=b"], &["n=5"], None, r#"{"n":"5","q":"a=b"}"#);
    }

    #[test]
    fn single_parameters_are_put_on_top_of_the_object() {
        check(&["a=2"], &[], Some(r#"{"a":1,"b":1.0}"#), r#"{"a":2,"b":1.0}"#);
        check(&[], &[], Some("{ \"a\": 1 }"), "{ \"a\": 1 }");
        check(&[], &[], None, "{}");
        assert!(arguments(&["novalue"], &[], None).json().is_err());
        assert!(arguments(&["a=1"], &[], Some("[]")).json().is_err());
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_break() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "s3\"cret\n").unwrap();
        let arguments = ParameterArgs { param_file: vec![format!("token={}", path.display())], ..arguments(&[], &[], None) };
        assert_eq!(arguments.json().unwrap(), r#"{"token":"s3\"cret"}"#);
    }
}
