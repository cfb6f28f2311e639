//! The server's certificate, its key, and who lets clients in: read at the start, and again whenever their files change. What is wrong with
//! them is told once, and again when it is something else.

use std::sync::Arc;
use std::time::Duration;

use domain::Error;
use domain::incident::{Incident, Incidents};
use domain::time::Clock;
use tls::{Server, ServerFiles};

use crate::bridge::incidents::chain;

/// How often the files are looked at. Whoever renews a certificate has days; whoever takes an authority away waits for this.
const PERIOD: Duration = Duration::from_secs(2);
/// What an incident is about.
const WORK: &str = "take the files of `[tls]` into use";

/// What connections begin with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Certificates {
    server: Arc<Server>,
    incidents: Arc<dyn Incidents>,
    clock: Arc<dyn Clock>,
}

// === impl Certificates ===

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub(crate) fn open(files: ServerFiles, incidents: Arc<dyn Incidents>, clock: Arc<dyn Clock>) -> Result<Self, tls::Error> {
        Ok(Certificates { server: Arc::new(Server::open(files)?), incidents, clock })
    }

    /// What connections begin with.
    pub(crate) fn server(&self) -> Arc<Server> {
        Arc::clone(&self.server)
    }

    /// Follows the files, for good.
    pub(crate) async fn follow(self) {
        let mut wrong = None;
        loop {
            self.clock.sleep(PERIOD).await;
            self.look(&mut wrong).await;
        }
    }

    /// Looks at the files; `wrong` says what the last look found.
    async fn look(&self, wrong: &mut Option<String>) {
        let server = Arc::clone(&self.server);
        let read = match tokio::task::spawn_blocking(move || server.reload()).await {
            Ok(read) => read.map_err(|error| Error::internal("reading certificates", error)),
            Err(panic) => Err(Error::internal("reading certificates", panic)),
        };
        self.tell(wrong, read);
    }

    fn tell(&self, wrong: &mut Option<String>, read: Result<bool, Error>) {
        match read {
            Err(error) => {
                let now = Some(chain(&error));
                if *wrong != now {
                    *wrong = now;
                    self.incidents.report(&Incident::WorkFailed { work: WORK, error: &error });
                }
            }
            Ok(changed) => {
                if wrong.take().is_some() {
                    self.incidents.report(&Incident::WorkResumed { work: WORK });
                }
                if changed {
                    tracing::info!("new connections get what the files of `[tls]` hold now");
                }
                if changed && self.server.believes_nobody() {
                    tracing::warn!("`tls.client_ca` holds no authority: no certificate of a client is believed");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use test_support::{FakeClock, RecordedIncidents};

    use super::*;

    fn write(path: &Path, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn put(files: &ServerFiles) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["zona.example".to_owned()]).unwrap();
        write(&files.certificate, &cert.pem());
        write(&files.key, &signing_key.serialize_pem());
    }

    #[tokio::test]
    async fn files_that_cannot_be_used_are_one_incident_until_they_can_again() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let files = ServerFiles { certificate: file("tls.crt"), key: file("tls.key"), client_ca: None };
        put(&files);
        let incidents = Arc::new(RecordedIncidents::default());
        let certificates = Certificates::open(files.clone(), incidents.clone(), Arc::new(FakeClock::default())).unwrap();
        let mut wrong = None;
        certificates.look(&mut wrong).await;
        assert!(incidents.kinds().is_empty(), "nothing has changed");
        write(&files.key, "no key");
        for _ in 0..3 {
            certificates.look(&mut wrong).await;
        }
        assert_eq!(incidents.kinds(), ["work-failed"]);
        write(&files.certificate, "no certificate");
        for _ in 0..3 {
            certificates.look(&mut wrong).await;
        }
        assert_eq!(incidents.kinds(), ["work-failed", "work-failed"], "it is something else");
        put(&files);
        for _ in 0..3 {
            certificates.look(&mut wrong).await;
        }
        assert_eq!(incidents.kinds(), ["work-failed", "work-failed", "work-resumed"]);
    }
}
