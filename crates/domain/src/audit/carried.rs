//! Intents that are stored in the first commit of what they are of: where they are meanwhile, and who closes them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::auditor::{Auditor, unaudited};
use crate::audit::record::Entry;
use crate::error::{Error, Result};

/// An intent in the hands of who stores it in the first commit of what it is of. While they have it, its outcome waits; to drop it
/// says that the commit is decided, or was never tried.
pub struct CarriedIntent {
    auditor: Auditor,
    entry: Entry,
    place: Place,
    tried: bool,
}

/// Where an intent is. Clones are the same place.
#[derive(Clone, Default)]
pub(super) struct Place(Arc<Mutex<Is>>);

#[derive(Default)]
enum Is {
    /// Nowhere: nothing may have happened.
    #[default]
    Nowhere,
    /// In a commit that is not decided; with the outcome that came before that.
    Carried(Option<Box<Entry>>),
    /// In the log. Also where that was refused, as an answer may be lost.
    Stored,
}

// === impl CarriedIntent ===

impl CarriedIntent {
    /// What is to be stored. From here on it counts as stored, unless it is found not to be.
    pub fn to_store(&mut self) -> &Entry {
        self.tried = true;
        &self.entry
    }

    /// Makes it durable by itself.
    ///
    /// # Errors
    /// As [`Intent::store`].
    pub async fn store(mut self) -> Result<()> {
        self.tried = true;
        self.auditor.store_intent(&self.entry).await
    }

    /// What the caller is told of a commit that was refused, and the intent with it.
    pub fn refused(error: Error) -> Error {
        unaudited(error)
    }

    /// To be offered to the work of a call.
    pub(super) fn new(auditor: Auditor, entry: Entry, place: Place) -> Self {
        CarriedIntent { auditor, entry, place, tried: false }
    }

    /// It is in the hands of who stores it.
    pub(super) fn taken(self) -> Self {
        *self.place.lock() = Is::Carried(None);
        self
    }
}

impl Drop for CarriedIntent {
    fn drop(&mut self) {
        let waiting = self.place.decide(self.tried);
        if let Some(outcome) = waiting {
            let intent = (!self.tried).then(|| self.entry.clone());
            Closing { auditor: self.auditor.clone(), intent, outcome }.spawn();
        }
    }
}

impl fmt::Debug for CarriedIntent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarriedIntent").field("call", &self.entry.call).finish_non_exhaustive()
    }
}

// === impl Place ===

impl Place {
    pub(super) fn is_nowhere(&self) -> bool {
        matches!(*self.lock(), Is::Nowhere)
    }

    /// Whoever stores it has begun with it.
    pub(super) fn begin(&self) {
        *self.lock() = Is::Stored;
    }

    /// Leaves an outcome to who has the intent in a commit; gives it back where nobody has, with whether the intent is stored.
    pub(super) fn leave(&self, outcome: Entry) -> Option<(Entry, bool)> {
        let mut is = self.lock();
        match &mut *is {
            Is::Carried(waiting) => {
                *waiting = Some(Box::new(outcome));
                None
            }
            Is::Nowhere => Some((outcome, false)),
            Is::Stored => Some((outcome, true)),
        }
    }

    /// The commit is decided, or was never tried; answers the outcome that has waited for that.
    fn decide(&self, tried: bool) -> Option<Entry> {
        let mut is = self.lock();
        let Is::Carried(waiting) = &mut *is else { return None };
        let waiting = waiting.take().map(|outcome| *outcome);
        *is = if tried { Is::Stored } else { Is::Nowhere };
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, Is> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The closing of an intent, which is stored before where it is not yet: nothing has happened then.
pub(super) struct Closing {
    pub(super) auditor: Auditor,
    pub(super) intent: Option<Entry>,
    pub(super) outcome: Entry,
}

impl Closing {
    pub(super) async fn run(self) {
        if let Some(intent) = &self.intent {
            // Where it is refused, nothing closes, and the outcome tells operators so; where only the answer is lost, it is closed.
            let _ = self.auditor.store_intent(intent).await;
        }
        self.auditor.add_outcome(self.outcome).await;
    }

    pub(super) fn spawn(self) {
        let auditor = self.auditor.clone();
        auditor.spawn("audit an outcome", Box::pin(self.run()));
    }
}
