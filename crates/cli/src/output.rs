//! Where answers go: tables for people, JSON, YAML or JSON lines for programs, on standard output; notes on standard error,
//! and progress only where that is a terminal.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

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

/// The printer of one command. Clones print to the same place.
#[derive(Clone)]
pub struct Output {
    /// How answers are printed.
    pub format: Format,
    /// Whether a person reads it at once.
    is_terminal: bool,
    to: Arc<Mutex<dyn Write + Send>>,
}

impl Output {
    /// Prints to standard output.
    pub fn new(format: Format) -> Self {
        Output { is_terminal: io::stdout().is_terminal(), ..Output::to(format, io::stdout()) }
    }

    /// Prints to somewhere else, which is no terminal.
    pub fn to(format: Format, to: impl Write + Send + 'static) -> Self {
        Output { format, is_terminal: false, to: Arc::new(Mutex::new(to)) }
    }

    /// Whether a person reads it at once.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Lets something else write there; what it has written is there when this returns.
    ///
    /// # Errors
    /// Its own, and those of where it goes.
    pub fn with(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut *to)?;
        to.flush()
    }

    /// Prints a text as it is.
    ///
    /// # Errors
    /// Those of where it goes; a closed pipe is one.
    pub fn text(&self, text: &str) -> io::Result<()> {
        self.with(|to| to.write_all(text.as_bytes()))
    }

    /// Prints lines of others: to a terminal only what is harmless there, elsewhere as they are.
    ///
    /// # Errors
    /// As [`Output::text`].
    pub fn lines(&self, text: &str) -> io::Result<()> {
        if self.is_terminal { self.text(&terminal::lines(text)) } else { self.text(text) }
    }

    /// Prints one thing; `human` writes what people read.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn one(&self, document: impl FnOnce() -> Document, human: impl FnOnce() -> String) -> io::Result<()> {
        let text = match self.format {
            Format::Table => terminal::lines(&human()).into_owned(),
            _ => self.machine(&document()),
        };
        self.text(&text)
    }

    /// Prints a list: an array in JSON and YAML, one line each in JSON lines, rows in a table.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn list<T>(
        &self,
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
        self.text(&text)
    }

    /// Prints one line of a stream as JSON.
    ///
    /// # Errors
    /// Those of standard output.
    pub fn line(&self, document: &Document) -> io::Result<()> {
        self.text(&json_line(document))
    }

    fn machine(&self, document: &Document) -> String {
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

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").field("format", &self.format).field("is_terminal", &self.is_terminal).finish_non_exhaustive()
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
