//! What is sealed at rest: keys, what they seal, and where the keys lie that seal other keys.
//!
//! A data key ([`Key`]) seals fields, each for its own [`Place`]. It is stored wrapped by a key of a [`KeyProvider`], so whoever has the
//! store alone has no data key, and a data key that was destroyed takes everything with it that it has sealed. This crate stores no
//! data and knows none: whose a key is, its user decides. What is too large for one piece is sealed in chunks ([`Sealing`]).

mod chunks;
mod error;
mod file;
mod guard;
mod key;
mod place;
mod provider;

pub use chunks::{CHUNK, Opening, Sealing, TAG};
pub use error::Error;
pub use file::FileKeys;
pub use guard::{GuardError, KeyGuard};
pub use key::{KEY_BYTES, Key, random_id};
pub use place::Place;
pub use provider::{KeyInfo, KeyProvider, NewKey, Wrapped};

#[cfg(test)]
mod tests;
