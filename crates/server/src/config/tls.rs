//! `[tls]`: what the server shows to whoever connects, and who lets clients in by certificates.

use std::path::PathBuf;

use settings::{Place, Reader, Section, section, value};
use tls::ServerFiles;

section! {
    /// How connections are protected.
    pub struct Tls in Place::table("tls");

    /// the server's certificate and behind it those that lead to its authority, a PEM file; with it every connection of the gRPC port is
    /// TLS 1.3. Changed files of this section are in force within seconds. See [TLS](operations.md#tls)
    certificate: Option<PathBuf> => value::optional(absolute);
    /// the key of the certificate, a PEM file that not everybody may read
    key: Option<PathBuf> => value::optional(absolute);
    /// the authorities whose certificates clients may show, a PEM file; see [Identity](identity.md#certificates-of-clients)
    client_ca: Option<PathBuf> => value::optional(absolute);
}

// === impl Tls ===

impl Tls {
    /// Whether the configuration asks for TLS, for who reads another section.
    pub(super) fn is_wanted(reader: &Reader<'_>) -> bool {
        reader.known(&Section::key(Tls::SECTION.path(), "certificate"), |text| (!text.is_empty()).then_some(())).is_some()
    }

    /// Reads the section, and what its keys have to say of each other.
    pub(super) fn checked(reader: &mut Reader<'_>) -> Option<Self> {
        let tls = Tls::read(reader, Tls::SECTION.path())?;
        let mut refuse = |key: &str, problem: &str| {
            reader.refuse(&Section::key(Tls::SECTION.path(), key), problem);
            None
        };
        match (&tls.certificate, &tls.key, &tls.client_ca) {
            (Some(_), None, _) => refuse("key", "is missing: a certificate is of no use without its key"),
            (None, Some(_), _) => refuse("certificate", "is missing: a key is of no use without its certificate"),
            (None, None, Some(_)) => refuse("certificate", "is missing: clients show certificates only to a server that has one"),
            _ => Some(tls),
        }
    }

    /// The files; `None` for plain text.
    pub(crate) fn files(&self) -> Option<ServerFiles> {
        let (certificate, key) = self.certificate.clone().zip(self.key.clone())?;
        Some(ServerFiles { certificate, key, client_ca: self.client_ca.clone() })
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}
