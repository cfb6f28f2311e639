//! What a source text is for.

/// What a utility is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `def transform(value, ...)`: a value in, a value out.
    Transformer,
    /// `def main(...)` or top-level code: prints, and may return a result.
    Script,
}

impl Kind {
    /// `transformer` or `script`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Transformer => "transformer",
            Kind::Script => "script",
        }
    }
}
