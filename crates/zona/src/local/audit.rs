//! `zona audit ...`: `list`, `watch`, `export` and `report` ask a server; `verify` asks nobody, and remembers what it has seen where it is told to.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use audit::{Known, Report, VerifierKey, WitnessKey, Witnessed, verify};
use clap::{Args, Subcommand};
use cli::command::{AuditCosign, AuditExport, AuditList, AuditReport, AuditWatch};
use cli::document::Document;
use cli::document::message::time;
use cli::output::note;
use cli::{Exit, Failure, Result};

use crate::context::Context;

#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List records of the audit log, newest first
    List(AuditList),
    /// Follow the audit log, until Ctrl-C
    Watch(AuditWatch),
    /// Write the whole audit log to a file: records, checkpoints and public keys, or records as CSV or OCSF events
    Export(AuditExport),
    /// Count what happened on some days, as a page, JSON or CSV
    Report(AuditReport),
    /// Add what a witness says of a checkpoint; prints the checkpoint with its cosignatures
    Cosign(AuditCosign),
    /// Say what is wrong with an export, without a server
    Verify(Verify),
}

#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the log is whole, 1 it is not: one line for each fault.\n\
                        Without --key or --follow, the key in the file is trusted: whoever forged all of it has forged that, too.")]
pub struct Verify {
    /// File that `zona audit export` wrote
    file: PathBuf,
    /// Public key that must have signed the checkpoints; may be repeated
    #[arg(long, value_name = "KEY")]
    key: Vec<VerifierKey>,
    /// Public key of a witness that must have cosigned a checkpoint; may be repeated
    #[arg(long, value_name = "KEY")]
    witness: Vec<WitnessKey>,
    /// Remember key and newest checkpoint in this file, and compare with those of the last time: finds older states and forks
    #[arg(long, value_name = "FILE")]
    follow: Option<PathBuf>,
}

impl Audit {
    pub async fn run(&self, context: &Context) -> Result {
        match self {
            Audit::List(list) => list.run(&context.client.context()?).await,
            Audit::Watch(watch) => watch.run(&context.client.context()?).await,
            Audit::Export(export) => export.run(&context.client.context()?).await,
            Audit::Report(report) => report.run(&context.client.context()?).await,
            Audit::Cosign(cosign) => cosign.run(&context.client.context()?).await,
            Audit::Verify(verify) => verify.run(context),
        }
    }
}

impl Verify {
    fn run(&self, context: &Context) -> Result {
        let mut known = self.follow.as_deref().map(remembered).transpose()?.unwrap_or_default();
        if !self.key.is_empty() {
            known.keys.clone_from(&self.key);
        }
        known.witnesses.clone_from(&self.witness);
        let unread = |error: io::Error| Failure::file(&self.file, &error);
        let report = verify(BufReader::new(File::open(&self.file).map_err(unread)?), &known).map_err(unread)?;
        context.output.one(|| document(&report), || human(&report))?;
        if report.unknown_signatures > 0 {
            let signers = report.unknown_signers.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            note(&format!("{} signatures are by keys that are not known, and vouch for nothing: {signers}", report.unknown_signatures));
        }
        if !report.faults.is_empty() {
            return Ok(Exit::UserCode);
        }
        if known.keys.is_empty() {
            note("the key in the file was trusted; give --key or --follow to trust only one that you know");
        }
        if let Some(path) = &self.follow {
            remember(path, &known, &report).map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
        }
        Ok(Exit::Ok)
    }
}

/// What was seen the last time: the keys, a blank line, and the newest checkpoint. Nothing the first time.
fn remembered(path: &Path) -> Result<Known> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Known::default()),
        Err(error) => return Err(Failure::file(path, &error)),
    };
    let read = || {
        let (keys, checkpoint) = text.split_once("\n\n")?;
        let keys = keys.lines().map(|key| key.parse().ok()).collect::<Option<Vec<_>>>()?;
        Some(Known {
            keys,
            checkpoints: Some(checkpoint.to_owned()).filter(|note| !note.is_empty()).into_iter().collect(),
            ..Known::default()
        })
    };
    read().ok_or_else(|| Failure::usage(format!("{} is not what `zona audit verify --follow` has written", path.display())))
}

/// Whole or not at all: what was seen before must not be lost.
fn remember(path: &Path, known: &Known, report: &Report) -> io::Result<()> {
    let keys: Vec<String> = if known.keys.is_empty() { report.keys.clone() } else { known.keys.iter().map(ToString::to_string).collect() };
    let text = format!("{}\n\n{}", keys.join("\n"), report.newest.as_deref().unwrap_or_default());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let new = tempfile::NamedTempFile::new_in(directory)?;
    fs::write(new.path(), text)?;
    new.as_file().sync_all()?;
    new.persist(path)?;
    Ok(())
}

fn human(report: &Report) -> String {
    if report.faults.is_empty() {
        let Report { tenant, records, checkpoints, .. } = report;
        let seen = |Witnessed { witness, records, .. }: &Witnessed| format!("{witness} has cosigned the first {records} records\n");
        let witnessed: String = report.witnessed.iter().map(seen).collect();
        let removed = match report.removed {
            0 => String::new(),
            removed => format!("the first {removed} records were removed as their time was over, as the log says; their hashes fit\n"),
        };
        return format!(
            "the audit log of tenant {tenant} is whole: {records} records under {checkpoints} checkpoints\n{removed}{witnessed}"
        );
    }
    report.faults.iter().map(|fault| format!("{fault}\n")).collect()
}

fn document(report: &Report) -> Document {
    let texts = |texts: Vec<String>| Document::List(texts.into_iter().map(Document::Text).collect());
    Document::object([
        ("tenant", Document::Text(report.tenant.clone())),
        ("records", Document::Integer(report.records.into())),
        ("removed", Document::Integer(report.removed.into())),
        ("checkpoints", Document::Integer(report.checkpoints.into())),
        ("keys", texts(report.keys.clone())),
        ("newest_checkpoint", report.newest.clone().map_or(Document::Null, Document::Text)),
        ("unknown_signatures", Document::Integer(report.unknown_signatures.into())),
        ("unknown_signers", texts(report.unknown_signers.iter().cloned().collect())),
        ("witnessed", Document::List(report.witnessed.iter().map(witnessed).collect())),
        ("whole", Document::Bool(report.faults.is_empty())),
        ("faults", texts(report.faults.iter().map(ToString::to_string).collect())),
    ])
}

fn witnessed(seen: &Witnessed) -> Document {
    Document::object([
        ("witness", Document::Text(seen.witness.clone())),
        ("records", Document::Integer(seen.records.into())),
        ("time", Document::Text(time(seen.time.cast_signed(), 0))),
    ])
}

#[cfg(test)]
mod tests {
    use audit::{Checkpoint, Header, Key, Tree, checkpoint_line, end_line, record_line};

    use super::*;

    const ORIGIN: &str = "zona.dev/audit/test/tenants/acme";

    /// An export of so many records under one checkpoint.
    fn export(records: u64, key: &Key) -> Vec<u8> {
        let signer = key.named(ORIGIN);
        let (mut tree, mut lines) = (Tree::default(), Header::new("acme", ORIGIN, vec![signer.verifier().to_string()]).line());
        for sequence in 0..records {
            let record = format!(r#"{{"action":"a","sequence":{sequence},"tenant":"acme","v":1}}"#);
            tree.push(record.as_bytes());
            lines.extend(record_line(record.as_bytes()));
        }
        let checkpoint = Checkpoint { origin: ORIGIN.to_owned(), size: records, root: tree.root() };
        lines.extend(checkpoint_line(&checkpoint.sign(&signer)));
        lines.extend(end_line(records));
        lines
    }

    fn faults(bytes: &[u8], known: &Known) -> usize {
        verify(bytes, known).unwrap().faults.len()
    }

    #[test]
    fn what_was_seen_is_remembered_and_an_older_state_is_found_by_it() {
        let (directory, key) = (tempfile::tempdir().unwrap(), Key::generate().0);
        let path = directory.path().join("seen");
        assert!(remembered(&path).unwrap().keys.is_empty());
        let (older, newer) = (export(3, &key), export(5, &key));
        let first = Known::default();
        remember(&path, &first, &verify(newer.as_slice(), &first).unwrap()).unwrap();
        let seen = remembered(&path).unwrap();
        assert_eq!((seen.keys.len(), seen.checkpoints.len()), (1, 1));
        assert_eq!((faults(&newer, &seen), faults(&export(9, &key), &seen)), (0, 0));
        assert_eq!(faults(&older, &first), 0, "nobody who has seen nothing can know");
        assert_eq!(faults(&older, &seen), 1);
        assert_ne!(faults(&export(9, &Key::generate().0), &seen), 0, "another key");
    }

    #[test]
    fn what_was_never_remembered_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("seen");
        std::fs::write(&path, "something else").unwrap();
        assert!(remembered(&path).is_err());
    }

    #[test]
    fn each_fault_is_one_line() {
        let mut bytes = export(3, &Key::generate().0);
        bytes.truncate(bytes.len() - 10);
        let report = verify(bytes.as_slice(), &Known::default()).unwrap();
        assert!(!report.faults.is_empty());
        assert_eq!(human(&report).lines().count(), report.faults.len());
    }
}
