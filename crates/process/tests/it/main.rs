//! The crate beside programs of others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod compose;
