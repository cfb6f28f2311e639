//! The settings as a table for operators, in Markdown.

use crate::declaration::{Key, Schema, Section};

impl Schema {
    /// A row for each key: its name, its default, what it means.
    pub fn table(&self) -> String {
        let rows = self.sections().iter().flat_map(|section| section.keys.iter().map(move |key| row(section, key)));
        let head = "| key | default | meaning |\n|---|---|---|\n".to_owned();
        rows.fold(head, |table, row| table + &row)
    }
}

fn row(section: &Section, key: &Key) -> String {
    let default = match (key.shown, key.preset) {
        ("", "") => "not set".to_owned(),
        ("", preset) => format!("`{}`", preset.trim_matches('"')),
        (shown, _) => shown.to_owned(),
    };
    format!("| `{}` | {default} | {} |\n", Section::key(&section.documented_path(), key.name), key.meaning())
}
