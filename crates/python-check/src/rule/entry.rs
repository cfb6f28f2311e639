//! What a rule consists of.

use domain::code::{Family, Severity};

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Stable id, e.g. `ZPY-IMPORT-001`.
    pub id: &'static str,
    /// Its family.
    pub family: Family,
    /// Whether it blocks.
    pub severity: Severity,
    /// A short name.
    pub title: &'static str,
    /// Why the rule exists.
    pub why: &'static str,
    /// What to do instead.
    pub fix: &'static str,
    /// Code that the rule finds.
    pub bad: Example,
    /// The same done well.
    pub good: &'static str,
}

/// An example of code.
#[derive(Debug, Clone, Copy)]
pub enum Example {
    /// As written.
    Code(&'static str),
    /// Bytes that are not text, and how a page shows them.
    Bytes(&'static [u8], &'static str),
    /// `head`, then `piece` so many times, then `tail`.
    Repeated {
        /// What comes first.
        head: &'static str,
        /// What is repeated.
        piece: &'static str,
        /// How often.
        times: usize,
        /// What comes last.
        tail: &'static str,
    },
}

impl Example {
    /// The example as the checker takes it.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Example::Code(code) => code.as_bytes().to_vec(),
            Example::Bytes(bytes, _) => bytes.to_vec(),
            Example::Repeated { head, piece, times, tail } => format!("{head}{}{tail}", piece.repeat(*times)).into_bytes(),
        }
    }
}
