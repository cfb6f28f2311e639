//! Parameters of an execution from the command line to one JSON object. Whether they fit is the server's to say.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use serde_json::value::RawValue;

use crate::client::names::{self, Tenant};
use crate::failure::{Failure, Result};
use crate::input::{MAX_PARAMETERS_BYTES, is_stdin, read_text};

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
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
    /// All parameters as one JSON object; `@FILE` reads it from a file, `-` from standard input; single ones from the other flags
    /// are put on top
    #[arg(long, value_name = "JSON|@FILE")]
    params: Option<String>,
    /// A secret parameter that gets the value of a named secret of the tenant, which nobody here sees: token=github; may be repeated
    #[arg(long, value_name = "KEY=SECRET")]
    secret: Vec<String>,
}

impl ParameterArgs {
    /// One JSON object. `stdin_is_taken`: something else of this command line is read from standard input.
    ///
    /// # Errors
    /// A flag without `=`, a file that cannot be read, or `--params` that is not a JSON object.
    pub fn json(&self, stdin_is_taken: bool) -> Result<String> {
        if self.reads_of_stdin() + usize::from(stdin_is_taken) > 1 {
            return Err(Failure::usage("standard input is named twice").hint("it can be read once; put one of them into a file"));
        }
        let whole = self.whole()?;
        let single = self.param.len() + self.param_string.len() + self.param_file.len();
        if let (Some(whole), 0) = (&whole, single) {
            // The server checks it as it was typed, repeated keys included.
            return Ok(whole.clone().into_owned());
        }
        let mut members: BTreeMap<String, Box<RawValue>> = match &whole {
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

    /// Which parameters get which named secrets, by their full names.
    ///
    /// # Errors
    /// A flag without `=`, or two for one parameter.
    pub fn secrets(&self, tenant: &Tenant) -> Result<BTreeMap<String, String>> {
        let mut secrets = BTreeMap::new();
        for argument in &self.secret {
            let (key, name) = split("--secret", argument)?;
            if secrets.insert(key.to_owned(), names::secret(tenant, name)).is_some() {
                return Err(Failure::usage(format!("--secret names `{key}` twice")));
            }
        }
        Ok(secrets)
    }

    /// What `--params` says or names.
    fn whole(&self) -> Result<Option<Cow<'_, str>>> {
        let Some(given) = self.params.as_deref() else { return Ok(None) };
        match whole_file(given) {
            Some("") => Err(Failure::usage("--params @FILE needs the name of a file")),
            Some(path) => {
                let text = read_text(Path::new(path), MAX_PARAMETERS_BYTES)?;
                // Editors of Windows begin a file with this mark, which is no JSON.
                Ok(Some(Cow::Owned(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))))
            }
            None => Ok(Some(Cow::Borrowed(given))),
        }
    }

    fn reads_of_stdin(&self) -> usize {
        let single = self.param_file.iter().filter_map(|argument| argument.split_once('=')).map(|(_, path)| path);
        let paths = single.chain(self.params.as_deref().and_then(whole_file));
        paths.filter(|path| is_stdin(Path::new(path))).count()
    }
}

/// The file that `--params` names; JSON begins with neither sign.
fn whole_file(given: &str) -> Option<&str> {
    if given == "-" { Some(given) } else { given.strip_prefix('@') }
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
    let mut text = read_text(Path::new(path), MAX_PARAMETERS_BYTES)?;
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
        ParameterArgs {
            param: owned(param),
            param_string: owned(param_string),
            param_file: Vec::new(),
            params: params.map(str::to_owned),
            secret: Vec::new(),
        }
    }

    fn check(param: &[&str], param_string: &[&str], params: Option<&str>, expected: &str) {
        assert_eq!(arguments(param, param_string, params).json(false).unwrap(), expected);
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
        assert!(arguments(&["novalue"], &[], None).json(false).is_err());
        assert!(arguments(&["a=1"], &[], Some("[]")).json(false).is_err());
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_break() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "s3\"cret\n").unwrap();
        let arguments = ParameterArgs { param_file: vec![format!("token={}", path.display())], ..arguments(&[], &[], None) };
        assert_eq!(arguments.json(false).unwrap(), r#"{"token":"s3\"cret"}"#);
    }

    #[test]
    fn all_parameters_come_from_a_file_whatever_their_length() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("params.json");
        let named = format!("@{}", path.display());
        let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
        let json = || arguments(&[], &[], Some(&named)).json(false);
        let whole = format!(r#"{{"text": "{}"}}"#, "x".repeat(4 << 20));
        write(whole.as_bytes());
        assert!(json().unwrap() == whole);
        write("\u{feff}{\"a\": 1}\n".as_bytes());
        assert_eq!(json().unwrap(), "{\"a\": 1}\n");
        assert_eq!(arguments(&["a=2"], &[], Some(&named)).json(false).unwrap(), r#"{"a":2}"#);
        write(b"{\"a\": \"\xff\"}");
        assert_eq!(json().unwrap_err().message, format!("{} is not UTF-8 at byte 7", path.display()));
        write(&vec![b' '; (8 << 20) + 1]);
        assert!(json().unwrap_err().message.contains("has more than 8 MiB"));
        for (wrong, said) in [("@", "needs the name of a file"), ("@/nonexistent", "cannot read /nonexistent: "), ("@/", "cannot read /: ")]
        {
            let message = arguments(&[], &[], Some(wrong)).json(false).unwrap_err().message;
            assert!(message.contains(said), "{message}");
        }
    }

    #[test]
    fn a_named_secret_is_of_the_tenant_unless_its_full_name_says_otherwise() {
        let named = |secret: &[&str]| {
            let secret = secret.iter().map(|&text| text.to_owned()).collect();
            ParameterArgs { secret, ..arguments(&[], &[], None) }.secrets(&Tenant::usual())
        };
        let full = |key: &str, name: &str| (key.to_owned(), name.to_owned());
        let both = named(&["token=github", "salt=tenants/acme/secrets/salt"]).unwrap();
        assert_eq!(both, BTreeMap::from([full("token", "tenants/demo/secrets/github"), full("salt", "tenants/acme/secrets/salt")]));
        assert!(named(&["token"]).is_err() && named(&["token=a", "token=b"]).is_err());
    }

    #[test]
    fn standard_input_is_read_once() {
        let twice = ParameterArgs { param_file: vec!["a=-".to_owned()], ..arguments(&[], &[], Some("@-")) };
        assert_eq!(twice.json(false).unwrap_err().message, "standard input is named twice");
        assert_eq!(arguments(&[], &[], Some("-")).json(true).unwrap_err().message, "standard input is named twice");
    }
}
