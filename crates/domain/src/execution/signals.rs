//! What instances tell each other about executions, so that nobody polls.

use std::pin::Pin;

use futures_core::Stream;

use crate::lease::InstanceId;
use crate::name::ExecutionName;

/// Port: hints between instances. A hint may be lost, come late or come twice: the store holds the truth, and whoever listens
/// looks there. To wait for something: subscribe first, then look in the store, then listen.
pub trait Signals: Send + Sync {
    /// Tells the holder of an execution that its wish to stop was stored; see
    /// [`crate::execution::ExecutionRepository::ask_stop`]. Returns at once.
    fn stop_asked(&self, holder: &InstanceId, execution: &ExecutionName);
    /// Tells watchers that events up to `sequence` are stored, and that there are no more once the execution has ended. Returns
    /// at once.
    fn new_sequence(&self, execution: &ExecutionName, sequence: u64);
    /// Tells every instance that an execution waits in the store for one that has a place. Returns at once.
    fn work_waits(&self);
    /// Tells every listener that hints may have got lost on the way, such as while the way to other instances was cut. Returns at once.
    fn hints_lost(&self);
    /// Hears which executions of `holder` were asked to stop, from now on.
    fn stops_of(&self, holder: &InstanceId) -> Hints<ExecutionName>;
    /// Hears the new last sequence of an execution, from now on.
    fn sequences_of(&self, execution: &ExecutionName) -> Hints<u64>;
    /// Hears that an execution waits in the store, from now on.
    fn work(&self) -> Hints<()>;
}

/// Hints, without an end as long as the signals live. What waits to be heard is bounded: beyond it older hints are missed.
pub type Hints<T> = Pin<Box<dyn Stream<Item = Hint<T>> + Send>>;

/// What a listener hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint<T> {
    /// This.
    Of(T),
    /// Something that got lost: look in the store.
    Missed,
}
