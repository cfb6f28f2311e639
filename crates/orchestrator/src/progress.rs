//! What is being done at the moment: heard from whoever does it, told to followers, and part of how services are.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::process::What;

use crate::apply::{Ear, News};
use crate::feed::Teller;
use crate::status::Activity;

/// What is being done.
pub struct Progress {
    teller: Teller,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    revision: u64,
    wave: u32,
    waves: u32,
    activities: HashMap<String, Activity>,
}

// === impl Progress ===

impl Progress {
    /// Nothing is being done.
    pub fn new(teller: Teller) -> Self {
        Progress { teller, state: Mutex::default() }
    }

    /// A revision is being made so. The first thing is told before anybody has looked.
    pub fn begin(&self, revision: u64) {
        *self.state() = State { revision, ..State::default() };
    }

    /// Nothing is being done any more.
    pub fn end(&self) {
        self.state().activities.clear();
    }

    /// What is being done, by service.
    pub fn activities(&self) -> HashMap<String, Activity> {
        self.state().activities.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear for Progress {
    fn hear(&self, news: News) {
        let mut state = self.state();
        let message = match news {
            News::Wave { wave, waves, services } => {
                let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
                (state.wave, state.waves) = (number(wave), number(waves));
                format!("wave {wave} of {waves}: {}", services.join(", "))
            }
            News::Waits { service, what } => {
                let message = format!("{service}: waiting for {what}");
                state.activities.insert(service, Activity::Waits(what));
                message
            }
            News::Step { service, step, doing } => {
                let message = format!("{service}: {step}");
                state.activities.insert(service, Activity::Step(doing, step));
                message
            }
            News::Done { service } => {
                state.activities.remove(&service);
                format!("{service}: done")
            }
            News::GoesBack { failure } => {
                state.activities.clear();
                format!("{} failed ({}): {}; everything goes back", failure.service, failure.step, failure.message)
            }
        };
        let (revision, wave, waves) = (state.revision, state.wave, state.waves);
        drop(state);
        self.teller.tell(What::Progress { revision, wave, waves, message });
    }
}
