//! What every `Signals` promises between two instances. Run all of it with [`signals_contract!`](crate::signals_contract).

use domain::execution::{Execution, Hint, Signals};
use domain::lease::InstanceId;
use futures_util::{FutureExt as _, StreamExt as _};

use crate::sample::{execution, scope};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to signals.
#[macro_export]
macro_rules! signals_contract {
    ($make:expr) => {
        $crate::signals_contract!($make;
            a_holder_hears_which_of_its_executions_are_to_stop,
            a_watcher_hears_of_new_events_of_its_execution_only,
            everybody_hears_that_an_execution_waits,
            what_was_told_before_is_not_heard,
            a_listener_that_does_not_keep_up_hears_that_it_missed_something,
            where_hints_may_have_got_lost_every_listener_hears_that,
        );
    };
    ($make:expr; $($check:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $check() {
            let signals = $make;
            $crate::signals::$check(&*signals).await;
        }
    )+};
}

/// More than any adapter lets wait.
const MANY: u64 = 10_000;

/// Others do not hear it.
pub async fn a_holder_hears_which_of_its_executions_are_to_stop(signals: &dyn Signals) {
    let (a, b) = (InstanceId::new("a"), InstanceId::new("b"));
    let (mut of_a, mut of_b) = (signals.stops_of(&a), signals.stops_of(&b));
    signals.stop_asked(&a, &sample(1).name);
    signals.stop_asked(&b, &sample(2).name);
    assert_eq!(of_a.next().await, Some(Hint::Of(sample(1).name)));
    assert_eq!(of_b.next().await, Some(Hint::Of(sample(2).name)));
    assert_eq!((of_a.next().now_or_never(), of_b.next().now_or_never()), (None, None));
}

/// Every watcher hears it, and none hears of others.
pub async fn a_watcher_hears_of_new_events_of_its_execution_only(signals: &dyn Signals) {
    let (one, other) = (sample(1).name, sample(2).name);
    let (mut first, mut second, mut elsewhere) = (signals.sequences_of(&one), signals.sequences_of(&one), signals.sequences_of(&other));
    signals.new_sequence(&one, 7);
    assert_eq!((first.next().await, second.next().await), (Some(Hint::Of(7)), Some(Hint::Of(7))));
    assert_eq!(elsewhere.next().now_or_never(), None);
    drop(first);
    signals.new_sequence(&one, 8);
    assert_eq!(second.next().await, Some(Hint::Of(8)));
}

/// Whoever has a place looks for it.
pub async fn everybody_hears_that_an_execution_waits(signals: &dyn Signals) {
    let (mut first, mut second) = (signals.work(), signals.work());
    signals.work_waits();
    assert_eq!((first.next().await, second.next().await), (Some(Hint::Of(())), Some(Hint::Of(()))));
    signals.hints_lost();
    assert_eq!(first.next().await, Some(Hint::Missed));
}

/// Hints are no memory: that is the store.
pub async fn what_was_told_before_is_not_heard(signals: &dyn Signals) {
    let name = sample(1).name;
    signals.new_sequence(&name, 1);
    let mut late = signals.sequences_of(&name);
    assert_eq!(late.next().now_or_never(), None);
    signals.new_sequence(&name, 2);
    assert_eq!(late.next().await, Some(Hint::Of(2)));
}

/// What waits is bounded, and the newest is among it.
pub async fn a_listener_that_does_not_keep_up_hears_that_it_missed_something(signals: &dyn Signals) {
    let name = sample(1).name;
    let mut slow = signals.sequences_of(&name);
    for sequence in 1..=MANY {
        signals.new_sequence(&name, sequence);
    }
    assert_eq!(slow.next().await, Some(Hint::Missed));
    let mut last = None;
    while let Some(heard) = slow.next().now_or_never() {
        last = heard;
    }
    assert_eq!(last, Some(Hint::Of(MANY)));
}

/// Whatever it listens to; and it hears what comes behind.
pub async fn where_hints_may_have_got_lost_every_listener_hears_that(signals: &dyn Signals) {
    let (holder, name) = (InstanceId::new("a"), sample(1).name);
    let (mut stops, mut sequences) = (signals.stops_of(&holder), signals.sequences_of(&name));
    signals.hints_lost();
    signals.new_sequence(&name, 3);
    assert_eq!(stops.next().await, Some(Hint::Missed));
    assert_eq!((sequences.next().await, sequences.next().await), (Some(Hint::Missed), Some(Hint::Of(3))));
}

fn sample(number: u64) -> Execution {
    execution(&scope("acme"), number)
}
