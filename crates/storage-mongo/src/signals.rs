//! Signals between the servers of one database. Those of this server hear at once; for the others, hints go through a collection that every
//! server follows as a change stream, a few times a second at most and many together. It is forgotten after a minute.
//!
//! A hint may be lost: it is written without waiting for a disk, and not written again. Where the stream breaks off, whoever listens is told
//! that something may be lost once it is followed again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::execution::{Hints, Signals};
use domain::lease::InstanceId;
use domain::name::ExecutionName;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::ChangeStreamEvent;
use mongodb::options::{Acknowledgment, WriteConcern};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::collections::HINTS;
use crate::deadline::within;
use crate::error::{Result, during};
use crate::shared::Shared;
use crate::tasks;

mod waiting;

use waiting::Waiting;

/// Rest between two documents with hints: what comes meanwhile goes into the next one.
const REST: Duration = Duration::from_millis(100);
/// Rest before a stream that broke is opened again.
const AGAIN: Duration = Duration::from_millis(250);
/// How long the database waits for a hint before it says that there is none: what it says then shows that the connection is not cut.
const AWAITED: Duration = Duration::from_secs(1);

const FOLLOWING: &str = "following the hints of other servers";

/// Signals to whoever listens on any server of the database.
pub(crate) struct MongoSignals {
    local: Arc<dyn Signals>,
    outbox: Arc<Outbox>,
}

/// The tasks that send and hear; they end with this value.
pub(crate) struct Relaying([JoinHandle<()>; 2]);

/// What the other servers are to hear.
#[derive(Default)]
struct Outbox {
    waiting: Mutex<Waiting>,
    rung: Notify,
}

type Stream = ChangeStream<ChangeStreamEvent<Document>>;

/// Begins to send what this server tells, and to tell `local` what others send.
pub(crate) async fn relay(shared: &Arc<Shared>, local: Arc<dyn Signals>) -> Result<(MongoSignals, Relaying)> {
    // Before anybody listens, so that nobody misses anything for it.
    let stream = open(shared).await?;
    let (outbox, runtime) = (Arc::new(Outbox::default()), Handle::current());
    let sending = send(Arc::clone(shared), Arc::clone(&outbox));
    let hearing = hear(Arc::clone(shared), Arc::clone(&local), stream);
    let tasks = [tasks::spawn(&runtime, "send hints", sending), tasks::spawn(&runtime, "hear hints", hearing)];
    Ok((MongoSignals { local, outbox }, Relaying(tasks)))
}

// === impl MongoSignals ===

impl Signals for MongoSignals {
    fn stop_asked(&self, holder: &InstanceId, execution: &ExecutionName) {
        self.local.stop_asked(holder, execution);
        self.outbox.add(|waiting| waiting.add_stop(holder, execution));
    }

    fn new_sequence(&self, execution: &ExecutionName, sequence: u64) {
        self.local.new_sequence(execution, sequence);
        self.outbox.add(|waiting| waiting.add_sequence(execution, sequence));
    }

    fn work_waits(&self) {
        self.local.work_waits();
        self.outbox.add(Waiting::add_work);
    }

    fn hints_lost(&self) {
        self.local.hints_lost();
        self.outbox.add(Waiting::lose);
    }

    fn stops_of(&self, holder: &InstanceId) -> Hints<ExecutionName> {
        self.local.stops_of(holder)
    }

    fn sequences_of(&self, execution: &ExecutionName) -> Hints<u64> {
        self.local.sequences_of(execution)
    }

    fn work(&self) -> Hints<()> {
        self.local.work()
    }
}

// === impl Relaying ===

impl Drop for Relaying {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

// === impl Outbox ===

impl Outbox {
    fn add(&self, add: impl FnOnce(&mut Waiting)) {
        add(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        self.rung.notify_one();
    }

    fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends what waits, for good.
async fn send(shared: Arc<Shared>, outbox: Arc<Outbox>) {
    let hints: Collection<Document> = shared.database.collection(HINTS.name);
    let soon = WriteConcern::builder().w(Acknowledgment::Nodes(1)).journal(false).build();
    loop {
        outbox.rung.notified().await;
        let told = outbox.take().encode(&shared.server);
        let insert = async { hints.insert_one(told).write_concern(soon.clone()).await.map_err(during("sending hints to other servers")) };
        if let Err(error) = within(shared.deadline, insert).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "hints were not sent: other servers are told that some are lost");
            outbox.add(Waiting::lose);
        }
        sleep(REST).await;
    }
}

/// Tells `local` what others send, for good.
async fn hear(shared: Arc<Shared>, local: Arc<dyn Signals>, stream: Stream) {
    let mut opened = Ok(stream);
    loop {
        let ended = match opened {
            Ok(stream) => follow(&shared, &*local, stream).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::warn!(error = &error as &dyn std::error::Error, "the hints of other servers broke off and are followed anew");
        }
        sleep(AGAIN).await;
        opened = open(&shared).await;
        if opened.is_ok() {
            local.hints_lost();
        }
    }
}

async fn open(shared: &Shared) -> Result<Stream> {
    let hints: Collection<Document> = shared.database.collection(HINTS.name);
    let added = [doc! { "$match": { "operationType": { "$in": ["insert", "drop", "rename", "invalidate"] } } }];
    let watch = hints.watch().pipeline(added).max_await_time(AWAITED);
    within(shared.deadline, async { watch.await.map_err(during(FOLLOWING)) }).await
}

/// Follows the stream until it breaks off.
async fn follow(shared: &Shared, local: &dyn Signals, mut stream: Stream) -> Result<()> {
    while stream.is_alive() {
        let event = within(AWAITED + shared.deadline, async { stream.next_if_any().await.map_err(during(FOLLOWING)) }).await?;
        if let Some(told) = event.and_then(|event| event.full_document)
            && told.get_str("server").is_ok_and(|server| server != shared.server)
        {
            Waiting::decode(&told).tell(local);
        }
    }
    Ok(())
}
