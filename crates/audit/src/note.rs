//! Signed notes (C2SP signed-note): a text, a blank line, and signatures by Ed25519. Keys have the text forms that Go's
//! `golang.org/x/mod/sumdb/note` reads.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Ed25519, as notes number algorithms.
const ALGORITHM: u8 = 1;
/// Ed25519 over a cosigned note and a time.
pub(crate) const COSIGNATURE: u8 = 4;
/// What stands before a signature: an em dash and a space.
const MARK: &str = "\u{2014} ";
/// What the text of a private key begins with.
const SECRET: &str = "zona-audit-key-1:";
/// Bytes of a key, private or public.
const KEY: usize = 32;
/// Bytes of a key's id.
const ID: usize = 4;

/// Why a key or a note is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The private key has another form.
    #[error("holds no private key of an audit log; restore it from a backup")]
    Secret,
    /// The key has another form.
    #[error("is no key of the form NAME+ID+KEY")]
    Key,
    /// The text has another form.
    #[error("is no signed note")]
    Form,
    /// No signature by a known key.
    #[error("is signed by no known key")]
    UnknownKey,
    /// A signature by a known key that does not fit.
    #[error("has a signature that does not fit")]
    Signature,
}

/// A private key that signs under any name: each log has its own.
pub struct Key {
    pair: Ed25519KeyPair,
}

/// A key under a name.
pub struct Signer<'a> {
    key: &'a Key,
    name: String,
}

/// A public key under its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey(PublicKey);

/// A public key under its name, for one algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PublicKey {
    name: String,
    algorithm: u8,
    key: [u8; KEY],
}

impl Key {
    /// The key that these 32 secret bytes stand for.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("any 32 bytes are a seed");
        Key { pair }
    }

    /// A new key, and the text that it is kept as.
    pub fn generate() -> (Self, String) {
        let mut seed = [0; KEY];
        aws_lc_rs::rand::fill(&mut seed).expect("the system gives random bytes");
        (Key::from_seed(&seed), format!("{SECRET}{}\n", STANDARD.encode(seed)))
    }

    /// Reads a key from the text that it was kept as.
    ///
    /// # Errors
    /// [`NoteError::Secret`]: it is none.
    pub fn read(text: &str) -> Result<Self, NoteError> {
        let seed = text.strip_prefix(SECRET).and_then(|rest| rest.strip_suffix('\n')).and_then(|seed| STANDARD.decode(seed).ok());
        let seed: [u8; KEY] = seed.and_then(|seed| seed.try_into().ok()).ok_or(NoteError::Secret)?;
        Ok(Key::from_seed(&seed))
    }

    /// Signs under a name, which must be [fit](is_name) for one.
    pub fn named(&self, name: impl Into<String>) -> Signer<'_> {
        Signer { key: self, name: name.into() }
    }

    fn public(&self) -> [u8; KEY] {
        self.pair.public_key().as_ref().try_into().expect("public keys have 32 bytes")
    }
}

impl Signer<'_> {
    /// What verifies its signatures.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey(PublicKey { name: self.name.clone(), algorithm: ALGORITHM, key: self.key.public() })
    }

    /// The text as a signed note; the text ends with a newline.
    pub fn sign(&self, text: &str) -> String {
        debug_assert!(text.ends_with('\n') && is_name(&self.name), "neither is somebody else's to choose");
        let mut signature = self.verifier().0.id().to_vec();
        signature.extend_from_slice(self.key.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n{MARK}{} {}\n", self.name, STANDARD.encode(signature))
    }
}

/// A signature of a note, whoever made it.
pub(crate) struct Signature<'a> {
    name: &'a str,
    id: [u8; ID],
    pub(crate) bytes: Vec<u8>,
    /// Its line, without the newline.
    pub(crate) line: &'a str,
}

impl VerifierKey {
    /// The name under which it signs.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The text of a note that one of `keys` has signed.
    ///
    /// # Errors
    /// [`NoteError`]: another form, no signature by one of these keys, or one that does not fit.
    pub fn open<'a>(keys: &[VerifierKey], note: &'a str) -> Result<&'a str, NoteError> {
        let (text, signatures) = parts(note)?;
        let mut signed = false;
        for signature in signatures {
            let Some(key) = keys.iter().find(|key| key.0.made(&signature)) else { continue };
            key.0.verify(text.as_bytes(), &signature.bytes)?;
            signed = true;
        }
        if signed { Ok(text) } else { Err(NoteError::UnknownKey) }
    }

    /// Whether it is the key of a signature.
    pub(crate) fn made(&self, signature: &Signature<'_>) -> bool {
        self.0.made(signature)
    }
}

impl Signature<'_> {
    /// Who it says that it is by, as name and id.
    pub(crate) fn signer(&self) -> String {
        format!("{}+{:08x}", self.name, u32::from_be_bytes(self.id))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        PublicKey::parse(text, ALGORITHM).map(VerifierKey)
    }
}

impl PublicKey {
    /// Whether a signature says that this key made it.
    pub(crate) fn made(&self, signature: &Signature<'_>) -> bool {
        self.name == signature.name && self.id() == signature.id
    }

    /// That it has signed this.
    ///
    /// # Errors
    /// [`NoteError::Signature`].
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        UnparsedPublicKey::new(&ED25519, self.key).verify(message, signature).map_err(|_wrong| NoteError::Signature)
    }

    fn id(&self) -> [u8; ID] {
        let hash: [u8; 32] =
            Sha256::new().chain_update(&self.name).chain_update([b'\n', self.algorithm]).chain_update(self.key).finalize().into();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Reads a key of this algorithm.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub(crate) fn parse(text: &str, algorithm: u8) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return Err(NoteError::Key) };
        let bytes = STANDARD.decode(key).map_err(|_malformed| NoteError::Key)?;
        let key = match bytes.split_first() {
            Some((found, key)) if *found == algorithm => key.try_into().map_err(|_length| NoteError::Key)?,
            _ => return Err(NoteError::Key),
        };
        let read = PublicKey { name: name.to_owned(), algorithm, key };
        let fits = is_name(name) && format!("{:08x}", u32::from_be_bytes(read.id())) == id;
        if fits { Ok(read) } else { Err(NoteError::Key) }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, key) = (u32::from_be_bytes(self.id()), [&[self.algorithm][..], &self.key].concat());
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

/// The text of a note and its signatures, as they stand there.
pub(crate) fn parts(note: &str) -> Result<(&str, Vec<Signature<'_>>), NoteError> {
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
    Ok((&note[..text.len() + 1], lines(signatures)?))
}

/// Lines of signatures, each with its newline.
pub(crate) fn lines(text: &str) -> Result<Vec<Signature<'_>>, NoteError> {
    let lines = text.strip_suffix('\n').ok_or(NoteError::Form)?;
    lines.split('\n').map(line).collect::<Option<_>>().ok_or(NoteError::Form)
}

fn line(line: &str) -> Option<Signature<'_>> {
    let (name, signature) = line.strip_prefix(MARK)?.split_once(' ')?;
    let (id, bytes) = STANDARD.decode(signature).ok()?.split_first_chunk().map(|(id, bytes)| (*id, bytes.to_vec()))?;
    Some(Signature { name, id, bytes, line })
}

/// Whether a text can be the name of a key: not empty, without blanks and plus signs.
fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}
