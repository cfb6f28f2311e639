//! A knob that makes the methods of a fake fail, or lets something happen while they work, so that every failure path of a port can be
//! tested.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{Error, Result};

/// Which methods of a fake fail, by name. Cheap to clone: clones turn the same knob, and fakes may share one.
///
/// A call that fails has no effect and answers that the store is unavailable.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<HashMap<&'static str, Method>>>);

#[derive(Debug, Default)]
struct Method {
    to_fail: ToFail,
    /// Whether it fails for good, and not for the time being.
    is_broken: bool,
    failed: u32,
    /// What it finds damaged.
    damaged: Vec<String>,
    meanwhile: Option<Meanwhile>,
}

/// What happens while a method works.
#[derive(Clone)]
struct Meanwhile(Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meanwhile")
    }
}

#[derive(Debug, Default, Clone, Copy)]
enum ToFail {
    #[default]
    None,
    Next(u32),
    All,
}

impl Faults {
    /// The next `calls` calls of `method` fail.
    pub fn fail_next(&self, method: &'static str, calls: u32) {
        let mut methods = self.lock();
        let method = methods.entry(method).or_default();
        (method.to_fail, method.is_broken) = (ToFail::Next(calls), false);
    }

    /// The next `calls` calls of `method` fail as those for what is damaged.
    pub fn break_next(&self, method: &'static str, calls: u32) {
        let mut methods = self.lock();
        let method = methods.entry(method).or_default();
        (method.to_fail, method.is_broken) = (ToFail::Next(calls), true);
    }

    /// Every call of `method` for what has this id finds it damaged until it is healed.
    pub fn damage(&self, method: &'static str, id: &str) {
        self.lock().entry(method).or_default().damaged.push(id.to_owned());
    }

    /// Every call of `method` fails until it is healed.
    pub fn fail_always(&self, method: &'static str) {
        self.lock().entry(method).or_default().to_fail = ToFail::All;
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        for method in self.lock().values_mut() {
            method.to_fail = ToFail::None;
            method.damaged.clear();
        }
    }

    /// This happens at the beginning of every call of `method`, e.g. time passes.
    pub fn meanwhile(&self, method: &'static str, what: impl Fn() + Send + Sync + 'static) {
        self.lock().entry(method).or_default().meanwhile = Some(Meanwhile(Arc::new(what)));
    }

    /// How many calls of `method` have failed so far.
    pub fn failed(&self, method: &'static str) -> u32 {
        self.lock().get(method).map_or(0, |method| method.failed)
    }

    /// What a fake asks at the beginning of each method.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when this call is to fail, and [`Error::Internal`] when it is to find something damaged.
    pub fn check(&self, method: &'static str) -> Result<()> {
        // Without the lock: what happens may ask the fake itself.
        let meanwhile = self.lock().get(method).and_then(|method| method.meanwhile.clone());
        if let Some(Meanwhile(what)) = meanwhile {
            what();
        }
        let mut methods = self.lock();
        let Some(found) = methods.get_mut(method) else { return Ok(()) };
        found.to_fail = match found.to_fail {
            ToFail::None | ToFail::Next(0) => return Ok(()),
            ToFail::Next(calls) => ToFail::Next(calls - 1),
            ToFail::All => ToFail::All,
        };
        found.failed += 1;
        match found.is_broken {
            true => Err(Error::Internal { context: "a test has damaged it", source: None }),
            false => Err(Error::unavailable("store", format!("a test lets `{method}` fail"))),
        }
    }

    /// The same, of a method that is for what has this id.
    ///
    /// # Errors
    /// As [`Faults::check`].
    pub fn check_of(&self, method: &'static str, id: &str) -> Result<()> {
        self.check(method)?;
        match self.lock().get(method).is_some_and(|found| found.damaged.iter().any(|damaged| damaged == id)) {
            true => Err(Error::Internal { context: "a test has damaged it", source: None }),
            false => Ok(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Method>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
