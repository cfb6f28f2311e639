//! Limits that a test sets: so many calls of a tenant, and no more until it says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::Result;
use domain::limit::{CallClass, CallLimits, refusal};
use domain::name::TenantId;

/// What a refused call is told to wait.
const WAIT: Duration = Duration::from_millis(250);

/// Lets everything through of which nothing else was said.
#[derive(Default)]
pub struct FakeLimits(Mutex<BTreeMap<(String, &'static str), u32>>);

impl FakeLimits {
    /// Lets so many more calls of a tenant through.
    pub fn leave(&self, tenant: &str, class: CallClass, calls: u32) {
        self.left().insert((tenant.to_owned(), class.as_str()), calls);
    }

    fn left(&self) -> MutexGuard<'_, BTreeMap<(String, &'static str), u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CallLimits for FakeLimits {
    async fn admit(&self, tenant: &TenantId, class: CallClass) -> Result<()> {
        match self.left().get_mut(&(tenant.as_str().to_owned(), class.as_str())) {
            None => Ok(()),
            Some(left) if *left > 0 => {
                *left -= 1;
                Ok(())
            }
            Some(_) => Err(refusal(tenant, class, WAIT)),
        }
    }
}
