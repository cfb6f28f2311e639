//! `zona ps difference FILE NAME`: what an environment changes.

use std::path::PathBuf;

use clap::Args;
use cli::document::Document;
use cli::{Exit, Result};
use process::manifest::Difference as Change;

use crate::context::Context;
use crate::local::ps::file::{load, no_environment, refused};

#[derive(Debug, Args)]
pub struct Difference {
    /// Manifest, YAML or (*.json) JSON; `-` is standard input
    file: PathBuf,
    /// The environment
    name: String,
}

impl Difference {
    pub fn run(&self, context: &Context) -> Result {
        let file = load(&self.file)?.map_err(|problems| refused(&self.file, &problems))?;
        let (_, changes) = file.environment(&self.name).ok_or_else(|| no_environment(&file, &self.name))?;
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        context.output.list(&changes, document, &["WHAT", "ELSEWHERE", "HERE"], |change| {
            vec![change.path.clone(), shown(&change.before), shown(&change.after)]
        })?;
        Ok(Exit::Ok)
    }
}

fn document(change: &Change) -> Document {
    let value = |value: &Option<String>| value.clone().map_or(Document::Null, Document::json);
    Document::object([("path", Document::from(change.path.clone())), ("before", value(&change.before)), ("after", value(&change.after))])
}
