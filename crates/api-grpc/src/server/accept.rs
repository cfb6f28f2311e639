//! Accepting connections for as long as the server lives: a shortage of descriptors or memory passes, and must not end it.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::time::Duration;

use futures_util::Stream;
use tokio::net::{TcpListener, TcpStream};

/// How long a shortage is waited out before the next attempt; connections wait in the listener's queue meanwhile.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener, without end.
pub(super) fn connections(listener: TcpListener) -> impl Stream<Item = Result<TcpStream, Infallible>> {
    futures_util::stream::unfold(listener, async |listener| Some((Ok(next(&listener).await), listener)))
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
