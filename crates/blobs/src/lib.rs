//! The objects of the archive: events as sealed blobs in a directory, which servers may share, or in a bucket of S3.
//!
//! What lies there is compressed, sealed in chunks of 64 KiB under a key of its own, and named by the SHA-256 of what is stored. The key stands
//! in what the store keeps of it, so whoever has the objects alone reads nothing of them. It knows no store, and decides neither what is archived
//! nor what goes.

mod directory;
mod error;
mod form;
mod https;
mod objects;
mod s3;

pub use error::Error;
pub use objects::{BlobObjects, Location};
pub use s3::{Credentials, Keys, S3Config};

#[cfg(test)]
mod tests;
