//! Certificates and keys in PEM files, which nobody but root and the process's own user can have written.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::Error;

/// More than the authorities of a whole system take.
const MAX_BYTES: u64 = 1024 * 1024;
const READABLE_BY_ALL: u32 = 0o004;

/// What a file holds, which nobody else can change.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    bytes(path, file)
}

/// The same of a key, which not everybody may read. A group may: many systems have one for keys.
pub(crate) fn read_key(path: &Path) -> Result<Vec<u8>, Error> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & READABLE_BY_ALL != 0 {
        return Err(Error::Readable { path: path.to_owned(), mode });
    }
    bytes(path, file)
}

/// All certificates of a file, of which there is one at least.
pub(crate) fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(Error::Absent { path: path.to_owned(), wanted: "certificate" }),
        Ok(certificates) => Ok(certificates),
        Err(source) => Err(Error::Malformed { path: path.to_owned(), source }),
    }
}

/// The first private key of a file.
pub(crate) fn key(path: &Path, pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) => Ok(key),
        Err(pem::Error::NoItemsFound) => Err(Error::Absent { path: path.to_owned(), wanted: "private key" }),
        Err(source) => Err(Error::Malformed { path: path.to_owned(), source }),
    }
}

/// The authorities of a file: each must be usable, since one that is left out in silence would be missed much later.
pub(crate) fn authorities(path: &Path, pem: &[u8]) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, pem)? {
        roots.add(certificate).map_err(|source| Error::Unusable { path: path.to_owned(), source })?;
    }
    Ok(roots)
}

fn open(path: &Path) -> Result<File, Error> {
    let found = file_trust::trusted(path)?;
    File::open(found).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn bytes(path: &Path, file: File) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    match bytes.len() as u64 > MAX_BYTES {
        true => Err(Error::TooLarge { path: path.to_owned(), most: MAX_BYTES }),
        false => Ok(bytes),
    }
}
