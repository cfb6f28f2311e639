//! A proxy between a store and the database's server: it remembers the commands that pass, and does what networks do: it cuts connections,
//! and keeps answers back.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use mongodb::bson::{Bson, Document};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::select;
use tokio::sync::watch;

/// Bytes before what a message says: its length, two numbers, and of what kind it is.
const HEAD: usize = 16;
/// The kind of messages that hold a command.
const MESSAGE: u32 = 2013;
/// No message is larger.
const MAX_MESSAGE: usize = 48 * 1024 * 1024;

/// Listens until it is dropped.
pub(super) struct Proxy {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    commands: Mutex<Vec<Document>>,
    /// Called with each command that comes, before it is handed on.
    when: Mutex<Option<(String, Then)>>,
    network: watch::Sender<Network>,
    /// Connections that are open and have carried a command of a session, and how many there were at the most.
    busy: AtomicUsize,
    most_busy: AtomicUsize,
}

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// No answer passes.
    is_deaf: bool,
    /// Connections of a former number are cut.
    epoch: u64,
    is_over: bool,
}

/// What happens when a command comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// It is handed on, and no answer of anything passes from then on.
    Deaf,
    /// All connections are cut, and it is lost.
    Cut,
}

impl Proxy {
    /// A proxy before the server of this port.
    pub(super) fn before(server: u16) -> Self {
        let network = watch::channel(Network { is_deaf: false, epoch: 0, is_over: false }).0;
        let shared = Arc::new(Shared {
            commands: Mutex::default(),
            when: Mutex::default(),
            network,
            busy: AtomicUsize::default(),
            most_busy: AtomicUsize::default(),
        });
        let listener = runtime().block_on_elsewhere(TcpListener::bind(("127.0.0.1", 0))).expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        runtime().0.spawn(listen(listener, server, Arc::clone(&shared)));
        Proxy { port, shared }
    }

    pub(super) fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/?replicaSet=secantus", self.port)
    }

    /// The commands that have passed since this was asked last.
    pub(super) fn take(&self) -> Vec<Document> {
        std::mem::take(&mut *self.shared.commands.lock().unwrap())
    }

    /// When the next command of this name comes, this happens.
    pub(super) fn when(&self, command: &str, then: Then) {
        *self.shared.when.lock().unwrap() = Some((command.to_owned(), then));
    }

    /// Whether what was to happen has happened.
    pub(super) async fn has_happened(&self) {
        let mut network = self.shared.network.subscribe();
        while self.shared.when.lock().unwrap().is_some() {
            network.changed().await.expect("the proxy is there");
        }
    }

    /// Cuts all connections.
    pub(super) fn cut(&self) {
        self.shared.network.send_modify(|network| network.epoch += 1);
    }

    /// Answers pass again.
    pub(super) fn mend(&self) {
        self.shared.network.send_modify(|network| network.is_deaf = false);
    }

    /// How many connections have carried commands of sessions at the same time, at the most.
    pub(super) fn most_busy(&self) -> usize {
        self.shared.most_busy.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.network.send_modify(|network| network.is_over = true);
    }
}

/// Tests have runtimes of their own, which end with them.
struct Own(Runtime);

impl Own {
    fn block_on_elsewhere<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        std::thread::scope(|scope| scope.spawn(|| self.0.block_on(work)).join().expect("it does not panic"))
    }
}

fn runtime() -> &'static Own {
    static RUNTIME: OnceLock<Own> = OnceLock::new();
    RUNTIME.get_or_init(|| Own(Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime starts")))
}

async fn listen(listener: TcpListener, server: u16, shared: Arc<Shared>) {
    let mut network = shared.network.subscribe();
    loop {
        select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { return };
                tokio::spawn(pass(client, server, Arc::clone(&shared)));
            }
            changed = network.changed() => {
                if changed.is_err() || network.borrow().is_over {
                    return;
                }
            }
        }
    }
}

/// Passes messages both ways until one end is closed, or the connection is cut.
async fn pass(client: TcpStream, server: u16, shared: Arc<Shared>) {
    let mut network = shared.network.subscribe();
    let born = network.borrow().epoch;
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let carried = AtomicUsize::default();
    select! {
        _ = commands(from_client, to_server, &shared, &carried) => {}
        _ = answers(from_server, to_client, &shared) => {}
        _ = network.wait_for(|network| network.epoch != born || network.is_over) => {}
    }
    if carried.load(Ordering::SeqCst) > 0 {
        shared.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn commands(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, carried: &AtomicUsize) -> io::Result<()> {
    loop {
        let message = message(&mut from).await?;
        if let Some(command) = command(&message) {
            if command.contains_key("lsid") && carried.fetch_add(1, Ordering::SeqCst) == 0 {
                let busy = shared.busy.fetch_add(1, Ordering::SeqCst) + 1;
                shared.most_busy.fetch_max(busy, Ordering::SeqCst);
            }
            let then = due(shared, &command);
            shared.commands.lock().unwrap().push(command);
            match then {
                None => {}
                Some(Then::Deaf) => shared.network.send_modify(|network| network.is_deaf = true),
                Some(Then::Cut) => {
                    shared.network.send_modify(|network| network.epoch += 1);
                    return Ok(());
                }
            }
        }
        to.write_all(&message).await?;
    }
}

/// What happens with this command. It happens once.
fn due(shared: &Shared, command: &Document) -> Option<Then> {
    let mut when = shared.when.lock().unwrap();
    let (_, then) = when.take_if(|(name, _)| command.contains_key(name.as_str()))?;
    Some(then)
}

async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    let mut network = shared.network.subscribe();
    loop {
        let message = message(&mut from).await?;
        if network.wait_for(|network| !network.is_deaf).await.is_err() {
            return Ok(());
        }
        to.write_all(&message).await?;
    }
}

async fn message(from: &mut OwnedReadHalf) -> io::Result<Vec<u8>> {
    let mut head = [0; HEAD];
    from.read_exact(&mut head).await?;
    let length = usize::try_from(number(&head, 0)).expect("32 bits fit");
    assert!((HEAD..=MAX_MESSAGE).contains(&length), "a message of {length} bytes");
    let mut message = vec![0; length];
    message[..HEAD].copy_from_slice(&head);
    from.read_exact(&mut message[HEAD..]).await?;
    Ok(message)
}

/// The command of a message, with the lists that stand beside it.
fn command(message: &[u8]) -> Option<Document> {
    if number(message, 12) != MESSAGE {
        return None;
    }
    let (mut rest, mut command, mut lists) = (&message[HEAD + 4..], Document::new(), Document::new());
    while let Some((kind, section)) = rest.split_first() {
        rest = match kind {
            0 => {
                let length = number(section, 0) as usize;
                command = Document::from_reader(&section[..length]).expect("a command is a document");
                &section[length..]
            }
            1 => {
                let length = number(section, 0) as usize;
                let (name, documents) = list(&section[4..length]);
                lists.insert(name, documents);
                &section[length..]
            }
            // What is left is a checksum.
            _ => &[],
        };
    }
    command.extend(lists);
    Some(command)
}

fn list(section: &[u8]) -> (String, Vec<Bson>) {
    let end = section.iter().position(|byte| *byte == 0).expect("a name ends");
    let (name, mut rest) = (String::from_utf8(section[..end].to_vec()).expect("a name is a text"), &section[end + 1..]);
    let mut documents = Vec::new();
    while !rest.is_empty() {
        documents.push(Document::from_reader(&mut rest).expect("a list holds documents").into());
    }
    (name, documents)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes are there"))
}
