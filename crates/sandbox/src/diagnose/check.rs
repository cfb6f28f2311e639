//! One fact of the host, and whether it will do.

/// One fact of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at, e.g. `kernel`, `docker daemon`.
    pub name: &'static str,
    /// Whether it will do.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What to change; empty when nothing.
    pub advice: String,
}

/// Whether something will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It will.
    Good,
    /// Something works less well, or is not needed here.
    Limited,
    /// It will not.
    Bad,
}

// === impl Check ===

impl Check {
    pub(crate) fn good(name: &'static str, detail: impl Into<String>) -> Self {
        Check { name, verdict: Verdict::Good, detail: detail.into(), advice: String::new() }
    }

    pub(crate) fn limited(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Check { name, verdict: Verdict::Limited, detail: detail.into(), advice: advice.into() }
    }

    pub(crate) fn bad(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Check { name, verdict: Verdict::Bad, detail: detail.into(), advice: advice.into() }
    }
}
