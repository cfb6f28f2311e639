//! Intents: each is durable before what it is of happens, by itself or in the first commit of that, and is closed with what became
//! of it. One that concerns another tenant, too, stands in both logs, and each is told what became of it.

use crate::audit::auditor::Auditor;
use crate::audit::carried::{CarriedIntent, Closing, Place};
use crate::audit::notes::Notes;
use crate::audit::record::{Entry, Outcome};
use crate::error::Result;

/// The reason where whoever asked has gone.
const CALL_DROPPED: &str = "CALL_DROPPED";
/// The reason where the work panicked.
const PANICKED: &str = "INTERNAL";

/// That something is permitted and about to happen. It is closed with what became of it; one that is dropped is closed as cancelled.
pub struct Intent {
    auditor: Auditor,
    entry: Entry,
    /// What is stored of it: that entry, and the one in the log of another tenant, where that is known before.
    stored: Vec<Entry>,
    notes: Notes,
    place: Place,
    closed: bool,
}

impl Auditor {
    /// The intent of what `entry` says; nothing may happen before it is [stored](Intent::store). What the work notes in `notes`, its
    /// outcome says, however it ends.
    pub fn intent(&self, entry: Entry, notes: Notes) -> Intent {
        let stored = notes.begin(self, &entry);
        Intent { auditor: self.clone(), entry, stored, notes, place: Place::default(), closed: false }
    }
}

impl Intent {
    /// Makes it durable; nothing may happen before. Where that is refused, it is closed as failed: the answer alone may be lost.
    ///
    /// # Errors
    /// [`Error::Unaudited`]: then nothing may happen.
    pub async fn store(&mut self) -> Result<()> {
        self.place.begin();
        let stored = self.auditor.store_intents(self.stored.clone()).await;
        if let Err(refused) = &stored {
            self.spawn_close(Outcome::Failed, refused.reason());
        }
        stored
    }

    /// Lets the work store it, in the first commit of what it does: [`Notes::take_intent`] gives it away.
    pub fn offer(&self) {
        self.notes.offer_intent(CarriedIntent::new(self.auditor.clone(), self.stored.clone(), self.place.clone()));
    }

    /// Makes it durable where the work has ended without having taken what was [offered](Intent::offer).
    ///
    /// # Errors
    /// As [`Intent::store`].
    pub async fn store_unless_taken(&mut self) -> Result<()> {
        if self.place.is_nowhere() { self.store().await } else { Ok(()) }
    }

    /// Closes it with what became of the work.
    pub async fn close(mut self, outcome: Outcome, reason: &str) {
        if let Some(closing) = self.closing(outcome, reason) {
            closing.run().await;
        }
    }

    /// Closes it in a task of its own.
    pub fn close_behind(mut self, outcome: Outcome, reason: &str) {
        self.spawn_close(outcome, reason);
    }

    fn spawn_close(&mut self, outcome: Outcome, reason: &str) {
        if let Some(closing) = self.closing(outcome, reason) {
            closing.spawn();
        }
    }

    /// What is to be done for it to be closed; `None` where that is left to who has it in a commit.
    fn closing(&mut self, outcome: Outcome, reason: &str) -> Option<Closing> {
        self.closed = true;
        let time = self.auditor.now();
        let noted = self.notes.take();
        let other = noted.other().cloned();
        let outcome = noted.applied_to(Entry { time, outcome, reason: reason.to_owned(), ..self.entry.clone() });
        let told = other.map(|other| other.told(&outcome));
        let (outcomes, stored) = self.place.leave([outcome].into_iter().chain(told).collect())?;
        let intents = if stored { Vec::new() } else { self.stored.clone() };
        Some(Closing { auditor: self.auditor.clone(), intents, outcomes })
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        if !self.closed {
            match std::thread::panicking() {
                true => self.spawn_close(Outcome::Failed, PANICKED),
                false => self.spawn_close(Outcome::Cancelled, CALL_DROPPED),
            }
        }
    }
}
