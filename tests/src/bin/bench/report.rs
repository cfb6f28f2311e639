//! What a run found out: tables, judged promises, facts of the machine; printed for people and written as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use comfy_table::{CellAlignment, ContentArrangement, presets};
use serde_json::{Map, Value, json};

use crate::promises::{Bound, Promise};

/// Processor cores that others may keep busy before a run whose figures are worth publishing.
const QUIET: f64 = 0.1;

/// Everything that one run found out.
#[derive(Debug)]
pub struct Report {
    started: String,
    machine: BTreeMap<&'static str, Value>,
    tables: Vec<Table>,
    judgements: Vec<(&'static Promise, f64)>,
    failures: Vec<(&'static str, String)>,
}

/// Rows of one subject each.
#[derive(Debug)]
pub struct Table {
    part: &'static str,
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    notes: Vec<String>,
}

/// One figure or word.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A measured figure.
    Number(f64),
    /// A number of things.
    Count(usize),
    /// Not measured; the table's notes say why.
    Absent,
}

// === impl Report ===

impl Report {
    /// An empty report about a machine.
    pub fn new(machine: BTreeMap<&'static str, Value>) -> Self {
        let started = jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
        Report { started, machine, tables: Vec::new(), judgements: Vec::new(), failures: Vec::new() }
    }

    /// Adds a table.
    pub fn add(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Adds what was measured for a promise.
    pub fn judge(&mut self, promise: &'static Promise, measured: f64) {
        self.judgements.push((promise, measured));
    }

    /// Adds a part that could not be measured.
    pub fn fail(&mut self, part: &'static str, error: &anyhow::Error) {
        self.failures.push((part, format!("{error:#}")));
    }

    /// Adds what is known only at the end.
    pub fn finish(&mut self, load_at_end: Value) {
        self.machine.insert("load_at_end", load_at_end);
    }

    /// Whether others left the machine alone before the run.
    fn is_quiet(&self) -> bool {
        self.machine.get("busy_cores_before").and_then(Value::as_f64).is_some_and(|busy| busy < QUIET)
    }

    /// The whole report as one JSON object.
    pub fn json(&self) -> Value {
        let failures: Map<String, Value> = self.failures.iter().map(|(part, error)| ((*part).to_owned(), json!(error))).collect();
        json!({
            "started": self.started,
            "machine": self.machine,
            "quiet": self.is_quiet(),
            "tables": self.tables.iter().map(Table::json).collect::<Vec<_>>(),
            "promises": self.judgements.iter().map(|(promise, measured)| promise.json(*measured)).collect::<Vec<_>>(),
            "failures": failures,
        })
    }

    /// Writes the JSON into `directory`, under the time of the run.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        let path = directory.join(format!("{}.json", self.started));
        fs::create_dir_all(directory)?;
        fs::write(&path, format!("{:#}\n", self.json())).with_context(|| format!("failed to write {}", path.display()))?;
        Ok(path)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "machine")?;
        for (fact, value) in &self.machine {
            writeln!(f, "  {fact}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))?;
        }
        if !self.is_quiet() {
            writeln!(
                f,
                "\nThe machine was busy before the run: latencies are upper bounds, rates lower bounds; ratios between neighbors hold."
            )?;
        }
        for table in &self.tables {
            writeln!(f, "\n{table}")?;
        }
        if !self.judgements.is_empty() {
            writeln!(f, "\npromises\n{}", judgements(&self.judgements))?;
        }
        for (part, error) in &self.failures {
            writeln!(f, "\nnot measured: {part}: {error}")?;
        }
        Ok(())
    }
}

fn judgements(judgements: &[(&'static Promise, f64)]) -> comfy_table::Table {
    let mut table = grid(&["promise", "goal", "stretch", "measured", "verdict"]);
    for (promise, measured) in judgements {
        let text = |bound: &Bound| bound.describe(promise.unit);
        let measured_text = format!("{} {}", figure(*measured), promise.unit);
        table.add_row([
            promise.what.to_owned(),
            text(&promise.goal),
            text(&promise.stretch),
            measured_text,
            promise.verdict(*measured).to_owned(),
        ]);
    }
    table
}

fn grid(columns: &[&str]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled).set_header(columns);
    table
}

/// Four significant digits at most: more would claim a precision that no run has.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size.is_nan() => "-".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

// === impl Table ===

impl Table {
    /// A table without rows; `part` is the part of the run that it belongs to.
    pub fn new(part: &'static str, title: impl Into<String>, columns: &[&'static str]) -> Self {
        Table { part, title: title.into(), columns: columns.to_vec(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row with one cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a sentence below the table.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| -> Value {
            self.columns.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.json())).collect::<Map<_, _>>().into()
        };
        json!({
            "part": self.part,
            "title": self.title,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = grid(&self.columns);
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let align = if matches!(cell, Cell::Text(_)) { CellAlignment::Left } else { CellAlignment::Right };
                comfy_table::Cell::new(cell.to_string()).set_alignment(align)
            }));
        }
        write!(f, "{}\n{table}", self.title)?;
        self.notes.iter().try_for_each(|note| write!(f, "\n  {note}"))
    }
}

// === impl Cell ===

impl Cell {
    fn json(&self) -> Value {
        match self {
            Cell::Text(text) => json!(text),
            Cell::Number(value) => json!((value * 1e4).round() / 1e4),
            Cell::Count(count) => json!(count),
            Cell::Absent => Value::Null,
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cell::Text(text) => f.write_str(text),
            Cell::Number(value) => f.write_str(&figure(*value)),
            Cell::Count(count) => write!(f, "{count}"),
            Cell::Absent => f.write_str("-"),
        }
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Cell::Number(value)
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Self {
        Cell::Count(count)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promises::T1_P50;

    #[test]
    fn a_report_reads_the_same_as_table_and_as_json() {
        let mut report = Report::new(BTreeMap::from([("busy_cores_before", json!(1.5))]));
        let mut table = Table::new("t1", "Latency", &["subject", "p50 ms", "p95 ms"]);
        table.row(["namespace".into(), 0.51234.into(), Cell::Absent]);
        report.add(table);
        report.judge(&T1_P50, 0.5);
        report.fail("list", &anyhow::anyhow!("no server"));
        let json = report.json();
        assert_eq!(json["tables"][0]["rows"][0]["p50 ms"], 0.5123);
        assert_eq!(json["tables"][0]["rows"][0]["p95 ms"], Value::Null);
        assert_eq!(json["promises"][0]["verdict"], "met");
        assert_eq!(json["quiet"], false);
        let text = report.to_string();
        for part in ["0.512", "met", "was busy before", "not measured: list: no server"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
