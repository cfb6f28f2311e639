//! What a server opens or executes by its path, and may trust: nobody but its own user and root can have put it there, can replace
//! it, or can lead the path elsewhere.
//!
//! Everything on the way counts: a directory that others can write lets them exchange what lies below. It deliberately does not
//! look at what is in a file, and keeps no secrets: modes that let others read are the caller's choice.

mod directory;
mod error;
mod judge;
mod path;

use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

pub use directory::Directory;
pub use error::{Error, Problem};
use judge::Judge;

/// Checks a file or directory that is read or executed: it and everything on its way, links included, belongs to this process's
/// user or to root, and only they can write it. Answers where the links lead.
///
/// # Errors
/// What cannot be trusted, and how it can be; or that there is nothing.
pub fn trusted(path: &Path) -> Result<PathBuf, Error> {
    let judge = Judge::of_this_process();
    let (found, metadata) = path::resolve(&judge, path)?;
    judge.settled(&found, &metadata)?;
    Ok(found)
}

/// Checks a directory below which files of ours lie as [`trusted`] does, and accepts one that everybody can write if it is sticky.
///
/// # Errors
/// As [`trusted`].
pub fn trusted_passage(path: &Path) -> Result<PathBuf, Error> {
    let judge = Judge::of_this_process();
    let (found, metadata) = path::resolve(&judge, path)?;
    judge.passage(&found, &metadata)?;
    Ok(found)
}

/// Checks a socket that somebody answers on whom the server believes: it and everything on its way belongs to this process's user or to
/// root, and nobody else can exchange it. Its mode says who may connect, which is its owner's choice. Answers where the links lead.
///
/// # Errors
/// As [`trusted`], or it is no socket.
pub fn trusted_socket(path: &Path) -> Result<PathBuf, Error> {
    let judge = Judge::of_this_process();
    let (found, metadata) = path::resolve(&judge, path)?;
    judge.owned(&found, &metadata)?;
    if !metadata.file_type().is_socket() {
        return Err(Error::untrusted(&found, Problem::Kind { wanted: "socket" }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
