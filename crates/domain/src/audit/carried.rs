//! Intents that are stored in the first commit of what they are of: where they are meanwhile, and who closes them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::audit::auditor::{Auditor, unaudited};
use crate::audit::record::Entry;
use crate::error::{Error, Result};

/// An intent in the hands of who stores it in the first commit of what it is of, with that in the log of another tenant which it concerns.
/// While they have it, its outcome waits; to drop it says that the commit is decided, or was never tried.
pub struct CarriedIntent {
    auditor: Auditor,
    entries: Vec<Entry>,
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
    /// In a commit that is not decided; with the outcomes that came before that.
    Carried(Option<Vec<Entry>>),
    /// In the log. Also where that was refused, as an answer may be lost.
    Stored,
}

// === impl CarriedIntent ===

impl CarriedIntent {
    /// What is to be stored. From here on it counts as stored, unless it is found not to be.
    pub fn to_store(&mut self) -> &[Entry] {
        self.tried = true;
        &self.entries
    }

    /// Makes it durable by itself.
    ///
    /// # Errors
    /// As [`Intent::store`].
    pub async fn store(mut self) -> Result<()> {
        self.tried = true;
        self.auditor.store_intents(self.entries.clone()).await
    }

    /// What the caller is told of a commit that was refused, and the intent with it; of one that may be stored, just that.
    pub fn refused(error: Error) -> Error {
        if matches!(error, Error::Unsettled { .. }) { error } else { unaudited(error) }
    }

    /// To be offered to the work of a call.
    pub(super) fn new(auditor: Auditor, entries: Vec<Entry>, place: Place) -> Self {
        CarriedIntent { auditor, entries, place, tried: false }
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
        if let Some(outcomes) = waiting {
            let intents = if self.tried { Vec::new() } else { std::mem::take(&mut self.entries) };
            Closing { auditor: self.auditor.clone(), intents, outcomes }.spawn();
        }
    }
}

impl fmt::Debug for CarriedIntent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarriedIntent").field("call", &self.entries.first().map(|entry| &entry.call)).finish_non_exhaustive()
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

    /// Leaves outcomes to who has the intent in a commit; gives them back where nobody has, with whether the intent is stored.
    pub(super) fn leave(&self, outcomes: Vec<Entry>) -> Option<(Vec<Entry>, bool)> {
        let mut is = self.lock();
        match &mut *is {
            Is::Carried(waiting) => {
                *waiting = Some(outcomes);
                None
            }
            Is::Nowhere => Some((outcomes, false)),
            Is::Stored => Some((outcomes, true)),
        }
    }

    /// The commit is decided, or was never tried; answers the outcomes that have waited for that.
    fn decide(&self, tried: bool) -> Option<Vec<Entry>> {
        let mut is = self.lock();
        let Is::Carried(waiting) = &mut *is else { return None };
        let waiting = waiting.take();
        *is = if tried { Is::Stored } else { Is::Nowhere };
        waiting
    }

    fn lock(&self) -> MutexGuard<'_, Is> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The closing of an intent in each log that it stands in, in one commit. It is stored before where it is not yet: nothing has happened
/// then.
pub(super) struct Closing {
    pub(super) auditor: Auditor,
    /// What is to be stored before.
    pub(super) intents: Vec<Entry>,
    pub(super) outcomes: Vec<Entry>,
}

impl Closing {
    pub(super) async fn run(self) {
        let (auditor, outcomes) = self.intents_stored().await;
        auditor.add_outcomes(outcomes).await;
    }

    pub(super) fn spawn(self) {
        let auditor = self.auditor.clone();
        let behind = async move {
            let (auditor, outcomes) = self.intents_stored().await;
            auditor.add_outcomes_behind(outcomes).await;
        };
        auditor.spawn("audit an outcome", Box::pin(behind));
    }

    /// Stores what is to be stored before.
    async fn intents_stored(self) -> (Auditor, Vec<Entry>) {
        let Closing { auditor, intents, outcomes } = self;
        if !intents.is_empty() {
            // Where it is refused, nothing closes, and the outcome tells operators so; where only the answer is lost, it is closed.
            let _ = auditor.store_intents(intents).await;
        }
        (auditor, outcomes)
    }
}
