//! Changes: seen through without their caller, bounded (also for each tenant), and told.

use std::sync::Mutex;
use std::time::Duration;

use test_support::{TokioSpawner, sample};

use super::*;
use crate::layer::RequestId;
use crate::method::{Methods, RecordedSingly};

#[derive(Default)]
struct Settled(Mutex<Vec<Code>>);

impl CallMetrics for Settled {
    fn began(&self, _method: &str) {}

    fn ended(&self, _method: &str, _code: Code, _elapsed: Duration) {}

    fn settled(&self, _method: &str, code: Code) {
        self.0.lock().unwrap().push(code);
    }
}

struct World {
    settling: Settling,
    spawner: Arc<TokioSpawner>,
    settled: Arc<Settled>,
    call: Call,
}

fn world(most: usize) -> World {
    let (spawner, settled) = (Arc::new(TokioSpawner::current()), Arc::new(Settled::default()));
    let method = Arc::clone(Methods::of_contract(&RecordedSingly::default()).find("/zona.utility.v1.UtilityService/CreateUtility"));
    let call = Call::new(RequestId("test".into()), String::new(), method);
    World { settling: Settling::new(spawner.clone(), settled.clone(), Places::new(most, most)), spawner, settled, call }
}

/// Polls it once, so that it has begun.
async fn begin<T>(work: &mut (impl Future<Output = T> + Unpin)) {
    assert!(work.now_or_never().is_none(), "it is under way");
}

#[tokio::test]
async fn what_a_change_answers_is_answered_and_not_told_again() {
    let world = world(1);
    assert_eq!(world.settling.settle(&world.call, None, async { Ok(7) }).await.unwrap(), 7);
    let failed = world.settling.settle(&world.call, None, async { Err::<(), _>(Error::Unauthenticated) }).await;
    assert!(matches!(failed, Err(Error::Unauthenticated)));
    world.spawner.settle().await;
    assert_eq!(*world.settled.0.lock().unwrap(), []);
}

#[tokio::test]
async fn a_change_that_panics_without_its_caller_is_told_and_gives_its_place_back() {
    let world = world(1);
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let work = async move {
        may_go_on.await.unwrap();
        panic!("a bug")
    };
    let mut call = Box::pin(world.settling.settle::<()>(&world.call, None, work));
    begin(&mut call).await;
    drop(call);
    go_on.send(()).unwrap();
    world.spawner.settle().await;
    assert_eq!(*world.settled.0.lock().unwrap(), [Code::Internal]);
    world.settling.settle(&world.call, None, async { Ok(()) }).await.expect("there is a place again");
}

#[tokio::test]
async fn beyond_the_most_a_change_waits_and_one_that_is_given_up_meanwhile_never_begins() {
    let world = world(1);
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let mut first = Box::pin(world.settling.settle(&world.call, None, async move {
        may_go_on.await.unwrap();
        Ok("first")
    }));
    begin(&mut first).await;
    let began = Arc::new(Mutex::new(Vec::new()));
    let work = |name| {
        let began = Arc::clone(&began);
        async move {
            began.lock().unwrap().push(name);
            Ok(name)
        }
    };
    let mut given_up = Box::pin(world.settling.settle(&world.call, None, work("given up")));
    let mut second = Box::pin(world.settling.settle(&world.call, None, work("second")));
    begin(&mut given_up).await;
    begin(&mut second).await;
    drop(given_up);
    assert_eq!(*began.lock().unwrap(), [""; 0]);
    go_on.send(()).unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), ("first", "second"));
    assert_eq!(*began.lock().unwrap(), ["second"]);
}

#[tokio::test]
async fn changes_that_one_tenant_leaves_behind_keep_no_other_from_theirs() {
    let mut world = world(4);
    world.settling.places = Places::new(4, 2);
    let (greedy, other) = (sample::tenant("greedy"), sample::tenant("other"));
    let mut halted = Vec::new();
    // More than there are places, each given up as soon as it is under way or waits.
    for _ in 0..6 {
        let (go_on, may_go_on) = oneshot::channel::<()>();
        let work = async move { may_go_on.await.map_err(|gone| Error::internal("waiting for the test", gone)) };
        let mut call = Box::pin(world.settling.settle(&world.call, Some(&greedy), work));
        begin(&mut call).await;
        halted.push(go_on);
    }
    assert_eq!(world.spawner.running().len(), 2, "its share goes on, and the rest has never begun");
    assert_eq!(world.settling.settle(&world.call, Some(&other), async { Ok("other") }).await.unwrap(), "other");
    for go_on in halted.drain(..2) {
        go_on.send(()).unwrap();
    }
    world.spawner.settle().await;
    assert_eq!(*world.settled.0.lock().unwrap(), [Code::Ok, Code::Ok]);
}
