//! Where answers go: tables for people, JSON, YAML or JSON lines for programs, on standard output; notes on standard error,
//! and progress only where that is a terminal.

use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::document::Document;
use crate::document::yaml::yaml;
use crate::terminal;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON value, indented.
    Json,
    /// YAML.
    Yaml,
    /// One JSON value a line, as soon as it is there.
    #[value(name = "jsonl")]
    JsonLines,
}

impl Format {
    /// Every one.
    pub const ALL: [Format; 4] = [Format::Table, Format::Json, Format::Yaml, Format::JsonLines];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Yaml => "yaml",
            Format::JsonLines => "jsonl",
        }
    }
}

/// The printer of one command.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// How answers are printed.
    pub format: Format,
}

impl Output {
    /// Prints one thing; `human` writes what people read.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn one(self, document: impl FnOnce() -> Document, human: impl FnOnce() -> String) -> io::Result<()> {
        let text = match self.format {
            Format::Table => terminal::lines(&human()).into_owned(),
            _ => self.machine(&document()),
        };
        write_out(&text)
    }

    /// Prints a list: an array in JSON and YAML, one line each in JSON lines, rows in a table.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn list<T>(
        self,
        items: &[T],
        document: impl Fn(&T) -> Document,
        headings: &[&str],
        row: impl Fn(&T) -> Vec<String>,
    ) -> io::Result<()> {
        let text = match self.format {
            Format::Table => table(headings, items.iter().map(row)),
            Format::JsonLines => items.iter().map(|item| self.machine(&document(item))).collect(),
            Format::Json | Format::Yaml => self.machine(&Document::List(items.iter().map(document).collect())),
        };
        write_out(&text)
    }

    /// Prints one line of a stream as JSON.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn line(self, document: &Document) -> io::Result<()> {
        write_out(&json_line(document))
    }

    fn machine(self, document: &Document) -> String {
        match self.format {
            Format::Yaml => yaml(document),
            Format::JsonLines => json_line(document),
            Format::Table | Format::Json => {
                let text = serde_json::to_string_pretty(document).unwrap_or_else(|error| error.to_string());
                format!("{}\n", terminal::json(&text))
            }
        }
    }
}

/// Tells people something beside the answer, in any format.
pub fn note(text: &str) {
    eprintln!("{}", terminal::lines(text));
}

/// Tells people how it goes, on a terminal only.
pub fn progress(text: &str) {
    if io::stderr().is_terminal() {
        note(text);
    }
}

/// Writes to standard output at once.
///
/// # Errors
/// Those of standard output; a closed pipe is one.
pub fn write_out(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Columns without borders, as wide as their widest cell. A cell is one line, whatever it holds.
pub fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).set_header(headings.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|cell| terminal::line(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    lines(&table)
}

/// Names and values, one pair a line.
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let shown = pairs.iter().filter(|(_, value)| !value.is_empty());
    let indented = |value: &str| terminal::lines(value).replace('\n', &format!("\n{:width$}   ", ""));
    shown.map(|(name, value)| format!("{name:width$}   {}\n", indented(value))).collect()
}

fn lines(table: &Table) -> String {
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// A document as one line of JSON.
pub fn json_line(document: &Document) -> String {
    let text = serde_json::to_string(document).unwrap_or_else(|error| error.to_string());
    // A JSON text inside may have line breaks between its tokens; inside strings JSON allows none.
    format!("{}\n", terminal::json(&text.replace(['\n', '\r'], "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_aligned_columns_and_no_trailing_spaces() {
        let text = table(&["NAME", "KIND"], [vec!["a".to_owned(), "script".to_owned()], vec!["longer-name".to_owned(), "x".to_owned()]]);
        assert_eq!(text, "NAME          KIND\na             script\nlonger-name   x\n");
    }

    #[test]
    fn fields_align_and_leave_out_what_is_empty() {
        assert_eq!(
            fields(&[("name", "a".to_owned()), ("tags", String::new()), ("message", "x\ny".to_owned())]),
            "name      a\nmessage   x\n          y\n"
        );
    }

    #[test]
    fn texts_of_others_neither_break_a_table_nor_reach_the_terminal() {
        let stored = "a\n\x1b[2Jb\t\u{202e}c".to_owned();
        assert_eq!(
            table(&["TITLE", "TAGS"], [vec![stored.clone(), "x".to_owned()]]),
            format!("{:<23}TAGS\n{:<23}x\n", "TITLE", r"a\n\x1b[2Jb\t\u202ec")
        );
        assert_eq!(fields(&[("title", stored)]), "title   a\n        \\x1b[2Jb\t\\u202ec\n");
    }

    #[test]
    fn a_line_stays_one_line_whatever_json_it_holds() {
        let document = Document::object([("result", Document::json("{\n \"a\\n\": 1.10\n}"))]);
        assert_eq!(json_line(&document), "{\"result\":{ \"a\\n\": 1.10}}\n");
    }
}
