//! CSV as RFC 4180 has it, for spreadsheets: a cell that one would take for a formula begins with an apostrophe.

use std::borrow::Cow;

use csv::{Terminator, Writer, WriterBuilder};

/// How a cell begins that a spreadsheet may compute; the list of OWASP's "CSV Injection".
const FORMULA: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\n'];

/// Lines of cells.
pub struct Lines(Writer<Vec<u8>>);

impl Default for Lines {
    fn default() -> Self {
        Lines(WriterBuilder::new().terminator(Terminator::CRLF).flexible(true).from_writer(Vec::new()))
    }
}

impl Lines {
    /// Adds a line.
    pub fn push<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        let cells = cells.into_iter().map(|cell| harmless(cell).into_owned());
        self.0.write_record(cells).expect("memory takes everything, and lines may differ in length");
    }

    /// All lines.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_inner().expect("memory takes everything")
    }
}

/// A cell that no spreadsheet computes.
fn harmless(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(FORMULA) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_looks_like_a_formula_is_none_any_more_and_every_other_one_stays() {
        let mut lines = Lines::default();
        for cell in ["=1+1", "+1", "-1", "@a", "\tx", "\rx", "\nx", "a=1", "", " =1", "\"q\"", "a,b"] {
            lines.push([cell, "end"]);
        }
        let text = String::from_utf8(lines.into_bytes()).unwrap();
        let expected = concat!(
            "'=1+1,end\r\n",
            "'+1,end\r\n",
            "'-1,end\r\n",
            "'@a,end\r\n",
            "'\tx,end\r\n",
            "\"'\rx\",end\r\n",
            "\"'\nx\",end\r\n",
            "a=1,end\r\n",
            ",end\r\n",
            " =1,end\r\n",
            "\"\"\"q\"\"\",end\r\n",
            "\"a,b\",end\r\n",
        );
        assert_eq!(text, expected);
    }
}
