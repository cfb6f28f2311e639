//! Accepting connections for as long as the server lives: a shortage of descriptors or memory passes, and must not end it. Beyond
//! a number that are open at once, of all peers or of one, new ones are closed at once, and those that are open notice nothing; one that
//! says nothing is closed, too.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::opening::Arrived;
use super::place::{Full, Places};

/// How long a shortage is waited out before the next attempt; connections wait in the listener's queue meanwhile.
const PAUSE: Duration = Duration::from_millis(100);
/// How often the log says that peers have as many connections as they may have.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// The connections of a listener, without end; at most `most` are open at once, those that still shake hands included, and each
/// has shaken hands, where there is TLS, and said its preface within `patience`.
pub(super) fn connections(
    listener: TcpListener,
    tls: Option<Arc<tls::Server>>,
    most: usize,
    patience: Duration,
) -> impl Stream<Item = Result<Arrived, Infallible>> {
    let door = Door { places: Places::new(most), told: false, told_of_peers: None, patience, tls };
    futures_util::stream::unfold((listener, door), async |(listener, mut door)| {
        loop {
            let (connection, peer) = next(&listener).await;
            if let Some(arrived) = door.let_in(connection, peer) {
                return Some((Ok(arrived), (listener, door)));
            }
        }
    })
}

struct Door {
    places: Places,
    /// Whether the log knows that there is no place.
    told: bool,
    /// When it was told of peers that have theirs.
    told_of_peers: Option<Instant>,
    /// How long a connection may take to begin.
    patience: Duration,
    tls: Option<Arc<tls::Server>>,
}

impl Door {
    /// Gives the connection a place; where there is none, it is closed.
    fn let_in(&mut self, connection: TcpStream, peer: IpAddr) -> Option<Arrived> {
        match self.places.take(peer) {
            Ok(place) => {
                self.told = false;
                Some(Arrived { connection, place, until: Instant::now() + self.patience, tls: self.tls.clone() })
            }
            Err(Full::All) => {
                if !std::mem::replace(&mut self.told, true) {
                    tracing::warn!("as many connections are open as may be; more are refused");
                }
                None
            }
            Err(Full::Peer) => {
                if self.told_of_peers.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
                    self.told_of_peers = Some(Instant::now());
                    tracing::warn!(%peer, "a peer has as many connections open as one may have; more of it are refused");
                }
                None
            }
        }
    }
}

async fn next(listener: &TcpListener) -> (TcpStream, IpAddr) {
    let mut told = false;
    loop {
        match listener.accept().await {
            Ok((connection, peer)) => {
                // Answers are small and latency counts: no waiting for more bytes. A connection that is gone already is noticed
                // by whoever reads from it.
                let _gone = connection.set_nodelay(true);
                return (connection, peer.ip());
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
