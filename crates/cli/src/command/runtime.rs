//! `zona runtime ...`: what utilities run on.

use api_proto::zona::runtime::v1 as pb;
use clap::{Args, Subcommand};

use crate::client::paging::every;
use crate::client::{names, soon};
use crate::context::Context;
use crate::document::message::document;
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{fields, table};
use crate::pending::Pending;

/// Runtimes asked for at once.
const PAGE: i32 = 200;
const HEADINGS: &[&str] = &["NAME", "VERSION", "PYTHON", "BACKEND", "DIGEST"];
/// Width of the list of modules.
const WIDTH: usize = 100;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Runtime {
    /// List the runtimes
    List,
    /// Show a runtime with its packages, their known vulnerabilities, and the modules that code may import
    Show(Show),
}

#[derive(Debug, Args)]
pub struct Show {
    /// Runtime: a name as utilities use it, or a full name
    name: String,
}

impl Runtime {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        match self {
            Runtime::List => list(context).await,
            Runtime::Show(show) => show.run(context).await,
        }
    }
}

async fn list(context: &Context) -> Result {
    let client = context.connect().await?;
    let parent = names::parent(&context.tenant);
    let found = every(|page_token| async {
        let request = pb::ListRuntimesRequest { parent: parent.clone(), page_size: PAGE, page_token };
        let page = client.runtimes().list_runtimes(soon(request)).await?.into_inner();
        Ok((page.runtimes, page.next_page_token))
    })
    .await?;
    context.output.list(&found, document, HEADINGS, row)?;
    Ok(Exit::Ok)
}

impl Show {
    async fn run(&self, context: &Context) -> Result {
        let name = names::runtime(&context.tenant, &self.name)?;
        let request = pb::GetRuntimeRequest { name };
        let found = context.connect().await?.runtimes().get_runtime(soon(request)).await;
        let runtime = found.map_err(|status| explained(status.into()))?.into_inner();
        context.output.one(|| document(&runtime), || human(&runtime))?;
        Ok(Exit::Ok)
    }
}

/// An absent runtime is most often a typing error.
fn explained(failure: Failure) -> Failure {
    if failure.exit == Exit::NotFound { failure.hint("`zona runtime list` shows what there is") } else { failure }
}

fn row(runtime: &pb::Runtime) -> Vec<String> {
    let digest = if runtime.problem.is_empty() { short(&runtime.digest) } else { format!("unusable: {}", runtime.problem) };
    let id = names::id(&runtime.name).to_owned();
    vec![id, runtime.version.clone(), runtime.python_version.clone(), runtime.backend.clone(), digest]
}

/// As much of a digest as people compare.
fn short(digest: &str) -> String {
    digest.chars().take(19).collect()
}

fn human(runtime: &pb::Runtime) -> String {
    let mut text = fields(&[
        ("name", runtime.name.clone()),
        ("version", runtime.version.clone()),
        ("python", runtime.python_version.clone()),
        ("backend", runtime.backend.clone()),
        ("digest", runtime.digest.clone()),
        ("lock", runtime.lock_digest.clone()),
        ("unusable", runtime.problem.clone()),
    ]);
    if !runtime.packages.is_empty() {
        text.push_str(&format!(
            "\npackages:\n{}",
            table(&["NAME", "VERSION", "MODULES", "HASH", "ADVISORIES"], runtime.packages.iter().map(package))
        ));
    }
    for package in &runtime.packages {
        for advisory in &package.advisories {
            text.push_str(&format!("\n{} in {} {}: {}\n", advisory.id, package.name, package.version, advisory.summary));
        }
    }
    if !runtime.problem.is_empty() {
        return text;
    }
    text.push_str(&format!("\nmodules that code may import:\n{}", wrapped(&runtime.allowed_modules)));
    text
}

fn package(package: &pb::Package) -> Vec<String> {
    let advisories: Vec<&str> = package.advisories.iter().map(|advisory| advisory.id.as_str()).collect();
    let hashes: Vec<String> = package.hashes.iter().map(|hash| short(hash)).collect();
    vec![package.name.clone(), package.version.clone(), package.modules.join(" "), hashes.join(" "), advisories.join(" ")]
}

/// Words in lines.
fn wrapped(words: &[String]) -> String {
    let mut lines = vec![String::new()];
    for word in words {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            *line = format!("  {word}");
        } else if line.len() + word.len() < WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_is_shown_in_lines_of_bounded_width() {
        let words: Vec<String> = (0..100).map(|number| format!("module{number}")).collect();
        let text = wrapped(&words);
        assert!(text.lines().all(|line| line.len() <= WIDTH));
        assert_eq!(text.split_whitespace().collect::<Vec<_>>(), words);
        assert_eq!(wrapped(&[]), "\n");
    }
}
