//! A rolling restart: each of three servers that share a database is stopped and started again while clients go on. What a client is not
//! answered it asks the next server for, and nothing else is noticed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use api_proto::zona::{
    execution::v1::{TransformRequest, transform_result::Outcome},
    utility::v1::{CreateUtilityRequest, GetUtilityRequest, Utility},
};
use e2e::{
    installation::Installation,
    rpc::{self, Client, TENANT},
    server::Server,
};
use tokio::time::sleep;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::steps::SHOUT;

/// Servers.
const SERVERS: usize = 3;
/// Clients that call one after the other, all the time.
const CALLERS: usize = 4;
/// Each server serves so many calls between two stops at least, so that the load is there.
const CALLS: u64 = 40;
/// How long a client goes on asking for one thing: a drain, and a start beside the load.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two attempts, and between two calls of one client: load that leaves the machine to the servers that start.
const PAUSE: Duration = Duration::from_millis(50);
/// What a server may say on a machine whose processors are all taken: the call that met it is asked again.
const BUSY: &str = "the store did not answer within";

/// Where the servers are now; `None` while one is stopped.
type Doors = Arc<Mutex<Vec<Option<Client>>>>;

/// What the clients have met.
#[derive(Default)]
struct Met {
    calls: AtomicU64,
    attempts: AtomicU64,
    over: AtomicBool,
}

/// One caller: reads, transforms and creates in turns, each at the server that is next.
async fn call_until_it_is_over(number: usize, doors: Doors, met: Arc<Met>) {
    let mut turn = number;
    for round in 0.. {
        if met.over.load(Ordering::Relaxed) {
            return;
        }
        let request_id = Uuid::now_v7().to_string();
        let until = Instant::now() + PATIENCE;
        loop {
            turn += 1;
            let open = doors.lock().expect("no caller panics while it looks")[turn % SERVERS].clone();
            let Some(client) = open else { continue };
            met.attempts.fetch_add(1, Ordering::Relaxed);
            match call(client, number, round, &request_id).await {
                Ok(()) => break,
                Err(status) if is_for_another(&status) && Instant::now() < until => sleep(PAUSE).await,
                Err(status) => panic!("call {round} of caller {number}: {status:?}"),
            }
        }
        met.calls.fetch_add(1, Ordering::Relaxed);
        sleep(PAUSE).await;
    }
}

/// Whether another server may be asked for it: this one is going, or its connection was closed before the call was sent or answered.
fn is_for_another(status: &Status) -> bool {
    status.code() == Code::Unavailable || status.code() == Code::Cancelled && std::error::Error::source(status).is_some()
}

async fn call(mut client: Client, number: usize, round: u32, request_id: &str) -> Result<(), Status> {
    let name = rpc::utility("shout");
    match round % 3 {
        0 => {
            let utility = client.utilities.get_utility(GetUtilityRequest { name }).await?.into_inner();
            assert_eq!(utility.code, SHOUT);
        }
        1 => {
            let values_json = vec!["\"a\"".to_owned()];
            let request = TransformRequest { name, values_json, ..Default::default() };
            let answer = client.executions.transform(request).await?.into_inner();
            assert_eq!(answer.results[0].outcome, Some(Outcome::ResultJson("\"A!\"".to_owned())));
        }
        _ => {
            let utility = Some(Utility { code: SHOUT.to_owned(), ..Utility::default() });
            let (parent, utility_id, request_id) = (TENANT.to_owned(), format!("made-{number}-{round}"), request_id.to_owned());
            client.utilities.create_utility(CreateUtilityRequest { parent, utility_id, utility, request_id, ..Default::default() }).await?;
        }
    }
    Ok(())
}

/// Until so many more calls were answered.
async fn more_calls(met: &Met) {
    let (before, until) = (met.calls.load(Ordering::Relaxed), Instant::now() + PATIENCE * 2);
    while met.calls.load(Ordering::Relaxed) < before + CALLS {
        assert!(Instant::now() < until, "the calls do not go on");
        sleep(PAUSE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_servers_are_restarted_one_after_the_other_no_call_fails_that_is_asked_again() {
    let installation = Installation::with_redis();
    let named = |which: usize| installation.server(&format!("server-{which}"), "");
    let mut servers: Vec<Option<Server>> = (0..SERVERS).map(|which| Some(named(which))).collect();
    let mut clients = Vec::new();
    for server in servers.iter().flatten() {
        clients.push(Some(Client::connect(server).await));
    }
    clients[0].clone().expect("it was just made").create("shout", SHOUT, Default::default()).await;
    let (doors, met) = (Arc::new(Mutex::new(clients)), Arc::new(Met::default()));
    let callers: Vec<_> =
        (0..CALLERS).map(|number| tokio::spawn(call_until_it_is_over(number, Arc::clone(&doors), Arc::clone(&met)))).collect();
    for (which, place) in servers.iter_mut().enumerate() {
        more_calls(&met).await;
        // Its clients learn of the stop by what they are answered.
        let stopping = place.take().expect("each is stopped once");
        let stopped = tokio::task::spawn_blocking(|| stopping.stop_despite(&[BUSY])).await;
        drop(stopped.expect("it stops as it should"));
        doors.lock().expect("no caller panics while it looks")[which] = None;
        let again = named(which);
        let client = Client::connect(&again).await;
        doors.lock().expect("no caller panics while it looks")[which] = Some(client);
        *place = Some(again);
    }
    more_calls(&met).await;
    met.over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("no call failed for good");
    }
    let (calls, attempts) = (met.calls.load(Ordering::Relaxed), met.attempts.load(Ordering::Relaxed));
    println!("{calls} calls with {attempts} attempts while {SERVERS} servers were restarted");
    for server in servers.into_iter().flatten() {
        server.stop_despite(&[BUSY]);
    }
}
