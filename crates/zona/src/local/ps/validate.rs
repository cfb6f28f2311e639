//! `zona ps validate FILE`: everything that is wrong with a manifest, at once.

use std::path::PathBuf;

use clap::Args;
use cli::document::Document;
use cli::{Exit, Result};
use process::problem::{Problem, Problems};

use crate::context::Context;
use crate::local::ps::file::load;

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the manifest is right, 2 it is not, or cannot be read.")]
pub struct Validate {
    /// Manifest, YAML or (*.json) JSON; `-` is standard input
    file: PathBuf,
}

impl Validate {
    pub fn run(&self, context: &Context) -> Result {
        let name = self.file.display().to_string();
        match load(&self.file)? {
            Ok(file) => {
                let (manifest, environments) = (file.manifest(), file.environments());
                let environments: Vec<Document> = environments.into_iter().map(Document::from).collect();
                let human = format!("{name}: valid: {} services, {} environments\n", manifest.services.len(), environments.len());
                let document = || {
                    Document::object([
                        ("valid", Document::Bool(true)),
                        ("services", Document::Integer(manifest.services.len() as i128)),
                        ("environments", Document::List(environments)),
                        ("problems", Document::List(Vec::new())),
                    ])
                };
                context.output.one(document, || human)?;
                Ok(Exit::Ok)
            }
            Err(problems) => {
                context.output.one(|| document(&problems), || human(&name, &problems))?;
                Ok(Exit::Usage)
            }
        }
    }
}

fn document(problems: &Problems) -> Document {
    Document::object([
        ("valid", Document::Bool(false)),
        ("problems", Document::List(problems.list().iter().map(problem).collect())),
        ("left_out", Document::Integer(problems.left_out() as i128)),
    ])
}

fn problem(problem: &Problem) -> Document {
    let number = |number: Option<usize>| number.map_or(Document::Null, |number| Document::Integer(number as i128));
    Document::object([
        ("path", Document::from(problem.path.clone())),
        ("line", number(problem.place.map(|place| place.line))),
        ("column", number(problem.place.map(|place| place.column))),
        ("rule", Document::from(problem.rule)),
        ("message", Document::from(problem.message.clone())),
    ])
}

fn human(name: &str, problems: &Problems) -> String {
    let mut text: String = problems.list().iter().map(|problem| format!("{name}:{problem}\n")).collect();
    if problems.left_out() > 0 {
        text.push_str(&format!("and {} more\n", problems.left_out()));
    }
    text
}
