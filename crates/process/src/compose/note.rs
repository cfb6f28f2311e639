//! What an import says of what it did not take over as it was.

use std::fmt;

use crate::problem::Place;

/// What became of something in a Compose file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// It is taken over, and means something that is easily overlooked.
    Taken,
    /// It is written in another way, or means something a little different.
    Changed,
    /// It is not in the manifest.
    LeftOut,
}

/// One thing that a person should know of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// What became of it.
    pub what: What,
    /// Where it stands in the merged document.
    pub path: String,
    /// Where it stands in its file.
    pub place: Option<Place>,
    /// Why.
    pub message: String,
}

impl What {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            What::Taken => "taken",
            What::Changed => "changed",
            What::LeftOut => "left-out",
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.what.as_str(), self.path, self.message)
    }
}
