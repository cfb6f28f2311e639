//! `zona check FILE...`: what the server would say of source files, without a server. Rules are python-check's.

mod policy;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use cli::command::Preset;
use cli::document::Document;
use cli::input::read;
use cli::output::{Format, note, write_out};
use cli::terminal::lines;
use cli::{Exit, Failure, Result};
use domain::code::{CodeReport, Finding, Import, Standing};
use domain::code_policy::CodePolicy;
use domain::name::UtilityId;
use python_check::{CheckPolicy, Checker};

use crate::context::Context;
use crate::refusal::refused;

/// Directories below a given one, in depth: links that lead around in a circle end here.
const MAX_DEPTH: usize = 64;

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 all accepted, 1 some refused, 2 some could not be read (the others are still checked).")]
pub struct Check {
    /// Files to check; of a directory, every *.py below it; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Version of Python that the code is meant for; by default that of the runtime `python`
    #[arg(long, value_name = "MAJOR.MINOR", value_parser = python_version, default_value = "3.11")]
    python: (u8, u8),
    /// Code policy to check under, as `zona policy show -o yaml` prints it; YAML or JSON [default: that of a new tenant]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Preset of the code policy, in place of that of the policy
    #[arg(long, value_enum, ignore_case = true)]
    policy_preset: Option<Preset>,
    /// Utility that the files are for: the policy's exceptions for it hold
    #[arg(long, value_name = "ID", requires = "policy")]
    utility: Option<String>,
}

struct Checked {
    file: String,
    report: CodeReport,
    ms: f64,
}

impl Check {
    pub fn run(&self, context: &Context) -> Result {
        let given = self.policy.as_deref().map(policy::load).transpose()?;
        let utility = self.utility.as_deref().map(|id| UtilityId::parse("--utility", id).map_err(refused)).transpose()?;
        let checker = self.checker(given.as_ref());
        let (mut some_refused, mut unreadable) = (false, false);
        let mut documents = Vec::new();
        for file in self.expand(&mut unreadable) {
            let source = match read(&file) {
                Ok(source) => source,
                Err(failure) => {
                    unreadable = true;
                    failure.print();
                    continue;
                }
            };
            let mut checked = check(&checker, &file, &source);
            if let (Some(policy), Some(utility)) = (&given, &utility) {
                policy::excuse(policy, utility, &mut checked.report);
            }
            some_refused |= !checked.report.accepted();
            match context.output.format {
                Format::Table => write_out(&lines(&checked.human()))?,
                Format::JsonLines => context.output.line(&checked.document())?,
                Format::Json | Format::Yaml => documents.push(checked.document()),
            }
        }
        if matches!(context.output.format, Format::Json | Format::Yaml) {
            context.output.one(|| Document::List(documents), String::new)?;
        }
        Ok(match (unreadable, some_refused) {
            (true, _) => Exit::Usage,
            (false, true) => Exit::UserCode,
            (false, false) => Exit::Ok,
        })
    }

    fn checker(&self, given: Option<&CodePolicy>) -> Checker {
        let mut policy = CheckPolicy::default();
        policy.runtime.python = self.python;
        if let Some(given) = given {
            policy::apply(given, &mut policy);
        }
        if let Some(preset) = self.policy_preset {
            policy.preset = policy::domain_preset(preset);
        }
        Checker::new(policy)
    }

    /// Files as given, and in place of a directory the files below it, sorted.
    fn expand(&self, unreadable: &mut bool) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for path in &self.files {
            if !path.is_dir() {
                files.push(path.clone());
                continue;
            }
            let before = files.len();
            if let Err((place, error)) = python_files(path, 0, &mut files) {
                *unreadable = true;
                Failure::file(&place, &error).print();
            }
            files[before..].sort();
            if files.len() == before {
                note(&format!("{}: no *.py below it", path.display()));
            }
        }
        files
    }
}

fn python_files(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::result::Result<(), (PathBuf, std::io::Error)> {
    let here = |error| (directory.to_path_buf(), error);
    for entry in std::fs::read_dir(directory).map_err(here)? {
        let path = entry.map_err(here)?.path();
        if path.is_dir() && depth < MAX_DEPTH {
            python_files(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|extension| extension == "py") {
            files.push(path);
        }
    }
    Ok(())
}

fn check(checker: &Checker, file: &Path, source: &[u8]) -> Checked {
    let begin = Instant::now();
    let report = checker.check(source);
    let ms = (begin.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    Checked { file: file.display().to_string(), report, ms }
}

fn python_version(text: &str) -> std::result::Result<(u8, u8), String> {
    let parts = text.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match parts {
        Some(version @ (3, 7..=14)) => Ok(version),
        _ => Err("must be 3.7 to 3.14".to_owned()),
    }
}

impl Checked {
    fn document(&self) -> Document {
        Document::object([
            ("file", Document::from(self.file.clone())),
            ("accepted", Document::Bool(self.report.accepted())),
            ("findings", Document::List(self.report.findings.iter().map(finding).collect())),
            ("imports", Document::List(self.report.imports.iter().map(import).collect())),
            ("ms", Document::Float(self.ms)),
        ])
    }

    fn human(&self) -> String {
        let verdict = if self.report.accepted() { "accepted" } else { "refused" };
        let mut text = format!("{}: {verdict} ({:.1} ms)\n", self.file, self.ms);
        for finding in &self.report.findings {
            let (line, column) = (finding.span.line, finding.span.column);
            text.push_str(&format!(
                "  {}:{line}:{column}: {} {}: {}\n",
                self.file,
                finding.severity.as_str(),
                finding.rule,
                finding.message
            ));
            if !finding.suggestion.is_empty() {
                text.push_str(&format!("    {}\n", finding.suggestion));
            }
        }
        text
    }
}

fn finding(finding: &Finding) -> Document {
    Document::object([
        ("rule", Document::from(finding.rule)),
        ("family", Document::from(finding.family.as_str())),
        ("severity", Document::from(finding.severity.as_str())),
        ("line", Document::from(u64::from(finding.span.line))),
        ("column", Document::from(u64::from(finding.span.column))),
        ("end_line", Document::from(u64::from(finding.span.end_line))),
        ("end_column", Document::from(u64::from(finding.span.end_column))),
        ("message", Document::from(finding.message.clone())),
        ("suggestion", Document::from(finding.suggestion.clone())),
    ])
}

fn import(import: &Import) -> Document {
    let mut document = Document::object([
        ("module", Document::from(import.module.clone())),
        ("line", Document::from(u64::from(import.line))),
        ("standing", Document::from(import.standing.as_str())),
    ]);
    if let Standing::Package { name, version } = &import.standing {
        document.push("package", Document::from(name.clone()));
        document.push("package_version", Document::from(version.clone()));
    }
    document
}
