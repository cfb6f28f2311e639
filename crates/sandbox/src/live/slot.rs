//! What is known of one child, from the request for it to its end.

use domain::sandbox::Attestation;
use tokio::sync::watch;

use super::end::{End, Notice, ProgramKey};
use super::pipes::Kept;

/// One program of one child. A command that was meant for an earlier program of the child is none for a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) child: u64,
    /// How often the child was put back before.
    pub(crate) restored: u32,
}

/// What is known of one child.
#[derive(Debug, Default)]
pub(super) struct Slot {
    pub(super) phase: Phase,
    pub(super) restored: u32,
    /// Whether its program is a probe of ours, which no metric counts.
    pub(super) probe: bool,
    pub(super) program: Option<ProgramKey>,
    /// Whether it must not run another program: it was told to end, or its user is gone.
    pub(super) spent: bool,
    /// What it is offered with again; none where children are not put back.
    pub(super) again: Option<Again>,
    pub(super) end: watch::Sender<Option<End>>,
}

/// What a child that was put back is offered with.
#[derive(Debug)]
pub(super) struct Again {
    pub(super) pipes: Kept,
    pub(super) attestation: Attestation,
}

/// How far a child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    /// It was asked for.
    #[default]
    Asked,
    /// Its pipes could not be received, so that nobody ever uses it.
    Refused,
    /// It waits for a program.
    Waiting,
    /// It has got one.
    Running,
    /// Its program has ended, and it was put back. Nobody has looked at it since.
    Over,
}

// === impl Slot ===

impl Slot {
    /// Whether it is in this round.
    pub(super) fn is_in(&self, round: Round) -> bool {
        self.restored == round.restored
    }

    /// The notice of its end.
    pub(super) fn notice(&self) -> Notice {
        let (news, ran) = (self.phase != Phase::Over, self.phase == Phase::Running);
        Notice { end: self.end.clone(), news, ran, probe: self.probe, program: self.program }
    }
}
