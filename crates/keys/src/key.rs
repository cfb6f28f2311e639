//! A key, and what it seals.
//!
//! Form of what is sealed, version 1: a byte 1, a nonce of 12 bytes, and the text encrypted by AES-256-GCM with its tag, with the place
//! as associated data. The key of each place is HMAC-SHA256 of the key over the place. So a place that is sealed anew with each change
//! uses up its own key's random nonces, of which 2^32 are safe, and no other's: a key has no number of uses that somebody must count.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::place::Place;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
/// The version of the form.
const VERSION: u8 = 1;
/// What keys of places are derived for; digests are made for another purpose.
const SEALING: &[u8] = b"zona/keys/seal/1";
const DIGESTS: &[u8] = b"zona/keys/digest/1";
/// Random bytes of an id.
const ID_BYTES: usize = 10;

/// A key of 256 bits. The library overwrites what it holds when it is dropped.
pub struct Key(hmac::Key);

impl Key {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Key(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Bytes for a new key.
    pub fn random() -> Zeroizing<[u8; KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        fill(bytes.as_mut_slice());
        bytes
    }

    /// Seals a text for a place.
    pub fn seal(&self, place: Place<'_>, text: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_LEN];
        fill(&mut nonce);
        let place = place.to_bytes();
        let mut sealed = Zeroizing::new(text.to_vec());
        self.of(&place)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&place), &mut *sealed)
            .expect("a text that fits memory can be sealed");
        [&[VERSION], nonce.as_slice(), &sealed].concat()
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`Error::Form`]; [`Error::Damaged`] for whatever was not sealed by this key for this place.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (&version, rest) = sealed.split_first().ok_or(Error::Form)?;
        if version != VERSION {
            return Err(Error::Form);
        }
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Error::Form)?;
        let (place, mut text) = (place.to_bytes(), Zeroizing::new(rest.to_vec()));
        // The library says no more than that, so that nobody learns what was nearly right.
        let opened = self.of(&place).open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(&place), &mut text);
        let length = opened.map_err(|_unspecified| Error::Damaged)?.len();
        text.truncate(length);
        Ok(text)
    }

    /// What stands for a text where only those who have the key may recognize it.
    pub fn digest(&self, text: &str) -> [u8; 32] {
        let tag = self.tag(DIGESTS, text.as_bytes());
        tag.as_ref().try_into().expect("a tag of this algorithm has 32 bytes")
    }

    fn of(&self, place: &[u8]) -> LessSafeKey {
        let key = UnboundKey::new(&AES_256_GCM, self.tag(SEALING, place).as_ref());
        LessSafeKey::new(key.expect("a tag has as many bytes as a key"))
    }

    fn tag(&self, purpose: &[u8], text: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context.update(text);
        context.sign()
    }
}

/// An id that no other has, of 20 hexadecimal characters: 80 random bits.
pub fn random_id() -> String {
    let mut bytes = [0; ID_BYTES];
    fill(&mut bytes);
    hex(&bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn fill(bytes: &mut [u8]) {
    // Without them nothing here may go on: whatever was sealed could be guessed.
    rand::fill(bytes).expect("the system has random numbers");
}
