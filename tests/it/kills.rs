//! Kills under load: 16 clients change and start things while the server is killed at random, again and again. Whatever was
//! acknowledged is there, whatever was not can be asked for again under its request id and happens once, and the audit log knows of
//! each effect, with one outcome for each intent. Others are told of each effect once. So it is with one server on its own store, and with
//! three that share a database.

mod client;
mod model;

use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use api_proto::zona::{
    event::v1::{Event, SubscribeEventsRequest, subscribe_events_response::Part},
    utility::v1::Limits,
};
use e2e::{
    command::run,
    installation::Installation,
    rpc::{self, Client, TENANT},
    server::{Backend, Server},
    workspace,
};
use serde_json::Value;
use tokio::sync::Notify;

use client::Worker;
use model::Random;

/// At the same time.
const WORKERS: u32 = 16;
/// Acknowledged requests of one life, at most.
const LIFE: u64 = 120;
/// Lives of the store, in the run that every change waits for and in the long one.
const KILLS: [u32; 2] = [15, 300];
/// The same of servers that share a database: one of them is killed each time.
const KILLS_OF_ONE: [u32; 2] = [3, 60];
/// The last thing that happens: once it is told, so is everything before it.
const LAST: &str = "last";
/// What is changed at one server the others read within a second, and what a server that died was in the middle of is over within ten; the
/// rest is slack.
const PATIENCE: Duration = Duration::from_secs(60);
/// When all of what was open is closed. A server that died is known to be dead after 15 s, and three rounds follow.
const CLOSED_WITHIN: Duration = Duration::from_secs(90);
/// Servers that share a database.
const SERVERS: usize = 3;
/// Where executions end that were running when the last server came.
const ENDED_WITHIN: Duration = Duration::from_secs(60);

/// Counts what was acknowledged, and says when it was enough.
pub struct Acknowledged {
    left: AtomicU32,
    enough: Notify,
    over: AtomicBool,
}

impl Acknowledged {
    fn after(count: u32) -> Arc<Self> {
        Arc::new(Acknowledged { left: AtomicU32::new(count), enough: Notify::new(), over: AtomicBool::new(false) })
    }

    /// Nothing more is to be asked for.
    fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether nothing more is to be asked for.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// One more.
    pub fn count(&self) {
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if before == Ok(1) {
            self.enough.notify_one();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_under_load_lose_nothing_acknowledged_double_nothing_and_leave_one_outcome_for_each_intent() {
    let data = tempfile::tempdir().expect("a temporary directory can be made");
    let mut random = Random::from_seed(0x5eed);
    let mut workers: Vec<Worker> = (0..WORKERS).map(|number| Worker::new(number, random.next())).collect();
    let mut starts = Vec::new();
    for _ in 0..test_support::repeat(KILLS[0], KILLS[1]) {
        let begun = Instant::now();
        let server = Server::on(data.path(), Backend::Namespace);
        starts.push(begun.elapsed());
        workers = settle(&server, workers, Duration::ZERO).await;
        let acknowledged = Acknowledged::after(u32::try_from(1 + random.below(LIFE)).expect("it is small"));
        let client = Client::connect(&server).await;
        let tasks: Vec<_> =
            workers.into_iter().map(|worker| tokio::spawn(worker.work_until_it_fails(client.clone(), Arc::clone(&acknowledged)))).collect();
        acknowledged.enough.notified().await;
        server.kill();
        workers = Vec::new();
        for task in tasks {
            workers.push(task.await.expect("no worker panics"));
        }
    }
    let server = Server::on(data.path(), Backend::Namespace);
    let workers = settle(&server, workers, Duration::ZERO).await;
    for worker in &workers {
        worker.executions_are_there_and_end(&Client::connect(&server).await, ENDED_WITHIN).await;
    }
    starts.sort();
    let done: u32 = workers.iter().map(Worker::done).sum();
    println!(
        "{} kills, {done} effects, serving again after {:?} (median), {:?} (longest)",
        starts.len(),
        starts[starts.len() / 2],
        starts.last()
    );
    assert!(done > WORKERS, "the workers did nothing");
    let told = events(&server).await;
    for worker in &workers {
        worker.every_effect_was_told(&told);
    }
    let records = export(&server, &data.path().join("log.jsonl"));
    let problems = open(&records);
    assert!(problems.is_empty(), "{problems:?}");
    for worker in &workers {
        worker.every_effect_has_an_intent(&records);
    }
}

/// Each time, one of three dies, and what its clients were not answered they ask another one for; what was started on it, the others settle.
#[tokio::test(flavor = "multi_thread")]
async fn kills_of_servers_that_share_a_database_lose_nothing_acknowledged_and_double_nothing() {
    let installation = Installation::with_redis();
    let named = |which: usize| installation.server(&format!("server-{which}"), "");
    let mut servers: Vec<Server> = (0..SERVERS).map(named).collect();
    let mut random = Random::from_seed(0xdead);
    let mut workers: Vec<Worker> = (0..WORKERS).map(|number| Worker::new(number, random.next())).collect();
    let kills = test_support::repeat(KILLS_OF_ONE[0], KILLS_OF_ONE[1]);
    for _ in 0..kills {
        let acknowledged = Acknowledged::after(u32::try_from(1 + random.below(LIFE)).expect("it is small"));
        let mut tasks = Vec::new();
        for (worker, which) in workers.into_iter().zip((0..SERVERS).cycle()) {
            let client = Client::connect(&servers[which]).await;
            tasks.push(tokio::spawn(worker.work_until_it_fails(client, Arc::clone(&acknowledged))));
        }
        acknowledged.enough.notified().await;
        let dies = usize::try_from(random.below(SERVERS as u64)).expect("it is small");
        servers.remove(dies).kill();
        acknowledged.end();
        workers = Vec::new();
        for task in tasks {
            workers.push(task.await.expect("no worker panics"));
        }
        // Each asks a server that may not be the one that it worked with, and the one that died is not back yet.
        workers = settle(&servers[0], workers, PATIENCE).await;
        servers.insert(dies, named(dies));
    }
    for worker in &workers {
        worker.executions_are_there_and_end(&Client::connect(&servers[0]).await, ENDED_WITHIN).await;
    }
    let done: u32 = workers.iter().map(Worker::done).sum();
    println!("{kills} kills of one of {SERVERS} servers, {done} effects");
    assert!(done > WORKERS, "the workers did nothing");
    let told = events(&servers[1]).await;
    let records = closed(&servers[2], installation.directory.path()).await;
    for worker in &workers {
        worker.every_effect_was_told(&told);
        worker.every_effect_has_an_intent(&records);
    }
}

/// What was not acknowledged is asked for once more, and everything is compared with what should be.
///
/// `patience` is for a server that others tell what has changed.
async fn settle(server: &Server, workers: Vec<Worker>, patience: Duration) -> Vec<Worker> {
    let mut settled = Vec::new();
    for mut worker in workers {
        let mut client = Client::connect(server).await;
        worker.ask_again(&mut client, patience).await;
        worker.compare(&mut client, patience).await;
        settled.push(worker);
    }
    settled
}

/// Everything that happened in the tenant, in order and without gaps.
async fn events(server: &Server) -> Vec<Event> {
    let mut client = Client::connect(server).await;
    client.create(LAST, "def transform(value):\n    return value\n", Limits::default()).await;
    let last = rpc::utility(LAST);
    let request = SubscribeEventsRequest { parent: TENANT.to_owned(), after_sequence: Some(0), ..Default::default() };
    let mut subscription = client.events.subscribe_events(request).await.expect("events can be followed").into_inner();
    let mut told: Vec<Event> = Vec::new();
    while told.last().is_none_or(|event| event.subject != last) {
        let message = tokio::time::timeout(PATIENCE, subscription.message()).await.expect("more is told");
        match message.expect("it lasts").and_then(|message| message.part) {
            Some(Part::Event(event)) => told.push(event),
            Some(Part::ReachedSequence(_)) => {}
            None => panic!("it has no end"),
        }
    }
    assert!(told.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence), "there is a gap");
    told
}

/// The records of the log, which verifies.
fn export(server: &Server, file: &Path) -> Vec<Value> {
    run(server.zona().args(["audit", "export", "--out"]).arg(file)).with_code(0);
    run(Command::new(workspace::zona()).args(["audit", "verify"]).arg(file)).with_code(0);
    let export = fs::read_to_string(file).expect("it was written");
    let lines = export.lines().map(|line| serde_json::from_str::<Value>(line).expect("each line is JSON"));
    lines.filter(|line| line.get("action").is_some()).collect()
}

/// The records of the log once each intent has one outcome: those of a server that died with others alive are closed by one of these, in a
/// round every 20 s that may fail where the database is slow.
async fn closed(server: &Server, directory: &Path) -> Vec<Value> {
    let begun = Instant::now();
    for round in 0.. {
        let records = export(server, &directory.join(format!("log-{round}.jsonl")));
        let problems = open(&records);
        if problems.is_empty() {
            return records;
        }
        assert!(begun.elapsed() < CLOSED_WITHIN, "{problems:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    unreachable!("it goes on until all are closed or the time is over")
}

/// The intents that have not exactly one outcome, beside the export's own, which is open while it is written.
fn open(records: &[Value]) -> Vec<String> {
    let mut outcomes: HashMap<&str, (u32, Vec<&str>)> = HashMap::new();
    for record in records {
        let call = record["call"].as_str().expect("each record has one");
        match record["outcome"].as_str().expect("each record has one") {
            "INTENT" => outcomes.entry(call).or_default().0 += 1,
            outcome => outcomes.entry(call).or_default().1.push(outcome),
        }
    }
    let export = |record: &&Value| record["outcome"] == "INTENT" && record["action"] == "audit.export";
    let own = records.iter().rev().find(export).and_then(|record| record["call"].as_str());
    let wrong = outcomes.iter().filter(|(_, (intents, ended))| *intents > 1 || *intents == 1 && ended.len() != 1);
    wrong.filter(|(call, _)| Some(**call) != own).map(|(call, ended)| format!("{call}: {ended:?}")).collect()
}
