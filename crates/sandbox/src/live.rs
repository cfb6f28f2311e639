//! One live sandbox, as the users of its children see it: commands to its agent, and how each child ended.
//!
//! It deliberately owns neither container nor directory; the task that made the sandbox does. What the agent says of a child is
//! believed only where it fits what the child was told.

use std::collections::HashMap;
use std::fmt::Debug;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::sandbox::{Attestation, Seccomp};
use sandbox_protocol::control::{Command, RunLimits, Seal, Usage};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::wire::Channel;

mod anomaly;
mod end;
mod pipes;
mod sealed;
mod slot;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use anomaly::Anomaly;
pub(crate) use end::{End, How, Notice, ProgramKey};
pub(crate) use pipes::Pipes;
use sealed::check_seal;
pub(crate) use slot::Round;
use slot::{Again, Phase, Slot};

/// A live sandbox.
#[derive(Debug)]
pub(crate) struct LiveSandbox {
    /// What every attestation of this sandbox says before a child adds its own.
    facts: Attestation,
    channel: Channel,
    children: Mutex<HashMap<u64, Slot>>,
    last_child: AtomicU64,
    /// Cancelled when the sandbox must go.
    close: CancellationToken,
    /// Where its children go once they were put back; none where each runs one program.
    home: Option<Box<dyn Home>>,
}

/// Where children go that were put back.
pub(crate) trait Home: Debug + Send + Sync {
    /// A child waits for its next program.
    fn take_back(&self, child: Child);

    /// A child that was put back is ended all the same.
    fn lose(&self, why: Doubt);
}

/// Why a child that was put back gets no other program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// Nobody has read in time what its program has written.
    Unread,
    /// Its program was stopped or has not answered as a whole, its output went beyond its limit, or something lies in its pipes.
    Unsound,
}

/// A sealed child that waits for its program.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) live: Arc<LiveSandbox>,
    pub(crate) round: Round,
    pub(crate) pipes: Pipes,
    pub(crate) attestation: Attestation,
    pub(crate) end: watch::Receiver<Option<End>>,
}

// === impl LiveSandbox ===

impl LiveSandbox {
    pub(crate) fn new(facts: Attestation, channel: Channel, close: CancellationToken, home: Option<Box<dyn Home>>) -> Self {
        LiveSandbox { facts, channel, children: Mutex::default(), last_child: AtomicU64::new(0), close, home }
    }

    pub(crate) fn channel(&self) -> &Channel {
        &self.channel
    }

    pub(crate) fn name(&self) -> &str {
        &self.facts.sandbox
    }

    /// Whether its children are put back after their programs.
    pub(crate) fn restores(&self) -> bool {
        self.home.is_some()
    }

    /// Asks for one more child.
    pub(crate) fn fork(&self) {
        let child = self.last_child.fetch_add(1, Ordering::Relaxed) + 1;
        self.children().insert(child, Slot::default());
        self.command(&Command::Fork { child });
    }

    /// A child has got its program.
    pub(crate) fn running(&self, round: Round, program: ProgramKey) {
        self.note(round, |slot| (slot.phase, slot.program) = (Phase::Running, Some(program)));
    }

    /// Lets a child that waits where it was put back to go on to the program that it has got. Others wait for nothing else.
    pub(crate) fn go_on(&self, round: Round, limits: RunLimits) {
        if self.restores() {
            self.command(&Command::Run { child: round.child, limits });
        }
    }

    /// A child is to run a probe of ours.
    pub(crate) fn probed(&self, round: Round) {
        self.note(round, |slot| slot.probe = true);
    }

    /// Whether another child than this one runs a program.
    pub(crate) fn others_run(&self, child: u64) -> bool {
        self.children().iter().any(|(other, slot)| *other != child && slot.phase == Phase::Running)
    }

    /// Interrupts a program; its child runs no other.
    pub(crate) fn interrupt(&self, round: Round) {
        if self.note(round, |slot| slot.spent = true).is_some() {
            self.command(&Command::Interrupt { child: round.child });
        }
    }

    /// Kills a child, unless it runs another program already.
    pub(crate) fn kill(&self, round: Round) {
        if self.note(round, |slot| slot.spent = true).is_some() {
            self.command(&Command::Kill { child: round.child });
        }
    }

    /// Its user is done with a child. Where it was put back, there is no doubt about another program, and nothing lies in its pipes, it
    /// goes home; else it ends.
    pub(crate) fn release(self: &Arc<Self>, round: Round, doubt: Option<Doubt>) {
        if let Some(home) = &self.home {
            let again = if doubt.is_none() { self.again(round) } else { None };
            if let Some(child) = again {
                return home.take_back(child);
            }
            // Whoever was told to end before is none that is lost here.
            if self.note(round, |slot| slot.phase == Phase::Over && !slot.spent) == Some(true) {
                home.lose(doubt.unwrap_or(Doubt::Unsound));
            }
        }
        self.abandon(round);
    }

    /// Nobody uses a child any more: it ends if it was put back, or as soon as it is.
    pub(crate) fn abandon(&self, round: Round) {
        let waits = |slot: &mut Slot| {
            slot.spent = true;
            slot.phase == Phase::Over
        };
        if self.note(round, waits) == Some(true) {
            self.command(&Command::Kill { child: round.child });
        }
    }

    /// Whether a child waits for its program in this round.
    pub(crate) fn waits(&self, round: Round) -> bool {
        self.note(round, |slot| slot.phase == Phase::Waiting) == Some(true)
    }

    /// The sandbox is not trusted any more, and goes.
    pub(crate) fn condemn(&self, why: &str) {
        if !self.close.is_cancelled() {
            tracing::warn!(sandbox = self.name(), why, "destroying a sandbox");
            self.close.cancel();
        }
    }

    fn command(&self, command: &Command) {
        if self.close.is_cancelled() {
            return;
        }
        if let Err(error) = self.channel.send(command) {
            tracing::debug!(sandbox = self.name(), %error, "failed to send a command");
            self.condemn("its agent does not read its commands");
        }
    }

    /// Looks at a child, if it is still in this round.
    fn note<T>(&self, round: Round, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        self.children().get_mut(&round.child).filter(|slot| slot.is_in(round)).map(change)
    }

    fn children(&self) -> MutexGuard<'_, HashMap<u64, Slot>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// --- what the agent reports ---

impl LiveSandbox {
    /// A child has arrived with its pipes.
    pub(crate) fn arrived(self: &Arc<Self>, id: u64, seal: Seal, descriptors: Vec<OwnedFd>) -> Result<Child, Anomaly> {
        check_seal(&seal, self.facts.backend)?;
        let pipes = Pipes::from_descriptors(descriptors)?;
        let attestation = Attestation {
            namespaces: seal.namespaces,
            seccomp: Seccomp::Filter,
            no_new_privileges: seal.no_new_privileges,
            capabilities: seal.capabilities,
            uid: seal.uid,
            ..self.facts.clone()
        };
        let mut children = self.children();
        let slot = children.get_mut(&id).filter(|slot| slot.phase == Phase::Asked).ok_or(Anomaly::UnknownChild(id))?;
        slot.phase = Phase::Waiting;
        if self.restores() {
            // Without copies to keep it runs one program, as others do.
            slot.again = pipes.keep().ok().map(|pipes| Again { pipes, attestation: attestation.clone() });
        }
        let end = slot.end.subscribe();
        drop(children);
        Ok(Child { live: self.clone(), round: Round { child: id, restored: 0 }, pipes, attestation, end })
    }

    /// A child's pipes could not be received: it goes.
    pub(crate) fn refuse(&self, id: u64) -> Result<(), Anomaly> {
        let mut children = self.children();
        let slot = children.get_mut(&id).filter(|slot| slot.phase == Phase::Asked).ok_or(Anomaly::UnknownChild(id))?;
        slot.phase = Phase::Refused;
        drop(children);
        self.kill(Round { child: id, restored: 0 });
        Ok(())
    }

    /// The program of a child has ended, and the child was put back so many times. It waits until its user has looked at what the program
    /// left in the pipes, who hears of it by [`Notice::tell`].
    pub(crate) fn restored(&self, id: u64, count: u32) -> Result<Notice, Anomaly> {
        let mut children = self.children();
        let runs = |slot: &&mut Slot| slot.phase == Phase::Running && slot.restored.checked_add(1) == Some(count);
        let slot = children.get_mut(&id).filter(|slot| self.restores() && runs(slot)).ok_or(Anomaly::NotInRound(id))?;
        let notice = slot.notice();
        slot.phase = Phase::Over;
        let spent = slot.spent;
        drop(children);
        if spent {
            self.command(&Command::Kill { child: id });
        }
        Ok(notice)
    }

    /// A child has ended. Its user hears so by [`Notice::tell`], once the books are in order; a child that was refused
    /// has no user, and so no notice.
    pub(crate) fn ended(&self, id: u64) -> Result<Option<Notice>, Anomaly> {
        let slot = self.children().remove(&id).ok_or(Anomaly::UnknownChild(id))?;
        match slot.phase {
            Phase::Refused => Ok(None),
            // A child that dies while it is forked never waited for a program: its seal failed.
            Phase::Asked => Err(Anomaly::Unsealed(format!("child {id} ended while it was sealed"))),
            Phase::Waiting | Phase::Running | Phase::Over => Ok(Some(slot.notice())),
        }
    }

    /// Every child is gone, because the sandbox is.
    pub(crate) fn lost(&self, how: How) {
        let end = End { how, usage: Usage::default(), at: Instant::now() };
        let children: Vec<Slot> = self.children().drain().map(|(_, slot)| slot).collect();
        children.iter().for_each(|slot| slot.notice().tell(end));
    }

    /// The child for its next program, if it was put back in this round, nobody has told it to end, and its pipes are empty.
    fn again(self: &Arc<Self>, round: Round) -> Option<Child> {
        let mut children = self.children();
        let over = |slot: &&mut Slot| slot.is_in(round) && slot.phase == Phase::Over && !slot.spent;
        let slot = children.get_mut(&round.child).filter(over)?;
        let again = slot.again.as_ref().filter(|again| again.pipes.are_empty())?;
        let (pipes, restored) = (again.pipes.pipes().ok()?, slot.restored + 1);
        let attestation = Attestation { restored, ..again.attestation.clone() };
        let end = watch::Sender::default();
        let receiver = end.subscribe();
        (slot.phase, slot.restored, slot.probe, slot.program, slot.end) = (Phase::Waiting, restored, false, None, end);
        Some(Child { live: self.clone(), round: Round { restored, ..round }, pipes, attestation, end: receiver })
    }
}
