//! What the Docker daemon takes of a call: a socket before its own, through which every request passes and is timed.
//!
//! It reads the first line of each request and nothing else, and relies on what our client does: on one connection, one request after the other.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// Bytes that are passed on at once.
const PIECE: usize = 64 * 1024;

/// A relay to the daemon. It ends with this value.
pub struct Daemon {
    socket: PathBuf,
    calls: Arc<Mutex<Vec<Called>>>,
    relay: JoinHandle<()>,
}

/// One request, from its first byte to the first one of its answer.
#[derive(Debug, Clone, Copy)]
pub struct Called {
    /// What was asked for.
    pub verb: Verb,
    /// When it began.
    pub begun: Instant,
    /// When it was answered.
    pub answered: Instant,
}

/// What is asked of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Makes a container.
    Create,
    /// Starts one.
    Start,
    /// Removes one.
    Remove,
    /// Anything else.
    Other,
}

/// A request that is not answered yet.
type Pending = Arc<Mutex<Option<(Verb, Instant)>>>;

// === impl Daemon ===

impl Daemon {
    /// Relays from a new socket to the daemon's.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn relay(to: &Path, socket: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::bind(&socket)?;
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (to, kept) = (to.to_owned(), Arc::clone(&calls));
        let relay = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A daemon that is not there closes the connection, which our client sees.
                let Ok(daemon) = UnixStream::connect(&to).await else { continue };
                let pending = Pending::default();
                let ((from_client, to_client), (from_daemon, to_daemon)) = (client.into_split(), daemon.into_split());
                tokio::spawn(pass_requests(from_client, to_daemon, Arc::clone(&pending)));
                tokio::spawn(pass_answers(from_daemon, to_client, pending, Arc::clone(&kept)));
            }
        });
        Ok(Daemon { socket, calls, relay })
    }

    /// Where it is spoken to.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Every request that was answered so far.
    pub fn calls(&self) -> Vec<Called> {
        locked(&self.calls).clone()
    }

    /// How much of the time between two moments the daemon was making or starting a container.
    pub fn busy(&self, from: Instant, to: Instant) -> Duration {
        overlap(&self.calls(), from, to)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

fn overlap(calls: &[Called], from: Instant, to: Instant) -> Duration {
    let on_the_way = calls.iter().filter(|call| matches!(call.verb, Verb::Create | Verb::Start));
    let mut spans: Vec<(Instant, Instant)> = on_the_way.map(|call| (call.begun.max(from), call.answered.min(to))).collect();
    spans.retain(|(begun, answered)| begun < answered);
    spans.sort_unstable();
    let (mut sum, mut seen) = (Duration::ZERO, from);
    for (begun, answered) in spans {
        sum += answered.saturating_duration_since(begun.max(seen));
        seen = seen.max(answered);
    }
    sum
}

async fn pass_requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pending: Pending) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        // Later pieces of a request are its body.
        locked(&pending).get_or_insert_with(|| (Verb::of(&piece[..length]), Instant::now()));
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

async fn pass_answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, pending: Pending, calls: Arc<Mutex<Vec<Called>>>) {
    let mut piece = vec![0; PIECE];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        if let Some((verb, begun)) = locked(&pending).take() {
            locked(&calls).push(Called { verb, begun, answered: Instant::now() });
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Verb ===

impl Verb {
    fn of(request: &[u8]) -> Self {
        let line = request.split(|&byte| byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.split('?').next().unwrap_or_default();
        match method {
            "POST" if path.ends_with("/containers/create") => Verb::Create,
            "POST" if path.contains("/containers/") && path.ends_with("/start") => Verb::Start,
            "DELETE" if path.contains("/containers/") => Verb::Remove,
            _ => Verb::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_by_its_first_line() {
        let check =
            |line: &str, expected: Verb| assert_eq!(Verb::of(format!("{line} HTTP/1.1\r\nhost: x\r\n").as_bytes()), expected, "{line}");
        check("POST /v1.49/containers/create?name=start", Verb::Create);
        check("POST /v1.49/containers/zona-create/start", Verb::Start);
        check("DELETE /v1.49/containers/zona-1?force=true&v=true", Verb::Remove);
        check("GET /v1.49/containers/json", Verb::Other);
        assert_eq!(Verb::of(b""), Verb::Other);
    }

    #[test]
    fn time_that_two_calls_take_at_once_counts_once_and_what_is_off_the_way_never() {
        let zero = Instant::now();
        let at = |millis: u64| zero + Duration::from_millis(millis);
        let call = |verb, begun, answered| Called { verb, begun: at(begun), answered: at(answered) };
        let calls = [
            call(Verb::Start, 30, 60),
            call(Verb::Create, 0, 20),
            call(Verb::Create, 10, 40),
            call(Verb::Remove, 0, 100),
            call(Verb::Start, 90, 200),
        ];
        assert_eq!(overlap(&calls, at(5), at(100)), Duration::from_millis(55 + 10));
        assert_eq!(overlap(&calls, at(61), at(89)), Duration::ZERO);
    }

    #[tokio::test]
    async fn what_passes_is_timed_and_stays_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let upstream = UnixListener::bind(directory.path().join("daemon")).unwrap();
        let daemon = Daemon::relay(&directory.path().join("daemon"), directory.path().join("relay")).unwrap();
        let mut client = UnixStream::connect(daemon.socket()).await.unwrap();
        let (mut served, _) = upstream.accept().await.unwrap();
        for verb in ["create", "x/start"] {
            let request = format!("POST /containers/{verb} HTTP/1.1\r\n\r\nbody");
            client.write_all(request.as_bytes()).await.unwrap();
            let mut seen = vec![0; request.len()];
            served.read_exact(&mut seen).await.unwrap();
            assert_eq!(seen, request.as_bytes());
            served.write_all(b"answer").await.unwrap();
            let mut answer = [0; 6];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"answer");
        }
        let calls = daemon.calls();
        assert_eq!(calls.iter().map(|call| call.verb).collect::<Vec<_>>(), [Verb::Create, Verb::Start]);
        assert!(calls.iter().all(|call| call.begun <= call.answered));
    }
}
