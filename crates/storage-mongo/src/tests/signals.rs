//! Signals reach whoever listens on the same server, and on the others of the database; and who may have missed some hears that.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::execution::{Hint, Hints, Signals};
use domain::lease::InstanceId;
use domain::name::ExecutionName;
use futures_util::StreamExt as _;
use mongodb::bson::Document;
use test_support::InMemorySignals;
use test_support::sample::{execution, scope};
use tokio::time::timeout;

use super::Scratch;
use crate::MongoStore;
use crate::collections::HINTS;

/// Far above what it takes to hear: the machine may be busy.
const SOON: Duration = Duration::from_secs(30);

/// Signals of a server that lives as long as they do.
struct Server {
    signals: Arc<dyn Signals>,
    _store: MongoStore,
}

impl Server {
    async fn on(scratch: &Scratch) -> Self {
        let store = scratch.another().await;
        Server { signals: store.signals(Arc::new(InMemorySignals::default())).await.expect("the database answers"), _store: store }
    }
}

impl Deref for Server {
    type Target = dyn Signals;

    fn deref(&self) -> &Self::Target {
        &*self.signals
    }
}

test_support::signals_contract!(Server::on(&Scratch::new().await).await);

#[tokio::test]
async fn whoever_listens_on_another_server_hears_it_soon() {
    let scratch = Scratch::new().await;
    let (here, there) = (Server::on(&scratch).await, Server::on(&scratch).await);
    let (holder, name) = (InstanceId::new("there"), name(1));
    let (mut stops, mut sequences, mut own) = (there.stops_of(&holder), there.sequences_of(&name), here.sequences_of(&name));
    here.stop_asked(&holder, &name);
    assert_eq!(soon(&mut stops).await, Hint::Of(name.clone()));
    here.new_sequence(&name, 7);
    assert_eq!(soon(&mut sequences).await, Hint::Of(7));
    there.new_sequence(&name, 8);
    assert_eq!((soon(&mut own).await, soon(&mut own).await), (Hint::Of(7), Hint::Of(8)), "each once");
    here.hints_lost();
    assert_eq!((soon(&mut stops).await, soon(&mut own).await), (Hint::Missed, Hint::Missed));
}

#[tokio::test]
async fn who_may_have_missed_something_while_the_stream_was_cut_hears_that_and_what_comes_behind() {
    let scratch = Scratch::new().await;
    let (here, there) = (Server::on(&scratch).await, Server::on(&scratch).await);
    let mut sequences = there.sequences_of(&name(1));
    scratch.shared.database.collection::<Document>(HINTS.name).drop().await.expect("the database answers");
    assert_eq!(soon(&mut sequences).await, Hint::Missed);
    here.new_sequence(&name(1), 3);
    assert_eq!(soon(&mut sequences).await, Hint::Of(3));
}

async fn soon<T>(hints: &mut Hints<T>) -> Hint<T> {
    timeout(SOON, hints.next()).await.expect("it is heard").expect("hints have no end")
}

fn name(number: u64) -> ExecutionName {
    execution(&scope("acme"), number).name
}
