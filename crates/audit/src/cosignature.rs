//! Cosignatures of witnesses (C2SP tlog-cosignature, `cosignature/v1`): that somebody who follows a log has seen a checkpoint at a time,
//! and that it only grew until then. Whoever shows different people different logs would have to win them over, too.

use std::fmt;
use std::str::FromStr;

use crate::note::{COSIGNATURE, NoteError, PublicKey, Signature, lines, parts};

/// Bytes of the time in a cosignature, before the signature itself.
const TIME: usize = 8;

/// The public key of a witness, under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey(PublicKey);

/// Why cosignatures are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// They are not lines of signatures.
    #[error("are no lines of signatures")]
    Form,
    /// One is by nobody who is known as a witness.
    #[error("hold one by a witness that is not known")]
    Unknown,
    /// One does not fit.
    #[error("hold one that does not fit the checkpoint")]
    Signature,
}

impl WitnessKey {
    /// When the witness has cosigned this note, in seconds since 1970; `None` where it has not.
    ///
    /// # Errors
    /// [`NoteError`]: it is no note, or a line in the name of the witness does not fit.
    pub fn cosigned(&self, note: &str) -> Result<Option<u64>, NoteError> {
        let (text, signatures) = parts(note)?;
        let theirs = signatures.iter().filter(|signature| self.made(signature));
        theirs.map(|signature| self.time(text, signature)).try_fold(None, |newest, time| Ok(newest.max(Some(time?))))
    }

    /// Whether it is the key of a signature.
    pub(crate) fn made(&self, signature: &Signature<'_>) -> bool {
        self.0.made(signature)
    }

    /// The time of a cosignature over a text.
    fn time(&self, text: &str, signature: &Signature<'_>) -> Result<u64, NoteError> {
        let (time, bytes) = signature.bytes.split_first_chunk::<TIME>().ok_or(NoteError::Signature)?;
        let time = u64::from_be_bytes(*time);
        self.0.verify(format!("cosignature/v1\ntime {time}\n{text}").as_bytes(), bytes)?;
        Ok(time)
    }
}

/// The note with these lines of cosignatures, of which each must be by one of `witnesses` and fit. Of each witness it has the newest.
///
/// # Errors
/// [`CosignatureError`].
pub fn cosign(witnesses: &[WitnessKey], note: &str, cosignatures: &str) -> Result<String, CosignatureError> {
    let added = lines(cosignatures).map_err(|_form| CosignatureError::Form)?;
    let mut note = note.to_owned();
    for signature in added {
        let witness = witnesses.iter().find(|witness| witness.made(&signature)).ok_or(CosignatureError::Unknown)?;
        note = with(witness, &note, &signature)?;
    }
    Ok(note)
}

/// The note with this cosignature, unless it has a newer one by the same witness.
fn with(witness: &WitnessKey, note: &str, added: &Signature<'_>) -> Result<String, CosignatureError> {
    let (text, signatures) = parts(note).map_err(|_no_note| CosignatureError::Signature)?;
    let time = witness.time(text, added).map_err(|_wrong| CosignatureError::Signature)?;
    if witness.cosigned(note).is_ok_and(|known| known >= Some(time)) {
        return Ok(note.to_owned());
    }
    let others = signatures.iter().filter(|signature| !witness.made(signature)).map(|signature| signature.line);
    let lines: String = others.chain([added.line]).map(|line| format!("{line}\n")).collect();
    Ok(format!("{text}\n{lines}"))
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WitnessKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        PublicKey::parse(text, COSIGNATURE).map(WitnessKey)
    }
}
