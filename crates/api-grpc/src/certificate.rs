//! The certificate that a client began its connection with, in the domain's words.

use std::time::SystemTime;

use domain::access::ClientCertificate;
use domain::time::Timestamp;
use tls::PeerCertificate;

/// What one says that is not believed any more: it names nobody, which is not the same as to show none.
static NOBODY: ClientCertificate =
    ClientCertificate { uris: Vec::new(), issued: Timestamp::from_millis(0), expires: Timestamp::from_millis(0) };

/// The certificate of a connection.
pub(crate) struct Certificate {
    verified: PeerCertificate,
    says: ClientCertificate,
}

// === impl Certificate ===

impl Certificate {
    /// One that the handshake has verified.
    pub(crate) fn new(verified: PeerCertificate) -> Self {
        let (issued, expires) = (timestamp(verified.not_before()), timestamp(verified.not_after()));
        Certificate { says: ClientCertificate { uris: verified.uris().to_vec(), issued, expires }, verified }
    }

    /// What it says now: nothing, once nobody vouches for it any more.
    pub(crate) fn says(&self) -> &ClientCertificate {
        if self.is_believed() { &self.says } else { &NOBODY }
    }

    /// Whether somebody whom the server believes vouches for it now.
    pub(crate) fn is_believed(&self) -> bool {
        self.verified.is_trusted()
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
