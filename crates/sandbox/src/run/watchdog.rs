//! Ends a run: at its deadline, when it is stopped, when it is done; and gives its child back. A task per run, so that no slow caller delays
//! it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::sandbox::Limits;
use tokio::sync::{Notify, watch};

use super::outcome::Cause;
use super::program::Written;
use crate::live::{Doubt, End, How, LiveSandbox, Round};

/// How long a program that has answered may take to end by itself before it is killed: nearly all do, and a kill costs server and
/// agent a message.
const LEAVE: Duration = Duration::from_millis(5);
/// The same where it is put back, which the agent has to come to: on a busy machine that takes longer, and a kill costs the next program a
/// new child.
const LEAVE_TO_BE_PUT_BACK: Duration = Duration::from_millis(500);
/// How long a child that was put back waits for whoever reads its program's output and answer, which only then may be another's. It is ended
/// after that, which costs a fork; what it has written is read all the same.
const READERS_PATIENCE: Duration = Duration::from_millis(100);
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
    written: Written,
    /// Once nothing of the program is read any more: whether anything speaks against another program in its child.
    sound: watch::Sender<Option<bool>>,
    /// Held while the child is given back: whoever would do so a second time returns when it is done.
    on_its_way: Mutex<()>,
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
    pub(super) fn new(live: Arc<LiveSandbox>, round: Round, limits: &Limits, written: Written) -> Arc<Self> {
        Arc::new(Control {
            live,
            round,
            wall: limits.wall,
            grace: limits.grace,
            cause: AtomicU8::new(Cause::None as u8),
            demand: AtomicU8::new(Demand::Nothing as u8),
            wake: Notify::new(),
            written,
            sound: watch::Sender::default(),
            on_its_way: Mutex::default(),
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

    /// Nothing of it is read any more; `sound` says that nothing speaks against another program in its child. The first word counts.
    pub(super) fn close(&self, sound: bool) {
        self.sound.send_if_modified(|known| known.is_none() && known.replace(sound).is_none());
    }

    /// Nobody uses its child any more, which ends.
    pub(super) fn abandon(&self) {
        self.close(false);
        self.live.abandon(self.round);
    }

    /// Its end is known: once nothing of it is read any more its child may run another program. Where that was seen to before, nothing happens.
    pub(super) async fn give_back(&self) {
        let doubt = match tokio::time::timeout(READERS_PATIENCE, self.closed()).await {
            Err(_elapsed) => Some(Doubt::Unread),
            Ok(true) if self.written.is_whole().await => None,
            Ok(_) => Some(Doubt::Unsound),
        };
        let _one_by_one = self.on_its_way.lock().unwrap_or_else(PoisonError::into_inner);
        self.live.release(self.round, doubt);
    }

    /// What was said when nothing was read any more.
    async fn closed(&self) -> bool {
        self.sound.subscribe().wait_for(Option::is_some).await.is_ok_and(|sound| *sound == Some(true))
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

/// The task `watchdog`: ends with the child, or once that was given back.
pub(super) async fn watch(control: Arc<Control>, mut end: watch::Receiver<Option<End>>, began: Instant) {
    if !control.see_to_its_end(&mut end, began).await {
        control.live.condemn("its agent does not kill a child");
    } else if control.live.restores() {
        control.give_back().await;
    }
}

impl Control {
    /// Returns when the program has ended, or `false` when its agent does not end it.
    async fn see_to_its_end(&self, end: &mut watch::Receiver<Option<End>>, began: Instant) -> bool {
        tokio::select! {
            () = self.run_down(began) => {}
            _ended = ended(end) => return true,
        }
        let leave = if self.live.restores() { LEAVE_TO_BE_PUT_BACK } else { LEAVE };
        if self.cause() == Cause::Finished && tokio::time::timeout(leave, ended(end)).await.is_ok() {
            return true;
        }
        self.live.kill(self.round);
        let killed = Instant::now();
        // Asked again each time: a program that was handed over meanwhile is a neighbor too.
        while let Some(patience) = self.patience().checked_sub(killed.elapsed()).filter(|patience| !patience.is_zero()) {
            if tokio::time::timeout(patience, ended(end)).await.is_ok() {
                return true;
            }
        }
        false
    }

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
