//! What the certificate of a client says, for as long as whoever signed it is believed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// Whom a server believes when they say who a client is; others, once its files have changed.
pub(crate) trait Authorities: Send + Sync {
    /// Which ones are in force.
    fn generation(&self) -> u64;
    /// Whether they would accept a client's certificate now.
    fn believe(&self, chain: &[CertificateDer<'static>]) -> bool;
}

/// The certificate of a client that has proven to have its key, and that an authority of the server has signed.
pub struct PeerCertificate {
    /// Its own, and those between it and the authority.
    chain: Vec<CertificateDer<'static>>,
    uris: Vec<String>,
    since: Duration,
    until: Duration,
    authorities: Arc<dyn Authorities>,
    /// The generation of authorities that it was found good under last.
    good_under: AtomicU64,
}

// === impl PeerCertificate ===

impl PeerCertificate {
    /// Reads what was verified under this generation of authorities.
    pub(crate) fn read(chain: &[CertificateDer<'_>], authorities: Arc<dyn Authorities>, generation: u64) -> io::Result<Self> {
        let chain: Vec<_> = chain.iter().map(|certificate| certificate.clone().into_owned()).collect();
        let own = chain.first().ok_or_else(|| unreadable("there is none"))?;
        let certificate = Certificate::from_der(own).map_err(unreadable)?;
        let validity = certificate.tbs_certificate().validity();
        let (since, until) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
        let uris = uris(&certificate)?;
        Ok(PeerCertificate { chain, uris, since, until, authorities, good_under: AtomicU64::new(generation) })
    }

    /// The URIs among its alternative names.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }

    /// From when on it is valid.
    pub fn not_before(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.since
    }

    /// Until when it is valid.
    pub fn not_after(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.until
    }

    /// Whether the authorities that the server believes now would still let it in: an authority that was taken out of the file lets in
    /// nobody any more, on connections that are open, too.
    pub fn is_trusted(&self) -> bool {
        let now = self.authorities.generation();
        if self.good_under.load(Ordering::Relaxed) == now {
            return true;
        }
        let good = self.authorities.believe(&self.chain);
        if good {
            self.good_under.store(now, Ordering::Relaxed);
        }
        good
    }
}

fn uris(certificate: &Certificate) -> io::Result<Vec<String>> {
    let Some((_, names)) = certificate.tbs_certificate().get_extension::<SubjectAltName>().map_err(unreadable)? else {
        return Ok(Vec::new());
    };
    let uri = |name: &GeneralName| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    };
    Ok(names.0.iter().filter_map(uri).collect())
}

fn unreadable(why: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the client's certificate cannot be read: {}", why.to_string()))
}
