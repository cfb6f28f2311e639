//! `zona ps import FILE...`: a Compose file as a manifest, with what is understood, what is not, and why.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use cli::document::Document;
use cli::document::yaml::yaml;
use cli::input::read_text;
use cli::output::{note, write_out};
use cli::{Exit, Failure, Result};
use process::compose::{Note, import};
use process::manifest::{File, Notation};
use process::node::MAX_BYTES;
use process::problem::Problem;

use crate::context::Context;
use crate::local::ps::file::refused;
use crate::local::ps::shown::document;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the manifest is right, 2 it is written and something must be put right by hand, or a file cannot be read.\n\
                        Variables come from --variable only: neither the environment nor .env is read."
)]
pub struct Import {
    /// Compose files, later ones laid over earlier ones
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the manifest goes; `-` is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// Value of a variable; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    variable: Vec<(String, String)>,
}

impl Import {
    pub fn run(&self, context: &Context) -> Result {
        let texts = self.files.iter().map(|path| read_text(path, MAX_BYTES as u64)).collect::<Result<Vec<_>>>()?;
        let values: BTreeMap<String, String> = self.variable.iter().cloned().collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let imported = import(&texts, &values).map_err(|(index, problems)| refused(&self.files[index], &problems))?;
        let manifest = yaml(&document(&imported.manifest));
        let problems = File::read(&manifest, Notation::Yaml).err();
        let problems: Vec<Problem> = problems.map(|problems| problems.list().to_vec()).unwrap_or_default();
        if self.out.as_os_str() == "-" {
            write_out(&manifest)?;
            imported.notes.iter().for_each(|shown| note(&shown.to_string()));
            problems.iter().for_each(|problem| note(&format!("to put right: {problem}")));
        } else {
            fs::write(&self.out, &manifest).map_err(|error| Failure::usage(format!("cannot write {}: {error}", self.out.display())))?;
            context.output.one(|| answer(&imported.notes, &problems), || human(&imported.notes, &problems))?;
        }
        Ok(if problems.is_empty() { Exit::Ok } else { Exit::Usage })
    }
}

fn variable(text: &str) -> std::result::Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(|| "must be NAME=VALUE".to_owned())
}

fn answer(notes: &[Note], problems: &[Problem]) -> Document {
    let note = |note: &Note| {
        Document::object([
            ("what", Document::from(note.what.as_str())),
            ("path", Document::from(note.path.clone())),
            ("line", note.place.map_or(Document::Null, |place| Document::Integer(place.line as i128))),
            ("message", Document::from(note.message.clone())),
        ])
    };
    let problem = |problem: &Problem| {
        Document::object([
            ("path", Document::from(problem.path.clone())),
            ("rule", Document::from(problem.rule)),
            ("message", Document::from(problem.message.clone())),
        ])
    };
    Document::object([
        ("notes", Document::List(notes.iter().map(note).collect())),
        ("problems", Document::List(problems.iter().map(problem).collect())),
    ])
}

fn human(notes: &[Note], problems: &[Problem]) -> String {
    let notes = notes.iter().map(|note| format!("{note}\n"));
    notes.chain(problems.iter().map(|problem| format!("to put right: {problem}\n"))).collect()
}
