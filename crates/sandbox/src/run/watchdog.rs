//! Ends a run: at its deadline, when it is stopped, when it is done. A task per run, so that no slow caller delays it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use domain::sandbox::Limits;
use tokio::sync::{Notify, watch};

use super::outcome::Cause;
use crate::live::{End, How, LiveSandbox, Round};

/// How long a program that has answered may take to end by itself before it is killed: nearly all do, and a kill costs server and
/// agent a message.
const LEAVE: Duration = Duration::from_millis(5);
/// The same where it is put back, which the agent has to come to: on a busy machine that takes longer, and a kill costs the next program a
/// new child.
const LEAVE_TO_BE_PUT_BACK: Duration = Duration::from_millis(500);
/// How long an agent may take to end a child whose time is up. The container is destroyed after that, which ends the child too.
const KILL_PATIENCE: Duration = Duration::from_millis(100);
/// The same while other programs of the tenant run in the container, or the child has done its work: then the agent is more likely
/// short of CPU than broken, and nobody waits.
const LONG_KILL_PATIENCE: Duration = Duration::from_secs(2);

/// What run and watchdog share.
#[derive(Debug)]
pub(super) struct Control {
    live: Arc<LiveSandbox>,
    round: Round,
    wall: Duration,
    grace: Duration,
    /// The first [`Cause`] that was blamed.
    cause: AtomicU8,
    /// The strongest [`Demand`] so far.
    demand: AtomicU8,
    wake: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Demand {
    Nothing,
    /// End it, after its grace.
    Stop,
    /// End it now.
    Kill,
}

// === impl Control ===

impl Control {
    pub(super) fn new(live: Arc<LiveSandbox>, round: Round, limits: &Limits) -> Arc<Self> {
        Arc::new(Control {
            live,
            round,
            wall: limits.wall,
            grace: limits.grace,
            cause: AtomicU8::new(Cause::None as u8),
            demand: AtomicU8::new(Demand::Nothing as u8),
            wake: Notify::new(),
        })
    }

    /// What ended the run, if it was one of us.
    pub(super) fn cause(&self) -> Cause {
        Cause::from_byte(self.cause.load(Ordering::Acquire))
    }

    /// Ends it after its grace, on behalf of a caller.
    pub(super) fn stop(&self) {
        self.blame(Cause::Cancelled);
        self.ask(Demand::Stop);
    }

    /// Ends it now.
    pub(super) fn kill(&self, cause: Cause) {
        self.blame(cause);
        self.ask(Demand::Kill);
    }

    /// Nobody uses its child any more; `sound` says that nothing speaks against another program in it.
    pub(super) fn release(&self, sound: bool) {
        self.live.release(self.round, sound);
    }

    /// It is done; whatever is left of it goes.
    pub(super) fn finish(&self) {
        self.kill(Cause::Finished);
    }

    fn blame(&self, cause: Cause) {
        // The first one counts.
        let _earlier = self.cause.compare_exchange(Cause::None as u8, cause as u8, Ordering::AcqRel, Ordering::Acquire);
    }

    fn ask(&self, demand: Demand) {
        self.demand.fetch_max(demand as u8, Ordering::AcqRel);
        self.wake.notify_one();
    }

    /// Waits for a demand of at least this strength.
    async fn demanded(&self, least: Demand) {
        while self.demand.load(Ordering::Acquire) < least as u8 {
            self.wake.notified().await;
        }
    }
}

/// The task `watchdog`: ends with the child.
pub(super) async fn watch(control: Arc<Control>, mut end: watch::Receiver<Option<End>>, began: Instant) {
    tokio::select! {
        () = control.run_down(began) => {}
        _ended = ended(&mut end) => return,
    }
    let leave = if control.live.restores() { LEAVE_TO_BE_PUT_BACK } else { LEAVE };
    if control.cause() == Cause::Finished && tokio::time::timeout(leave, ended(&mut end)).await.is_ok() {
        return;
    }
    control.live.kill(control.round);
    let killed = Instant::now();
    // Asked again each time: a program that was handed over meanwhile is a neighbor too.
    while let Some(patience) = control.patience().checked_sub(killed.elapsed()).filter(|patience| !patience.is_zero()) {
        if tokio::time::timeout(patience, ended(&mut end)).await.is_ok() {
            return;
        }
    }
    control.live.condemn("its agent does not kill a child");
}

impl Control {
    fn patience(&self) -> Duration {
        let harmless = self.cause() != Cause::Finished && !self.live.others_run(self.round.child);
        if harmless { KILL_PATIENCE } else { LONG_KILL_PATIENCE }
    }

    /// Returns when the child is to be killed.
    async fn run_down(&self, began: Instant) {
        let deadline = tokio::time::Instant::from_std(began + self.wall);
        tokio::select! {
            () = self.demanded(Demand::Stop) => {}
            () = tokio::time::sleep_until(deadline - self.grace) => self.blame(Cause::Timeout),
        }
        if self.grace.is_zero() || self.demand.load(Ordering::Acquire) == Demand::Kill as u8 {
            return;
        }
        self.live.interrupt(self.round);
        let last = deadline.min(tokio::time::Instant::now() + self.grace);
        tokio::select! {
            () = self.demanded(Demand::Kill) => {}
            () = tokio::time::sleep_until(last) => {}
        }
    }
}

/// Waits for the child's end.
pub(super) async fn ended(end: &mut watch::Receiver<Option<End>>) -> End {
    match end.wait_for(Option::is_some).await {
        Ok(end) => end.expect("waited until it was there"),
        // Unreachable while a sandbox reports the loss of its children before it is dropped.
        Err(_sender_gone) => End { how: How::SandboxLost, usage: Default::default(), at: Instant::now() },
    }
}
