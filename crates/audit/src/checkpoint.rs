//! Checkpoints (C2SP tlog-checkpoint): that a log had so many records and this root.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::note::{NoteError, Signer, VerifierKey};

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Of which log.
    pub origin: String,
    /// How many records it had.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// Why a text is no checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is no note, or not signed by a known key.
    #[error("the checkpoint {0}")]
    Note(#[from] NoteError),
    /// The note is no checkpoint.
    #[error("the checkpoint does not say origin, size and root")]
    Text,
}

impl Checkpoint {
    /// The checkpoint as a note, signed.
    pub fn sign(&self, signer: &Signer<'_>) -> String {
        signer.sign(&format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root)))
    }

    /// Reads a note that one of `keys` has signed.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn open(keys: &[VerifierKey], note: &str) -> Result<Self, Malformed> {
        Checkpoint::read(VerifierKey::open(keys, note)?).ok_or(Malformed::Text)
    }

    /// Reads what a note says. Lines behind the root are extensions, which this log has none of.
    fn read(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        let canonical = !origin.is_empty() && lines.next().is_none();
        let number: u64 = size.parse().ok()?;
        let root = STANDARD.decode(root).ok()?.try_into().ok()?;
        (canonical && number.to_string() == size).then(|| Checkpoint { origin: origin.to_owned(), size: number, root })
    }
}
