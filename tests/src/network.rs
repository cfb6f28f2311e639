//! The network between a server and something that it depends on, which a story cuts and mends again: a proxy on the loopback interface.

use std::{io, net};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    select,
    sync::watch,
};

/// Bytes that are handed on at once.
const CHUNK: usize = 64 * 1024;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Whole,
    /// Connections break, and none is made.
    Cut,
    /// Nothing passes, and neither end is told.
    Silent,
}

/// A way to one port, as long as it is held.
pub struct Network {
    port: u16,
    state: watch::Sender<State>,
    /// Ends what passes with it. Only a drop takes it.
    runtime: Option<Runtime>,
}

impl Network {
    /// A way to this port of the loopback interface.
    pub fn to(port: u16) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads can be started");
        // Not by the runtime, as whoever asks for this may be run by another one.
        let listener = net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        listener.set_nonblocking(true).expect("a listener of ours can be set up");
        let own = listener.local_addr().expect("it listens").port();
        let (state, seen) = watch::channel(State::Whole);
        runtime.spawn(listen(listener, port, seen));
        Network { port: own, state, runtime: Some(runtime) }
    }

    /// Where it begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Breaks all connections, and each new one.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Hands nothing on any more, and says so to nobody.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Everything passes again; what was kept back comes late.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn listen(listener: net::TcpListener, port: u16, state: watch::Receiver<State>) {
    let listener = TcpListener::from_std(listener).expect("it does not block");
    while let Ok((near, _)) = listener.accept().await {
        let mut state = state.clone();
        tokio::spawn(async move {
            // Whoever connects while nothing passes waits, as it would for packets that are lost.
            let passes = state.wait_for(|state| *state != State::Silent).await.map(|state| *state);
            if !matches!(passes, Ok(State::Whole)) {
                return;
            }
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
            // Where one direction ends, the other one does.
            select! {
                _ = pass(near_read, far_write, state.clone()) => {}
                _ = pass(far_read, near_write, state) => {}
            }
        });
    }
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut state: watch::Receiver<State>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let cut = async |state: &mut watch::Receiver<State>| state.wait_for(|state| *state == State::Cut).await.is_ok();
        let read = select! {
            read = from.read(&mut chunk) => read?,
            _ = cut(&mut state) => return Ok(()),
        };
        if read == 0 {
            return Ok(());
        }
        match state.wait_for(|state| *state != State::Silent).await.map(|state| *state) {
            Ok(State::Whole) => to.write_all(&chunk[..read]).await?,
            _ => return Ok(()),
        }
    }
}
