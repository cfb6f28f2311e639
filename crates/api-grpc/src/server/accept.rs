//! Accepting connections for as long as the server lives: a shortage of descriptors or memory passes, and must not end it. Beyond
//! a number that are open at once, new ones are closed at once, and those that are open notice nothing; one that says nothing is closed, too.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::opening::Arrived;

/// How long a shortage is waited out before the next attempt; connections wait in the listener's queue meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener, without end; at most `most` are open at once, those that still shake hands included, and each
/// has shaken hands, where there is TLS, and said its preface within `patience`.
pub(super) fn connections(
    listener: TcpListener,
    tls: Option<Arc<tls::Server>>,
    most: usize,
    patience: Duration,
) -> impl Stream<Item = Result<Arrived, Infallible>> {
    let places = Places { free: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))), told: false, patience, tls };
    futures_util::stream::unfold((listener, places), async |(listener, mut places)| {
        loop {
            let connection = next(&listener).await;
            if let Some(arrived) = places.take(connection) {
                return Some((Ok(arrived), (listener, places)));
            }
        }
    })
}

struct Places {
    free: Arc<Semaphore>,
    /// Whether the log knows that there is none.
    told: bool,
    /// How long a connection may take to begin.
    patience: Duration,
    tls: Option<Arc<tls::Server>>,
}

impl Places {
    /// Gives the connection a place; where there is none, it is closed.
    fn take(&mut self, connection: TcpStream) -> Option<Arrived> {
        match Arc::clone(&self.free).try_acquire_owned() {
            Ok(place) => {
                self.told = false;
                Some(Arrived { connection, place, until: Instant::now() + self.patience, tls: self.tls.clone() })
            }
            Err(_none_free) => {
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!("as many connections are open as may be; more are refused");
                }
                None
            }
        }
    }
}

async fn next(listener: &TcpListener) -> TcpStream {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((connection, _)) => {
                // Answers are small and latency counts: no waiting for more bytes. A connection that is gone already is noticed
                // by whoever reads from it.
                let _gone = connection.set_nodelay(true);
                return connection;
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::error!(%error, "cannot accept connections; they wait until this passes");
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether one connection failed before it was accepted; the next one is none the worse for it.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused | ErrorKind::Interrupted
    )
}
